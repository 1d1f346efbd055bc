"""Qwen's models, Gemma 3 and 4, and SmolVLM: pictures are resized as in training, and then divided by mtmd."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.llama.kv_cache import Cell, PictureRow
from desktop_app.engine.llama.mtmd import LoadedProjector, Piece
from desktop_app.engine.messages import PictureRef
from desktop_app.engine.vision.picture_processor import PictureLayout, chosen_size
from desktop_app.engine.weights.projector_header import Projector
from desktop_app.images.tiling import AnySize, QuickLook, Tiling

if TYPE_CHECKING:
    from desktop_app.images.resizing import Resizing


class MtmdProcessor:
    """Encodes a picture as one block of any shape, or as several blocks with tokens between them."""

    tiling: Tiling | None = None
    needs_size = includes_special_tokens = True
    quick: QuickLook | None = None

    def __init__(self, loaded: LoadedProjector, projector: Projector) -> None:
        self.any_size = loaded.any_size
        self._projector = loaded
        self._kind = projector
        self._pieces = lru_cache(256)(self._ask_pieces)
        self._resizings: dict[AnySize | None, Resizing] = {}

    def layout(self, picture: PictureRef) -> PictureLayout:
        """See `PictureProcessor`."""
        blocks = [piece for piece in self._pieces(*self._size(picture)) if not isinstance(piece, tuple)]
        names = tuple(f"mtmd-{index}{self._detail(picture)}" for index in range(len(blocks)))
        return PictureLayout(picture, self._key(picture), sum(block.rows for block in blocks), names)

    def cells(self, picture: PictureRef) -> list[Cell]:
        """See `PictureProcessor`."""
        cells: list[Cell] = []
        for piece in self._pieces(*self._size(picture)):
            if isinstance(piece, tuple):
                cells += piece
            else:
                block = piece if piece.axes or not piece.causal else None
                rows = range(piece.first, piece.first + piece.rows)
                cells += [PictureRow(self._key(picture), row, block) for row in rows]
        return cells

    def pixels(self, seen: PictureLayout) -> list[bytes]:
        """Return the whole picture, once for each part."""
        from desktop_app.images.reading import open_picture

        picture = seen.picture
        image = open_picture(picture.path, picture.name)
        return [self._resizing(picture).resized(image, picture.width, picture.height).tobytes()] * len(seen.parts)

    def encode(self, seen: PictureLayout, part: int, pixels: bytes) -> Embedding:
        """See `PictureProcessor`."""
        return self._projector.encode_part(pixels, *self._size(seen.picture), part)

    def join(self, _seen: PictureLayout, parts: Sequence[Embedding]) -> Embedding:
        """See `PictureProcessor`."""
        return np.concatenate(list(parts))

    def _ask_pieces(self, width: int, height: int) -> list[Piece]:
        return self._projector.pieces(width, height)

    def _size(self, picture: PictureRef) -> tuple[int, int]:
        return self._resizing(picture).size_of(picture.width, picture.height)

    def _resizing(self, picture: PictureRef) -> Resizing:
        sizes = chosen_size(self.any_size, picture) if self.any_size is not None else None
        if sizes not in self._resizings:
            # Pillow is imported when the first picture comes, not when the engine starts.
            from desktop_app.engine.vision.resizing_for import resizing_for

            self._resizings[sizes] = resizing_for(self._kind, sizes)
        return self._resizings[sizes]

    def _key(self, picture: PictureRef) -> str:
        return picture.sha256 + self._detail(picture)

    def _detail(self, picture: PictureRef) -> str:
        """Return what tells apart the rows of a picture that is seen more or less closely."""
        if self.any_size is None or not self.any_size.choices:
            return ""
        return f"/{chosen_size(self.any_size, picture).most}"
