"""Tokenises plain text, each stretch of it once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Protocol

Tokens = tuple[int, ...]


class Tokenizer(Protocol):
    """The part of a vocabulary that turns text into tokens."""

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of plain text."""

    def special(self, name: str) -> int | None:
        """Return a special token; None stands for a "bos" that the vocabulary does not use."""

    def special_name(self, token: int) -> str:
        """Return the text of a special token, "" if it is an ordinary one."""


class TextTokens:
    """Tokenises the text of prompts, and remembers the tokens of the last one.

    The next prompt is mostly made of the same text, so only what is new is tokenised for it.
    """

    def __init__(self, tokenizer: Tokenizer, specials: Iterable[str], *, composed: bool = False) -> None:
        """`specials`: texts of special tokens, which plain text must never become, whatever the file says of them.

        `composed`: whether letters and their marks are composed first (Unicode's NFC).
        """
        self._tokenizer = tokenizer
        self._specials = {tokenizer.special(name): name for name in specials}
        self._composed = composed
        self._last: dict[str, Tokens] = {}  # of the prompt before
        self._known: dict[str, Tokens] = {}  # of this one

    def start_prompt(self) -> None:
        """Start the next prompt: text that the last one did not hold is forgotten."""
        self._last, self._known = self._known, {}

    def tokens(self, text: str) -> Tokens:
        """Return the tokens of a stretch of plain text."""
        if text not in self._known:
            self._known[text] = self._last[text] if text in self._last else self._tokenised(self._normal(text))
        return self._known[text]

    def count(self, text: str) -> int:
        """Return how many tokens a text takes, and remember nothing of it."""
        return len(self._tokenizer.tokenize(self._normal(text)))

    def tokens_after(self, before: str, text: str) -> Tokens:
        """Return the tokens of `text` where it goes on after `before`: some vocabularies begin with a space."""
        if not text:
            return ()
        if not before:
            return self.tokens(text)
        known, whole = self.tokens(before), self.tokens(before + text)
        return whole[len(known) :] if whole[: len(known)] == known else self.tokens(text)

    def _normal(self, text: str) -> str:
        return unicodedata.normalize("NFC", text) if self._composed else text

    def _tokenised(self, text: str, continued: bool = False) -> Tokens:
        """Return the tokens of plain text; `continued`: it stands after other text, with no space between.

        In many files the special tokens are of the type "user defined", which llama.cpp finds in
        plain text all the same; what spells one is tokenised in two pieces.
        """
        tokens = self._continued(text) if continued else self._tokenizer.tokenize(text)
        found = {self._specials.get(token) or self._tokenizer.special_name(token) for token in set(tokens)}
        names = sorted(name for name in found if len(name) > 1 and name in text)
        if not names:
            return tuple(tokens)
        inside = "|".join(f"(?<={re.escape(name[0])})(?={re.escape(name[1:])})" for name in names)
        first, *others = re.split(inside, text)
        rest = (token for piece in others for token in self._tokenised(piece, continued=True))
        return (*self._tokenised(first, continued), *rest)

    def _continued(self, text: str) -> Sequence[int]:
        """Return the tokens of text after a line break: SentencePiece puts a space before what is first."""
        known, whole = self._tokenizer.tokenize("\n"), self._tokenizer.tokenize("\n" + text)
        return whole[len(known) :] if whole[: len(known)] == known else self._tokenizer.tokenize(text)
