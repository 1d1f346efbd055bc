"""Looks at files that others made, and opens them: asking never raises, and opening never waits.

What may be looked at only with more rights, and what has an impossible name, is neither a file nor a folder;
`pathlib` raises instead, before Python 3.14. Pipes and devices are not opened: they may never answer.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def is_file(path: str | Path) -> bool:
    """Return whether there is a regular file, or a link to one."""
    return os.path.isfile(path)  # noqa: PTH113 - which does not raise


class FoldersOnce:
    """Tells folders that were met before, also by another way: a link may lead back to where one came from."""

    def __init__(self) -> None:
        self._met: set[str] = set()

    def is_new(self, folder: Path) -> bool:
        """Return whether this folder is met for the first time."""
        real = os.path.realpath(folder)
        is_new = real not in self._met
        self._met.add(real)
        return is_new


def is_folder(path: str | Path) -> bool:
    """Return whether there is a folder, or a link to one."""
    return os.path.isdir(path)  # noqa: PTH112 - which does not raise


def is_readable_folder(path: str | Path) -> bool:
    """Return whether there is a folder whose content may be listed."""
    try:
        with os.scandir(path):
            return True
    except (OSError, ValueError):
        return False


def exists(path: str | Path) -> bool:
    """Return whether anything is known to be there."""
    return os.path.exists(path)  # noqa: PTH110 - which does not raise


def is_pipe(path: str | Path) -> bool:
    """Return whether there is a named pipe."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116 - which takes any word
    except (OSError, ValueError):
        return False


def matching(folder: Path, pattern: str) -> list[Path]:
    """Return what in a folder has a name like `pattern`, sorted; nothing if the folder cannot be read."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def open_file(path: str | Path) -> BinaryIO:
    """Open a regular file for reading. Raises OSError, also for folders, pipes and devices; never waits."""
    try:
        _refuse_others(os.stat(path).st_mode)  # noqa: PTH116 - opening a device may already do something
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a zero character in the path
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
    try:
        _refuse_others(os.fstat(handle).st_mode)  # it may have changed in between
        return open(handle, "rb")  # noqa: PTH123 - a descriptor, not a path
    except BaseException:
        os.close(handle)
        raise


def is_missing(error: OSError) -> bool:
    """Return whether an error of opening a file says that there is none of that name."""
    return isinstance(error, (FileNotFoundError, NotADirectoryError)) or error.errno in (
        errno.ENAMETOOLONG,
        errno.ELOOP,
    )


def _refuse_others(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file")
