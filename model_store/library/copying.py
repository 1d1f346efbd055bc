"""Reading and copying large files: with SHA-256 on the way, progress, and a part file that outlives the process."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from model_store.atomic_files import sync_folder
from model_store.foreign_files import open_file

PART = ".part"  # how the names of files end that are not whole yet
_CHUNK = 4 << 20  # bytes


class Step(str, Enum):
    """What is being done with files."""

    COPYING = "copying"
    CHECKING = "checking"


@dataclass(frozen=True)
class Progress:
    """How far work on files is. `done` and `total` are bytes of the whole job, in all its steps."""

    step: Step
    name: str  # of the file at hand
    done: int
    total: int


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """For a report to raise: the work ends, nothing half remains in sight, and it can be taken up again."""


class CopyDiffersError(OSError):
    """What was written is not what was read: a disk or a stick is damaged. Its text names the file."""


class UnreadableError(OSError):
    """A file could not be read to its end. Its text names the file."""


#: Called for every few megabytes. What it raises ends the work.
Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """A report to nobody."""


class Meter:
    """Counts the bytes of a job that handles several files, each maybe more than once."""

    def __init__(self, total: int, report: Report) -> None:
        self.total = total
        self._report = report
        self._done = 0

    def tell(self, step: Step, name: str, more: int) -> None:
        """Report that `more` bytes of a file are done; raises what the report raises."""
        self._done = min(self._done + more, self.total)
        self._report(Progress(step, name, self._done, self.total))


def sha256_of(path: Path, meter: Meter) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits. Raises OSError."""
    return _sha256_as(path, path.name, meter)


def _sha256_as(path: Path, name: str, meter: Meter) -> str:
    with open_file(path) as file:
        return sha256_of_stream(file, name, meter)


def sha256_of_stream(file: BinaryIO, name: str, meter: Meter) -> str:
    """Return the SHA-256 of what can be read from `file`. Raises OSError."""
    digest = hashlib.sha256()
    _read(file, name, Step.CHECKING, meter, digest.update)
    _forget(file)
    return digest.hexdigest()


def copy_file(source: Path, target: Path, meter: Meter, read_back: bool = False) -> str:
    """Copy a file as `copy_stream` does, and return the SHA-256 of what was read."""
    return copy_stream(lambda: open_file(source), source.name, target, meter, read_back)


def copy_stream(source: Callable[[], BinaryIO], name: str, target: Path, meter: Meter, read_back: bool = False) -> str:
    """Copy what `source` opens and return the SHA-256 of what was read. Raises OSError, or `CopyDiffersError`.

    It is written to a part file beside `target` that gets its name when all of it is on the disk; with
    `read_back` only after it was read again from there and is the same. A part left by an earlier try is
    compared and continued where it ends as the source goes on.
    """
    part = target.with_name(target.name + PART)
    digest = hashlib.sha256()
    with source() as old, part.open("ab+") as new:
        same = _common_start(old, new, digest.update, name, meter)
        old.seek(same)
        new.truncate(same)

        def take(chunk: bytes) -> None:
            digest.update(chunk)
            new.write(chunk)

        _read(old, name, Step.COPYING, meter, take)
        new.flush()
        os.fsync(new.fileno())
        _forget(old)
        _forget(new)
    if read_back and _sha256_as(part, name, meter) != digest.hexdigest():
        part.unlink()
        raise CopyDiffersError(name)
    part.replace(target)
    sync_folder(target.parent)
    return digest.hexdigest()


def link_or_copy(source: Path, target: Path, meter: Meter) -> None:
    """Give a file a second name where both lie on one disk; copy it and read it back otherwise.

    Raises as `copy_file`.
    """
    try:
        target.hardlink_to(source)
    except OSError:  # another disk, or a file system without second names
        copy_file(source, target, meter, read_back=True)
        about = source.stat()
        os.utime(target, ns=(about.st_atime_ns, about.st_mtime_ns))
    else:
        meter.tell(Step.COPYING, source.name, 2 * source.stat().st_size)
        sync_folder(target.parent)


def _read(file: BinaryIO, name: str, step: Step, meter: Meter, take: Callable[[bytes], None]) -> None:
    while chunk := _chunk(file, _CHUNK, name):
        take(chunk)
        meter.tell(step, name, len(chunk))


def _chunk(file: BinaryIO, size: int, name: str) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise UnreadableError(name) from error


def _common_start(old: BinaryIO, new: BinaryIO, take: Callable[[bytes], None], name: str, meter: Meter) -> int:
    """Return how many bytes of `new` begin `old`, in whole chunks; each is taken."""
    new.seek(0)
    same = 0
    while chunk := new.read(_CHUNK):
        if _chunk(old, len(chunk), name) != chunk:
            break
        take(chunk)
        same += len(chunk)
        meter.tell(Step.COPYING, name, len(chunk))
    return same


def _forget(file: BinaryIO) -> None:
    """Let the system's cache keep none of it: a model that is in use needs the memory more."""
    if hasattr(os, "posix_fadvise"):
        try:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError:  # also of what is only a part of a file
            pass
