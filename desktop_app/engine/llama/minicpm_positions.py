"""Where the patches of a part stand for MiniCPM-V: in 70 x 70 places, however many patches there are.

The original (modeling_navit_siglip.py) reckons in 32 bits. Where a patch lies on the border between two places,
as every fifth line of 25 does, that decides, and mostly for the one before; llama.cpp takes the one after.
So its arithmetic is done here as PyTorch does it: `arange` goes in eights, and in a last stretch of less than
sixteen one by one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

EDGE = 70
_AT_ONCE = 8  # numbers that PyTorch computes from the first of them
_UNROLLED = 16


def places(across: int, down: int) -> npt.NDArray[np.int32]:
    """Return the places of `across` x `down` patches, line by line."""
    return (_along_edge(down)[:, None] * EDGE + _along_edge(across)).astype(np.int32).ravel()


def _along_edge(count: int) -> npt.NDArray[np.intp]:
    step = float(np.float32(1) / np.float32(count))
    index = np.arange(count)
    within = index % _AT_ONCE
    in_eights = (((index - within) * step).astype(np.float32) + within * step).astype(np.float32)
    one_by_one = (index * step).astype(np.float32)
    fractions = np.where(index < count - count % _UNROLLED, in_eights, one_by_one)
    borders = (np.arange(1, EDGE) / EDGE).astype(np.float32)
    return np.searchsorted(borders, fractions, side="right")
