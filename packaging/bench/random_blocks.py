"""Writes quantised matrices of random numbers into a GGUF: Q4_K and Q6_K, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from bench.vocabulary import FIRST_WORD, WORDS

BLOCK = 256  # weights in a block of Q4_K and Q6_K
Q4_K, Q6_K = 144, 210  # bytes of such a block
SPREAD = 0.02  # of the weights, about as in trained models
_TYPES = {Q4_K: gguf.GGMLQuantizationType.Q4_K, Q6_K: gguf.GGMLQuantizationType.Q6_K}

Bytes = npt.NDArray[np.uint8]


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
        blocks = q4_k(random, matrix) if matrix.block == Q4_K else q6_k(random, matrix)
        if matrix.name == head:
            rows = blocks.reshape(matrix.rows, -1, Q6_K)
            rows[:FIRST_WORD, :, -2:] = 0
            rows[FIRST_WORD + WORDS :, :, -2:] = 0
        writer.write_tensor_data(blocks)
    for _, values in vectors:
        writer.write_tensor_data(values)


def q4_k(random: np.random.Generator, matrix: Matrix) -> Bytes:
    """Return random blocks: two f16 factors, 12 bytes of scales, 128 of values."""
    blocks = _random_blocks(random, matrix)
    blocks[:, 0:2] = _as_bytes(SPREAD / 257)
    blocks[:, 2:4] = _as_bytes(7.5 * SPREAD / 257)
    return blocks.reshape(matrix.rows, -1)


def q6_k(random: np.random.Generator, matrix: Matrix) -> Bytes:
    """Return random blocks: 192 bytes of values, 16 signed scales, one f16 factor."""
    blocks = _random_blocks(random, matrix)
    blocks[:, 192:208] = ((blocks[:, 192:208] & 31).astype(np.int8) - 16).view(np.uint8)
    blocks[:, 208:210] = _as_bytes(SPREAD / 170)
    return blocks.reshape(matrix.rows, -1)


def _random_blocks(random: np.random.Generator, matrix: Matrix) -> Bytes:
    return np.frombuffer(bytearray(random.bytes(matrix.size)), np.uint8).reshape(-1, matrix.block)


def _as_bytes(value: float) -> Bytes:
    return np.frombuffer(np.float16(value).tobytes(), np.uint8)
