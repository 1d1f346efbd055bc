"""Has a picture encoded exactly as it is, whatever its size.

mtmd divides and resizes every picture of MiniCPM-V by itself, otherwise than it was trained, and does not take the
parts that `images/slices.py` makes. So it is given a black picture whose overview has the size of such a part, and
in the graph that it builds for that the pixels are replaced before they are used.
Only ctypes and numpy here, as in `clip_order.py`.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import numpy as np

from desktop_app.engine.clip_order import Tensor

_INPUT = b"inp_raw"
_TYPE_F32 = 0


class OwnPixels:
    """The pixels of one picture, on their way into a graph."""

    def __init__(self, rgb: bytes, width: int, height: int, mean: Sequence[float], std: Sequence[float]) -> None:
        pixels = np.frombuffer(rgb, np.uint8).reshape(height, width, 3).astype(np.float32) / 255
        normalised = (pixels - np.asarray(mean[:3], np.float32)) / np.asarray(std[:3], np.float32)
        self._values = np.ascontiguousarray(normalised.transpose(2, 0, 1))
        self.used = False

    def look(self, address: int) -> None:
        """Look at the node at `address` before it is computed, and replace the pixels if it uses them."""
        second = Tensor.from_address(address).src[1]
        if self.used or not second or second.contents.name != _INPUT:
            return
        tensor = second.contents
        shape = self._values.shape[::-1]
        if tensor.type == _TYPE_F32 and tensor.data and tuple(tensor.ne) == (*shape, 1) and tensor.nb[0] == 4:
            ctypes.memmove(tensor.data, self._values.ctypes.data, self._values.nbytes)
            self.used = True


def stand_in(width: int, height: int, side: int, patch: int) -> tuple[int, int]:
    """Return the size of a picture whose overview mtmd makes `width` x `height`. Raises ValueError if there is none.

    As `get_slice_instructions` in mtmd-image.cpp of llama.cpp: what is longer than `side` without having more pixels
    than a square of it stays as it is. Of larger pictures the proportions tell the height, and that the width, both
    cut to whole pixels, and then each becomes the closest number of whole patches.
    """
    if width * height <= side**2 and max(width, height) > side:
        return width, height
    ranges = []  # of proportions
    for cut in range(max(1, height - patch), height + patch):
        if max(patch, math.floor(cut / patch + 0.5) * patch) == height:
            low = max((side / (cut + 1)) ** 2, (width - patch / 2) / cut)
            ranges.append((low, min((side / cut) ** 2, (width + patch / 2) / cut)))
    low, high = max(ranges, key=lambda ends: ends[1] / ends[0])
    if low >= high:
        raise ValueError(f"no picture has an overview of {width} x {height} pixels")
    proportions = math.sqrt(low * high)  # far from both ends: mtmd reckons in 32 bits
    # Large, so that whole pixels change the proportions little.
    shorter = math.ceil(2 * side * min(proportions, 1 / proportions) ** 0.5)
    return (shorter, round(shorter / proportions)) if proportions < 1 else (round(shorter * proportions), shorter)
