"""Writing files so that neither a crash nor a full disk ever leaves half a file behind."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from desktop_app.errors import UserError

# EFBIG: a limit on file sizes, as on FAT, is one more way of having no room.
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def not_saved(error: OSError, name: str) -> UserError:
    """Return the sentence for `name` not having been written because of `error`."""
    return UserError("disk-full" if error.errno in _NO_ROOM else "not-saved", name=name)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a new file to write to, which replaces `path` only once it is on the disk.

    If the body raises, `path` stays as it was and nothing else remains. A link stays a link: the
    file it points to is replaced. Only the person can read the new file. Raises OSError.
    """
    path = path.resolve()
    handle, incoming = tempfile.mkstemp(prefix=".incoming-", dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(incoming).replace(path)
    except BaseException:
        Path(incoming).unlink(missing_ok=True)
        raise
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
    stem = f"{path.stem}-damaged-{time.strftime('%Y-%m-%d')}"
    aside = path.with_name(stem + path.suffix)
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{stem}-{number}{path.suffix}")
    return path.rename(aside)
