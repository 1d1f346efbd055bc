"""Writing files and renaming them so that neither a crash nor a full disk ever leaves half of one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

INCOMING = ".incoming-"  # how the names of files not yet whole begin
# EFBIG: a limit on file sizes, as on FAT, is one more way of having no room. Windows has no EDQUOT.
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def means_no_room(error: OSError) -> bool:
    """Return whether a write failed because the disk is full, a quota is used up or the file grew too large."""
    return error.errno in _NO_ROOM


@contextmanager
def new_file(folder: Path, *, private: bool = True) -> Iterator[tuple[BinaryIO, Path]]:
    """Give a new file and its path in `folder`. Only the person can read it, or whoever may read their other files.

    Call `finish` and rename it to keep it: at the end nothing remains at its path. Raises OSError.
    """
    path = folder / f"{INCOMING}{os.urandom(8).hex()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags, 0o600 if private else 0o666)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def finish(file: BinaryIO) -> None:
    """Close a file when all of it is on the disk. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


def write_whole(path: Path, data: bytes, *, private: bool = True) -> None:
    """Write a file so that at any moment there is either the old content or the new one. Raises OSError.

    Only the person can read it, or whoever may read their other files: models lie on shared disks and on sticks.
    A link is replaced by a file: a model folder may come from elsewhere, and its links lead anywhere.
    """
    with new_file(path.parent, private=private) as (file, incoming):
        file.write(data)
        finish(file)
        incoming.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a loss of power. Raises OSError."""
    if os.name == "nt":  # folders cannot be opened there; NTFS journals renames
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Wait until the content of a file is on the disk. Raises OSError."""
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
