"""Computes the position ids of the patches of MiniCPM-V pictures: a grid of 70 x 70, for any number of patches.

The original (modeling_navit_siglip.py) computes in 32 bits. If a patch lies on the border between two positions, as
every fifth line of 25 does, rounding decides, mostly for the lower one; llama.cpp takes the higher one. So the
arithmetic of PyTorch is reproduced here: `arange` computes eight values at a time, and fewer than sixteen at the end
one by one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

EDGE = 70
_AT_ONCE = 8  # numbers that PyTorch computes together, from the first one
_UNROLLED = 16


def positions(across: int, down: int) -> npt.NDArray[np.int32]:
    """Return the position ids of `across` x `down` patches, line by line."""
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
