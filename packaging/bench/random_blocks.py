"""Writes quantised matrices of random numbers into a GGUF: Q4_K and Q6_K."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from bench.vocabulary import FIRST_WORD, WORDS
from desktop_app.engine.weights.random_blocks import random_blocks

BLOCK = 256  # weights in a block of Q4_K and Q6_K
Q4_K, Q6_K = 144, 210  # bytes of such a block
_TYPES = {Q4_K: gguf.GGMLQuantizationType.Q4_K, Q6_K: gguf.GGMLQuantizationType.Q6_K}


@dataclass(frozen=True)
class Matrix:
    """A quantised matrix: `rows` x `columns` weights in blocks of `block` bytes."""

    name: str
    rows: int
    columns: int
    block: int

    @property
    def size(self) -> int:
        """Return its bytes."""
        return self.rows * self.columns // BLOCK * self.block


def write_weights(
    writer: Any, matrices: Sequence[Matrix], vectors: Sequence[tuple[str, npt.NDArray[np.float32]]], head: str
) -> None:
    """Write matrices of random blocks, and `vectors` as they are; `head`: the matrix that can only choose words."""
    for matrix in matrices:
        shape = (matrix.rows, matrix.columns // BLOCK * matrix.block)
        writer.add_tensor_info(matrix.name, shape, np.dtype(np.uint8), matrix.size, raw_dtype=_TYPES[matrix.block])
    for name, values in vectors:
        writer.add_tensor_info(name, values.shape, np.dtype(np.float32), values.nbytes)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = np.random.default_rng(1)
    for matrix in matrices:  # one after the other: the whole would not fit into memory
        blocks = random_blocks(random, _TYPES[matrix.block].name, matrix.size // matrix.block).reshape(matrix.rows, -1)
        if matrix.name == head:
            rows = blocks.reshape(matrix.rows, -1, Q6_K)
            rows[:FIRST_WORD, :, -2:] = 0
            rows[FIRST_WORD + WORDS :, :, -2:] = 0
        writer.write_tensor_data(blocks)
    for _, values in vectors:
        writer.write_tensor_data(values)
