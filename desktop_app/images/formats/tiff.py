"""Finds which picture of a TIFF is meant: scans have pages, raw files of cameras begin with a thumbnail.

In NEF, DNG, ARW and CR2 the pixels of the sensor need a raw converter, but the camera's own JPEG of
them lies in the same file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from desktop_app.images.formats import jpeg
from desktop_app.images.formats.spliced import Deadline, Piece, Span, size_of

_MOST_PAGES, _MOST_TAGS, _MOST_VALUES = 1000, 4096, 1 << 20
_SIZES = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}  # types of whole numbers, and their bytes
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _PLANAR, _EXTRA = 273, 277, 278, 279, 284, 338
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_SUB_IFDS, _JPEG_START, _JPEG_LENGTH = 330, 513, 514
_ORIENTATION = 274
_SHAPE = (_WIDTH, _HEIGHT, _ROWS, _ORIENTATION, _TILE_WIDTH, _TILE_HEIGHT)
_REDUCED, _ANY_JPEG, _SENSOR = 1, (6, 7), (32803, 34892)
_SMALL = 256  # pixels: no thumbnail that does not say so is wider
_ALIKE = 0.1  # how much their proportions may differ


@dataclass
class Page:
    """One picture of a TIFF, as its tags describe it."""

    tags: dict[int, tuple[int, ...]]
    jpeg: jpeg.JpegFile | None = None  # of which it consists

    def first(self, tag: int, otherwise: int = 0) -> int:
        """Return a number, or `otherwise`."""
        return (self.tags.get(tag) or (otherwise,))[0]

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height."""
        if self.jpeg is not None:
            return self.jpeg.width, self.jpeg.height
        return self.first(_WIDTH), self.first(_HEIGHT)

    @property
    def pixels(self) -> int:
        """Return how many pixels it has."""
        return self.size[0] * self.size[1]

    @property
    def reduced(self) -> bool:
        """Return whether it says that it is a smaller copy of another page."""
        return bool(self.first(_SUBFILE) & _REDUCED)

    @property
    def separate_planes(self) -> bool:
        """Return whether it has 16 bits in planes of their own, uncompressed, which Pillow reads as noise."""
        planes = self.first(_PLANAR, 1) == 2 and self.first(_SAMPLES, 1) > 1
        enough = self.first(_SAMPLES, 1) >= len(self.planes_mode)
        return planes and enough and self.first(_COMPRESSION, 1) == 1 and set(self.tags.get(_BITS, ())) == {16}

    @property
    def planes_mode(self) -> str:
        """Return Pillow's name of what the planes make together."""
        planes, alpha = self.first(_SAMPLES, 1), self.first(_EXTRA) in (1, 2)
        mode, fewest = {2: ("RGB", 3), 5: ("CMYK", 4)}.get(self.first(_PHOTOMETRIC, 1), ("L", 1))
        return "RGBA" if mode == "RGB" and alpha and planes > fewest else mode


@dataclass
class TiffFile:
    """What is in a TIFF."""

    number: int = 0  # of the page to be seen; counted from 0
    page: Page | None = None
    pages: int = 1  # those that are no smaller copies
    order: str = "<"
    big: bool = False
    several: list[Page] = field(default_factory=list)

    @property
    def orientation(self) -> int:
        """Return how the first page has to be turned, as EXIF counts; the JPEG of a camera often does not say it."""
        return self.several[0].first(_ORIENTATION, 1)

    def plane(self, file: BinaryIO, number: int) -> list[Piece]:
        """Return a TIFF with one of the planes of the page, as a grey picture."""
        assert self.page is not None
        samples = self.page.first(_SAMPLES, 1)
        tags = {tag: self.page.tags[tag] for tag in _SHAPE if tag in self.page.tags}
        grey = 0 if self.page.first(_PHOTOMETRIC, 1) == 0 else 1
        tags |= {_BITS: (16,), _COMPRESSION: (1,), _PHOTOMETRIC: (grey,), _SAMPLES: (1,)}
        for tag in (_OFFSETS, _COUNTS, _TILE_OFFSETS, _TILE_COUNTS):
            if tag in self.page.tags:
                several = self.page.tags[tag]
                share = len(several) // samples
                tags[tag] = several[number * share : (number + 1) * share]
        size = size_of(file)
        return [self._head(size), Span(8, size - 8), self._directory(tags, size)]

    def _head(self, directory: int) -> bytes:
        return (b"II" if self.order == "<" else b"MM") + struct.pack(self.order + "HI", 42, directory)

    def _directory(self, tags: dict[int, tuple[int, ...]], at: int) -> bytes:
        after = at + 2 + 12 * len(tags) + 4
        entries, beyond = b"", b""
        for tag, values in sorted(tags.items()):
            content = struct.pack(f"{self.order}{len(values)}I", *values)
            if len(content) > 4:
                beyond += content
                content = struct.pack(self.order + "I", after + len(beyond) - len(content))
            entries += struct.pack(self.order + "HHI", tag, 4, len(values)) + content
        return struct.pack(self.order + "H", len(tags)) + entries + bytes(4) + beyond


def take_apart(file: BinaryIO, deadline: Deadline) -> TiffFile:
    """Read the tags of all pages, and choose the one that is meant."""
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:1] == b"I" else ">"
    found = TiffFile(order=order, big=43 in head[2:4])
    start = struct.unpack(order + ("Q" if found.big else "I"), head[8:16] if found.big else head[4:8])[0]
    reader = _Reader(file, order, found.big, deadline)
    found.several = list(reader.chain(start))
    if not found.several:
        return found
    found.page = found.several[0]
    found.pages = max(1, sum(not page.reduced for page in found.several))
    inside = [page for one in found.several for page in reader.inside(one)]
    best = max([*found.several, *inside], key=lambda page: page.pixels)
    if _stands_for(found.page, best):
        found.page, found.pages = best, 1
        found.number = next((number for number, page in enumerate(found.several) if page is best), 0)
    return found


def _stands_for(first: Page, best: Page) -> bool:
    """Return whether the first page is only a smaller copy of the best."""
    if best is first or best.pixels <= first.pixels:
        return False
    if first.reduced or first.first(_PHOTOMETRIC) in _SENSOR or first.first(_COMPRESSION) in _ANY_JPEG:
        return True
    (width, height), (across, down) = first.size, best.size
    if max(width, height) > _SMALL or not width * height or best.pixels < 4 * first.pixels:
        return False
    proportions = (width / height, height / width)
    return any(abs(one * down / across - 1) < _ALIKE for one in proportions)


class _Reader:
    """Reads directories of tags."""

    def __init__(self, file: BinaryIO, order: str, big: bool, deadline: Deadline) -> None:
        self._file = file
        self._order = order
        self._big = big
        self._deadline = deadline
        self._left = _MOST_VALUES

    def chain(self, start: int) -> Iterator[Page]:
        """Yield the pages one after the other."""
        seen: set[int] = set()
        while start and start not in seen and len(seen) < _MOST_PAGES:
            seen.add(start)
            tags, start = self._directory(start)
            if tags:
                yield Page(tags)

    def inside(self, page: Page) -> Iterator[Page]:
        """Yield the JPEGs of a page, and those of the pages that belong to it."""
        below = [Page(self._directory(start)[0]) for start in page.tags.get(_SUB_IFDS, ())[:32]]
        for one in (page, *below):
            if one.first(_PHOTOMETRIC) in _SENSOR:
                continue
            span = Span(one.first(_JPEG_START), one.first(_JPEG_LENGTH))
            starts, counts = one.tags.get(_OFFSETS, ()), one.tags.get(_COUNTS, ())
            if not span.length and one.first(_COMPRESSION) in _ANY_JPEG and len(starts) == len(counts) == 1:
                span = Span(starts[0], counts[0])
            if not span.length or span.end > size_of(self._file):
                continue
            self._file.seek(span.start)
            if self._file.read(3) != b"\xff\xd8\xff":
                continue
            found = jpeg.take_apart(self._file, self._deadline, span)
            if found.decodable and not found.too_much_work:
                yield Page(one.tags, found)

    def _directory(self, start: int) -> tuple[dict[int, tuple[int, ...]], int]:
        """Return the whole numbers of a directory, and where the next one is; nothing where there is none."""
        self._deadline.check()
        count_size, entry, offset = (8, 20, 8) if self._big else (2, 12, 4)
        self._file.seek(start)
        count = self._number(count_size)
        if count is None or count > _MOST_TAGS:
            return {}, 0
        table = self._file.read(count * entry)
        after = self._number(offset)
        tags = {}
        for at in range(0, len(table) - entry + 1, entry):
            tag, kind = struct.unpack_from(self._order + "HH", table, at)
            (length,) = struct.unpack_from(self._order + _CODES[offset], table, at + 4)
            size = _SIZES.get(kind, 0)
            if not size or length > self._left:
                continue
            self._left -= length
            content = table[at + 4 + offset : at + entry][: size * length]
            if size * length > offset:
                (where,) = struct.unpack_from(self._order + _CODES[offset], table, at + 4 + offset)
                self._file.seek(where)
                content = self._file.read(size * length)
            if len(content) == size * length:
                tags[tag] = struct.unpack(f"{self._order}{length}{_CODES[size]}", content)
        return tags, after or 0

    def _number(self, size: int) -> int | None:
        content = self._file.read(size)
        return struct.unpack(self._order + _CODES[size], content)[0] if len(content) == size else None
