"""Decodes the bytes of tokens into text, and collects text into batches for the pipe."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable, Iterable

BATCH_S = 0.03


class TokenDecoder:
    """The text of an answer while it is written.

    A character may be spread over several tokens; it appears when it is complete. The one space
    that a SentencePiece vocabulary puts before the first word is not part of the answer.
    """

    def __init__(self, begun: str = "", tokens: Iterable[int] = ()) -> None:
        """`begun`: the beginning of an answer that goes on, and its tokens."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts = [begun]
        self._started = bool(begun)
        self._tokens = list(tokens)
        self._whole = len(self._tokens)  # tokens up to the last complete character
        self._length = len(begun)
        self._ends = [self._length] * self._whole  # after how many characters of the text each token ends

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
        self._length += len(text)
        self._ends.append(self._length)
        return text

    def cut(self, length: int) -> None:
        """Keep the first characters of the text, and the tokens that lie within them."""
        self._parts = [self.text[:length]]
        self._whole = sum(end <= length for end in self._ends)

    @property
    def text(self) -> str:
        """Return the text so far, without a character that is not complete."""
        return "".join(self._parts)

    @property
    def ends(self) -> list[int]:
        """Return after how many characters of the text each of its tokens ends."""
        return self._ends[: self._whole]

    @property
    def token_ids(self) -> tuple[int, ...]:
        """Return the tokens that `text` was made of."""
        return tuple(self._tokens[: self._whole])

    def tokens_after(self, length: int) -> tuple[int, ...]:
        """Return the tokens of `text` without its first characters, none if one of them lies on both sides."""
        if not length:
            return self.token_ids
        return tuple(self._tokens[self._ends.index(length) + 1 : self._whole]) if length in self._ends else ()


class RoleWords:
    """Finds where an answer goes on with the words of the next question, because its end token was lost.

    They count only where a sentence or a line has ended.
    """

    def __init__(self, words: str) -> None:
        """`words`: those of the family; "" if a special token stands there."""
        self._words = words
        self._found = re.compile(rf"(?:^|(?<=[.!?…。\n])|(?<=</s>))\s*{re.escape(words)}") if words else None
        self._seen = ""  # the end of the text
        self._before = 0  # characters of the text before that
        self.length = 0  # characters that are certainly part of the answer

    def add(self, text: str) -> bool:
        """Take the next piece of text; return whether the words are there, from `length` on."""
        self._seen += text
        found = self._found.search(self._seen, min(1, self._before)) if self._found is not None else None
        if found is not None:
            self.length = self._before + found.start()
            return True
        words = self._words
        begun = next((n for n in range(len(words) - 1, 0, -1) if self._seen.endswith(words[:n])), 0)
        certain = self._seen[: len(self._seen) - begun]
        if words:
            certain = certain.rstrip()
        self.length = self._before + len(certain)
        dropped = max(0, len(certain) - 8)
        self._seen, self._before = self._seen[dropped:], self._before + dropped
        return False


class TextBatches:
    """Collects text and hands it on about every 30 ms, the first at once."""

    def __init__(
        self, hand_on: Callable[[str], None], clock: Callable[[], float] = time.monotonic, known: int = 0
    ) -> None:
        """`known`: so many characters of what comes are not handed on; they are there already."""
        self._hand_on = hand_on
        self._clock = clock
        self._known = known
        self._waiting = ""
        self._last = float("-inf")

    def add(self, text: str) -> None:
        """Take text, and hand on what has waited long enough."""
        self._waiting += text[self._known :]
        self._known -= min(self._known, len(text))
        if self._clock() - self._last >= BATCH_S:
            self.flush()

    def flush(self) -> None:
        """Hand on what is waiting."""
        if self._waiting:
            self._hand_on(self._waiting)
            self._waiting = ""
            self._last = self._clock()
