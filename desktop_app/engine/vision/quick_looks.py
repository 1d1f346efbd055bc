"""Adds quick looks to a `PictureProcessor`: a part of a picture's rows, which keep the places they have in the whole.

The parts that are encoded are those of the whole picture, so the whole look later encodes nothing. Possible is that
where the rows of a picture follow one another: between special tokens each would need a place of its own, and rows that
attend to one another (non-causal attention) or to a window of cells only need them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.llama.kv_cache import Block, Cell, PictureRow
from desktop_app.engine.messages import Look, PictureRef
from desktop_app.engine.vision.picture_processor import PictureLayout, PictureProcessor
from desktop_app.images.tiling import QuickLook


class QuickLooks:
    """A `PictureProcessor` that looks at pictures as their `look` says."""

    def __init__(self, whole: PictureProcessor, quick: QuickLook) -> None:
        """`whole`: how the model sees whole pictures. Their rows must follow one another: see `is_possible`."""
        self.whole = whole
        self._quick = quick
        self.quick: QuickLook | None = quick
        self.tiling, self.any_size = whole.tiling, whole.any_size
        self.needs_size, self.includes_special_tokens = whole.needs_size, whole.includes_special_tokens

    def layout(self, picture: PictureRef) -> PictureLayout:
        """See `PictureProcessor`."""
        seen = self.whole.layout(picture)
        rows = self._quick.rows(seen.rows, tiled=len(seen.parts) > 1)
        if picture.look is Look.WHOLE or rows == seen.rows:
            return seen
        return replace(seen, key=f"{seen.key}/{picture.look.value} {rows}", rows=rows, of_rows=seen.rows)

    def cells(self, picture: PictureRef) -> Sequence[Cell]:
        """See `PictureProcessor`."""
        seen, cells = self.layout(picture), self.whole.cells(picture)
        if not seen.of_rows:
            return cells
        first = next(index for index, cell in enumerate(cells) if isinstance(cell, PictureRow))
        row = cells[first]
        axes = row.block.axes if isinstance(row, PictureRow) and row.block is not None else ()
        spread = bool(axes) or picture.look is Look.QUICK
        block = Block(0, seen.rows, axes, of_rows=seen.of_rows) if spread else None
        rows = (PictureRow(seen.key, number, block) for number in range(seen.rows))
        return [*cells[:first], *rows, *cells[first + seen.of_rows :]]

    def pixels(self, seen: PictureLayout) -> list[bytes]:
        """See `PictureProcessor`."""
        return self.whole.pixels(seen)

    def encode(self, seen: PictureLayout, part: int, pixels: bytes) -> Embedding:
        """See `PictureProcessor`."""
        return self.whole.encode(seen, part, pixels)

    def join(self, seen: PictureLayout, parts: Sequence[Embedding]) -> Embedding:
        """See `PictureProcessor`; of a quick look, too, all rows are returned."""
        return self.whole.join(replace(seen, rows=seen.of_rows or seen.rows), parts)


def is_possible(cells: Sequence[Cell], *, can_move: bool) -> bool:
    """Return whether a part of the rows among these cells, of a picture, can be read at their own places.

    `can_move`: whether rows at consecutive positions can be moved afterwards.
    """
    rows = [index for index, cell in enumerate(cells) if isinstance(cell, PictureRow)]
    blocks = {cell.block for cell in cells if isinstance(cell, PictureRow)}
    together = bool(rows) and rows == list(range(rows[0], rows[-1] + 1)) and len(blocks) == 1
    return together and all(can_move if block is None else block.causal and bool(block.axes) for block in blocks)


def whole_of(processor: PictureProcessor) -> PictureProcessor:
    """Return how the model sees whole pictures."""
    return processor.whole if isinstance(processor, QuickLooks) else processor
