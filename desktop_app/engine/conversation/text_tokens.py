"""Tokenises plain text, each stretch of it once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

Tokens = tuple[int, ...]


class Tokenizer(Protocol):
    """The part of a vocabulary that turns text into tokens."""

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of plain text."""

    def special(self, name: str) -> int | None:
        """Return a special token; None stands for a "bos" that the vocabulary does not use."""


class TextTokens:
    """Tokenises the text of prompts, and remembers the tokens of the last one.

    The next prompt is mostly made of the same text, so only what is new is tokenised for it.
    """

    def __init__(self, tokenizer: Tokenizer, specials: Iterable[str]) -> None:
        """`specials`: texts of special tokens, which plain text must never become."""
        names = sorted(specials)
        self._tokenizer = tokenizer
        self._specials = frozenset(map(tokenizer.special, names))
        self._inside_specials = re.compile("|".join(f"(?<={re.escape(n[0])})(?={re.escape(n[1:])})" for n in names))
        self._last: dict[str, Tokens] = {}  # of the prompt before
        self._known: dict[str, Tokens] = {}  # of this one

    def start_prompt(self) -> None:
        """Start the next prompt: text that the last one did not hold is forgotten."""
        self._last, self._known = self._known, {}

    def tokens(self, text: str) -> Tokens:
        """Return the tokens of a stretch of plain text."""
        if text not in self._known:
            self._known[text] = self._last[text] if text in self._last else self._tokenised(text)
        return self._known[text]

    def tokens_after(self, before: str, text: str) -> Tokens:
        """Return the tokens of `text` where it goes on after `before`: some vocabularies begin with a space."""
        if not text:
            return ()
        if not before:
            return self.tokens(text)
        known, whole = self.tokens(before), self.tokens(before + text)
        return whole[len(known) :] if whole[: len(known)] == known else self.tokens(text)

    def _tokenised(self, text: str) -> Tokens:
        """Return the tokens of plain text.

        In many files the special tokens are of the type "user defined", which llama.cpp finds in
        plain text all the same; what spells one is tokenised in two pieces.
        """
        tokens = self._tokenizer.tokenize(text)
        if self._specials.isdisjoint(tokens):
            return tuple(tokens)
        pieces = self._inside_specials.split(text)
        return tuple(token for piece in pieces for token in self._tokenizer.tokenize(piece))
