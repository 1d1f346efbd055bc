"""Takes a PNG apart into what its picture needs, so that nothing else in it can spoil the picture.

Texts, resolutions and their wrong checksums are left out. Pillow refuses a whole picture because of
them, and unpacks texts and profiles up to 1 MiB only. It does not know cICP, and scales the colour
that means "transparent" wrongly.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from desktop_app.images.colour_coding import ColourCoding
from desktop_app.images.formats.spliced import Deadline, Piece, Span
from desktop_app.images.formats.zeros import end_of_content

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK = 1 << 20
_MOST_PROFILE = 16 << 20  # bytes, unpacked
_MOST_SMALL = 1 << 20  # bytes of any other chunk that is kept
_GREY, _RGB = 0, 2  # colour types
_LEAST_TRANSPARENT = {_GREY: 2, _RGB: 6}  # bytes
#: Texts that may say which way is up.
_TURNING = (b"Raw profile type exif\0", b"Raw profile type APP1\0", b"XML:com.adobe.xmp\0")


@dataclass
class PngFile:
    """What is in a PNG."""

    pieces: list[Piece] = field(default_factory=lambda: [_SIGNATURE])  # of a PNG without all that is not needed
    coding: ColourCoding | None = None
    profile: bytes | None = None
    frames: int = 1


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    data: Span  # what of it is in the file
    length: int  # as it says itself


def take_apart(file: BinaryIO, deadline: Deadline) -> PngFile:
    """Read the chunks of a PNG. What of its pixels is missing or wrong is left out, and all after it."""
    found = PngFile()
    head: list[Piece] = []
    before: list[Piece] = []
    pixels: list[_Chunk] = []
    bits, colour_type, standard, gamma, chromatic = 8, _RGB, False, 0, None
    open_for_pixels = True
    for chunk in _chunks(file, end_of_content(file), deadline):
        if chunk.name == b"IDAT":
            if open_for_pixels:
                pixels.append(chunk)
            continue
        open_for_pixels = not pixels
        if chunk.name in (b"IHDR", b"PLTE"):
            content, right = _content(file, chunk)
            head += [_packed(chunk.name, content, right)]
            if chunk.name == b"IHDR" and len(content) >= 10:
                bits, colour_type = content[8], content[9]
            continue
        if chunk.name not in _USED or chunk.length > _MOST_SMALL + _MOST_PROFILE:
            continue
        content, right = _content(file, chunk)
        if not right:
            continue
        if chunk.name == b"iCCP":
            found.profile = _unpacked(content.partition(b"\0")[2][1:], _MOST_PROFILE)
        elif chunk.name == b"acTL" and len(content) == 8:
            found.frames = max(1, struct.unpack(">I", content[:4])[0])
        elif chunk.name == b"sRGB":
            standard = True
        elif chunk.name == b"gAMA" and len(content) == 4:
            (gamma,) = struct.unpack(">I", content)
        elif chunk.name == b"cICP" and len(content) == 4:
            chromatic = content
        elif chunk.name == b"tRNS" and len(content) >= _LEAST_TRANSPARENT.get(colour_type, 1):
            before += [_packed(chunk.name, _scaled(content, bits, colour_type))]
        elif (chunk.name == b"eXIf" and len(content) <= _MOST_SMALL) or _tells_direction(chunk.name, content):
            before += [_packed(chunk.name, content)]
    found.pieces += [*head, *before, *_sound(file, pixels, deadline), _packed(b"IEND", b"")]
    if chromatic is not None:
        found.coding, found.profile = ColourCoding.of_cicp(chromatic[0], chromatic[1]), None
    elif found.profile is None and not standard and gamma:
        found.coding = ColourCoding.of_gamma(gamma / 100_000)
    return found


_USED = {b"iCCP", b"acTL", b"sRGB", b"gAMA", b"cICP", b"tRNS", b"eXIf", b"tEXt", b"zTXt", b"iTXt"}


def _chunks(file: BinaryIO, end: int, deadline: Deadline) -> Iterator[_Chunk]:
    at = len(_SIGNATURE)
    while at + 8 <= end:
        deadline.check()
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        if name == b"IEND" or not name.isalpha():
            return
        yield _Chunk(name, Span(at + 8, min(length, end - at - 8)), length)
        at += length + 12


def _content(file: BinaryIO, chunk: _Chunk) -> tuple[bytes, bool]:
    """Return a chunk's content, and whether it is as it was written."""
    file.seek(chunk.data.start)
    content = file.read(min(chunk.data.length, _MOST_SMALL + _MOST_PROFILE))
    return content, len(content) == chunk.length and file.read(4) == _sum(chunk.name, content)


def _sum(name: bytes, content: bytes) -> bytes:
    return zlib.crc32(name + content).to_bytes(4, "big")


def _packed(name: bytes, content: bytes, right: bool = True) -> bytes:
    check = _sum(name, content) if right else bytes(4)  # a wrong header is for the decoder to refuse
    return struct.pack(">I", len(content)) + name + content + check


def _sound(file: BinaryIO, pixels: list[_Chunk], deadline: Deadline) -> list[Piece]:
    """Return the chunks of pixels up to the first that is short or wrong; all, if what is wrong is a checksum."""
    pieces: list[Piece] = []
    wrong = len(pixels)
    for number, chunk in enumerate(pixels):
        total = zlib.crc32(b"IDAT")
        for part in _parts(file, chunk.data, deadline):
            total = zlib.crc32(part, total)
        file.seek(chunk.data.end)
        if chunk.data.length < chunk.length or file.read(4) != total.to_bytes(4, "big"):
            wrong = number
            break
    short = wrong < len(pixels) and pixels[wrong].data.length < pixels[wrong].length
    if wrong < len(pixels) and not short and not _unpacks(file, pixels, deadline):
        pixels = pixels[:wrong]  # one that is short is the last, and what is there of it is right
    for chunk in pixels:
        pieces += [struct.pack(">I4s", chunk.data.length, b"IDAT"), chunk.data, bytes(4)]
    return pieces


def _unpacks(file: BinaryIO, pixels: list[_Chunk], deadline: Deadline) -> bool:
    """Return whether the pixels can be unpacked to their end, where a checksum of their own stands."""
    unpacking = zlib.decompressobj()
    try:
        for chunk in pixels:
            for part in _parts(file, chunk.data, deadline):
                rest = part
                while rest and not unpacking.eof:
                    deadline.check()
                    unpacking.decompress(rest, _CHUNK)
                    rest = unpacking.unconsumed_tail
    except zlib.error:
        return False
    return unpacking.eof


def _parts(file: BinaryIO, span: Span, deadline: Deadline) -> Iterator[bytes]:
    for start in range(span.start, span.end, _CHUNK):
        deadline.check()
        file.seek(start)
        yield file.read(min(_CHUNK, span.end - start))


def _scaled(content: bytes, bits: int, colour_type: int) -> bytes:
    """Return the colour that means "transparent" as Pillow compares it: with what it has made of the pixels."""
    values = [value for (value,) in struct.iter_unpack(">H", content[: len(content) // 2 * 2])]
    if colour_type == _GREY and bits in (2, 4) and values:
        most = (1 << bits) - 1
        return struct.pack(">H", (values[0] & most) * 255 // most)
    if colour_type == _RGB and bits == 16 and len(values) >= 3:
        return struct.pack(">3H", *(value >> 8 for value in values[:3]))
    return content


def _tells_direction(name: bytes, content: bytes) -> bool:
    """Return whether this is a text that may say which way is up, and that is not long."""
    if not content.startswith(_TURNING) or len(content) > _MOST_SMALL:
        return False
    text = content.partition(b"\0")[2]
    if name == b"zTXt":
        return _unpacked(text[1:], _MOST_SMALL) is not None
    return name == b"tEXt" or text[:1] == b"\0"  # the others are packed, which no program does here


def _unpacked(packed: bytes, most: int) -> bytes | None:
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, most)
    except zlib.error:
        return None
    return None if unpacking.unconsumed_tail else content
