"""Writing files and renaming them so that a crash never leaves half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

INCOMING = ".incoming-"  # how the names of files not yet whole begin


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that at any moment there is either the old content or the new one. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=INCOMING, dir=path.parent)
    incoming = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        incoming.replace(path)
    finally:
        incoming.unlink(missing_ok=True)
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
