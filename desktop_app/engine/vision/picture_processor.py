"""Defines how a model sees pictures: the parts that are encoded, and the prompt cells that they become.

LLaVA-1.5 encodes a picture as one padded square. Other models encode several parts of it (`tiled_processor.py`,
`minicpm_processor.py`), or let mtmd divide it (`mtmd_processor.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.llama.kv_cache import Cell, PictureRow
from desktop_app.engine.messages import Look, PictureRef, Turn
from desktop_app.engine.weights.projector_header import Projector
from desktop_app.images.tiling import AnySize, QuickLook, Tiling


@dataclass(frozen=True)
class PictureLayout:
    """How one picture is divided into parts, and how many rows it has in a prompt."""

    picture: PictureRef
    key: str  # of the picture in the cells; different if its rows are different
    rows: int
    parts: tuple[str, ...]  # names of the parts that are encoded; "": the whole picture as one square
    of_rows: int = 0  # that the picture has, where only some are read (a quick look); 0: all are


class PictureProcessor(Protocol):
    """How one model sees pictures."""

    tiling: Tiling | None
    any_size: AnySize | None  # the sizes of pictures in one piece, where they cost as much as they are large
    needs_size: bool  # whether `layout` needs the width and height of a picture
    includes_special_tokens: bool  # whether `cells` includes the special tokens around pictures
    quick: QuickLook | None  # how many rows a quick look reads, where that is possible

    def layout(self, picture: PictureRef) -> PictureLayout:
        """Return the parts and the number of rows of a picture."""

    def cells(self, picture: PictureRef) -> Sequence[Cell]:
        """Return the cells of a picture in a prompt."""

    def pixels(self, seen: PictureLayout) -> list[bytes]:
        """Decode a picture and return the pixels of its parts. Raises `UserError`; may be called on any thread."""

    def encode(self, seen: PictureLayout, part: int, pixels: bytes) -> Embedding:
        """Encode the part with number `part`, and return its embedding."""

    def join(self, seen: PictureLayout, parts: Sequence[Embedding]) -> Embedding:
        """Join the embeddings of the parts to the rows of the picture."""


Encode = Callable[[bytes], Embedding]  # the pixels of a square -> its embedding


class SquareProcessor:
    """LLaVA-1.5: encodes a picture once, padded to a square."""

    tiling: Tiling | None = None
    any_size: AnySize | None = None
    needs_size = includes_special_tokens = False
    quick: QuickLook | None = None

    def __init__(self, projector: Projector | None, image_tokens: int, encode: Encode) -> None:
        self._projector = projector
        self._rows = image_tokens
        self._encode = encode

    def encode(self, _seen: PictureLayout, _part: int, pixels: bytes) -> Embedding:
        """See `PictureProcessor`."""
        return self._encode(pixels)

    def layout(self, picture: PictureRef) -> PictureLayout:
        """See `PictureProcessor`."""
        return PictureLayout(picture, picture.sha256, self._rows, ("",))

    def cells(self, picture: PictureRef) -> list[Cell]:
        """See `PictureProcessor`."""
        return rows_of(self.layout(picture))

    def pixels(self, seen: PictureLayout) -> list[bytes]:
        """See `PictureProcessor`."""
        # Pillow is imported when the first picture comes, not when the engine starts.
        from desktop_app.images.preprocess import fit_square
        from desktop_app.images.reading import open_picture

        if self._projector is None:
            raise RuntimeError("no projector is loaded")
        image = open_picture(seen.picture.path, seen.picture.name)
        return [fit_square(image, self._projector.side, self._projector.fill).tobytes()]

    def join(self, _seen: PictureLayout, parts: Sequence[Embedding]) -> Embedding:
        """See `PictureProcessor`."""
        return parts[0]


def with_less_detail(turns: Sequence[Turn], processor: PictureProcessor) -> Iterator[list[Turn]]:
    """Yield the turns as requested, then with smaller and smaller limits on the tiles or tokens of each picture.

    Last comes a quick look at the least that is left of it.
    """
    yield list(turns)
    if not any(turn.pictures for turn in turns):
        return
    for reduced in _reductions(processor):
        yield [turn._replace(pictures=tuple(map(reduced, turn.pictures))) for turn in turns]


def _reductions(processor: PictureProcessor) -> Iterator[Callable[[PictureRef], PictureRef]]:
    if processor.tiling is not None:
        for most in sorted({0, *(grid.tiles for grid in processor.tiling.grids)}, reverse=True)[1:]:
            yield partial(_with_tiles, most)
    if processor.any_size is not None:
        for most in reversed(processor.any_size.choices[:-1]):
            yield partial(_with_tokens, processor.any_size, most)
    if processor.quick is not None:
        yield partial(_quick, processor)


def _quick(processor: PictureProcessor, picture: PictureRef) -> PictureRef:
    """Return a picture at the least that there is of it, which it is enough to look at quickly."""
    if processor.tiling is not None:
        picture = _with_tiles(0, picture)
    if processor.any_size is not None and processor.any_size.choices:
        picture = _with_tokens(processor.any_size, processor.any_size.choices[0], picture)
    return picture if picture.look is Look.CLOSED_UP else picture._replace(look=Look.QUICK)


def _with_tiles(most: int, picture: PictureRef) -> PictureRef:
    return picture._replace(most_tiles=most if picture.most_tiles is None else min(most, picture.most_tiles))


def _with_tokens(sizes: AnySize, most: int, picture: PictureRef) -> PictureRef:
    return picture._replace(most_tokens=min(most, chosen_size(sizes, picture).most))


def chosen_size(sizes: AnySize, picture: PictureRef) -> AnySize:
    """Return the sizes that were chosen for a picture; one that is only to be glanced at takes the fewest tokens."""
    return sizes.chosen(0 if picture.most_tiles == 0 else picture.most_tokens)


def rows_of(seen: PictureLayout) -> list[Cell]:
    """Return the cells of a picture that consists only of rows of its embedding."""
    return [PictureRow(seen.key, row) for row in range(seen.rows)]
