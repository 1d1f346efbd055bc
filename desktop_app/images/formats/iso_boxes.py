"""Reads the boxes of HEIC and AVIF: where the pixels lie, and what Pillow does not obey.

ISO/IEC 14496-12 and 23008-12. Only what lies in one `meta` box of reasonable size is read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from desktop_app.images.colour_coding import ColourCoding
from desktop_app.images.formats.spliced import Span, size_of

_MOST_META = 4 << 20  # bytes
_MOST_BOXES = 10_000
_PIXELS = {b"hvc1", b"hev1", b"av01", b"avc1", b"jpeg"}  # types of items that are coded pictures


@dataclass
class IsoFile:
    """What is in a HEIC or AVIF."""

    pixels: list[Span] = field(default_factory=list)  # coded, of all its pictures
    coding: ColourCoding | None = None
    crop: tuple[float, float, float, float] | None = None  # width, height, and how far its middle is off

    def crop_box(self, width: int, height: int) -> tuple[int, int, int, int] | None:
        """Return the part of a picture that is meant to be shown, as Pillow crops; None: all, or it makes no sense."""
        if self.crop is None:
            return None
        across, down, right, below = self.crop
        left, top = (width - across) / 2 + right, (height - down) / 2 + below
        box = (round(left), round(top), round(left + across), round(top + down))
        inside = 0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height
        return box if inside and box != (0, 0, width, height) else None


def take_apart(file: BinaryIO) -> IsoFile:
    """Read the boxes. What makes no sense is left for the decoder to refuse."""
    found = IsoFile()
    meta = _meta(file)
    if meta is None:
        return found
    if meta.end > size_of(file):
        found.pixels.append(meta)  # it ends before it says where they are
        return found
    file.seek(meta.start)
    content = file.read(meta.length)
    try:
        _read(found, dict(_boxes(content[4:])))
    except (struct.error, IndexError, KeyError, ZeroDivisionError, OverflowError):
        return found
    return found


def _read(found: IsoFile, boxes: dict[bytes, bytes]) -> None:
    kinds = dict(_kinds(boxes[b"iinf"]))
    found.pixels = [span for item, span in _places(boxes[b"iloc"]) if kinds.get(item) in _PIXELS]
    primary = boxes[b"pitm"]
    main = int.from_bytes(primary[4:8] if primary[0] else primary[4:6], "big")
    for name, content in _properties(boxes[b"iprp"], main):
        if name == b"clap":
            *sizes, right, right_n, below, below_n = struct.unpack(">4I4i", content[:32])
            found.crop = (sizes[0] / sizes[1], sizes[2] / sizes[3], right / right_n, below / below_n)
        elif name == b"colr" and content[:4] == b"nclx":
            found.coding = ColourCoding.of_cicp(*struct.unpack(">2H", content[4:8]))


def _meta(file: BinaryIO) -> Span | None:
    at, size = 0, size_of(file)
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            break
        length, start = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, start = int.from_bytes(head[8:16], "big"), 16
        length = length or size - at
        if head[4:8] == b"meta":
            return Span(at + start, length - start) if start <= length <= _MOST_META else None
        if length < 8:
            break
        at += length
    return None


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big") or len(content) - at
        if length < 8:
            return
        yield content[at + 4 : at + 8], content[at + 8 : at + length]
        at += length


def _kinds(iinf: bytes) -> Iterator[tuple[int, bytes]]:
    for name, content in _boxes(iinf[8 if iinf[0] else 6 :]):
        if name == b"infe" and content[0] >= 2:
            wide = 4 if content[0] == 3 else 2
            yield int.from_bytes(content[4 : 4 + wide], "big"), content[6 + wide : 10 + wide]


def _places(iloc: bytes) -> Iterator[tuple[int, Span]]:
    """Yield each item and where it lies in the file, if it does."""
    version, sizes = iloc[0], (iloc[4] >> 4, iloc[4] & 15, iloc[5] >> 4, iloc[5] & 15)
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(iloc):
            raise IndexError
        return int.from_bytes(iloc[at - size : at], "big")

    offset_size, length_size, base_size, index_size = sizes
    wide = 4 if version == 2 else 2
    for _ in range(number(wide)):
        item = number(wide)
        method = number(2) & 15 if version else 0
        number(2)  # which file
        base = number(base_size)
        for _ in range(number(2)):
            if version:
                number(index_size)
            start, length = base + number(offset_size), number(length_size)
            if method == 0:
                yield item, Span(start, length)


def _properties(iprp: bytes, item: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the properties of an item."""
    boxes = dict(_boxes(iprp))
    every = list(_boxes(boxes[b"ipco"]))
    ipma = boxes[b"ipma"]
    wide, long = 4 if ipma[0] else 2, ipma[3] & 1
    at = 8
    for _ in range(int.from_bytes(ipma[4:8], "big")):
        number, count = int.from_bytes(ipma[at : at + wide], "big"), ipma[at + wide]
        at += wide + 1
        for _ in range(count):
            index = int.from_bytes(ipma[at : at + 1 + long], "big") & (0x7FFF if long else 0x7F)
            at += 1 + long
            if number == item and 1 <= index <= len(every):
                yield every[index - 1]
