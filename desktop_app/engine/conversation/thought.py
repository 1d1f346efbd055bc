"""What a model thinks before it answers, while it is written."""

from __future__ import annotations

import time

from desktop_app.chat.prompt import Thinking
from desktop_app.engine.conversation.text_stream import TokenDecoder
from desktop_app.engine.conversation.text_tokens import Tokenizer


class Thought:
    """Takes the tokens of a thought: all until the one that ends it."""

    def __init__(self, thinking: Thinking | None, vocabulary: Tokenizer, *, has_begun: bool, may_begin: bool) -> None:
        """`has_begun`: the prompt ends inside the thought. `may_begin`: an answer may begin with one."""
        self.seconds = 0.0  # that it took
        self._decoder = TokenDecoder()
        self._begin = vocabulary.special(thinking.begin) if thinking is not None else None
        self._end = vocabulary.special(thinking.end) if thinking is not None else None
        self._may_begin = may_begin and thinking is not None
        self._label = "" if thinking is None or has_begun else thinking.label  # else it stands in the prompt
        self._since = time.monotonic()
        self.is_open = has_begun and thinking is not None
        self.was_open = self.is_open

    def takes(self, token: int, piece: bytes) -> bool:
        """Take a token that was written; return False if it is part of the answer."""
        if self.is_open:
            if token == self._end:
                self.close()
            else:
                self._decoder.add(token, piece)
            return True
        begins, self._may_begin = self._may_begin and token == self._begin, False
        if begins:
            self.is_open = self.was_open = True
            self._since = time.monotonic()
        return begins

    def close(self) -> None:
        """Note that nothing more is thought."""
        if self.is_open:
            self.is_open = False
            self.seconds = time.monotonic() - self._since

    @property
    def text(self) -> str:
        """Return what was thought so far."""
        text = self._decoder.text
        return "" if self._label.startswith(text) else text.removeprefix(self._label)

    @property
    def token_ids(self) -> tuple[int, ...]:
        """Return the tokens that `text` was made of, none if it is made of more than whole ones."""
        return self._decoder.token_ids if self.text == self._decoder.text else ()
