"""Makes quantised weights of random numbers: speed does not depend on what they say, as long as they are sound.

In a block most bytes may be anything. The scales must be small finite numbers, or what is computed overflows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_store.gguf_header import TENSOR_TYPES

SPREAD = 0.02  # of the weights, about as in trained models

Bytes = npt.NDArray[np.uint8]
_SIZES = {name: (block, size) for name, block, size in TENSOR_TYPES.values()}


@dataclass(frozen=True)
class _Scales:
    """Where the f16 numbers of a block are, and what they are for weights of the usual spread."""

    factor: int  # the byte where the factor of the values begins
    value: float
    least: int = -1  # the byte where the factor of what is subtracted begins; -1: nothing is
    least_value: float = 0.0


_SCALES = {
    "Q4_0": _Scales(0, SPREAD / 4.6),
    "IQ4_NL": _Scales(0, SPREAD / 68),
    "Q8_0": _Scales(0, SPREAD / 74),
    "Q2_K": _Scales(80, SPREAD / 14, 82, 1.5 * SPREAD / 14),
    "Q3_K": _Scales(108, SPREAD / 43),
    "Q4_K": _Scales(0, SPREAD / 257, 2, 7.5 * SPREAD / 257),
    "Q5_K": _Scales(0, SPREAD / 513, 2, 15.5 * SPREAD / 513),
    "Q6_K": _Scales(208, SPREAD / 170),
}
_SIGNED_SCALES = slice(192, 208)  # of Q6_K: kept small


def block_size(kind: str) -> tuple[int, int]:
    """Return (weights, bytes) of a block."""
    return _SIZES[kind]


def random_blocks(random: np.random.Generator, kind: str, count: int) -> Bytes:
    """Return blocks, one in a row. `kind`: Q4_0, IQ4_NL, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K or Q6_K."""
    _, size = _SIZES[kind]
    scales = _SCALES[kind]
    blocks = np.frombuffer(bytearray(random.bytes(count * size)), np.uint8).reshape(count, size)
    if kind == "Q6_K":
        blocks[:, _SIGNED_SCALES] = ((blocks[:, _SIGNED_SCALES] & 31).astype(np.int8) - 16).view(np.uint8)
    blocks[:, scales.factor : scales.factor + 2] = _as_bytes(scales.value)
    if scales.least >= 0:
        blocks[:, scales.least : scales.least + 2] = _as_bytes(scales.least_value)
    return blocks


def _as_bytes(value: float) -> Bytes:
    return np.frombuffer(np.float16(value).tobytes(), np.uint8)
