"""Builds picture files by hand that Pillow does not write: PNG chunks, tags of TIFF, boxes of AVIF."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw

RED, BLUE, SIZE = (220, 28, 28), (28, 60, 220), (320, 200)


def scene(mode: str = "RGB") -> Image.Image:
    """Return a red circle on the left and a blue square at the lower right, on white."""
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((40, 40, 140, 140), fill=RED)
    draw.rectangle((220, 120, 290, 190), fill=BLUE)
    return picture.convert(mode)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """Return a file as Pillow writes it."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def chunk(name: bytes, content: bytes, check: bytes | None = None) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + (check or zlib.crc32(name + content).to_bytes(4, "big"))


def png_with(*chunks: bytes, picture: Image.Image | None = None) -> bytes:
    """Return a PNG of the scene with chunks behind its header."""
    plain = saved(picture or scene(), "PNG")
    return plain[:33] + b"".join(chunks) + plain[33:]


def raw_png(head: tuple[int, int, int, int], lines: bytes, *chunks: bytes) -> bytes:
    """Return a PNG of such width, height, bits and colour type, from its lines with their filters."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *head, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


Tags = dict[int, tuple[int, ...]]


class Tiff:
    """A TIFF that is put together piece by piece; tags are written as 4-byte numbers, colour maps as 2-byte."""

    def __init__(self, order: str = "<") -> None:
        self._order = order
        self._content = b"II*\0" if order == "<" else b"MM\0*"
        self._content += bytes(4)
        self._link = 4  # where the place of the next page is to be written

    def data(self, content: bytes) -> int:
        """Add bytes, and return where they are."""
        self._content += bytes(len(self._content) % 2)
        self._content += content
        return len(self._content) - len(content)

    def directory(self, tags: Tags) -> int:
        """Add a directory that no page chain leads to, and return where it is."""
        places = {}
        for tag, values in tags.items():
            kind, code = (3, "H") if tag in (258, 320) else (4, "I")
            packed = struct.pack(f"{self._order}{len(values)}{code}", *values)
            places[tag] = (kind, len(values), packed)
        entries = b""
        for tag, (kind, count, packed) in sorted(places.items()):
            value = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(self._order + "I", self.data(packed))
            entries += struct.pack(self._order + "HHI", tag, kind, count) + value
        return self.data(struct.pack(self._order + "H", len(tags)) + entries + bytes(4))

    def page(self, tags: Tags) -> None:
        """Add a page."""
        start = self.directory(tags)
        link = struct.pack(self._order + "I", start)
        self._content = self._content[: self._link] + link + self._content[self._link + 4 :]
        self._link = len(self._content) - 4

    def pixels(self, values: np.ndarray, **others: int) -> Tags:
        """Add uncompressed pixels of 8 or 16 bits, and return the tags of a page with them."""
        height, width = values.shape[:2]
        samples = values.shape[2] if values.ndim == 3 else 1
        kind = self._order + ("u2" if values.dtype == np.uint16 else "u1")
        start = self.data(values.astype(kind).tobytes())
        bits = 16 if values.dtype == np.uint16 else 8
        photometric = 2 if samples >= 3 else 1
        return {
            256: (width,),
            257: (height,),
            258: (bits,) * samples,
            259: (1,),
            262: (photometric,),
            273: (start,),
            277: (samples,),
            278: (height,),
            279: (values.size * bits // 8,),
        }

    def content(self) -> bytes:
        """Return the file."""
        return self._content


def with_clap(avif: bytes, width: int, height: int, right: int, below: int) -> bytes:
    """Return an AVIF of one picture with a box that says which part of it is to be shown."""
    clap = struct.pack(">I4s4I4i", 40, b"clap", width, 1, height, 1, right, 1, below, 1)
    ipco, ipma = avif.index(b"ipco") - 4, avif.index(b"ipma") - 4
    sizes = {
        name: int.from_bytes(avif[(at := avif.index(name) - 4) : at + 4], "big")
        for name in (b"meta", b"iprp", b"ipco", b"ipma")
    }
    end_of_ipco = ipco + sizes[b"ipco"]
    properties, at = 0, ipco + 8
    while at < end_of_ipco:
        properties += 1
        at += int.from_bytes(avif[at : at + 4], "big")
    out = bytearray(avif)
    count_at = ipma + 8 + 4 + 4 + 2  # behind version, how many items, and the item
    out[count_at] += 1
    out[count_at + out[count_at] : count_at + out[count_at]] = bytes([0x80 | (properties + 1)])
    out[end_of_ipco:end_of_ipco] = clap
    for name, more in ((b"meta", 41), (b"iprp", 41), (b"ipco", 40), (b"ipma", 1)):
        place = out.index(name) - 4
        out[place : place + 4] = (sizes[name] + more).to_bytes(4, "big")
    iloc = out.index(b"iloc") + 4
    assert (out[iloc], out[iloc + 4]) == (0, 0x44)  # this version only: 4-byte places and lengths
    base = out[iloc + 5] >> 4
    first = iloc + 8 + 2 + 2 + base + 2
    moved = int.from_bytes(out[first : first + 4], "big") + 41
    out[first : first + 4] = moved.to_bytes(4, "big")
    return bytes(out)
