"""Takes a WebP apart: its metadata may be cut off or padded without harm, its pixels may not."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from desktop_app.images.formats.spliced import Deadline, Piece, Span, size_of

_PIXELS = {b"VP8 ", b"VP8L", b"ANMF"}


@dataclass
class WebpFile:
    """What is in a WebP."""

    pieces: list[Piece] = field(default_factory=list)  # of a WebP without metadata that is cut off
    pixels: list[Span] = field(default_factory=list)


def take_apart(file: BinaryIO, deadline: Deadline) -> WebpFile:
    """Read the chunks of a WebP."""
    found = WebpFile()
    size, at, total = size_of(file), 12, 4
    while at + 8 <= size:
        deadline.check()
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        chunk = Span(at, 8 + length + length % 2)
        if name in _PIXELS:
            found.pixels.append(Span(at + 8, length))
        elif chunk.end > size:
            break
        found.pieces.append(Span(chunk.start, min(chunk.length, size - at)))
        total += chunk.length
        at = chunk.end
    # An odd chunk at the end may lack its padding.
    found.pieces.insert(0, b"RIFF" + struct.pack("<I", min(total, 0xFFFFFFFE)) + b"WEBP")
    if at == size + 1:
        found.pieces.append(b"\0")
    return found
