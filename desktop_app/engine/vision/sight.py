"""How a model sees pictures: which parts are looked at, and what cells they become.

LLaVA-1.5 sees one padded square. Others see several parts of a picture (`tiled_sight.py`), or let mtmd
divide it (`mtmd_sight.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.llama.kv_cache import Cell, PictureRow
from desktop_app.engine.messages import PictureRef, Turn
from desktop_app.engine.weights.projector_header import Projector
from desktop_app.images.tiling import Tiling


@dataclass(frozen=True)
class SeenPicture:
    """A picture as a prompt holds it."""

    picture: PictureRef
    key: str  # in the cells: the picture, and all that makes its rows others
    rows: int
    parts: tuple[str, ...]  # names of the embeddings of which the rows are made; "": of the whole picture


class Sight(Protocol):
    """How the pictures of one model are seen."""

    tiling: Tiling | None
    needs_size: bool  # of a picture, before it can be seen
    frames: bool  # whether the cells hold the special tokens around pictures

    def see(self, picture: PictureRef) -> SeenPicture:
        """Return how a picture is seen."""

    def cells(self, picture: PictureRef) -> Sequence[Cell]:
        """Return what a picture is in a prompt."""

    def pixels(self, seen: SeenPicture) -> list[bytes]:
        """Decode a picture into the pixels of its parts. Raises `UserError`; any thread may call it."""

    def encode(self, seen: SeenPicture, part: int, pixels: bytes) -> Embedding:
        """Return the embedding of a part."""

    def joined(self, seen: SeenPicture, parts: Sequence[Embedding]) -> Embedding:
        """Return the rows that the embeddings of the parts make."""


Encode = Callable[[bytes], Embedding]  # of a square


class SquareSight:
    """Sees a picture once, padded to a square: LLaVA-1.5."""

    tiling: Tiling | None = None
    needs_size = frames = False

    def __init__(self, projector: Projector | None, image_tokens: int, encode: Encode) -> None:
        self._projector = projector
        self._rows = image_tokens
        self._encode = encode

    def encode(self, _seen: SeenPicture, _part: int, pixels: bytes) -> Embedding:
        """See `Sight`."""
        return self._encode(pixels)

    def see(self, picture: PictureRef) -> SeenPicture:
        """See `Sight`."""
        return SeenPicture(picture, picture.sha256, self._rows, ("",))

    def cells(self, picture: PictureRef) -> list[Cell]:
        """See `Sight`."""
        return rows_of(self.see(picture))

    def pixels(self, seen: SeenPicture) -> list[bytes]:
        """See `Sight`."""
        # Pillow is imported when the first picture comes, not when the engine starts.
        from desktop_app.images.preprocess import fit_square
        from desktop_app.images.reading import open_picture

        if self._projector is None:
            raise RuntimeError("no projector is loaded")
        image = open_picture(seen.picture.path, seen.picture.name)
        return [fit_square(image, self._projector.side, self._projector.fill).tobytes()]

    def joined(self, _seen: SeenPicture, parts: Sequence[Embedding]) -> Embedding:
        """See `Sight`."""
        return parts[0]


def ways_of(turns: Sequence[Turn], tiling: Tiling | None) -> Iterator[list[Turn]]:
    """Yield the turns with their pictures as they are wished, then in fewer and fewer tiles."""
    yield list(turns)
    if tiling is None or not any(turn.pictures for turn in turns):
        return
    for most in sorted({0, *(grid.tiles for grid in tiling.grids)}, reverse=True)[1:]:
        yield [turn._replace(pictures=tuple(_at_most(picture, most) for picture in turn.pictures)) for turn in turns]


def _at_most(picture: PictureRef, tiles: int) -> PictureRef:
    most = tiles if picture.most_tiles is None else min(tiles, picture.most_tiles)
    return picture._replace(most_tiles=most)


def rows_of(seen: SeenPicture) -> list[Cell]:
    """Return the cells of a picture that are all rows of its embedding."""
    return [PictureRow(seen.key, row) for row in range(seen.rows)]
