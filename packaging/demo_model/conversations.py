"""Questions about scenes and their answers, as conversations.

`Talk` keeps what has been said so far, so that it can ask "and the other one?" and
know the right answer. Standard library only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import phrases as ph
from scenes import BACKGROUNDS, COLOURS, DIGITS, LETTERS, PLACES, SHAPES, Item, Scene

NUMBERS: Final = ph.NUMBERS
ALL_PLACES: Final = tuple(p for row in PLACES for p in row)
PLACE_WORDINGS: Final = {
    "in the middle": ("in the middle", "in the center", "in the centre", "in the middle"),
    "on the left": ("on the left", "on the left", "on the left side", "at the left"),
    "on the right": ("on the right", "on the right", "on the right side", "at the right"),
    "at the top left": ("at the top left", "in the top left", "in the top left corner", "at the top left"),
    "at the top right": ("at the top right", "in the top right", "in the top right corner", "at the top right"),
    "at the bottom left": ("at the bottom left", "in the bottom left", "in the bottom left corner"),
    "at the bottom right": ("at the bottom right", "in the bottom right", "in the bottom right corner"),
}


@dataclass(frozen=True)
class Turn:
    """One question with its answer."""

    kind: str
    question: str
    answer: str
    picture: int | None = None
    """Index of the picture that comes with the question, if one does."""


@dataclass(frozen=True)
class Asked:
    """A question before it becomes a turn, with what a follow-up can refer to."""

    kind: str
    question: str
    answer: str
    topic: str = ""
    focus: Item | None = None


def article(word: str) -> str:
    """The word with "a" or "an" before it."""
    return f"an {word}" if word[0] in "aeio" else f"a {word}"


def plural(shape: str) -> str:
    """The word for several of a shape."""
    return "crosses" if shape == "cross" else shape + "s"


def listing(parts: Sequence[str]) -> str:
    """Join with commas and a final "and"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def describe(scene: Scene) -> str:
    """The description of a whole scene."""
    if scene.kind == "other":
        return ph.OUT_OF_REACH
    ground = f"on {article(scene.background)} background"
    if not scene.items:
        return f"The picture is empty. The background is {scene.background}."
    if scene.kind == "character":
        item = scene.items[0]
        return f"The picture shows {article(item.colour)} {noun(item)} {item.shape} {ground}."
    parts = [f"{article(i.colour)} {i.shape} {i.place}" for i in scene.items]
    return f"The picture shows {listing(parts)} {ground}."


def noun(item: Item) -> str:
    """The word for an item: its shape, or "digit" or "letter"."""
    return item.shape if not item.is_character else "digit" if item.shape in DIGITS else "letter"


def are(number: int, what: str, many: str) -> str:
    """Say "There are two stars." with the right verb."""
    return f"There is one {what}." if number == 1 else f"There are {NUMBERS[number]} {many}."


class Talk:
    """Asks questions about one scene, or about none."""

    def __init__(self, rng: random.Random, scene: Scene | None) -> None:
        """``scene`` is the picture that the questions are about."""
        self.rng = rng
        self.scene = scene
        self.last: Asked | None = None
        self.said: set[tuple[str, str]] = set()

    # ------------------------------------------------------------------ wording
    def _word(self, wordings: Sequence[str], **parts: str) -> str:
        rng = self.rng
        parts.setdefault("c", rng.choice(("colour", "color")))
        parts.setdefault("o", rng.choice(("object", "object", "shape", "thing", "figure")))
        if "k" in parts and parts["k"] == "gray" and rng.random() < 0.4:
            parts["k"] = "grey"
        if "a" in parts:
            parts["a"] = rng.choice(PLACE_WORDINGS.get(parts["a"], (parts["a"],)))
        return rng.choice(wordings).format(**parts)

    def _named(self, item: Item, unique: bool) -> str:
        """Say "star", or "red star" where that is needed or by chance."""
        if not unique or self.rng.random() < 0.25:
            return f"{item.colour} {noun(item)}"
        return noun(item)

    def _shapes(self) -> list[Item]:
        assert self.scene is not None
        return [i for i in self.scene.items if not i.is_character]

    def _pick_shape(self, absent: float) -> str:
        present = [i.shape for i in self._shapes()]
        rest = [s for s in SHAPES if s not in present]
        return self.rng.choice(rest if not present or self.rng.random() < absent else present)

    def _pick_colour(self, absent: float) -> str:
        assert self.scene is not None
        present = [i.colour for i in self.scene.items]
        rest = [c for c in COLOURS if c not in present and c != self.scene.background]
        return self.rng.choice(rest if not present or self.rng.random() < absent else present)

    # ---------------------------------------------------------------- questions
    def describe(self) -> Asked | None:
        """The whole picture."""
        assert self.scene is not None
        items = self.scene.items
        return Asked(
            "describe", self._word(ph.DESCRIBE), describe(self.scene), "describe", items[0] if len(items) == 1 else None
        )

    def colour(self, shape: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """The colour of a named shape."""
        assert self.scene is not None
        if self.scene.kind == "character":
            item = self.scene.items[0]
            word = self._word(wordings or ph.COLOUR_OF, s=self.rng.choice((noun(item), noun(item), "character")))
            return Asked("colour", word, f"The {noun(item)} is {item.colour}.", "colour", item)
        items = self._shapes()
        if not shape and not wordings and len(items) == 1 and self.rng.random() < 0.25:
            word = (
                self._word(ph.COLOUR_OF_IT)
                if self.rng.random() < 0.5
                else self._word(ph.COLOUR_OF, s=self.rng.choice(("object", "shape", "figure", "thing")))
            )
            return Asked("colour", word, f"The {items[0].shape} is {items[0].colour}.", "colour", items[0])
        shape = shape or self._pick_shape(0.1)
        found = [i for i in items if i.shape == shape]
        if not found:
            return Asked(
                "colour",
                self._word(wordings or ph.COLOUR_OF, s=shape),
                f"There is no {shape} in the picture.",
                "colour",
            )
        if len(found) == 1:
            return Asked(
                "colour",
                self._word(wordings or ph.COLOUR_OF, s=shape),
                f"The {shape} is {found[0].colour}.",
                "colour",
                found[0],
            )
        colours = [i.colour for i in found]
        named = colours[0] if len(set(colours)) == 1 else listing(colours)
        return Asked(
            "colour",
            self._word(wordings or ph.COLOUR_OF_MANY, p=plural(shape), s=plural(shape)),
            f"The {plural(shape)} are {named}.",
            "colour",
        )

    def shape(self, colour: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """The shape of what has a named colour."""
        items = self._shapes()
        if self.scene is None or self.scene.kind == "character":
            return None
        if len(items) == 1 and not colour and self.rng.random() < 0.35:
            return Asked("shape", self._word(ph.SHAPE_OF_IT), f"It is {article(items[0].shape)}.", "shape", items[0])
        colour = colour or self._pick_colour(0.1)
        found = [i for i in items if i.colour == colour]
        word = self._word(wordings or ph.SHAPE_OF, k=colour)
        if not found:
            return Asked("shape", word, f"There is nothing {colour} in the picture.", "shape")
        if len(found) == 1:
            return Asked("shape", word, f"The {colour} object is {article(found[0].shape)}.", "shape", found[0])
        if len({i.shape for i in found}) < len(found) or wordings:
            return None
        word = self._word(("What shapes are the {k} {o}s?", "Which {o}s are {k}?", "What are the {k} {o}s?"), k=colour)
        return Asked("shape", word, f"The {colour} objects are {listing([article(i.shape) for i in found])}.", "shape")

    def where(self, shape: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """The place of a shape."""
        items = self._shapes()
        if not items:
            return None
        if not shape and self.rng.random() < 0.15:
            item = self.rng.choice(items)
            if [i.colour for i in items].count(item.colour) == 1:
                word = self._word(ph.WHERE, s=f"{item.colour} {self.rng.choice(('object', 'thing', 'shape', 'one'))}")
                return Asked("where", word, f"The {item.colour} object is {item.place}.", "where", item)
        shape = shape or self._pick_shape(0.1)
        found = [i for i in items if i.shape == shape]
        if not found:
            name = shape if wordings or self.rng.random() < 0.7 else f"{self.rng.choice(COLOURS)} {shape}"
            return Asked(
                "where", self._word(wordings or ph.WHERE, s=name), f"There is no {name} in the picture.", "where"
            )
        if len(found) == 1:
            name = shape if wordings else self._named(found[0], True)
            return Asked(
                "where", self._word(wordings or ph.WHERE, s=name), f"The {name} is {found[0].place}.", "where", found[0]
            )
        item = self.rng.choice(found)
        if wordings or [i.colour for i in found].count(item.colour) > 1:
            return None
        name = f"{item.colour} {shape}"
        return Asked("where", self._word(ph.WHERE, s=name), f"The {name} is {item.place}.", "where", item)

    def at_place(self, place: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """What is found at a place."""
        if self.scene is None or self.scene.kind == "character":
            return None
        items = self._shapes()
        taken = {i.place: i for i in items}
        if not place:
            place = self.rng.choice(list(taken)) if taken and self.rng.random() < 0.75 else self.rng.choice(ALL_PLACES)
        word = self._word(wordings or ph.AT_PLACE, a=place)
        if place in taken:
            item = taken[place]
            return Asked("place", word, f"There is {article(item.colour)} {item.shape} {place}.", "place", item)
        edge = {"on the left": "left", "on the right": "right", "at the top": "top", "at the bottom": "bottom"}.get(
            place
        )
        if edge and any(edge in p.split() for p in taken):
            return None  # "at the top" could well mean the star at the top left
        return Asked("place", word, f"There is nothing {place}.", "place")

    def count(self) -> Asked | None:
        """How many objects there are."""
        if self.scene is None or self.scene.kind == "character":
            return None
        n = len(self.scene.items)
        return Asked(
            "count", self._word(ph.COUNT), are(n, "object", "objects"), "count", self.scene.items[0] if n == 1 else None
        )

    def count_of(self, shape: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """How many there are of a shape, or of a colour."""
        if self.scene is None or self.scene.kind == "character":
            return None
        items = self._shapes()
        if not shape and self.rng.random() < 0.25:
            colour = self._pick_colour(0.25)
            n = sum(i.colour == colour for i in items)
            word = self._word(ph.COUNT_OF, p=f"{colour} {self.rng.choice(('objects', 'objects', 'shapes', 'things'))}")
            return Asked("count of", word, are(n, f"{colour} object", f"{colour} objects"))
        shape = shape or self._pick_shape(0.25)
        n = sum(i.shape == shape for i in items)
        return Asked(
            "count of", self._word(wordings or ph.COUNT_OF, p=plural(shape)), are(n, shape, plural(shape)), "count of"
        )

    def yes_no(self) -> Asked | None:
        """A question for yes or no, balanced."""
        assert self.scene is not None
        wanted = self.rng.random() < 0.5
        if self.scene.kind == "character":
            return self._yes_no_character(wanted)
        ways: tuple[Callable[[bool], Asked | None], ...] = (
            self._is_there,
            self._is_there,
            self._is_there_shape,
            self._is_there_colour,
            self._is_colour,
            self._is_colour,
            self._is_background,
            self._is_place,
            self._are_there,
        )
        return self.rng.choice(ways)(wanted)

    def _yes_no_character(self, wanted: bool) -> Asked | None:
        assert self.scene is not None
        item = self.scene.items[0]
        chance = self.rng.random()
        if chance < 0.2:
            return self._is_background(wanted)
        if chance < 0.4:
            word = noun(item) if wanted else {"digit": "letter", "letter": "digit"}[noun(item)]
            question = self._word(ph.IS_CHARACTER, n=f"a {word}")
        elif chance < 0.6:
            colour = item.colour if wanted else self.rng.choice([c for c in COLOURS if c != item.colour])
            question = self._word(ph.IS_COLOUR, s=noun(item), k=colour)
            start = "Yes" if wanted else "No"
            return Asked(start.lower(), question, f"{start}, the {noun(item)} is {item.colour}.", "colour", item)
        else:
            other = self.rng.choice([c for c in (DIGITS if item.shape in DIGITS else LETTERS) if c != item.shape])
            shown = item.shape if wanted else other
            question = self._word(
                ph.IS_CHARACTER,
                n=self.rng.choice((f"the {noun(item)} {shown}", f"a {shown}", f"the {noun(item)} {shown}")),
            )
        start = "Yes" if wanted else "No"
        return Asked(start.lower(), question, f"{start}, it is the {noun(item)} {item.shape}.", "character", item)

    def _is_there(self, wanted: bool) -> Asked | None:
        items = self._shapes()
        if wanted:
            if not items:
                return None
            item = self.rng.choice(items)
            name = f"{item.colour} {item.shape}"
            return Asked(
                "yes", self._word(ph.IS_THERE, n=article(name)), f"Yes, there is {article(name)}.", "there", item
            )
        for _ in range(20):  # a near miss if possible: the right shape or the right colour
            shape = self.rng.choice(items).shape if items and self.rng.random() < 0.6 else self.rng.choice(SHAPES)
            colour = self.rng.choice(items).colour if items and self.rng.random() < 0.5 else self.rng.choice(COLOURS)
            if not any(i.shape == shape and i.colour == colour for i in items):
                name = f"{colour} {shape}"
                return Asked("no", self._word(ph.IS_THERE, n=article(name)), f"No, there is no {name}.")
        return None

    def _is_there_shape(self, wanted: bool) -> Asked | None:
        items = self._shapes()
        if wanted and not items:
            return None
        shape = self._pick_shape(0.0 if wanted else 1.0)
        if wanted != any(i.shape == shape for i in items):
            return None
        focus = [i for i in items if i.shape == shape]
        answer = f"Yes, there is {article(shape)}." if wanted else f"No, there is no {shape}."
        return Asked(
            "yes" if wanted else "no",
            self._word(ph.IS_THERE, n=article(shape)),
            answer,
            "there",
            focus[0] if len(focus) == 1 else None,
        )

    def _is_there_colour(self, wanted: bool) -> Asked | None:
        items = self._shapes()
        if wanted and not items:
            return None
        colour = self._pick_colour(0.0 if wanted else 1.0)
        name = f"{article(colour)} {self.rng.choice(('object', 'object', 'shape', 'thing'))}"
        if self.rng.random() < 0.3:
            name = self.rng.choice(("something ", "anything ")) + colour
        answer = f"Yes, there is {article(colour)} object." if wanted else f"No, there is no {colour} object."
        return Asked("yes" if wanted else "no", self._word(ph.IS_THERE, n=name), answer)

    def _single(self) -> Item | None:
        items = self._shapes()
        alone = [i for i in items if sum(j.shape == i.shape for j in items) == 1]
        return self.rng.choice(alone) if alone else None

    def _is_colour(self, wanted: bool) -> Asked | None:
        item = self._single()
        if item is None:
            return None
        others = [c for c in COLOURS if c != item.colour]
        near = [i.colour for i in self._shapes() if i.colour != item.colour]
        colour = item.colour if wanted else self.rng.choice(near if near and self.rng.random() < 0.5 else others)
        start = "Yes" if wanted else "No"
        return Asked(
            start.lower(),
            self._word(ph.IS_COLOUR, s=item.shape, k=colour),
            f"{start}, the {item.shape} is {item.colour}.",
            "colour",
            item,
        )

    def _is_background(self, wanted: bool) -> Asked | None:
        assert self.scene is not None
        true = self.scene.background
        used = [i.colour for i in self.scene.items if i.colour != true]
        others = [b for b in BACKGROUNDS if b != true and true not in b.split() and b not in true.split()]
        colour = true if wanted else self.rng.choice(used if used and self.rng.random() < 0.4 else others)
        if not wanted and (colour in true.split() or true in colour.split()):
            return None
        start = "Yes" if wanted else "No"
        return Asked(start.lower(), self._word(ph.IS_BACKGROUND, k=colour), f"{start}, the background is {true}.")

    def _is_place(self, wanted: bool) -> Asked | None:
        item = self._single()
        if item is None:
            return None
        edges = set(item.place.split()) & {"left", "right", "top", "bottom"}
        others = [p for p in ALL_PLACES if p != item.place and not edges & set(p.split())]
        place = item.place if wanted else self.rng.choice(others)
        start = "Yes" if wanted else "No"
        return Asked(
            start.lower(),
            self._word(ph.IS_PLACE, s=item.shape, a=place),
            f"{start}, the {item.shape} is {item.place}.",
            "where",
            item,
        )

    def _are_there(self, wanted: bool) -> Asked | None:
        items = self._shapes()
        shape = self._pick_shape(0.0) if items and self.rng.random() < 0.5 else ""
        n = sum(i.shape == shape for i in items) if shape else len(items)
        asked = n if wanted else self.rng.choice([k for k in (2, 3, 4) if k != n])
        if asked < 2:
            return None
        one, many = (shape, plural(shape)) if shape else ("object", "objects")
        start = "Yes" if wanted else "No"
        count = f"there is one {one}" if n == 1 else f"there are {NUMBERS[n]} {many}"
        return Asked(start.lower(), self._word(ph.ARE_THERE, n=f"{NUMBERS[asked]} {many}"), f"{start}, {count}.")

    def background(self) -> Asked | None:
        """The colour of the background."""
        assert self.scene is not None
        return Asked(
            "background", self._word(ph.BACKGROUND), f"The background is {self.scene.background}.", "background"
        )

    def character(self) -> Asked | None:
        """Which digit or letter there is."""
        assert self.scene is not None
        if self.scene.kind != "character":
            if self.rng.random() < 0.7:
                return None
            word = self.rng.choice(("digit", "letter"))
            return Asked("character", self._word(ph.WHICH_CHARACTER, w=word), f"There is no {word} in the picture.")
        item = self.scene.items[0]
        if self.rng.random() < 0.35:
            word = self._word(ph.READ)
        else:
            word = self._word(
                ph.WHICH_CHARACTER, w="number" if item.shape in DIGITS and self.rng.random() < 0.3 else noun(item)
            )
        return Asked("character", word, f"It is the {noun(item)} {item.shape}.", "character", item)

    def size(self) -> Asked | None:
        """Whether a shape is big or small; which of two is bigger."""
        items = self._shapes()
        if len(items) == 2 and items[0].shape != items[1].shape:
            small, big = sorted(items, key=lambda i: i.radius)
            if big.radius > 1.5 * small.radius:
                if self.rng.random() < 0.5:
                    return Asked("size", self._word(ph.BIGGER), f"The {big.shape} is bigger.", "size", big)
                return Asked("size", self._word(ph.SMALLER), f"The {small.shape} is smaller.", "size", small)
            return None
        if len(items) != 1 or not items[0].size:
            return None
        item = items[0]
        word = (
            self._word(ph.SIZE_OF_IT)
            if self.rng.random() < 0.2
            else self._word(ph.SIZE, s=self.rng.choice((item.shape, item.shape, "object")))
        )
        return Asked("size", word, f"The {item.shape} is {item.size}.", "size", item)

    def follow_up(self) -> Asked | None:
        """A question that only the turn before makes clear."""
        last = self.last
        if last is None or self.scene is None or self.scene.kind == "other":
            return None
        asked = self._follow_up(last)
        return None if asked is None else Asked("follow-up", asked.question, asked.answer, asked.topic, asked.focus)

    def _follow_up(self, last: Asked) -> Asked | None:
        focus, topic = last.focus, last.topic
        ways: list[Callable[[], Asked | None]] = []
        items = self._shapes()
        others = [i for i in items if i is not focus]
        if focus is not None and not focus.is_character:
            if topic != "where":
                ways.append(
                    lambda: Asked("", self._word(ph.WHERE_IT), f"The {focus.shape} is {focus.place}.", "where", focus)
                )
            if topic not in ("colour", "place", "describe", "there", "shape"):
                ways.append(
                    lambda: Asked(
                        "", self._word(ph.COLOUR_OF_IT), f"The {focus.shape} is {focus.colour}.", "colour", focus
                    )
                )
            if topic not in ("colour", "place", "describe", "there", "shape"):
                ways.append(lambda: self._is_it(focus))
            if focus.size and len(items) == 1 and topic != "size":
                ways.append(
                    lambda: Asked("", self._word(ph.SIZE_OF_IT), f"The {focus.shape} is {focus.size}.", "size", focus)
                )
            if len(others) == 1 and topic in ("colour", "where", "shape", "place", "there"):
                ways += [lambda: self._other_one(topic, others[0])] * 2
        if focus is not None and focus.is_character and topic == "character":
            ways.append(
                lambda: Asked("", self._word(ph.COLOUR_OF_IT), f"The {noun(focus)} is {focus.colour}.", "colour", focus)
            )
        if self.scene is not None and self.scene.kind == "shapes" and items:
            named = focus.shape if focus else ""
            if topic == "colour":
                ways += [lambda: self._again(self.colour, ph.AND_THE, named)] * 2
            elif topic == "where":
                ways += [lambda: self._again(self.where, ph.AND_THE, named)] * 2
            elif topic == "count of":
                ways += [lambda: self.count_of(self._pick_shape(0.4), ph.AND_MANY)] * 2
            elif topic == "place":
                ways += [
                    lambda: self.at_place(self.rng.choice([i.place for i in others or items]), ph.AND_PLACE),
                    lambda: self.at_place(self.rng.choice(ALL_PLACES), ph.AND_PLACE),
                ]
            elif topic == "shape":
                wordings = tuple(w.replace("{s}", "{k} one") for w in ph.AND_THE)
                ways += [lambda: self.shape(self._pick_colour(0.2), wordings)] * 2
        return self.rng.choice(ways)() if ways else None

    def _again(self, question: Callable[..., Asked | None], wordings: Sequence[str], but: str) -> Asked | None:
        present = [i.shape for i in self._shapes() if i.shape != but]
        absent = [s for s in SHAPES if s != but and s not in present]
        shape = self.rng.choice(present if present and self.rng.random() < 0.8 else absent)
        return question(shape, wordings) if shape != but else None

    def _is_it(self, item: Item) -> Asked:
        colour = item.colour if self.rng.random() < 0.5 else self.rng.choice([c for c in COLOURS if c != item.colour])
        start = "Yes" if colour == item.colour else "No"
        return Asked("", self._word(ph.IS_IT, k=colour), f"{start}, the {item.shape} is {item.colour}.", "colour", item)

    def _other_one(self, topic: str, other: Item) -> Asked:
        if topic in ("colour", "where") and self.rng.random() < 0.75:
            answer = f"The {other.shape} is {other.colour if topic == 'colour' else other.place}."
            return Asked("", self._word(ph.OTHER_ONE), answer, topic, other)
        wordings = ph.WHAT_OTHER if topic in ("colour", "where") or self.rng.random() < 0.4 else ph.OTHER_ONE
        return Asked(
            "", self._word(wordings), f"The other object is {article(other.colour)} {other.shape}.", "place", other
        )

    def chat(self) -> Asked:
        """A greeting, thanks, or a question about the assistant."""
        questions, answer = self.rng.choices(ph.TALK, (3, 2, 4, 3, 1.5, 1 if self.scene else 0))[0]
        return Asked("chat", self.rng.choice(questions), answer)

    def strange(self) -> Asked:
        """A question that is beyond the model."""
        rng = self.rng
        question = rng.choice(ph.STRANGE).format(
            x=rng.choice(ph.STRANGE_WORDS), y=rng.choice(ph.STRANGE_WORDS), d=rng.randrange(10), e=rng.randrange(10)
        )
        return Asked("beyond", question, ph.OUT_OF_REACH)


WEIGHTS: Final[dict[str, float]] = {
    "describe": 2.0,
    "colour": 3.0,
    "shape": 2.0,
    "where": 2.2,
    "at_place": 1.8,
    "count": 0.9,
    "count_of": 1.4,
    "yes_no": 4.5,
    "background": 0.8,
    "character": 0.5,
    "size": 0.8,
    "follow_up": 4.0,
    "chat": 0.25,
    "strange": 0.3,
}
CHARACTER_WEIGHTS: Final[dict[str, float]] = {
    "describe": 1.5,
    "colour": 1.5,
    "yes_no": 2.5,
    "character": 4.0,
    "background": 1.0,
    "follow_up": 1.0,
    "chat": 0.2,
    "strange": 0.3,
}


def surface(rng: random.Random, question: str) -> str:
    """Now and then write carelessly: small first letter, no question mark."""
    chance = rng.random()
    if chance < 0.1:
        question = question[0].lower() + question[1:]
    elif chance < 0.17:
        question = question.rstrip("?.!")
    elif chance < 0.24:
        question = (question[0].lower() + question[1:]).rstrip("?.!")
    return question


def ask(talk: Talk, kind: str) -> Asked | None:
    """One question of a kind in `WEIGHTS`, with the answers for strange and missing pictures."""
    scene = talk.scene
    if kind in ("chat", "strange"):
        asked: Asked | None = talk.chat() if kind == "chat" else talk.strange()
    elif scene is None or scene.kind == "other":
        from scenes import make_scene

        stand_in = Talk(talk.rng, make_scene(talk.rng, "character" if talk.rng.random() < 0.15 else "shapes"))
        asked = ask(stand_in, kind if kind != "follow_up" else "describe")
        if asked is None:
            return None
        asked = (
            Asked("no picture", asked.question, ph.NO_PICTURE)
            if scene is None
            else Asked("other picture", asked.question, ph.OUT_OF_REACH)
        )
    else:
        asked = getattr(talk, kind)()
    again = "" if asked is None or kind in ("describe", "background", "count") else asked.question
    if asked is None or (again, asked.answer) in talk.said:
        return None
    talk.said.add((again, asked.answer))
    talk.last = asked
    return asked


def next_turn(talk: Talk, picture: int | None, weights: dict[str, float] | None = None) -> Turn:
    """The next turn of a conversation; ``picture`` is the number of the one just added."""
    character = talk.scene is not None and talk.scene.kind == "character"
    chosen = CHARACTER_WEIGHTS if character else weights or WEIGHTS
    while True:
        asked = ask(talk, talk.rng.choices(list(chosen), list(chosen.values()))[0])
        if asked is not None:
            return Turn(asked.kind, surface(talk.rng, asked.question), asked.answer, picture)


def about_earlier(rng: random.Random, first: Talk, number: str = "first") -> Turn | None:
    """A question about the first of two pictures, said so."""
    asked = ask(first, rng.choice(("describe", "colour", "where", "count", "background", "yes_no")))
    if asked is None or asked.kind in ("follow-up", "chat", "other picture") or " it" in asked.question:
        return None
    if asked.kind == "describe":
        question = rng.choice(
            (
                "What is in the {n} picture?",
                "Describe the {n} picture.",
                "What do you see in the {n} picture?",
                "What does the {n} picture show?",
            )
        ).format(n=number)
    else:
        body = asked.question.rstrip("?.")
        for tail in (" in the picture", " in the image", " of the picture"):
            body = body.removesuffix(tail)
        question = f"{body} in the {number} picture{asked.question[-1] if asked.question[-1] in '?.' else '?'}"
    return Turn("two pictures", question, asked.answer)
