"""MiniCPM-V: encodes an overview and slices of a picture, with special tokens around each, in a grid of lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from desktop_app.chat.families.known import MINICPM_V
from desktop_app.chat.prompt import Pattern, Slot, Special
from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.llama.kv_cache import Cell, PictureRow
from desktop_app.engine.llama.vocabulary import Vocabulary
from desktop_app.engine.messages import PictureRef
from desktop_app.engine.vision.picture_processor import PictureLayout
from desktop_app.engine.vision.tiled_processor import TiledProcessor
from desktop_app.images.minicpm_tiling import MiniCPMTiling
from desktop_app.images.tiling import Grid


class SliceEncoder(Protocol):
    """The part of a model that encodes pictures: see `Model`."""

    def encode(self, rgb: bytes) -> Embedding:
        """Encode a square."""

    def encode_sized(self, rgb: bytes, width: int, height: int) -> Embedding:
        """Encode a picture whose width and height are whole patches."""


class MiniCPMProcessor(TiledProcessor):
    """See `PictureProcessor`."""

    includes_special_tokens = True

    def __init__(self, slices: MiniCPMTiling, encoder: SliceEncoder, vocabulary: Vocabulary) -> None:
        super().__init__(slices, encoder.encode)
        self._slices = slices
        self._encoder = encoder
        self._vocabulary = vocabulary
        self._overview, self._slice = self._frame(MINICPM_V.picture), self._frame(MINICPM_V.tile)
        self._line: list[Cell] = [*vocabulary.tokenize("\n")]

    def cells(self, picture: PictureRef) -> list[Cell]:
        """See `PictureProcessor`."""
        seen, grid = self.layout(picture), self._grid(picture)
        whole, each = self._sizes(picture, grid)

        def part(number: int) -> list[Cell]:
            before, after = self._slice if number else self._overview
            rows = range(whole + (number - 1) * each, whole + number * each) if number else range(whole)
            return [*before, *(PictureRow(seen.key, row) for row in rows), *after]

        cells = part(0)
        for number in range(grid.tiles):
            if number and number % grid.columns == 0:
                cells += self._line
            cells += part(number + 1)
        return cells

    def encode(self, seen: PictureLayout, part: int, pixels: bytes) -> Embedding:
        """See `PictureProcessor`."""
        size, grid = (seen.picture.width, seen.picture.height), self._grid(seen.picture)
        if part == 0:
            return self._encoder.encode_sized(pixels, *self._division.whole(*size))
        return self._encoder.encode_sized(pixels, *self._slices.slice(*size, grid))

    def join(self, _seen: PictureLayout, parts: Sequence[Embedding]) -> Embedding:
        """See `PictureProcessor`."""
        return np.concatenate(list(parts))

    def _rows(self, picture: PictureRef, grid: Grid) -> int:
        whole, each = self._sizes(picture, grid)
        return whole + grid.tiles * each

    def _sizes(self, picture: PictureRef, grid: Grid) -> tuple[int, int]:
        """Return how many rows the overview has, and each slice."""
        size, slices = (picture.width, picture.height), self._slices
        return slices.tokens_of(slices.whole(*size)), slices.tokens_of(slices.slice(*size, grid))

    def _frame(self, pattern: Pattern) -> tuple[list[Cell], list[Cell]]:
        """Return the special tokens right before and after a picture in `pattern`."""
        place = pattern.index(Slot.PICTURE)
        before, after = map(self._specials, (pattern[:place], pattern[place:]))
        return before, after

    def _specials(self, pattern: Pattern) -> list[Cell]:
        found = (self._vocabulary.special(item.name) for item in pattern if isinstance(item, Special))
        return [token for token in found if token is not None]
