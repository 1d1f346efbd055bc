"""Remembers the token ids of earlier answers: tokenising their text again may give different ones.

Then nothing after it in the KV cache could be used. So the tokens are remembered for the same
text, and kept on the disk as long as the caches are.
"""

from __future__ import annotations

import hashlib
import struct
from collections import OrderedDict
from collections.abc import Callable

from desktop_app.engine.cache.checked_folder import CheckedFolder

_REMEMBERED = 1000


class AnswerTokens:
    """The tokens of the last answers of one model."""

    def __init__(self, folder: CheckedFolder | None = None, identity: str = "") -> None:
        """`identity` names the model and with it the vocabulary; only a folder needs it."""
        self._folder = folder
        self._identity = identity
        self._known: OrderedDict[str, tuple[int, ...] | None] = OrderedDict()  # None: not on the disk either
        self._unsaved: dict[str, tuple[int, ...]] = {}

    def get(self, answer: str) -> tuple[int, ...] | None:
        """Return the tokens of an answer, None if it is not known how it was written."""
        if answer not in self._known:
            self._note(answer, self._stored(answer))
        return self._known[answer]

    def clear(self) -> None:
        """Forget what is in memory, written or not."""
        self._known.clear()
        self._unsaved.clear()

    def remember(self, answer: str, tokens: tuple[int, ...]) -> None:
        """Keep the tokens of an answer; `save` writes them."""
        if answer and tokens:
            self._note(answer, tokens)
            if self._folder is not None:
                self._unsaved[answer] = tokens

    def save(self, check: Callable[[], None]) -> None:
        """Write what is not written yet. `check` is called before each file and may raise."""
        while self._unsaved and self._folder is not None:
            check()
            answer, tokens = next(iter(self._unsaved.items()))
            self._folder.write(self._file_name(answer), b"", struct.pack(f"<{len(tokens)}I", *tokens))
            del self._unsaved[answer]

    def _note(self, answer: str, tokens: tuple[int, ...] | None) -> None:
        self._known[answer] = tokens
        self._known.move_to_end(answer)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _stored(self, answer: str) -> tuple[int, ...] | None:
        if self._folder is None or not answer:
            return None
        name = self._file_name(answer)
        found = self._folder.read(name)
        if found is None:
            return None
        self._folder.used(name)
        return struct.unpack(f"<{len(found.data) // 4}I", found.data)

    def _file_name(self, answer: str) -> str:
        return hashlib.sha256(f"{self._identity}|{answer}".encode(errors="replace")).hexdigest()[:60]
