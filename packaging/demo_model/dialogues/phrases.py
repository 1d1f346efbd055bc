"""The wordings of the training questions, and the fixed answers. Data only."""

from __future__ import annotations

from typing import Final

NUMBERS: Final = ("no", "one", "two", "three", "four")

OUT_OF_REACH: Final = "I am a small demonstration model. I can only talk about simple drawn pictures."
NO_PICTURE: Final = "I do not see a picture yet. Please add one."
CAN_DO: Final = (
    "I am a small demonstration model. I can name shapes, colors, places and numbers in simple drawn pictures."
)

# {c} becomes colour or color, {o} object, shape, thing or figure, {m} middle, center or centre
DESCRIBE: Final = (
    "Which shapes are there?",
    "What shapes do you see?",
    "What objects are in the picture?",
    "List the objects.",
    "Name the shapes.",
    "What shapes are in the picture?",
    "Which objects do you see?",
    "Describe the picture.",
    "Describe the image.",
    "Describe this picture.",
    "Describe this image.",
    "What is in the picture?",
    "What is in this picture?",
    "What is in the image?",
    "What is in this image?",
    "What do you see?",
    "What can you see?",
    "What do you see in the picture?",
    "What can you see in this picture?",
    "What is this?",
    "What does the picture show?",
    "What is shown here?",
    "What's in the picture?",
    "What is on the picture?",
    "Tell me what you see.",
    "Tell me about the picture.",
    "What is in the photo?",
    "Please describe the picture.",
    "What is here?",
    "What does this image show?",
    "What is drawn here?",
    "Describe what you see.",
    "Can you describe the picture?",
    "What's this?",
    "What is shown in this picture?",
    "What is it?",
)
COLOUR_OF: Final = (
    "What {c} is the {s}?",
    "What {c} is the {s}?",
    "Which {c} is the {s}?",
    "What is the {c} of the {s}?",
    "Which {c} does the {s} have?",
    "What {c} does the {s} have?",
    "Tell me the {c} of the {s}.",
    "What's the {c} of the {s}?",
    "The {s} is what {c}?",
    "What {c} is the {s} in the picture?",
)
COLOUR_OF_IT: Final = (
    "What {c} is it?",
    "Which {c} is it?",
    "What {c} does it have?",
    "What is its {c}?",
    "And its {c}?",
    "What {c} is that?",
)
COLOURS_OF_ALL: Final = (
    "What {c}s do you see?",
    "Which {c}s are there?",
    "What {c}s are in the picture?",
    "Which {c}s do you see?",
    "What {c}s do the {o}s have?",
    "What {c}s are the {o}s?",
)
COLOUR_OF_MANY: Final = (
    "What {c} are the {p}?",
    "Which {c} are the {p}?",
    "What {c}s are the {p}?",
    "Which {c}s do the {p} have?",
)
SHAPE_OF: Final = (
    "What shape is the {k} {o}?",
    "Which shape is the {k} {o}?",
    "What is the {k} {o}?",
    "What is {k}?",
    "Which {o} is {k}?",
    "What shape is {k}?",
    "What shape does the {k} {o} have?",
    "What is the {k} one?",
    "What is the shape of the {k} {o}?",
    "What kind of shape is the {k} {o}?",
)
SHAPE_OF_IT: Final = (
    "What shape is it?",
    "Which shape is it?",
    "What shape is this?",
    "What shape is the {o}?",
    "Which shape is this?",
    "What shape do you see?",
    "What kind of shape is it?",
    "What is the shape?",
    "What shape is in the picture?",
)
WHERE: Final = (
    "Where is the {s}?",
    "Where is the {s}?",
    "Where is the {s} in the picture?",
    "Where do you see the {s}?",
    "In which place is the {s}?",
    "Where can I find the {s}?",
    "What is the position of the {s}?",
    "Tell me where the {s} is.",
    "Where's the {s}?",
    "Where is the {s} located?",
)
WHERE_IT: Final = (
    "Where is it?",
    "And where is it?",
    "Where is it in the picture?",
    "Where's it?",
    "Where is that?",
    "Where exactly is it?",
    "Where is it located?",
)
AT_PLACE: Final = (
    "What is {a}?",
    "What is {a}?",
    "What is {a} of the picture?",
    "Which {o} is {a}?",
    "What do you see {a}?",
    "What can you see {a}?",
    "What's {a}?",
    "Tell me what is {a}.",
    "What is there {a}?",
    "Is there something {a}?",
)
COUNT: Final = (
    "How many {o}s are there?",
    "How many {o}s are in the picture?",
    "How many {o}s do you see?",
    "How many {o}s can you see?",
    "Count the {o}s.",
    "How many {o}s are in the image?",
    "What is the number of {o}s?",
    "How many {o}s does the picture show?",
    "How many are there?",
)
COUNT_OF: Final = (
    "How many {p} are there?",
    "How many {p} are there?",
    "How many {p} do you see?",
    "How many {p} are in the picture?",
    "Count the {p}.",
    "How many {p} can you see?",
    "What is the number of {p}?",
    "How many {p} are in the image?",
)
IS_THERE: Final = (
    "Is there {n}?",
    "Is there {n}?",
    "Is there {n} in the picture?",
    "Do you see {n}?",
    "Can you see {n}?",
    "Does the picture show {n}?",
    "Is {n} in the picture?",
    "Is there {n} in the image?",
    "Do you see {n} in the picture?",
    "Does the picture have {n}?",
)
IS_IT_A: Final = ("Is it {n}?", "Is this {n}?", "Is that {n}?", "Is the {o} {n}?", "Is it really {n}?")
IS_COLOUR: Final = (
    "Is the {s} {k}?",
    "Is the {s} {k}?",
    "Is the {c} of the {s} {k}?",
    "Does the {s} look {k}?",
    "Is the {s} {k} in the picture?",
    "Is {k} the {c} of the {s}?",
    "The {s} is {k}, right?",
)
IS_PLACE: Final = (
    "Is the {s} {a}?",
    "Is the {s} {a}?",
    "Is the {s} {a} of the picture?",
    "Can you see the {s} {a}?",
    "The {s} is {a}, right?",
)
ARE_THERE: Final = ("Are there {n}?", "Are there {n} in the picture?", "Do you see {n}?", "Can you see {n}?")
BACKGROUND: Final = (
    "What {c} is the background?",
    "What is the {c} of the background?",
    "Which {c} is the background?",
    "What {c} does the background have?",
    "What is the background {c}?",
    "Describe the background.",
    "What is the background?",
    "What's the {c} of the background?",
    "What background {c} is it?",
    "Tell me the {c} of the background.",
    "What {c} is behind it?",
)
IS_BACKGROUND: Final = (
    "Is the background {k}?",
    "Is the background {k}?",
    "Is the {c} of the background {k}?",
    "Does the picture have a {k} background?",
    "Is it on a {k} background?",
    "The background is {k}, right?",
)
WHICH_CHARACTER: Final = (
    "What {w} is this?",
    "Which {w} is this?",
    "What {w} do you see?",
    "Which {w} do you see?",
    "What {w} is in the picture?",
    "Which {w} is it?",
    "What {w} is it?",
    "Which {w} is shown?",
    "What is the {w}?",
    "Read the {w}.",
    "What {w} is shown?",
    "Which {w} is in the picture?",
)
READ: Final = (
    "What does it say?",
    "What is written here?",
    "Read it.",
    "What does the picture say?",
    "What is written in the picture?",
    "Can you read it?",
    "What can you read?",
    "Read this.",
    "Is it a letter or a digit?",
    "Is this a digit or a letter?",
    "What character is this?",
)
IS_CHARACTER: Final = (
    "Is it {n}?",
    "Is this {n}?",
    "Do you see {n}?",
    "Is there {n}?",
    "Is that {n}?",
    "Is {n} in the picture?",
    "Does it show {n}?",
)
SIZE: Final = (
    "Is the {s} big or small?",
    "Is the {s} small or big?",
    "How big is the {s}?",
    "What size is the {s}?",
    "Is the {s} large or small?",
    "What is the size of the {s}?",
)
SIZE_OF_IT: Final = ("Is it big or small?", "How big is it?", "What size is it?", "Is it small or big?")
BIGGER: Final = (
    "Which {o} is bigger?",
    "Which one is bigger?",
    "What is bigger?",
    "Which {o} is larger?",
    "Which one is larger?",
    "Which is the bigger {o}?",
    "Which {o} is the biggest?",
)
SMALLER: Final = (
    "Which {o} is smaller?",
    "Which one is smaller?",
    "What is smaller?",
    "Which is the smaller {o}?",
    "Which {o} is the smallest?",
)
AND_THE: Final = (
    "And the {s}?",
    "And the {s}?",
    "What about the {s}?",
    "How about the {s}?",
    "and the {s}",
    "And what about the {s}?",
)
AND_MANY: Final = ("And {p}?", "And how many {p}?", "What about {p}?", "How about {p}?", "And the {p}?")
AND_PLACE: Final = ("And {a}?", "And what is {a}?", "What about {a}?", "How about {a}?")
OTHER_ONE: Final = (
    "And the other one?",
    "What about the other one?",
    "And the other?",
    "And the other {o}?",
    "What about the other {o}?",
    "How about the other one?",
)
WHAT_OTHER: Final = (
    "What is the other {o}?",
    "What is the other one?",
    "Which {o} is the other one?",
    "What else is there?",
    "What else do you see?",
    "What is the other {o} in the picture?",
)
IS_IT: Final = ("Is it {k}?", "And is it {k}?", "Is that {k}?")
