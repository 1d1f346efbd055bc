"""How LFM2-VL and LFM2.5-VL divide a picture.

A picture that is not much larger than one tile is seen in one piece. A larger one is stretched to a grid of two to ten
tiles, the one whose proportions are closest; of several with the same proportions a larger one, as long as the picture
has more than half of its pixels. Then the whole follows ("thumbnail"). Pieces and wholes keep nearly the picture's
proportions. Before each tile stands a token that names its line and column, before the whole another one.
As `image_processing_lfm2_vl.py` of transformers does it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from desktop_app.images.tiling import WHOLE, Grid, Size, Tiling

_LEAST_TILES, _MOST_TILES = 2, 10
_TOLERANCE = 2  # a picture with more tokens than these times the most is divided


@dataclass(frozen=True)
class Lfm2Tiling(Tiling):
    """See `Tiling`; `side` is that of a tile."""

    step: int = 32  # pixels along an edge that become one token
    fewest: int = 64  # tokens of a picture in one piece
    most: int = 256

    bilinear: ClassVar[bool] = True

    @property
    def part_tokens(self) -> int:
        """See `Tiling`."""
        return (self.side // self.step) ** 2

    @property
    def grids(self) -> tuple[Grid, ...]:
        """See `Tiling`."""
        return _grids()

    @property
    def most_tokens(self) -> int:
        """See `Tiling`."""
        return _MOST_TILES * (self.part_tokens + 1) + self.most + 1

    def grid_for(self, width: int, height: int, most_tiles: int | None = None) -> Grid:
        """Return the grid whose proportions are closest. See `Tiling`."""
        across, down = (round(edge / self.step) or 0.5 for edge in (width, height))  # half a step: one patch
        if across * down <= self.most * _TOLERANCE:
            return WHOLE
        best, least = WHOLE, math.inf
        for grid in _grids():
            if most_tiles is not None and grid.tiles > most_tiles:
                break
            difference = abs(width / height - grid.columns / grid.rows)
            roomy = width * height > 0.5 * self.side**2 * grid.tiles
            if difference < least or (difference == least and roomy):
                best, least = grid, difference
        return best

    def tokens(self, width: int, height: int, grid: Grid) -> int:
        """See `Tiling`."""
        across, down = self.whole(width, height)
        whole = across * down // self.step**2
        return whole if grid == WHOLE else grid.tiles * (self.part_tokens + 1) + whole + 1

    def whole(self, width: int, height: int) -> Size:
        """Return the size of the whole, whatever the grid. See `Tiling`."""
        across, down = (max(1, round(edge / self.step)) for edge in (width, height))
        area = self.step**2
        if across * down > self.most:
            scale = math.sqrt(width * height / (self.most * area))
            across, down = (max(1, math.floor(edge / scale / self.step)) for edge in (width, height))
        elif across * down < self.fewest:
            scale = math.sqrt(self.fewest * area / (width * height))
            across, down = (math.ceil(edge * scale / self.step) for edge in (width, height))
        # What is hundreds of times longer than wide is squeezed: llama.cpp would not take it as it is.
        across, down = min(across, self.most // min(across, down)), min(down, self.most // min(across, down))
        return across * self.step, down * self.step


@cache
def _grids() -> tuple[Grid, ...]:
    """Return all grids: those of fewer tiles first, and of as many those with fewer columns."""
    counts = range(1, _MOST_TILES + 1)
    found = (Grid(rows, columns) for columns in counts for rows in counts)
    return tuple(sorted((g for g in found if _LEAST_TILES <= g.tiles <= _MOST_TILES), key=lambda grid: grid.tiles))
