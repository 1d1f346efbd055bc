"""A file made of pieces of another one and bytes of our own, without a copy; and how long it may be read."""

from __future__ import annotations

import io
import os
import time
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SECONDS = 4.0  # of this thread's own time


class TooSlowError(Exception):
    """A file keeps its reader busy without an end."""


class Deadline:
    """How long one file may be read."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._end = time.thread_time() + seconds

    def extend(self, seconds: float) -> None:
        """Allow so much more: there is much to do."""
        self._end += seconds

    def check(self) -> None:
        """Raise `TooSlowError` when the time is over."""
        if time.thread_time() > self._end:
            raise TooSlowError


class Span(NamedTuple):
    """A part of a file."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """Return the first position after it."""
        return self.start + self.length


Piece = Span | bytes


class _Pieces(io.RawIOBase):
    def __init__(self, file: BinaryIO, pieces: Sequence[Piece], deadline: Deadline) -> None:
        self._file = file
        self._pieces = [piece for piece in pieces if (piece if isinstance(piece, bytes) else piece.length)]
        sizes = (len(piece) if isinstance(piece, bytes) else piece.length for piece in self._pieces)
        self._starts = [0, *accumulate(sizes)]
        self._at = 0
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._deadline.check()
        room = memoryview(buffer).cast("B")
        if self._at >= self._starts[-1] or not len(room):
            return 0
        index = bisect_right(self._starts, self._at) - 1
        piece, inside = self._pieces[index], self._at - self._starts[index]
        most = min(len(room), self._starts[index + 1] - self._at)
        if isinstance(piece, bytes):
            found = piece[inside : inside + most]
        else:
            self._file.seek(piece.start + inside)
            found = self._file.read(most)
        room[: len(found)] = found
        self._at += len(found)
        return len(found)


def spliced(file: BinaryIO, pieces: Sequence[Piece], deadline: Deadline) -> BinaryIO:
    """Return a file that reads as `pieces` of `file` one after the other; it ends with `TooSlowError` in time."""
    return io.BufferedReader(_Pieces(file, pieces, deadline), 1 << 16)


def size_of(file: BinaryIO) -> int:
    """Return how many bytes an open file has."""
    return os.fstat(file.fileno()).st_size
