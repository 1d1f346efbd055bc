"""A file that one program at a time may hold; it lets go when it ends, however that happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Try to hold `path` while inside; give whether it is held. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    taken = False
    try:
        taken = _take(handle)
        yield taken
    finally:
        if taken and sys.platform != "win32":  # where an open file cannot be deleted
            path.unlink(missing_ok=True)
        os.close(handle)  # which lets go


def _take(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
