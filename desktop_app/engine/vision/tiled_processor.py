"""Encodes a picture as a whole and in tiles, which `images/tiling.py` defines.

The embedding of each part is cached under its own name. So a picture that was encoded only as a whole later needs only
its tiles, and interrupted work continues with the next part. How the embeddings are joined differs between families.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.llama.kv_cache import Cell
from desktop_app.engine.messages import PictureRef
from desktop_app.engine.vision.picture_processor import Encode, PictureLayout, rows_of
from desktop_app.images.llava_tiling import LlavaTiling
from desktop_app.images.tiling import WHOLE, AnySize, Grid, QuickLook, Tiling


class TiledProcessor(ABC):
    """See `PictureProcessor`."""

    any_size: AnySize | None = None
    needs_size = True
    includes_special_tokens = False
    quick: QuickLook | None = None

    def __init__(self, tiling: Tiling, encode: Encode) -> None:
        self.tiling: Tiling | None = tiling
        self._division = tiling
        self._encode = encode

    def layout(self, picture: PictureRef) -> PictureLayout:
        """See `PictureProcessor`."""
        grid = self._grid(picture)
        tiles = (f"{grid.rows}x{grid.columns}-{tile}" for tile in range(grid.tiles))
        key = f"{picture.sha256}/{grid.rows}x{grid.columns}"
        return PictureLayout(picture, key, self._rows(picture, grid), ("whole", *tiles))

    def cells(self, picture: PictureRef) -> list[Cell]:
        """See `PictureProcessor`."""
        return rows_of(self.layout(picture))

    def pixels(self, seen: PictureLayout) -> list[bytes]:
        """See `PictureProcessor`."""
        # Pillow is imported when the first picture comes, not when the engine starts.
        from desktop_app.images.reading import open_picture
        from desktop_app.images.tiles import parts

        picture = seen.picture
        image, size = open_picture(picture.path, picture.name), (picture.width, picture.height)
        return [part.tobytes() for part in parts(image, size, self._division, self._grid(picture))]

    def encode(self, _seen: PictureLayout, _part: int, pixels: bytes) -> Embedding:
        """See `PictureProcessor`."""
        return self._encode(pixels)

    @abstractmethod
    def join(self, seen: PictureLayout, parts: Sequence[Embedding]) -> Embedding:
        """See `PictureProcessor`."""

    def _rows(self, picture: PictureRef, grid: Grid) -> int:
        return self._division.tokens(picture.width, picture.height, grid)

    def _grid(self, picture: PictureRef) -> Grid:
        return self._division.grid_for(picture.width, picture.height, picture.most_tiles)


class LlavaTiledProcessor(TiledProcessor):
    """LLaVA-1.6: the whole picture, then the lines of all tiles across the grid, without the padding.

    After each line comes one learnt embedding, as in `modeling_llava_next.py` of transformers.
    """

    def __init__(self, tiling: LlavaTiling, newline: Embedding, encode: Encode) -> None:
        """`newline`: the embedding after each line, as one row."""
        super().__init__(tiling, encode)
        self._anyres = tiling
        self._newline = newline

    def join(self, seen: PictureLayout, parts: Sequence[Embedding]) -> Embedding:
        """See `PictureProcessor`."""
        whole, *tiles = parts
        grid = self._grid(seen.picture)
        if grid == WHOLE:
            return np.concatenate([whole, self._newline])
        edge, width = self._anyres.patches, whole.shape[1]
        kept = self._anyres.kept(seen.picture.width, seen.picture.height, grid)
        rows = np.empty((seen.rows, width), np.float32)  # filled in one go: it may be 50 MB
        rows[: len(whole)] = whole
        lines = rows[len(whole) :].reshape(kept.bottom - kept.top, kept.right - kept.left + 1, width)
        lines[:, -1] = self._newline
        for number, tile in enumerate(tiles):
            top, left = (edge * place for place in divmod(number, grid.columns))
            first, last = max(kept.top, top), min(kept.bottom, top + edge)
            begin, end = max(kept.left, left), min(kept.right, left + edge)
            if first < last and begin < end:
                field = tile.reshape(edge, edge, width)[first - top : last - top, begin - left : end - left]
                lines[first - kept.top : last - kept.top, begin - kept.left : end - kept.left] = field
        return rows


class InternVLProcessor(TiledProcessor):
    """InternVL3: the tiles one after another, then the whole picture."""

    def join(self, _seen: PictureLayout, parts: Sequence[Embedding]) -> Embedding:
        """See `PictureProcessor`."""
        whole, *tiles = parts
        return np.concatenate([*tiles, whole])
