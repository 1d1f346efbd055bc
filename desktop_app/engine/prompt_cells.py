"""Turns -> the cells of a prompt, as a model's vocabulary and family want them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Protocol

from desktop_app.chat.budget import TurnSize, kept_turns
from desktop_app.chat.prompt import (
    Answer,
    Exchange,
    Family,
    Part,
    PicturePlace,
    Special,
    Words,
    certain_parts,
    prompt_parts,
)
from desktop_app.engine.context import Cell, PictureRow
from desktop_app.engine.messages import Turn

_REMEMBERED_ANSWERS = 1000


class Vocabulary(Protocol):
    """The part of a model that knows tokens."""

    @property
    def n_ctx(self) -> int:
        """Return how many cells the context holds."""

    @property
    def image_tokens(self) -> int:
        """Return how many cells a picture takes."""

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of plain text."""

    def special(self, name: str) -> int:
        """Return a special token."""


class PromptCells:
    """Makes the prompts of one loaded model, and remembers how its answers were written."""

    def __init__(self, vocabulary: Vocabulary, family: Family) -> None:
        self.family = family
        self._vocabulary = vocabulary
        self._answers: OrderedDict[str, tuple[int, ...]] = OrderedDict()

    def asking(self, turns: Sequence[Turn], system: str | None) -> list[Cell]:
        """Return the whole prompt that asks the last of `turns`."""
        return self._cells(prompt_parts(self.family, _exchanges(turns), system))

    def certain(self, turns: Sequence[Turn], system: str | None) -> list[Cell]:
        """Return what is certain of that prompt before the words of the last turn are written."""
        newest = tuple(picture.sha256 for picture in turns[-1].pictures)
        return self._cells(certain_parts(self.family, _exchanges(turns[:-1]), newest, system))

    def fitting(self, turns: Sequence[Turn], system: str | None, max_tokens: int) -> list[Turn]:
        """Return those of `turns` that fit the context. Raises `UserError("context-too-small")`."""
        opening = len(self.asking([], system))
        sizes = [TurnSize(len(self.asking([turn], system)) - opening, len(turn.pictures)) for turn in turns]
        return [turns[index] for index in kept_turns(sizes, opening, self._vocabulary.n_ctx, max_tokens)]

    def remember(self, answer: str, tokens: tuple[int, ...]) -> None:
        """Keep the tokens an answer was written with: tokenised again, its text may give others."""
        if answer:
            self._answers[answer] = tokens
            self._answers.move_to_end(answer)
            while len(self._answers) > _REMEMBERED_ANSWERS:
                self._answers.popitem(last=False)

    def _cells(self, parts: Iterable[Part]) -> list[Cell]:
        cells: list[Cell] = []
        for part in parts:
            if isinstance(part, Special):
                cells.append(self._vocabulary.special(part.name))
            elif isinstance(part, Words):
                cells += self._vocabulary.tokenize(part.text)
            elif isinstance(part, PicturePlace):
                cells += [PictureRow(part.sha256, row) for row in range(self._vocabulary.image_tokens)]
            elif isinstance(part, Answer):
                cells += self._answers.get(part.text) or self._vocabulary.tokenize(part.text)
        return cells


def _exchanges(turns: Iterable[Turn]) -> list[Exchange]:
    return [Exchange(turn.text, tuple(picture.sha256 for picture in turn.pictures), turn.answer) for turn in turns]
