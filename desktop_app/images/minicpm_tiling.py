"""How MiniCPM-V divides a picture: an overview, and up to nine slices.

There are about as many slices as squares of 448 pixels have room in the picture, in the grid whose proportions are
closest to it. Overview and slices keep nearly the picture's proportions: each has about the area of such a square.
Version 2.6 makes as many tokens of each, whose edges are whole patches. Version 4.6 makes one token of each square of
4 x 4 patches (2 x 2 in some files), and the edges are whole squares of those. Between the slices stand special tokens,
and line breaks between their rows.
As `image_processing_minicpmv.py` of https://huggingface.co/openbmb/MiniCPM-V-2_6 and
`image_processing_minicpmv4_6.py` of transformers do it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from desktop_app.images.tiling import WHOLE, Grid, Size, Tiling

_MOST_SLICES = 9
_FRAME = 2  # tokens around a slice
_LONG, _LOOKED_AT = 20, 500  # times the shorter edge; proportions up to there of which the tokens are counted


@dataclass(frozen=True)
class MiniCPMTiling(Tiling):
    """Version 2.6. See `Tiling`; a part has about `side` x `side` pixels."""

    step: int  # pixels: the edges of parts are multiples of it
    part_tokens: int = 64

    #: Times the shorter edge: what is longer is squeezed. llama.cpp resizes nothing to more than 65536 pixels.
    longest: ClassVar[int] = 2000

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

    def tokens(self, width: int, height: int, grid: Grid) -> int:
        """See `Tiling`."""
        parts = self.tokens_of(self.whole(width, height)) + grid.tiles * self.tokens_of(self.slice(width, height, grid))
        return parts + grid.tiles * _FRAME + max(0, grid.rows - 1)

    def tokens_of(self, _part: Size) -> int:
        """Return how many tokens the image tower makes of an overview or a slice of this size."""
        return self.part_tokens

    def whole(self, width: int, height: int) -> Size:
        """Return the size of the overview, whatever the grid. See `Tiling`."""
        return self._fitted(width / height)

    def canvas(self, width: int, height: int, grid: Grid) -> Size:
        """See `Tiling`."""
        across, down = self.slice(width, height, grid)
        return across * grid.columns, down * grid.rows

    def slice(self, width: int, height: int, grid: Grid) -> Size:
        """Return the size of a slice; there need not be one."""
        # The picture's proportions, once its edges are whole pixels in each slice.
        columns, rows = max(1, grid.columns), max(1, grid.rows)
        return self._fitted(_rounded(width, columns) / columns * rows / _rounded(height, rows))

    def _fitted(self, proportions: float) -> Size:
        """Return a size of about `side` x `side` pixels, in whole patches."""
        return self._in_steps(proportions, _rounded)

    def _in_steps(self, proportions: float, rounded: Callable[[int, int], int]) -> Size:
        proportions = min(max(proportions, 1 / self.longest), self.longest)
        height = int(self.side / math.sqrt(proportions))
        return rounded(int(height * proportions), self.step), rounded(height, self.step)


@dataclass(frozen=True)
class MiniCPM46Tiling(MiniCPMTiling):
    """Version 4.6. See `Tiling`."""

    always_fitted: bool = False  # whether llama.cpp gives every overview a size of its own: of files that look closer

    longest: ClassVar[int] = 250  # a longer part would have thousands of patches, and take hundreds of megabytes

    @property
    def most_tokens(self) -> int:
        """See `Tiling`: of pictures that are not very long. Overviews and slices differ a little with proportions."""
        proportions = (_LONG ** (step / _LOOKED_AT) for step in range(-_LOOKED_AT, _LOOKED_AT + 1))
        area = self.side**2 * (_MOST_SLICES + 1)
        sizes = ((round(math.sqrt(area * each)), round(math.sqrt(area / each))) for each in proportions)
        return max(self.tokens(*size, self.grid_for(*size)) for size in sizes)

    def tokens_of(self, part: Size) -> int:
        """See `MiniCPMTiling`."""
        across, down = part
        return across * down // self.step**2

    def _fitted(self, proportions: float) -> Size:
        """Return the original's size, or llama.cpp's own where it makes the original's of no picture.

        The original rounds half a step to an even number of them, llama.cpp up: see `engine/llama/pixel_override.py`.
        """
        size = super()._fitted(proportions)
        upwards = self._in_steps(proportions, _rounded_up)
        return upwards if self.always_fitted and size != upwards and not self._is_made(*size) else size

    def _is_made(self, width: int, height: int) -> bool:
        """Return whether some proportions lead llama.cpp to this size."""
        half, area = self.step // 2, self.side**2
        return any(
            area / cut >= width - half and area * cut / (cut + 1) ** 2 < width + half
            for cut in range(height - half, height + half)
        )


def _grids(tiles: int) -> list[Grid]:
    """Return the grids of so many tiles, those with fewer columns first."""
    return [Grid(tiles // columns, columns) for columns in range(1, tiles + 1) if tiles % columns == 0]


def _rounded(length: int, step: int) -> int:
    """Return the multiple of `step` that is closest, at least one."""
    return max(round(length / step) * step, step)


def _rounded_up(length: int, step: int) -> int:
    """Return the same, and the larger one of two that are as close."""
    return max(math.floor(length / step + 0.5) * step, step)
