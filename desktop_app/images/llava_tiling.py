"""How LLaVA-1.6 divides a picture ("anyres").

The whole is resized to one square. For the tiles the picture is fitted, with black borders, into the grid of
squares that keeps most of it; of what the image tower makes of the grid the borders are taken
away again, and after each line of image tokens stands the same learnt token.
As `image_processing_llava_next.py` and `modeling_llava_next.py` of transformers do it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from desktop_app.images.tiling import WHOLE, Box, Grid, Tiling

# In the order of transformers' list, whose pairs are (height, width): among equals the first is taken.
USUAL_GRIDS = (Grid(1, 2), Grid(2, 1), Grid(2, 2), Grid(3, 1), Grid(1, 3))


@dataclass(frozen=True)
class LlavaTiling(Tiling):
    """See `Tiling`; `side` is that of a tile."""

    patches: int  # image tokens along it
    grids: tuple[Grid, ...] = USUAL_GRIDS

    @property
    def part_tokens(self) -> int:
        """See `Tiling`."""
        return self.patches**2

    @property
    def most_tokens(self) -> int:
        """See `Tiling`."""
        return max(self.part_tokens * grid.parts + self.patches * grid.rows for grid in self.grids)

    def grid_for(self, width: int, height: int, most_tiles: int | None = None) -> Grid:
        """Return the grid that keeps most of a picture, and wastes least. See `Tiling`."""
        best, best_rank = WHOLE, (-1, 0)
        for grid in self.grids:
            if most_tiles is not None and grid.tiles > most_tiles:
                continue
            canvas_width, canvas_height = self.canvas(width, height, grid)
            scale = min(canvas_width / width, canvas_height / height)
            kept = min(int(width * scale) * int(height * scale), width * height)
            rank = (kept, kept - canvas_width * canvas_height)
            if rank > best_rank:
                best, best_rank = grid, rank
        return best

    def placed(self, width: int, height: int, grid: Grid) -> Box:
        """Return where the picture goes without losing its proportions. See `Tiling`."""
        canvas_width, canvas_height = self.canvas(width, height, grid)
        across, down = canvas_width / width, canvas_height / height
        if across < down:
            new_width, new_height = canvas_width, min(math.ceil(height * across), canvas_height)
        else:
            new_width, new_height = min(math.ceil(width * down), canvas_width), canvas_height
        left, top = (canvas_width - new_width) // 2, (canvas_height - new_height) // 2
        return Box(top, left, top + new_height, left + new_width)

    def kept(self, width: int, height: int, grid: Grid) -> Box:
        """Return which lines and columns of the grid's image tokens are kept: those that show no border."""
        rows, columns = grid.rows * self.patches, grid.columns * self.patches
        if width / height > columns / rows:
            border = (rows - int(round(height * (columns / width), 7))) // 2
            return Box(border, 0, rows - border, columns)
        border = (columns - int(round(width * (rows / height), 7))) // 2
        return Box(0, border, rows, columns - border)

    def tokens(self, width: int, height: int, grid: Grid) -> int:
        """Return how many tokens a picture takes in `grid`; after a whole alone stands one line's end."""
        if grid == WHOLE:
            return self.part_tokens + 1
        kept = self.kept(width, height, grid)
        return self.part_tokens + (kept.bottom - kept.top) * (kept.right - kept.left + 1)


def grids_of(pinpoints: Sequence[float], side: int) -> tuple[Grid, ...]:
    """Return the grids of a projector's "image_grid_pinpoints": heights and widths in turn, in pixels.

    What is not made of whole tiles is left out. Empty: LLaVA-1.6's usual ones.
    """
    pairs = zip(pinpoints[::2], pinpoints[1::2], strict=False)
    sizes = ((int(height), int(width)) for height, width in pairs)
    grids = [
        Grid(height // side, width // side)
        for height, width in sizes
        if height > 0 and width > 0 and height % side == 0 and width % side == 0
    ]
    return tuple(dict.fromkeys(grids)) or USUAL_GRIDS
