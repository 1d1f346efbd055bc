"""LFM2-VL: encodes tiles and the whole of a picture one by one, with a token before each that says which it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from desktop_app.chat.families.known import LFM2_VL
from desktop_app.chat.prompt import Special
from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.llama.kv_cache import Cell, PictureRow
from desktop_app.engine.llama.vocabulary import Vocabulary
from desktop_app.engine.messages import PictureRef
from desktop_app.engine.vision.picture_processor import PictureLayout
from desktop_app.engine.vision.tiled_processor import TiledProcessor
from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.tiling import WHOLE, Grid

_TILE, _WHOLE = "<|img_row_{}_col_{}|>", "<|img_thumbnail|>"


class PieceEncoder(Protocol):
    """The part of a model that encodes pictures: see `Model`."""

    def encode(self, rgb: bytes) -> Embedding:
        """Encode a square."""

    def encode_piece(self, rgb: bytes, width: int, height: int) -> Embedding:
        """Encode a picture whose width and height are as in training."""


class Lfm2Processor(TiledProcessor):
    """See `PictureProcessor`. The rows are those of the tiles line by line, then those of the whole."""

    includes_special_tokens = True

    def __init__(self, tiling: Lfm2Tiling, encoder: PieceEncoder, vocabulary: Vocabulary) -> None:
        super().__init__(tiling, encoder.encode)
        self._encoder = encoder
        self._vocabulary = vocabulary

    def cells(self, picture: PictureRef) -> list[Cell]:
        """See `PictureProcessor`."""
        seen, grid = self.layout(picture), self._grid(picture)
        begin, end = (self._token(item.name) for item in LFM2_VL.picture if isinstance(item, Special))
        cells = begin
        size = self._division.part_tokens
        for number in range(grid.tiles):
            row, column = divmod(number, grid.columns)
            cells += self._token(_TILE.format(row + 1, column + 1))
            cells += [PictureRow(seen.key, number * size + place) for place in range(size)]
        if grid != WHOLE:
            cells += self._token(_WHOLE)
        cells += [PictureRow(seen.key, place) for place in range(grid.tiles * size, seen.rows)]
        return cells + end

    def encode(self, seen: PictureLayout, part: int, pixels: bytes) -> Embedding:
        """See `PictureProcessor`."""
        picture = seen.picture
        side = self._division.side
        size = (side, side) if part else self._division.whole(picture.width, picture.height)
        return self._encoder.encode_piece(pixels, *size)

    def join(self, _seen: PictureLayout, parts: Sequence[Embedding]) -> Embedding:
        """See `PictureProcessor`."""
        whole, *tiles = parts
        return np.concatenate([*tiles, whole])

    def _rows(self, picture: PictureRef, grid: Grid) -> int:
        between = 0 if grid == WHOLE else grid.parts
        return super()._rows(picture, grid) - between

    def _token(self, name: str) -> list[Cell]:
        token = self._vocabulary.special(name)
        return [] if token is None else [token]
