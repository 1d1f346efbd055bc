"""The memory in which tokens, and rows of embeddings, are handed to llama.cpp with their positions.

A decoder with M-RoPE reads four positions for each row: its time, line and column, and one that is not used. They lie
one after the other: first the times of all rows, then their lines. For tokens llama.cpp makes these four of one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.llama.bindings import Batch, llama

_AXES = 4  # of a position, for M-RoPE


class _OneSequence:
    """A batch whose entries all belong to one sequence; call `close` in the end."""

    def __init__(self, most: int, width: int, sequence: int = 0) -> None:
        """`width`: of a row, 0 for tokens."""
        self.raw: Batch = llama.llama_batch_init(most, width, 1)
        for index in range(most):
            self.raw.n_seq_id[index] = 1
            self.raw.seq_id[index][0] = sequence

    def close(self) -> None:
        """Free the memory."""
        llama.llama_batch_free(self.raw)

    def _begin(self, count: int, logits: int) -> None:
        """Have so many entries, the last `logits` of which get logits."""
        self.raw.n_tokens = count
        for index in range(count):
            self.raw.logits[index] = index >= count - logits


class TokenBatch(_OneSequence):
    """Up to `most` tokens."""

    def __init__(self, most: int, sequence: int = 0) -> None:
        super().__init__(most, 0, sequence)

    def fill(self, tokens: Sequence[int], position: int, *, logits: int) -> None:
        """Take tokens at consecutive positions; `logits`: of how many, the last ones, they are to be computed."""
        for index, token in enumerate(tokens):
            self.raw.token[index] = token
            self.raw.pos[index] = position + index
        self._begin(len(tokens), logits)


class RowBatch(_OneSequence):
    """Up to `most` rows of embeddings, `width` values each."""

    def __init__(self, most: int, width: int, *, mrope: bool) -> None:
        """`mrope`: whether the decoder reads four positions for each row."""
        super().__init__(most, width)
        self._axes = _AXES if mrope else 1
        self._places: npt.NDArray[np.int32] = np.zeros(self._axes * most, np.int32)
        # Not `raw.pos` itself, which follows the field. llama.cpp has room for one position a row, and frees it.
        self._theirs = ctypes.cast(self.raw.pos, ctypes.c_void_p).value or 0
        self._pointer = type(self.raw.pos)
        self.raw.pos = ctypes.cast(self._places.ctypes.data, self._pointer)

    def fill(self, rows: Embedding, position: int, axes: npt.NDArray[np.int32] | None = None, *, logits: bool) -> None:
        """Take rows at consecutive positions, or at those of `axes`, counted from `position`.

        `axes`: the time, line and column of each row, 3 x rows.
        """
        count = len(rows)
        if count * self._axes > len(self._places):
            raise ValueError(f"{count} rows are too many for one batch")
        values = np.ascontiguousarray(rows, dtype=np.float32)
        ctypes.memmove(self.raw.embd, values.ctypes.data, values.nbytes)
        places = self._places[: self._axes * count].reshape(self._axes, count)
        places[:] = position + (np.arange(count, dtype=np.int32) if axes is None else 0)
        if axes is not None:
            places[: len(axes)] += axes
        if self._axes == _AXES:
            places[-1] = 0
        self._begin(count, logits)

    def close(self) -> None:
        """See `_OneSequence`."""
        self.raw.pos = ctypes.cast(self._theirs, self._pointer)
        super().close()
