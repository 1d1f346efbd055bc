"""What all generators of questions share: words, turns, and the choice of what to ask. Standard library only."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pictures.scenes import COLOURS, DIGITS, PLACES, SHAPES, Item, Scene

import dialogues.phrases as ph

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


class Asker:
    """Holds the scene, and finds words. ``last`` is the question before, for follow-ups."""

    def __init__(self, rng: random.Random, scene: Scene | None) -> None:
        """``scene`` is the picture that the questions are about."""
        self.rng = rng
        self.scene = scene
        self.last: Asked | None = None
        self.said: set[tuple[str, str]] = set()

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
