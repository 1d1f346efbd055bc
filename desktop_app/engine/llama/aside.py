"""A second sequence beside the conversation: it tells how probable tokens are after others, and leaves nothing behind.

It shares the cells of the KV cache that are the same, takes free ones for the rest, and gives them back. What the
conversation has in the cache stays as it is, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from desktop_app.engine.interrupt import Interrupted
from desktop_app.engine.llama.backend import last_errors
from desktop_app.engine.llama.batch import TokenBatch
from desktop_app.engine.llama.bindings import ContextPointer, llama

_CONVERSATION, _ASIDE = 0, 1  # sequence numbers; the second is free between two calls of `KVState`
_MOST = 32  # tokens of a batch
_LOGITS = 8_000_000  # bytes of those of a batch: llama.cpp keeps that memory, which no plan has counted
_ABORTED = 2  # what llama_decode returns


def log_probability(context: ContextPointer, index: int, size: int, token: int) -> float:
    """Return how probable a token is by the logits of an entry of the last batch, as a natural logarithm."""
    logits = np.ctypeslib.as_array(llama.llama_get_logits_ith(context, index), (size,))
    highest = logits.max()
    return float(logits[token] - highest) - float(np.log(np.exp(logits - highest).sum()))


class Aside:
    """The second sequence; call `close` in the end."""

    def __init__(self, context: ContextPointer, vocabulary: int, shared: int, before: Callable[[int], object]) -> None:
        """`vocabulary`: tokens of it; `shared`: positions of the conversation with which it begins.

        `before` is called with the number of tokens of each batch.
        """
        self._context = context
        self._memory = llama.llama_get_memory(context)
        self._vocabulary = vocabulary
        self._before = before
        self._position = shared
        self._batch = TokenBatch(_MOST, _ASIDE)
        self._most_scored = max(1, min(_MOST, _LOGITS // (4 * vocabulary)))
        if shared:
            llama.llama_memory_seq_cp(self._memory, _CONVERSATION, _ASIDE, 0, shared)

    def close(self) -> None:
        """Remove it."""
        llama.llama_memory_seq_rm(self._memory, _ASIDE, -1, -1)
        self._batch.close()

    def score(self, tokens: Sequence[int], last: int, check: Callable[[], None]) -> list[float]:
        """Read tokens; return the log probability of each of the `last` ones. There must be cells for them.

        `check` is called before each batch, and may raise.
        """
        first = len(tokens) - last  # whose probability the token before it tells
        found: list[float] = []
        start = 0
        while start < len(tokens) - 1:
            size = _MOST if start + _MOST < first else self._most_scored
            end = min(start + size, len(tokens) - 1)
            asked = range(max(start, first - 1), end)
            check()
            self._batch.fill(tokens[start:end], self._position, logits=len(asked))
            self._before(end - start)
            result = llama.llama_decode(self._context, self._batch.raw)
            if result == _ABORTED:
                raise Interrupted
            if result:
                raise RuntimeError(f"llama_decode returned {result}: {last_errors()}")
            self._position += end - start
            found += [log_probability(self._context, at - start, self._vocabulary, tokens[at + 1]) for at in asked]
            start = end
        return found
