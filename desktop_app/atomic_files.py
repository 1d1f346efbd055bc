"""Writing files so that neither a crash nor a full disk ever leaves half a file behind."""

from __future__ import annotations

import errno
import glob
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from desktop_app.errors import UserError

INCOMING = ".incoming-"  # how the names of files not yet whole begin
_DAMAGED = "-damaged-"
# EFBIG: a limit on file sizes, as on FAT, is one more way of having no room.
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def not_saved(error: OSError, name: str) -> UserError:
    """Return the sentence for `name` not having been written because of `error`."""
    return UserError("disk-full" if error.errno in _NO_ROOM else "not-saved", name=name)


@contextmanager
def new_file(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Give a new file that only the person can read, and its path in `folder`.

    Call `finish` and rename it to keep it: at the end nothing remains at its path. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=INCOMING, dir=folder)
    path = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def finish(file: BinaryIO) -> None:
    """Close a file when all of it is on the disk."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that at any moment there is either the old content or the new one.

    A link stays a link: the file it points to is replaced. Raises OSError.
    """
    path = path.resolve()
    with new_file(path.parent) as (file, incoming):
        file.write(data)
        finish(file)
        incoming.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a loss of power."""
    if os.name == "nt":  # folders cannot be opened there; NTFS journals renames
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_aside(path: Path) -> Path:
    """Rename a damaged file so that its name says what it is and when; return the new path.

    Nothing is overwritten. The file can still be repaired by hand. Raises OSError.
    """
    stem = f"{path.stem}{_DAMAGED}{time.strftime('%Y-%m-%d')}"
    aside = path.with_name(stem + path.suffix)
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{stem}-{number}{path.suffix}")
    return path.rename(aside)


def were_set_aside(path: Path) -> list[Path]:
    """Return the damaged files once set aside in favour of `path` that still lie beside it."""
    return sorted(path.parent.glob(f"{glob.escape(path.stem + _DAMAGED)}*{glob.escape(path.suffix)}"))
