"""Finds what a JPEG consists of: its scans, and whether its end is there.

Each scan of a progressive JPEG goes over the whole picture once more: 2,000 of them fit in 400 KB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from desktop_app.images.formats.spliced import Deadline, Piece, Span
from desktop_app.images.formats.zeros import ONES, ZEROS, end_before, end_of_content, first_gap

END = b"\xff\xd9"
#: As many as the largest code of a block, and some: what a decoder makes of them is no picture.
_PADDING = bytes(range(64, 128))
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # restarts are a part of the pixels
_CHUNK = 1 << 16
_MOST_READ = 1024  # bytes of a segment; tables for all components take some 420
_MOST_WORK = 1_200_000_000  # pixels, all scans together: about 4 seconds of a slow computer
_ALL_USE = 12  # scans: no program writes fewer than it can, and usual are 10


@dataclass
class JpegFile:
    """What is in a JPEG."""

    content: Span
    body: Span  # of the content, what stands before the end
    complete: bool = False  # whether its end is marked, and nothing is known to be missing before
    width: int = 0
    height: int = 0
    components: int = 0
    progressive: bool = False
    decodable: bool = False  # not lossless, as raw data of cameras is
    scans: int = 0
    coarse: bool = False  # whether a picture without details is there from edge to edge
    precise: bool = True  # whether no scan with more details can follow

    @property
    def too_much_work(self) -> bool:
        """Return whether it has more scans than any program writes, each as large as the picture."""
        return self.scans > _ALL_USE and self.scans * self.width * self.height > _MOST_WORK

    def pieces(self, padded: bool = False) -> list[Piece]:
        """Return a JPEG that ends; with bytes in front of that end, which change only what is incomplete."""
        if self.complete and not padded:
            return [self.content]
        return [self.body, (_PADDING if padded else b"") + END]


def take_apart(file: BinaryIO, deadline: Deadline, within: Span | None = None) -> JpegFile:
    """Read the markers of a JPEG, which may lie within another file."""
    span = within or Span(0, end_of_content(file))
    found = JpegFile(span, span)
    details, codes = _Details(), _Codes()
    end, data = span.end, 0
    for marker, start, length, segment in _segments(file, span, deadline):
        if marker == 0xD9 and found.scans:
            # Cameras put films and second pictures behind the first.
            found.complete, end = True, start
            break
        if start + 2 + length > span.end:  # what ends within it would swallow the end that we add
            end = start
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(segment) >= 6 and not found.width:
            found.height, found.width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
            found.components, found.progressive = segment[5], marker in (0xC2, 0xCA)
            found.decodable = marker in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
        elif marker == 0xC4:
            codes.add(segment)
        elif marker == 0xDA and segment:
            data = data or start + 2 + length
            found.coarse = found.progressive and details.coarse(found.components)
            details.add(segment)
            found.scans += 1
            if found.too_much_work:
                break
    found.precise = not found.progressive or details.precise(found.components)
    gap = None
    if data and not found.too_much_work:
        zeros = codes.never_zeros and not found.progressive
        gap = first_gap(file, Span(data, end - data), (ZEROS, ONES) if zeros else (ONES,), deadline)
    # A program may have added the end to what was cut.
    found.complete = found.complete and found.precise and gap is None
    end = end if gap is None else gap
    end = end_before(file, Span(span.start, end - span.start), b"\xff")  # half a marker, or what fills one up
    found.body = Span(span.start, end - span.start)
    return found


class _Codes:
    """The Huffman codes: whether a row of zeros can be data at all."""

    def __init__(self) -> None:
        self.never_zeros = False

    def add(self, tables: bytes) -> None:
        """Note a segment of tables. The code of zeros stands for the first symbol of a table.

        In an even picture it may mean "nothing more in this block". Otherwise zeros would give every coefficient of
        a block the same number, block after block, which no picture has.
        """
        while len(tables) > 17:
            is_of_details = tables[0] >> 4 == 1
            if is_of_details and tables[17] != 0:
                self.never_zeros = True
            tables = tables[17 + sum(tables[1:17]) :]


class _Details:
    """What the scans of a progressive JPEG have brought so far: of each component, to which bit each coefficient."""

    def __init__(self) -> None:
        self._missing_bits: dict[int, list[int]] = {}

    def add(self, scan: bytes) -> None:
        """Note a scan by its header."""
        count = scan[0]
        if len(scan) < 2 * count + 4:
            return
        first, last, bits = scan[2 * count + 1], min(scan[2 * count + 2], 63), scan[2 * count + 3] & 15
        for component in scan[1 : 2 * count : 2]:
            missing = self._missing_bits.setdefault(component, [16] * 64)
            missing[first : last + 1] = [bits] * (last + 1 - first)

    def coarse(self, components: int) -> bool:
        """Return whether all components have at least the mean of each block."""
        known = sum(missing[0] < 16 for missing in self._missing_bits.values())
        return known >= max(1, components)

    def precise(self, components: int) -> bool:
        """Return whether nothing is left to come."""
        return len(self._missing_bits) >= components and not any(map(any, self._missing_bits.values()))


def _segments(file: BinaryIO, span: Span, deadline: Deadline) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield each marker, where it stands, how long its segment is, and how that begins."""
    at = span.start + 2
    while at < span.end:
        deadline.check()
        file.seek(at)
        chunk = file.read(min(_CHUNK, span.end - at))
        found = _MARKER.search(chunk)
        if found is None:
            at += max(1, len(chunk) - 1)
            continue
        at, marker = at + found.end(), found[1][0]
        length = 0
        if not (marker == 0x01 or 0xD8 <= marker <= 0xD9):
            file.seek(at)
            length = int.from_bytes(file.read(2), "big")
        yield marker, at - 2, length, file.read(min(max(0, length - 2), _MOST_READ)) if length else b""
        at += length
