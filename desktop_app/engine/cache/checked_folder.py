"""Cache folders on disk whose files have checksums, so that damaged files are never used.

Each file has notes (small), data (large), checksums of both, and its own name. Files that are truncated, damaged,
renamed or in another format are deleted, not read. Files are written atomically. The least recently used ones are
deleted when space is needed, and all that were not used for a month. The files reveal something of pictures and
conversations, so other users may not read them.
"""

from __future__ import annotations

import logging
import os
import struct
import time
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from desktop_app.atomic_files import INCOMING, new_file

_log = logging.getLogger(__name__)

Data = bytes | bytearray | memoryview

_MAGIC = b"Eyebrig\x01"  # the last byte is the version of the format
# Magic, name, size of the notes, size of the data, checksum of the notes, checksum of the data.
_HEADER = struct.Struct("<8s64sIQII")
_LARGEST_NOTES = 1 << 20  # bytes
_OLDEST = 30 * 24 * 3600  # seconds since the last use
_ABANDONED = 600  # seconds after which an incomplete file is no longer being written
_MOST_FILES = 1024
_TICK_NS = 1_000_000  # the resolution of timestamps on nearly all file systems
_MEGABYTE = 1024 * 1024


class Disk:
    """The disk of several folders: after one failed write, nothing more is written to any of them."""

    writable = True


class CheckedFolder:
    """A folder of checked files, limited in size. No method raises OSError: failures are logged."""

    def __init__(self, folder: Path, most_bytes: int, most_files: int = _MOST_FILES, disk: Disk | None = None) -> None:
        """Create the folder, and delete files that are too old or too many. Folders on one `disk` fail together."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._most_files = most_files
        self._disk = disk or Disk()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            self._sweep()
        except OSError as error:
            self._give_up(error)

    def names(self) -> list[str]:
        """Return the names of all files."""
        try:
            return [entry.name for entry in os.scandir(self._folder) if not entry.name.startswith(INCOMING)]
        except OSError:
            return []  # the folder does not exist

    def notes(self, name: str) -> bytes | None:
        """Return the notes of a file, None if it is missing or damaged. The data is not checked."""
        found = self._open(name, with_data=False)
        return found.notes if found is not None else None

    def read(self, name: str) -> CheckedFile | None:
        """Return a file, None if it is missing or damaged."""
        return self._open(name, with_data=True)

    def write(self, name: str, notes: bytes, data: Data, protected: Collection[str] = ()) -> bool:
        """Write a file, deleting others if space is needed, but not those in `protected`; return whether that worked.

        After a failure nothing more is written, because a full disk stays full. Notes of more than 1 MiB are refused.
        """
        size = _HEADER.size + len(notes) + len(data)
        if not self._disk.writable or len(notes) > _LARGEST_NOTES:
            return False
        header = _HEADER.pack(_MAGIC, name.encode(), len(notes), len(data), zlib.crc32(notes), zlib.crc32(data))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # anybody may delete it
            if not self._sweep(size, {name, *protected}):
                return False
            with new_file(self._folder) as (file, incoming):
                for part in (header, notes, data):
                    file.write(part)
                # Not flushed to the disk: after a power failure the checksum shows what is missing.
                file.close()
                incoming.replace(self._folder / name)
        except FileNotFoundError:
            return False  # it was deleted this moment; the next file makes it anew
        except OSError as error:
            self._give_up(error)
            return False
        return True

    def used(self, *names: str) -> None:
        """Mark files as used now, the first one as the most recent."""
        now = time.time_ns()
        try:
            for index, name in enumerate(names):
                moment = now - index * _TICK_NS
                os.utime(self._folder / name, ns=(moment, moment))
        except OSError as error:
            _log.debug("cached files cannot be marked as used: %s", error.strerror)

    def remove(self, name: str) -> None:
        """Delete a file if it exists."""
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("a cached file cannot be removed: %s", error.strerror)

    def _open(self, name: str, *, with_data: bool) -> CheckedFile | None:
        try:
            with (self._folder / name).open("rb") as file:
                found = _checked(file, name, with_data=with_data)
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("a cached file cannot be read: %s", error.strerror)
            return None
        if found is None:
            _log.warning("a cached file is damaged or foreign, and is removed")
            self.remove(name)
        return found

    def _sweep(self, size: int = 0, protected: Collection[str] = ()) -> bool:
        """Delete old files, and the least recently used until `size` more bytes fit; return whether they fit."""
        now = time.time()
        kept: list[tuple[float, int, Path]] = []
        for entry in os.scandir(self._folder):
            status = entry.stat(follow_symlinks=False)
            incoming = entry.name.startswith(INCOMING)
            if now - status.st_mtime > (_ABANDONED if incoming else _OLDEST):
                Path(entry.path).unlink(missing_ok=True)
            elif not incoming:
                kept.append((status.st_mtime, status.st_size, Path(entry.path)))
        kept.sort()
        total, count = size + sum(status[1] for status in kept), len(kept) + (1 if size else 0)
        for _, bytes_, path in kept:
            if total <= self._most_bytes and count <= self._most_files:
                break
            if path.name not in protected:
                path.unlink(missing_ok=True)
                total -= bytes_
                count -= 1
        return total <= self._most_bytes and count <= self._most_files

    def _give_up(self, error: OSError) -> None:
        if self._disk.writable:
            _log.warning("nothing more is kept in the cache folder: %s", error.strerror)
        self._disk.writable = False


@dataclass(frozen=True)
class CheckedFile:
    """The content of a file."""

    notes: bytes
    data: bytes


def _checked(file: BinaryIO, name: str, *, with_data: bool) -> CheckedFile | None:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    magic, own_name, notes_size, data_size, notes_sum, data_sum = _HEADER.unpack(header)
    if magic != _MAGIC or own_name.rstrip(b"\0") != name.encode() or notes_size > _LARGEST_NOTES:
        return None
    if os.fstat(file.fileno()).st_size != _HEADER.size + notes_size + data_size:
        return None
    notes = file.read(notes_size)
    data = file.read(data_size) if with_data else b""
    if zlib.crc32(notes) != notes_sum or (with_data and zlib.crc32(data) != data_sum):
        return None
    return CheckedFile(notes, data)


@dataclass(frozen=True)
class CacheFolders:
    """The cache folders of the engine."""

    embeddings: CheckedFolder
    contexts: CheckedFolder
    answers: CheckedFolder
    adds_kv_cache: bool


_COARSE_S = 2.0  # how coarse the times of files are
_NAMES = ("embeddings", "contexts", "answers")


def cache_folders(folder: str, megabytes: int, *, adds_kv_cache: bool = True) -> CacheFolders | None:
    """Return the cache folders inside `folder`; with 0 megabytes delete what they contain and return None.

    A quarter of the space is for embeddings, a small part for answers, and the rest for KV caches ("contexts").
    """
    if not folder:
        return None
    if megabytes <= 0:
        clear_cache(Path(folder))
        return None
    space = megabytes * _MEGABYTE
    embeddings, contexts, answers = (Path(folder) / name for name in _NAMES)
    disk = Disk()
    return CacheFolders(
        CheckedFolder(embeddings, space // 4, disk=disk),
        CheckedFolder(contexts, space - space // 4 - space // 64, disk=disk),
        CheckedFolder(answers, space // 64, disk=disk),
        adds_kv_cache,
    )


def clear_cache(folder: Path, used_before: float | None = None, used_since: float = 0.0) -> None:
    """Delete everything about pictures and conversations, or what was last used between two times (since 1970).

    The clock may have been ahead: what was used in the future goes too, and `used_since` in the future is any time.
    """
    now = time.time() + _COARSE_S
    used_since = 0.0 if used_since > now else used_since
    for name in _NAMES:
        try:
            for path in list((folder / name).iterdir()):
                used = path.stat().st_mtime
                if used_before is None or used_since <= used <= used_before or used > now:
                    path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue
        except OSError as error:
            _log.warning("the cache folder cannot be emptied: %s", error.strerror)
