"""Turns -> the cells of a prompt, as a model's vocabulary and family want them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from desktop_app.chat.budget import TurnSize, finest_way, kept_turns
from desktop_app.chat.prompt import (
    Answer,
    Exchange,
    Family,
    Part,
    PicturePlace,
    Special,
    Words,
    prompt_parts,
)
from desktop_app.engine.conversation.answer_tokens import AnswerTokens
from desktop_app.engine.llama.kv_cache import Cell, common_start
from desktop_app.engine.messages import PictureRef, Turn
from desktop_app.engine.vision.sight import Sight, ways_of

# Tokens of a question that is not written yet: when it is, its pictures are not to be seen in fewer parts.
_ROOM_FOR_WORDS = 64

_BEGINNINGS = ("A", "is", "7", "(")  # of questions
_CONTINUATIONS = (" A", "is", "7", "\n(")  # of words


class Vocabulary(Protocol):
    """The part of a model that knows tokens."""

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of plain text."""

    def special(self, name: str) -> int | None:
        """Return a special token; None stands for a "bos" that the vocabulary does not use."""


class PromptCells:
    """Makes the prompts of one loaded model, and remembers how its answers were written.

    `n_ctx` is how many cells the context holds. `stops` are tokens that end an answer, besides those that the file
    itself marks so.
    """

    def __init__(
        self, vocabulary: Vocabulary, n_ctx: int, family: Family, sight: Sight, answers: AnswerTokens | None = None
    ) -> None:
        self.family = family
        self.answers = answers or AnswerTokens()
        self._n_ctx = n_ctx
        self.stops = frozenset(vocabulary.special(name) for name in family.stops)
        self._vocabulary = vocabulary
        self._sight = sight
        self._spoken = family.unframed if sight.frames else family
        self._specials = frozenset(vocabulary.special(name) for name in family.specials)
        inside = (f"(?<={re.escape(name[0])})(?={re.escape(name[1:])})" for name in sorted(family.specials))
        self._inside_specials = re.compile("|".join(inside))

    def asking(self, turns: Sequence[Turn], system: str | None) -> list[Cell]:
        """Return the whole prompt that asks the last of `turns`."""
        return self._cells(prompt_parts(self._spoken, _exchanges(turns), system), _pictures(turns))

    def certain(self, turns: Sequence[Turn], system: str | None) -> list[Cell]:
        """Return what is certain of that prompt before the words of the last turn are written.

        How the words around a question are tokenised may depend on its beginning; what is the same for quite
        different ones is taken to be certain.
        """
        first, *others = (
            self.asking([*turns[:-1], Turn(beginning, turns[-1].pictures)], system) for beginning in _BEGINNINGS
        )
        return first[: min(common_start(first, other) for other in others)]

    def begun(self, turns: Sequence[Turn], system: str | None) -> list[Cell]:
        """Return what is certain of that prompt when the last turn's text is how its question begins."""
        *earlier, newest = turns
        first, *others = (
            self.asking([*earlier, newest._replace(text=newest.text + more)], system) for more in _CONTINUATIONS
        )
        return first[: min(common_start(first, other) for other in others)]

    def fitting(self, turns: Sequence[Turn], system: str | None, max_tokens: int) -> list[Turn]:
        """Return those of `turns` that fit the context, with their pictures in as many parts as there is room for.

        Raises `UserError("context-too-small")`.
        """
        opening = len(self.asking([], system))
        n_ctx = self._n_ctx
        missing = max(0, _ROOM_FOR_WORDS - len(self._plain(turns[-1].text)))

        def sizes_of(way: Sequence[Turn]) -> list[TurnSize]:
            return [TurnSize(len(self.asking([turn], system)) - opening, len(turn.pictures)) for turn in way]

        def with_room(way: Sequence[Turn]) -> list[TurnSize]:
            *earlier, newest = sizes_of(way)
            return [*earlier, TurnSize(newest.tokens + missing, newest.pictures)]

        ways = list(ways_of(turns, self._sight.tiling))
        chosen = ways[finest_way(map(with_room, ways), opening, n_ctx, max_tokens) if len(ways) > 1 else 0]
        return [chosen[index] for index in kept_turns(sizes_of(chosen), opening, n_ctx, max_tokens)]

    def _cells(self, parts: Iterable[Part], pictures: Mapping[str, PictureRef]) -> list[Cell]:
        cells: list[Cell] = []
        words = ""  # right before the part, with no special token between
        for part in parts:
            if isinstance(part, Special):
                token = self._vocabulary.special(part.name)
                cells += [] if token is None else [token]
            elif isinstance(part, Words):
                cells += self._following(words, part.text)
            elif isinstance(part, PicturePlace):
                cells += self._sight.cells(pictures[part.picture])
            elif isinstance(part, Answer):
                cells += self._answer(part, words)
            words = part.text if isinstance(part, (Words, Answer)) else ""
        return cells

    def _answer(self, answer: Answer, words: str) -> list[int]:
        after = "" if answer.text.endswith(answer.after) else answer.after
        written = self.answers.get(answer.text)
        if written is None:
            return self._following(words, answer.before + answer.text + after)
        return [*written, *self._following(answer.text, after)]

    def _following(self, words: str, text: str) -> list[int]:
        """Return the tokens of `text` where it goes on after `words`: some vocabularies begin with a space."""
        known, whole = self._plain(words), self._plain(words + text)
        return whole[len(known) :] if whole[: len(known)] == known else self._plain(text)

    def _plain(self, text: str) -> list[int]:
        """Return the tokens of plain words.

        In many files the special tokens are of the type "user defined", which llama.cpp finds in
        plain text all the same; what spells one is tokenised in two pieces.
        """
        tokens = self._vocabulary.tokenize(text)
        if self._specials.isdisjoint(tokens):
            return tokens
        return [token for piece in self._inside_specials.split(text) for token in self._vocabulary.tokenize(piece)]


def _exchanges(turns: Iterable[Turn]) -> list[Exchange]:
    return [Exchange(turn.text, tuple(map(_name, turn.pictures)), turn.answer) for turn in turns]


def _pictures(turns: Iterable[Turn]) -> dict[str, PictureRef]:
    return {_name(picture): picture for turn in turns for picture in turn.pictures}


def _name(picture: PictureRef) -> str:
    return f"{picture.sha256} {picture.most_tiles}"
