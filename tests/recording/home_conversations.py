"""The conversations in the homes that home.py keeps: a little of everything that a history can hold."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from desktop_app.chat.conversation import Message, Picture, Role, State

SEED = 20_251_009
START_S = 1_760_000_000.0  # when the first message was written, since 1970
_COLOURS = ("#C0392B", "#2E86C1", "#27AE60", "#F2C230", "#7B5EA7")


@dataclass(frozen=True)
class Drawn:
    """A picture as a person gave it."""

    picture: Picture
    data: bytes


@dataclass(frozen=True)
class Kept:
    """A conversation in the order in which it was written, and what is to be seen of it later."""

    id: str
    messages: tuple[Message, ...]
    title: str  # that is shown
    shown: tuple[str, ...]  # ids of the messages of its path
    renamed: bool = False
    went_back: tuple[str, int] | None = None  # at last, from a message by so many steps to a sibling
    draft: tuple[str, tuple[Picture, ...]] = ("", ())
    # (id of a message, step to a sibling, ids of the path that follows)
    switches: tuple[tuple[str, int, tuple[str, ...]], ...] = ()
    states: dict[str, State] = field(default_factory=dict)  # that are others once the history was opened


def draw(name: str, width: int, height: int, seed: int) -> Drawn:
    """Return circles on paper: a JPEG or a PNG, as the name says. Sizes in pixels."""
    chance = random.Random(SEED + seed)
    image = Image.new("RGB", (width, height), "#F6F1E7")
    pen = ImageDraw.Draw(image)
    for colour in _COLOURS[: 2 + seed]:
        radius = chance.randrange(8, min(width, height) // 4)
        x, y = chance.randrange(radius, width - radius), chance.randrange(radius, height - radius)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    out = io.BytesIO()
    image.save(out, "JPEG" if name.endswith(".jpg") else "PNG")
    data = out.getvalue()
    return Drawn(Picture(hashlib.sha256(data).hexdigest(), name, width, height), data)


PICTURES = (
    draw("circles.png", 160, 120, 0),
    draw("Äpfel & Birnen 🍐 (1).jpg", 120, 160, 1),
    draw("りんご.png", 96, 96, 2),
    draw("not yet sent.png", 64, 64, 3),
)
_CIRCLES, _FRUIT, _APPLE, _UNSENT = (drawn.picture for drawn in PICTURES)
NEW_DRAFT = ("What could this be?\n\nTell me as if I were five.", (_UNSENT,))

_ANSWERED = {
    "model": "llava-v1.5-7b-Q4_K_M",
    "tokens_per_second": 5.41,
    "time_to_first_token_s": 1.234,
    "answer_tokens": 12,
    "finish_reason": "stop",
    "dropped_turns": 0,
    "evaluated_tokens": 640,
    "image_encodes": 1,
}


class _Writer:
    """Gives messages ids and times, one a minute."""

    def __init__(self, number: int) -> None:
        self.conversation = f"{number:032x}"
        self._ids = (f"{number:016x}{message:016x}" for message in range(1, 1000))
        self._times = _minutes(START_S + number * 86_400)

    def user(self, text: str, parent: Message | None = None, *pictures: Picture, glance: bool = False) -> Message:
        return self._message(Role.USER, text, parent, pictures, State.COMPLETE, {"glance": True} if glance else {})

    def answer(self, text: str, parent: Message, state: State = State.COMPLETE, **details: object) -> Message:
        told = _ANSWERED if state in (State.COMPLETE, State.STOPPED) else {}
        return self._message(Role.ASSISTANT, text, parent, (), state, {**told, **details})

    def note(self, parent: Message, name: str) -> Message:
        return self._message(
            Role.NOTE, "", parent, (), State.COMPLETE, {"note": "model-changed", "parameters": {"name": name}}
        )

    def _message(
        self,
        role: Role,
        text: str,
        parent: Message | None,
        pictures: tuple[Picture, ...],
        state: State,
        details: dict[str, object],
    ) -> Message:
        above = parent.id if parent is not None else None
        return Message(next(self._ids), role, text, pictures, above, state, next(self._times), details)


def _minutes(start: float) -> Iterator[float]:
    while True:
        yield start
        start += 60.0


def _ids(*messages: Message) -> tuple[str, ...]:
    return tuple(message.id for message in messages)


def branches() -> Kept:
    """An answer that was asked for again, a question that was edited and then taken back; half a message besides."""
    write = _Writer(1)
    how_many = write.user("How many circles are there?", None, _CIRCLES)
    one = write.answer("There is **one** circle.", how_many)
    two = write.answer("There are **two** circles.", how_many)
    colours = write.user("Which colours do they have?", two)
    red = write.answer("Red and blue.", colours)
    larger = write.user("Which of them is larger?", two)
    blue = write.answer("The blue one.", larger)
    return Kept(
        write.conversation,
        (how_many, one, two, colours, red, larger, blue),
        "How many circles are there?",
        _ids(how_many, two, colours, red),
        went_back=(larger.id, -1),
        draft=("And the small", (_FRUIT,)),
        switches=(
            (colours.id, 1, _ids(how_many, two, larger, blue)),
            (two.id, -1, _ids(how_many, one)),
        ),
    )


def many_words() -> Kept:
    """Several languages, Markdown, two pictures at once, a glance, another model, an answer that was stopped."""
    write = _Writer(2)
    fruit = write.user("Was ist größer: Äpfel oder Birnen?\nUnd warum?", None, _FRUIT, _APPLE, glance=True)
    table = write.answer(
        "| Obst | Größe |\n|---|---|\n| Apfel 🍎 | klein |\n| Birne | groß |\n\n```python\nprint('Élan <b>&</b>')\n```",
        fruit,
    )
    changed = write.note(table, "llava-v1.6-mistral-7b")
    japanese = write.user("このりんごは何色ですか。 \u200fמה זה?\u200f", changed)
    stopped = write.answer("赤いりん", japanese, State.STOPPED, finish_reason="stopped")
    messages = (fruit, table, changed, japanese, stopped)
    return Kept(write.conversation, messages, "Obst — fruit — 果物", _ids(*messages), renamed=True)


def cut_short() -> Kept:
    """An answer that failed, and one that was being written when the program was killed."""
    write = _Writer(3)
    long = write.user("Read all of this.", None)
    error = {"code": "context-too-small", "parameters": {"needed": 5000, "available": 4096}}
    failed = write.answer("", long, State.FAILED, error=error)
    again = write.user("Then only the beginning.", failed)
    half = write.answer("It begins with a", again, State.STREAMING)
    messages = (long, failed, again, half)
    states = {half.id: State.INTERRUPTED}
    return Kept(write.conversation, messages, "Read all of this.", _ids(*messages), states=states)


def deleted() -> Kept:
    """A conversation that was deleted and can still be brought back for some days."""
    write = _Writer(4)
    secret = write.user("What is in this secret picture?", None, _CIRCLES)
    nothing = write.answer("Circles.", secret)
    return Kept(write.conversation, (secret, nothing), "What is in this secret picture?", _ids(secret, nothing))


#: Words that are looked for, and the numbers of the conversations that hold them, the newest first.
SEARCHES: dict[str, tuple[int, ...]] = {
    "GROSSER": (2,),
    "elan": (2,),
    "りんご": (2,),
    '"the blue"': (1,),
    "circles red": (),
    "fruit": (2,),
    "beginning": (3,),
    "secret": (),
    "is": (3, 2, 1),
}


def conversation_id(number: int) -> str:
    """Return the id of a conversation by its number."""
    return _Writer(number).conversation
