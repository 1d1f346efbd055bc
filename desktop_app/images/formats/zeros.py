"""Finds where a file holds nothing: after a crash, on a failing disk, in the middle of a download.

There are zeros then, or bytes of 255, as in flash memory that was erased.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from desktop_app.images.formats.spliced import Deadline, Span, size_of

_CHUNK = 1 << 20
_FEWEST = 256  # compressed data does not end with so many
ZEROS, ONES = bytes(_FEWEST), b"\xff" * _FEWEST


def end_of_content(file: BinaryIO) -> int:
    """Return where the nothing at the end of a file begins, or its size when there is only little of it."""
    size = size_of(file)
    end = end_before(file, Span(0, size), b"\0\xff")
    return end if size - end >= _FEWEST else size


def end_before(file: BinaryIO, span: Span, nothing: bytes) -> int:
    """Return where the bytes of `nothing` at the end of a part of a file begin."""
    end = span.end
    while end > span.start:
        start = max(span.start, end - _CHUNK)
        file.seek(start)
        kept = len(file.read(end - start).rstrip(nothing))
        end = start + kept
        if kept:
            break
    return end


def first_gap(file: BinaryIO, span: Span, fillings: Iterable[bytes], deadline: Deadline) -> int | None:
    """Return where in a part of a file the first of `fillings` (`ZEROS`, `ONES`) begins, None if there is none."""
    fillings = tuple(fillings)
    for start in range(span.start, span.end, _CHUNK):
        deadline.check()
        file.seek(start)
        chunk = file.read(min(_CHUNK + _FEWEST, span.end - start))
        found = [at for filling in fillings if (at := chunk.find(filling)) >= 0]
        if found:
            return start + min(found)
    return None


def is_there(file: BinaryIO, spans: Iterable[Span]) -> bool:
    """Return whether compressed data is in the file up to its last byte, and is no nothing there."""
    size = size_of(file)
    for span in spans:
        if span.end > size:
            return False
        if span.length >= _FEWEST:
            file.seek(span.end - _FEWEST)
            if file.read(_FEWEST) in (ZEROS, ONES):
                return False
    return True
