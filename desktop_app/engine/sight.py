"""How a model sees pictures: which parts are looked at, and what cells they become.

LLaVA-1.5 sees one padded square. LLaVA-1.6 sees the whole and tiles of it, whose embeddings are
put together here, as `modeling_llava_next.py` of transformers does: the whole, then the tiles line
by line across the grid, without the borders, and after each line one learnt token.

The parts are kept on their own, each named: so a picture that was looked at in passing needs only
its tiles when it is looked at again, and work that was interrupted goes on with the next part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from desktop_app.engine.context import Cell, PictureRow
from desktop_app.engine.embeddings import Embedding
from desktop_app.engine.messages import PictureRef, Turn
from desktop_app.engine.model_files import Projector
from desktop_app.engine.tiled import newline_of, tiling_of
from desktop_app.images.tiling import WHOLE, Grid, Tiling

_STORED = {"F32": "<f4", "F16": "<f2"}


@dataclass(frozen=True)
class Seen:
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

    def see(self, picture: PictureRef) -> Seen:
        """Return how a picture is seen."""

    def cells(self, picture: PictureRef) -> Sequence[Cell]:
        """Return what a picture is in a prompt."""

    def squares(self, seen: Seen) -> list[bytes]:
        """Decode a picture into the pixels of its parts. Raises `UserError`; any thread may call it."""

    def encode(self, seen: Seen, part: int, pixels: bytes) -> Embedding:
        """Return the embedding of a part."""

    def joined(self, seen: Seen, parts: Sequence[Embedding]) -> Embedding:
        """Return the rows that the embeddings of the parts make."""


Encode = Callable[[bytes], Embedding]  # a square


class OneSquare:
    """Sees a picture once, padded to a square: LLaVA-1.5."""

    tiling: Tiling | None = None
    needs_size = frames = False

    def __init__(self, projector: Projector | None, image_tokens: int, encode: Encode) -> None:
        self._projector = projector
        self._rows = image_tokens
        self._encode = encode

    def encode(self, _seen: Seen, _part: int, pixels: bytes) -> Embedding:
        """See `Sight`."""
        return self._encode(pixels)

    def see(self, picture: PictureRef) -> Seen:
        """See `Sight`."""
        return Seen(picture, picture.sha256, self._rows, ("",))

    def cells(self, picture: PictureRef) -> list[Cell]:
        """See `Sight`."""
        return _rows_of(self.see(picture))

    def squares(self, seen: Seen) -> list[bytes]:
        """See `Sight`."""
        # Pillow is imported when the first picture comes, not when the engine starts.
        from desktop_app.images.preprocess import fit_square
        from desktop_app.images.reading import open_picture

        if self._projector is None:
            raise RuntimeError("no projector is loaded")
        image = open_picture(seen.picture.path, seen.picture.name)
        return [fit_square(image, self._projector.side, self._projector.fill).tobytes()]

    def joined(self, _seen: Seen, parts: Sequence[Embedding]) -> Embedding:
        """See `Sight`."""
        return parts[0]


class InTiles:
    """Sees a picture as a whole and in tiles: LLaVA-1.6."""

    needs_size = True
    frames = False

    def __init__(self, tiling: Tiling, newline: Embedding, encode: Encode) -> None:
        """`newline`: the token after each line, as one row."""
        self._encode = encode
        self.tiling: Tiling | None = tiling
        self._tiling = tiling
        self._newline = newline

    def see(self, picture: PictureRef) -> Seen:
        """See `Sight`."""
        grid = self._grid(picture)
        tiles = (f"{grid.rows}x{grid.columns}-{tile}" for tile in range(grid.tiles))
        rows = self._tiling.tokens(picture.width, picture.height, grid)
        return Seen(picture, f"{picture.sha256}/{grid.rows}x{grid.columns}", rows, ("whole", *tiles))

    def cells(self, picture: PictureRef) -> list[Cell]:
        """See `Sight`."""
        return _rows_of(self.see(picture))

    def squares(self, seen: Seen) -> list[bytes]:
        """See `Sight`."""
        from desktop_app.images.reading import open_picture
        from desktop_app.images.tiles import squares

        image = open_picture(seen.picture.path, seen.picture.name)
        return [square.tobytes() for square in squares(image, self._tiling, self._grid(seen.picture))]

    def encode(self, _seen: Seen, _part: int, pixels: bytes) -> Embedding:
        """See `Sight`."""
        return self._encode(pixels)

    def joined(self, seen: Seen, parts: Sequence[Embedding]) -> Embedding:
        """See `Sight`."""
        whole, *tiles = parts
        grid = self._grid(seen.picture)
        if grid == WHOLE:
            return np.concatenate([whole, self._newline])
        edge, width = self._tiling.patches, whole.shape[1]
        kept = self._tiling.kept(seen.picture.width, seen.picture.height, grid)
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

    def _grid(self, picture: PictureRef) -> Grid:
        return self._tiling.grid_for(picture.width, picture.height, picture.most_tiles)


def sight_of(projector: Projector | None, image_tokens: int, encode: Encode) -> Sight:
    """Return how the pictures of a LLaVA are seen; `image_tokens` is what one square becomes."""
    tiling = tiling_of(projector.header) if projector is not None else None
    info = newline_of(projector.header) if projector is not None else None
    if projector is None or tiling is None or info is None:
        return OneSquare(projector, image_tokens, encode)
    with projector.chosen.open("rb") as file:
        file.seek(info.offset)
        newline = np.frombuffer(file.read(info.size), _STORED[info.kind]).astype(np.float32)
    return InTiles(tiling, newline.reshape(1, -1), encode)


def ways_of(turns: Sequence[Turn], tiling: Tiling | None) -> Iterator[list[Turn]]:
    """Yield the turns with their pictures as they are wished, then in fewer and fewer tiles."""
    yield list(turns)
    if tiling is None or not any(turn.pictures for turn in turns):
        return
    for most in sorted({0, *(grid.tiles for grid in tiling.grids)}, reverse=True)[1:]:
        yield [replace(turn, pictures=tuple(_at_most(picture, most) for picture in turn.pictures)) for turn in turns]


def _at_most(picture: PictureRef, tiles: int) -> PictureRef:
    most = tiles if picture.most_tiles is None else min(tiles, picture.most_tiles)
    return replace(picture, most_tiles=most)


def _rows_of(seen: Seen) -> list[Cell]:
    return [PictureRow(seen.key, row) for row in range(seen.rows)]
