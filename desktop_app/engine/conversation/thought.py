"""What a model thinks before it answers, while it is written."""

from __future__ import annotations

import time

from desktop_app.chat.prompt import Thinking
from desktop_app.engine.conversation.prompt import Prompt
from desktop_app.engine.conversation.text_stream import TokenDecoder
from desktop_app.engine.conversation.text_tokens import Tokenizer


class Thought:
    """Takes the tokens of a thought: all until the one that ends it."""

    def __init__(self, thinking: Thinking | None, vocabulary: Tokenizer, prompt: Prompt, *, asked: bool) -> None:
        """`asked`: whether it is asked to think."""
        has_begun = bool(prompt.begun_thought) if prompt.goes_on else asked and bool(thinking and thinking.asking)
        self.seconds = 0.0  # that it took, now
        self._decoder = TokenDecoder(prompt.begun_thought, prompt.begun_tokens if prompt.begun_thought else ())
        self._begin = vocabulary.special(thinking.begin) if thinking is not None else None
        self._end = vocabulary.special(thinking.end) if thinking is not None else None
        self._may_begin = thinking is not None and not prompt.goes_on
        self._label = "" if thinking is None or has_begun else thinking.label  # else it stands in the prompt
        self._since = time.monotonic()
        self.is_open = has_begun and thinking is not None
        self.was_open = self.is_open or (prompt.goes_on and not prompt.begun)

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
        return self._decoder.tokens_after(len(self._decoder.text) - len(self.text))
