"""How a model divides a picture into an overview and a grid of tiles: what all families of models share.

Numbers only, so that the cost of a picture is known before a pixel is decoded. Each family has its own way to choose
the grid of tiles and what the picture is resized to: `llava_tiling.py` has LLaVA-1.6's, `internvl_tiling.py`
InternVL3's, `minicpm_tiling.py` MiniCPM-V's, `lfm2_tiling.py` LFM2-VL's. `AnySize` is for models that see a picture in
one piece, whatever its size. `QuickLook` says how many of its tokens are read when a picture is only looked at quickly.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

Size = tuple[int, int]  # width and height in pixels
_USUAL = (1024, 768)  # of a photo
_HALF_ATTENTION = 680  # tokens of a picture with which attention is half of the work of Gemma 4's tower


class Grid(NamedTuple):
    """Tiles in rows and columns; none of both: the picture is seen as a whole only."""

    rows: int
    columns: int

    @property
    def tiles(self) -> int:
        """Return how many tiles there are."""
        return self.rows * self.columns

    @property
    def parts(self) -> int:
        """Return how often the image tower looks: at each tile, and at the whole."""
        return self.tiles + 1


WHOLE = Grid(0, 0)


class Box(NamedTuple):
    """A rectangle: the first row and column in it, and the first after it."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Tiling(ABC):
    """What one projector was trained with."""

    side: int  # pixels along the edge of the square that the image tower was made for

    bilinear: ClassVar[bool] = False  # whether pictures are resized with the bilinear filter, not the bicubic one

    @property
    @abstractmethod
    def part_tokens(self) -> int:
        """Return how many tokens the image tower makes of a square part."""

    @property
    @abstractmethod
    def grids(self) -> tuple[Grid, ...]:
        """Return all grids that a picture may get, besides `WHOLE`."""

    @abstractmethod
    def grid_for(self, width: int, height: int, most_tiles: int | None = None) -> Grid:
        """Return the grid for a picture of `width` x `height` pixels.

        `most_tiles` bounds it; where no grid is that small, the picture is seen as a whole only.
        """

    @abstractmethod
    def tokens(self, width: int, height: int, grid: Grid) -> int:
        """Return how many tokens a picture takes in `grid`, those between its parts included."""

    @property
    @abstractmethod
    def most_tokens(self) -> int:
        """Return the tokens of the most expensive picture."""

    @property
    def most_parts(self) -> int:
        """Return how many parts a picture has at most."""
        return max(grid.parts for grid in self.grids)

    def whole(self, _width: int, _height: int) -> Size:
        """Return to what size the whole is resized: one square, whatever the proportions."""
        return self.side, self.side

    def canvas(self, _width: int, _height: int, grid: Grid) -> Size:
        """Return the size of what is divided evenly into tiles."""
        return grid.columns * self.side, grid.rows * self.side

    def placed(self, width: int, height: int, grid: Grid) -> Box:
        """Return where on the canvas the picture goes, resized to that box: nothing is left free."""
        across, down = self.canvas(width, height, grid)
        return Box(0, 0, down, across)


@dataclass(frozen=True)
class AnySize:
    """Pictures become squares of `edge` pixels, one token each; there are `fewest` to `most` of them.

    As `smart_resize` in `image_processing_qwen2_vl.py` of transformers.
    """

    edge: int
    fewest: int
    most: int
    choices: tuple[int, ...] = ()  # other values of `most` that one can choose, the least first

    def chosen(self, most: int | None) -> AnySize:
        """Return the sizes with the largest choice that is not over `most`, or the least; None: as in training."""
        if most is None or not self.choices:
            return self
        return replace(self, most=max((choice for choice in self.choices if choice <= most), default=self.choices[0]))

    @property
    def limit(self) -> int:
        """Return the tokens of the most expensive picture that one can choose."""
        return max((self.most, *self.choices))

    def size_of(self, width: int, height: int) -> Size:
        """Return the size to which a picture is stretched."""
        across, down = self._squares(width, height)
        return across * self.edge, down * self.edge

    def tokens(self, width: int, height: int) -> int:
        """Return how many tokens a picture takes, without those before and after it."""
        across, down = self._squares(width, height)
        return across * down

    def shares(self, tokens: int) -> float:
        """Return how much work it is to encode so many tokens, compared with a photo of usual size."""
        return tokens / self.tokens(*_USUAL)

    def _squares(self, width: int, height: int) -> Size:
        across, down = round(width / self.edge), round(height / self.edge)
        if across * down > self.most:
            scale = math.sqrt(width * height / (self.most * self.edge**2))
            across, down = (max(1, math.floor(length / scale / self.edge)) for length in (width, height))
        elif across * down < self.fewest:
            scale = math.sqrt(self.fewest * self.edge**2 / (width * height))
            across, down = (math.ceil(length * scale / self.edge) for length in (width, height))
        # What is a thousand times longer than wide is squeezed, since its shorter edge is one square at least.
        return min(across, max(1, self.most // down)), min(down, max(1, self.most // across))


class Filled(AnySize):
    """Gemma 4: a picture is scaled to as many tokens as fit into `most`, also if it is smaller.

    As `get_aspect_ratio_preserving_size` in `image_processing_gemma4.py` of transformers.
    """

    def shares(self, tokens: int) -> float:
        """See `AnySize`; attention takes more and more of the work where there are many tokens."""
        usual = self.tokens(*_USUAL)
        return tokens * (_HALF_ATTENTION + tokens) / (usual * (_HALF_ATTENTION + usual))

    def _squares(self, width: int, height: int) -> Size:
        scale = math.sqrt(self.most * self.edge**2 / (width * height))
        across, down = (math.floor(scale * length / self.edge) for length in (width, height))
        if down == 0:
            return min(width // height, self.most), 1
        if across == 0:
            return 1, min(height // width, self.most)
        return across, down


_LEAST_QUICK = 64  # rows: fewer would save little, and lose much
_THIRD, _TWO_NINTHS = (1, 3), (2, 9)


class QuickLook(NamedTuple):
    """Which part of the rows of a picture a quick look reads: of one in one piece, and of one with tiles."""

    share: tuple[int, int] = _THIRD
    with_tiles: tuple[int, int] = _THIRD

    def rows(self, of_rows: int, *, tiled: bool = False) -> int:
        """Return how many of the rows are read, all of them if there are few. `tiled`: the picture has tiles."""
        part, whole = self.with_tiles if tiled else self.share
        return min(of_rows, max(_LEAST_QUICK, -(-of_rows * part // whole)))


#: LLaVA-1.6's tiles show once more what the whole picture shows.
LLAVA_TILES = QuickLook(with_tiles=_TWO_NINTHS)
