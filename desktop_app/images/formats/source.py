"""Makes a file ready for Pillow: what of it is given to the decoder, and what is known beforehand of its picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from desktop_app.images.colour_coding import ColourCoding
from desktop_app.images.formats import iso_boxes, jpeg, png, tiff, webp
from desktop_app.images.formats.spliced import Deadline, Piece, Span, TooSlowError, size_of
from desktop_app.images.formats.zeros import is_there

#: Bytes for each pixel while a picture is decoded, by the format; measured. What is kept of it comes on top.
_BYTES = {"HEIF": 10, "AVIF": 12, "WEBP": 16, "TIFF": 8}
_PROGRESSIVE_BYTES, _USUAL_BYTES = 7, 4

Note = tuple[str, dict[str, int]]  # the code of a sentence, and its numbers


class DamagedError(Exception):
    """Too much of a picture is missing."""


class EndsEarlyError(DamagedError):
    """The file lacks its end, and its format shows nothing without it."""


@dataclass
class Source:
    """What Pillow is given."""

    kind: str
    pieces: list[Piece] | None = None  # None: the file as it is
    padded: list[Piece] | None = None  # of a JPEG: other bytes in place of what is missing
    ends: bool = True  # whether the end of that JPEG is there, which does not say that all before it is
    coarse: bool = False  # what is there of such a JPEG covers the whole picture
    precise: bool = True  # and no scan of it is missing altogether
    planes: list[list[Piece]] = field(default_factory=list)  # of a TIFF, to be read one by one
    plane_mode: str = ""
    page: int = 0
    coding: ColourCoding | None = None
    profile: bytes | None = None
    orientation: int = 1  # where the picture does not say it itself
    shown: iso_boxes.IsoFile | None = None  # says which part of the picture is meant to be shown
    frames: int = 1
    bytes_each: int = _USUAL_BYTES  # of memory, for each pixel
    notes: list[Note] = field(default_factory=list)


def prepared(file: BinaryIO, kind: str, deadline: Deadline) -> Source:
    """Return what to decode of a file. Raises `DamagedError` and `TooSlowError`."""
    source = Source(kind, bytes_each=_BYTES.get(kind, _USUAL_BYTES))
    if source.kind == "PNG":
        drawing = png.take_apart(file, deadline)
        source.pieces, source.coding, source.profile = drawing.pieces, drawing.coding, drawing.profile
        source.frames = drawing.frames
    elif source.kind == "JPEG":
        _prepare_jpeg(source, jpeg.take_apart(file, deadline))
    elif source.kind == "WEBP":
        film = webp.take_apart(file, deadline)
        _demand(file, film.pixels)
        source.pieces = film.pieces
    elif source.kind in ("HEIF", "AVIF"):
        boxes = iso_boxes.take_apart(file)
        _demand(file, boxes.pixels)
        source.coding = boxes.coding
        source.shown = boxes if source.kind == "AVIF" else None  # libheif crops by itself
    elif source.kind == "TIFF":
        _prepare_tiff(source, file, tiff.take_apart(file, deadline))
    else:
        source.pieces = [Span(0, size_of(file))]
    return source


def _prepare_jpeg(source: Source, photograph: jpeg.JpegFile) -> None:
    if photograph.too_much_work:
        raise TooSlowError
    source.kind, source.pieces = "JPEG", photograph.pieces()
    if photograph.progressive:
        source.bytes_each = _PROGRESSIVE_BYTES
    if photograph.scans:
        source.padded, source.ends = photograph.pieces(padded=True), photograph.complete
    if not photograph.complete:
        if not photograph.scans or (photograph.progressive and not photograph.coarse):
            raise DamagedError
        source.coarse, source.precise = photograph.coarse, photograph.precise


def _prepare_tiff(source: Source, file: BinaryIO, scan: tiff.TiffFile) -> None:
    page = scan.page
    source.page = scan.number
    if scan.pages > 1:
        source.notes.append(("picture-page", {"page": 1, "pages": scan.pages}))
    if page is not None and page.jpeg is not None:
        source.page, source.orientation = 0, scan.orientation
        _prepare_jpeg(source, page.jpeg)
    elif page is not None and page.separate_planes:
        source.plane_mode = page.planes_mode
        source.planes = [scan.plane(file, number) for number in range(len(source.plane_mode))]
        source.pieces, source.page = source.planes[0], 0


def _demand(file: BinaryIO, pixels: list[Span]) -> None:
    # Pillow and libheif decode such pictures whole or not at all.
    if not is_there(file, pixels):
        raise EndsEarlyError
