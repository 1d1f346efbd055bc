"""Decodes the bytes of tokens into text, and collects text into batches for the pipe."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable

BATCH_S = 0.03


class TokenDecoder:
    """The text of an answer while it is written.

    A character may be spread over several tokens; it appears when it is complete. The one space
    that a SentencePiece vocabulary puts before the first word is not part of the answer.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []
        self._started = False
        self._tokens: list[int] = []
        self._whole = 0  # tokens up to the last complete character

    def add(self, token: int, piece: bytes) -> str:
        """Take the next token and return the text that it completes, "" if none."""
        self._tokens.append(token)
        text = self._decoder.decode(piece)
        if not self._decoder.getstate()[0]:
            self._whole = len(self._tokens)
        if not self._started and text:
            self._started = True
            text = text.removeprefix(" ")
        self._parts.append(text)
        return text

    @property
    def text(self) -> str:
        """Return the text so far, without a character that is not complete."""
        return "".join(self._parts)

    @property
    def token_ids(self) -> tuple[int, ...]:
        """Return the tokens that `text` was made of."""
        return tuple(self._tokens[: self._whole])


class TextBatches:
    """Collects text and hands it on about every 30 ms, the first at once."""

    def __init__(self, hand_on: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._hand_on = hand_on
        self._clock = clock
        self._waiting = ""
        self._last = float("-inf")

    def add(self, text: str) -> None:
        """Take text, and hand on what has waited long enough."""
        self._waiting += text
        if self._clock() - self._last >= BATCH_S:
            self.flush()

    def flush(self) -> None:
        """Hand on what is waiting."""
        if self._waiting:
            self._hand_on(self._waiting)
            self._waiting = ""
            self._last = self._clock()
