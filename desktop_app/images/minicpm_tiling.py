"""How MiniCPM-V 2.6 divides a picture: an overview, and up to nine slices.

There are about as many slices as squares of 448 pixels have room in the picture, in the grid whose proportions are
closest to it. Overview and slices keep nearly the picture's proportions: each has about the area of such a square
and edges of whole patches, and becomes as many tokens as any other. Between the slices stand special tokens, and
line breaks between their rows.
As `image_processing_minicpmv.py` of https://huggingface.co/openbmb/MiniCPM-V-2_6 does it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from desktop_app.images.tiling import WHOLE, Grid, Size, Tiling

_MOST_SLICES = 9
_FRAME = 2  # tokens around a slice
_LONGEST = 4000  # times the shorter edge: what is longer is squeezed, or a row of patches would have no end


@dataclass(frozen=True)
class MiniCPMTiling(Tiling):
    """See `Tiling`; a part has about `side` x `side` pixels."""

    patch: int  # pixels along an edge
    part_tokens: int = 64

    @property
    def grids(self) -> tuple[Grid, ...]:
        """See `Tiling`."""
        return tuple(grid for slices in range(2, _MOST_SLICES + 1) for grid in _grids(slices))

    @property
    def most_tokens(self) -> int:
        """See `Tiling`."""
        return max(self.tokens(1, 1, grid) for grid in self.grids)

    def grid_for(self, width: int, height: int, most_tiles: int | None = None) -> Grid:
        """Return the grid whose proportions are closest. See `Tiling`."""
        most = _MOST_SLICES if most_tiles is None else min(most_tiles, _MOST_SLICES)
        slices = min(math.ceil(width * height / self.side**2), most)
        if slices <= 1:
            return WHOLE
        wished = math.log(width / height)
        grids = [grid for near in range(max(2, slices - 1), min(slices + 1, most) + 1) for grid in _grids(near)]
        return min(grids, key=lambda grid: abs(wished - math.log(grid.columns / grid.rows)))

    def tokens(self, _width: int, _height: int, grid: Grid) -> int:
        """See `Tiling`."""
        return grid.parts * self.part_tokens + grid.tiles * _FRAME + max(0, grid.rows - 1)

    def whole(self, width: int, height: int) -> Size:
        """Return the size of the overview, whatever the grid. See `Tiling`."""
        return self._fitted(width / height)

    def canvas(self, width: int, height: int, grid: Grid) -> Size:
        """See `Tiling`."""
        # The picture's proportions, once its edges are whole pixels in each slice.
        across, down = (_rounded(edge, count) / count for edge, count in ((width, grid.columns), (height, grid.rows)))
        slice_width, slice_height = self._fitted(across / down)
        return slice_width * grid.columns, slice_height * grid.rows

    def _fitted(self, proportions: float) -> Size:
        """Return a size of about `side` x `side` pixels, in whole patches."""
        proportions = min(max(proportions, 1 / _LONGEST), _LONGEST)
        height = int(self.side / math.sqrt(proportions))
        return _rounded(int(height * proportions), self.patch), _rounded(height, self.patch)


def _grids(tiles: int) -> list[Grid]:
    """Return the grids of so many tiles, those with fewer columns first."""
    return [Grid(tiles // columns, columns) for columns in range(1, tiles + 1) if tiles % columns == 0]


def _rounded(length: int, step: int) -> int:
    """Return the multiple of `step` that is closest, at least one."""
    return max(round(length / step) * step, step)
