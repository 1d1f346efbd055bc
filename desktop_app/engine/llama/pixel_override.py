"""Replaces the pixels in an image encoder's graph, so that a MiniCPM-V picture is encoded exactly as given.

mtmd divides and resizes pictures differently from how MiniCPM-V was trained, and does not accept the parts that
`images/minicpm_tiling.py` makes. So mtmd gets a black dummy picture whose overview has the size of such a part. In the
graph for that picture, the pixels are replaced before they are used, for version 2.6 also the position ids of the
patches. Only ctypes and numpy here, as in `class_token_fix.py`.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from desktop_app.engine.llama.ggml_tensor import Tensor, integers, is_sane
from desktop_app.engine.llama.minicpm_positions import positions

_PIXELS, _POSITIONS = b"inp_raw", b"positions"
_TYPE_F32 = 0
_SQUARES = (2, 3, 4, 6, 8, 12, 16)  # sizes of dummy pictures: in larger ones rounding changes the proportions less


class PixelOverride:
    """The pixels of one picture, to be put into a graph."""

    def __init__(
        self, rgb: bytes, size: tuple[int, int], patch: int | None, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        """`patch`: its edge in pixels, if the position ids are to be replaced as well."""
        width, height = size
        pixels = np.frombuffer(rgb, np.uint8).reshape(height, width, 3).astype(np.float32) / 255
        normalised = (pixels - np.asarray(mean[:3], np.float32)) / np.asarray(std[:3], np.float32)
        self._values = np.ascontiguousarray(normalised.transpose(2, 0, 1))
        self._positions = None if patch is None else positions(width // patch, height // patch)
        self._waiting = {_PIXELS} if patch is None else {_PIXELS, _POSITIONS}

    @property
    def used(self) -> bool:
        """Return whether all values were put into the graph."""
        return not self._waiting

    def on_node(self, address: int) -> None:
        """Inspect the node at `address` before it is computed, and replace its input if it is one of ours."""
        node = Tensor.from_address(address)
        second = node.src[1]
        if not is_sane(node) or not second or second.contents.name not in self._waiting:
            return
        tensor = second.contents
        if tensor.name == _PIXELS and self._replace_pixels(tensor):
            self._waiting.discard(_PIXELS)
        if tensor.name == _POSITIONS and self._replace_positions(tensor):
            self._waiting.discard(_POSITIONS)

    def _replace_pixels(self, tensor: Any) -> bool:
        shape = self._values.shape[::-1]
        if tensor.type != _TYPE_F32 or not tensor.data or tuple(tensor.ne) != (*shape, 1) or tensor.nb[0] != 4:
            return False
        ctypes.memmove(tensor.data, self._values.ctypes.data, self._values.nbytes)
        return True

    def _replace_positions(self, tensor: Any) -> bool:
        entries = integers(tensor)
        if entries is None or self._positions is None or len(entries) != len(self._positions):
            return False
        entries[:] = self._positions.tolist()
        return True


def dummy_size(width: int, height: int, side: int, step: int, *, keeps: bool = True) -> tuple[int, int]:
    """Return the size of a picture for which mtmd makes an overview of `width` x `height`, or raise ValueError.

    `step`: pixels of which mtmd makes the edges of overviews multiples. `keeps`: see `_overview`.
    """
    for found in (*_nearby(width, height, side), *_by_proportions(width, height, side, step)):
        if _overview(*found, side, step, keeps) == (width, height):
            return found
    raise ValueError(f"no picture has an overview of {width} x {height} pixels")


def _nearby(width: int, height: int, side: int) -> Iterator[tuple[int, int]]:
    """Yield pictures of the size itself, and such that have an edge longer than `side`."""
    yield width, height
    yield max(width, side + 1), height
    yield width, max(height, side + 1)


def _by_proportions(width: int, height: int, side: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield large pictures, with proportions that are far from both ends of those with this overview."""
    ranges = []
    for cut in range(max(1, height - step), height + step):
        if _in_steps(cut, step) == height:
            shortest = 0 if width == step else width - step / 2
            low = max((side / (cut + 1)) ** 2, shortest / cut)
            ranges.append((low, min((side / cut) ** 2, (width + step / 2) / cut)))
    low, high = max(ranges, key=lambda ends: ends[1] / ends[0])
    proportions = math.sqrt(low * high)
    for squares in _SQUARES:
        shorter = math.ceil(squares * side * min(proportions, 1 / proportions) ** 0.5)
        yield (shorter, round(shorter / proportions)) if proportions < 1 else (round(shorter * proportions), shorter)


def _overview(width: int, height: int, side: int, step: int, keeps: bool) -> tuple[int, int]:
    """Return the size of the overview that mtmd makes of a picture: see `get_best_resize` of mtmd-image.cpp.

    `keeps`: a picture with an edge longer than `side`, but no more pixels than a square of `side`, keeps its size. For
    others the height follows from the proportions, and the width from the height, both rounded down to whole pixels.
    Then each is rounded to whole steps.
    """
    if width * height > side**2 or max(width, height) <= side or not keeps:
        proportions = np.float32(width) / np.float32(height)  # in 32 bits, as there
        height = int(np.float32(side) / np.sqrt(proportions))
        width = int(np.float32(height) * proportions)
    return _in_steps(width, step), _in_steps(height, step)


def _in_steps(length: int, step: int) -> int:
    return max(step, math.floor(length / step + 0.5) * step)
