"""How InternVL3 divides a picture ("dynamic high resolution").

Of all grids of up to twelve squares the one whose proportions are closest to the picture's is taken; of several
with the same proportions a larger one, as long as the picture has more than half of its pixels. The picture is
stretched to it. One square is the whole itself.
As `dynamic_preprocess` of https://huggingface.co/OpenGVLab/InternVL3-1B and `image_processing_pil_got_ocr2.py`
of transformers do it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from desktop_app.images.tiling import WHOLE, Grid, Tiling

MOST_TILES = 12


@dataclass(frozen=True)
class InternVLTiling(Tiling):
    """See `Tiling`; `side` is that of a tile."""

    part_tokens: int = 256
    most_tiles: int = MOST_TILES

    @property
    def grids(self) -> tuple[Grid, ...]:
        """See `Tiling`."""
        return _grids(self.most_tiles)[1:]

    @property
    def most_tokens(self) -> int:
        """See `Tiling`."""
        return self.most_parts * self.part_tokens

    def grid_for(self, width: int, height: int, most_tiles: int | None = None) -> Grid:
        """Return the grid whose proportions are closest. See `Tiling`."""
        best, least = WHOLE, math.inf
        for grid in _grids(self.most_tiles):
            if most_tiles is not None and grid.tiles > max(1, most_tiles):
                break
            difference = abs(width / height - grid.columns / grid.rows)
            roomy = width * height > 0.5 * self.side**2 * grid.tiles
            if difference < least or (difference == least and roomy):
                best, least = grid, difference
        return best if best.tiles > 1 else WHOLE

    def tokens(self, _width: int, _height: int, grid: Grid) -> int:
        """See `Tiling`."""
        return grid.parts * self.part_tokens


@cache
def _grids(most: int) -> tuple[Grid, ...]:
    """Return all grids of up to `most` tiles: one tile first, and those of as many with fewer columns first."""
    found = [Grid(rows, columns) for columns in range(1, most + 1) for rows in range(1, most // columns + 1)]
    return tuple(sorted(found, key=lambda grid: grid.tiles))
