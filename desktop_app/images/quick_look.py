"""How many rows of a picture a quick look reads: numbers only, so that its cost is known before a pixel is decoded."""

from __future__ import annotations

from typing import NamedTuple

LEAST = 64  # rows: fewer would save little, and lose much
_THIRD, _TWO_NINTHS = (1, 3), (2, 9)


class QuickLook(NamedTuple):
    """Which part of the rows is read: of a picture in one piece, and of one with tiles, which repeat much."""

    share: tuple[int, int] = _THIRD
    with_tiles: tuple[int, int] = _THIRD

    def rows(self, of_rows: int, *, tiled: bool = False) -> int:
        """Return how many of the rows of a picture are read, all of them if there are few. `tiled`: it has tiles."""
        part, whole = self.with_tiles if tiled else self.share
        return min(of_rows, max(LEAST, -(-of_rows * part // whole)))


#: LLaVA-1.6's tiles overlap with the whole picture, and were trained without compressing their rows.
LLAVA_TILES = QuickLook(with_tiles=_TWO_NINTHS)
