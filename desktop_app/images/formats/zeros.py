"""Finds where a file goes on with zeros only: after a crash, on a failing disk, in the middle of a download."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from desktop_app.images.formats.spliced import Span, size_of

_CHUNK = 1 << 20
_FEWEST = 256  # compressed data does not end with so many


def end_of_content(file: BinaryIO) -> int:
    """Return where the zeros at the end of a file begin, or its size when there are only few."""
    size = end = size_of(file)
    while end > 0:
        start = max(0, end - _CHUNK)
        file.seek(start)
        kept = len(file.read(end - start).rstrip(b"\0"))
        end = start + kept
        if kept:
            break
    return end if size - end >= _FEWEST else size


def is_there(file: BinaryIO, spans: Iterable[Span]) -> bool:
    """Return whether compressed data is in the file up to its last byte, and is no row of zeros there."""
    size = size_of(file)
    for span in spans:
        if span.end > size:
            return False
        if span.length >= _FEWEST:
            file.seek(span.end - _FEWEST)
            if not any(file.read(_FEWEST)):
                return False
    return True
