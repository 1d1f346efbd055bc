"""Finds out how sure an answer was, and what its pictures had to do with it.

How probable each token was is known when it is written. What the pictures changed is seen when the same words are read
once more without them, beside the conversation (`llama/aside.py`). That waits for an idle moment, and takes a small
part of the time that the answer took: only as much of the answer is read as fits.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from desktop_app.chat.certainty import Certainty
from desktop_app.engine.cache.throughput import ModelThroughput, Throughput
from desktop_app.engine.conversation.answer_in_progress import AnswerInProgress
from desktop_app.engine.conversation.certainty import TokenScore, certainty
from desktop_app.engine.conversation.prompt import Prompt
from desktop_app.engine.interrupt import Interrupted
from desktop_app.engine.llama.kv_cache import KVCache, PictureRow, common_start
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import Judge, Judged

_SHARE = 0.1  # of the time of an answer
_LEAST_S = 0.2  # nobody notices
_SLOWER = 1.25  # than a prompt: the batches are small
_FEWEST = 4  # tokens of an answer; fewer say little
_KEPT = 8  # answers that wait


@dataclass(frozen=True)
class _Written:
    """An answer that has ended."""

    request: int
    text: str
    tokens: list[TokenScore]
    ending: float | None
    cells: list[int]  # tokens before the answer and those of it, without pictures
    before_pictures: int  # how many of these stand before the first picture
    seconds: float  # that it took

    def certainty(self, without: Sequence[float] = ()) -> Certainty:
        """Return how sure it was; `without`: log probabilities of its first tokens without the pictures."""
        known = [token._replace(without=log) for token, log in zip(self.tokens, without, strict=False)]
        return certainty(self.text, [*known, *self.tokens[len(known) :]], self.ending)


class Judging:
    """Judges the answers of one model. Those that are to be read once more wait for `judge_waiting`."""

    def __init__(self, model: Model, kv_cache: KVCache, throughput: ModelThroughput, check: Callable[[], None]) -> None:
        """`check` raises `Interrupted`."""
        self._model = model
        self._kv_cache = kv_cache
        self._throughput = throughput
        self._check = check
        self._pace = Throughput()  # of reading answers
        self._waiting: deque[_Written] = deque(maxlen=_KEPT)

    def judge(self, request: int, prompt: Prompt, answer: AnswerInProgress, wish: Judge) -> Certainty | None:
        """Return how sure an answer was as far as that is wished and known now, None if it has no words."""
        tokens = answer.scored()
        if not tokens or wish is Judge.NOT:
            return None
        shown = next((at for at, cell in enumerate(prompt.cells) if isinstance(cell, PictureRow)), None)
        cells = [cell for cell in prompt.cells if isinstance(cell, int)]
        before = len(answer.written) - len(answer.probabilities.of_tokens)  # what was thought
        cells += answer.written[: before + len(tokens)]
        written = _Written(
            request, answer.text.text, tokens, answer.probabilities.of_end, cells, shown or 0, answer.seconds
        )
        judged: Certainty | None = None
        if shown is not None and wish is Judge.PICTURES:
            with suppress(Interrupted):
                judged = self._read(written)
        elif shown is not None and wish is Judge.PICTURES_LATER:
            self._waiting.append(written)
        return judged or written.certainty()

    def judge_waiting(self, tell: Callable[[Judged], object]) -> None:
        """Read answers once more, the last first, and tell what is known then.

        Raises `Interrupted`; then they still wait.
        """
        while self._waiting:
            judged = self._read(self._waiting[-1])
            written = self._waiting.pop()
            if judged is not None:
                tell(Judged(written.request, judged))

    def clear(self) -> None:
        """Forget the answers that wait."""
        self._waiting.clear()

    def _read(self, written: _Written) -> Certainty | None:
        shared = common_start(self._kv_cache.cells, written.cells[: written.before_pictures])
        count = self._fitting(written, shared)
        if count < min(_FEWEST, len(written.tokens)):
            return None
        before = len(written.cells) - len(written.tokens)
        with self._model.aside(shared) as aside:
            if aside is None:
                return None
            started = time.monotonic()
            without = aside.score(written.cells[shared : before + count], count, self._check)
            self._pace.learn(before + count - shared, time.monotonic() - started)
            return written.certainty(without)

    def _fitting(self, written: _Written, shared: int) -> int:
        """Return how many tokens of an answer can be read in a small part of its time, and in free cells."""
        room = self._model.n_ctx - len(self._kv_cache)
        one = self._pace.expect(1) or _SLOWER * self._throughput.token.expect(1)
        if one > 0:
            room = min(room, int(max(_LEAST_S, _SHARE * written.seconds) / one))
        before = len(written.cells) - len(written.tokens) - shared
        return min(len(written.tokens), room - before)
