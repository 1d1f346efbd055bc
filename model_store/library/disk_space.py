"""Checks the free space of a disk, and explains why a disk refused a file."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model_store.atomic_files import means_no_room
from model_store.errors import StoreError, size_text
from model_store.foreign_files import is_folder
from model_store.library.copying import CopyDiffersError, UnreadableError

_SPARE = 64 << 20  # bytes that stay free: a full disk hurts other programs too
_FAT32_LIMIT = (1 << 32) - 1  # bytes of a file


def free_bytes(folder: Path) -> int:
    """Return how much is free on the disk of a folder, which need not exist yet. Raises OSError."""
    existing = next(parent for parent in (folder, *folder.parents) if is_folder(parent))
    return shutil.disk_usage(existing).free


def require_room(folder: Path, title: str, needed: int) -> None:
    """Raise StoreError "no-room-to-copy" unless `needed` more bytes fit on the disk of `folder`; OSError."""
    free = max(free_bytes(folder) - _SPARE, 0)
    if needed > free:
        raise _no_room(folder, title, needed, free)


@contextmanager
def refused_by_disk(folder: Path, name: str, size: int = 0) -> Iterator[None]:
    """Turn what the system says of writing `size` bytes to the disk of `folder` into a StoreError.

    no-room-to-copy, disk-takes-no-large-files, copy-differs, file-unreadable or model-folder-unusable.
    """
    try:
        yield
    except CopyDiffersError as error:
        raise StoreError("copy-differs", name=name) from error
    except UnreadableError as error:
        raise StoreError("file-unreadable", name=str(error)) from error
    except OSError as error:
        if error.errno == errno.EFBIG or (error.errno == errno.EINVAL and size > _FAT32_LIMIT):
            raise StoreError(
                "disk-takes-no-large-files", folder=str(folder), name=name, size=size_text(size)
            ) from error
        if means_no_room(error):
            raise _no_room(folder, name, size, 0) from error
        raise StoreError("model-folder-unusable", name=str(folder)) from error


def _no_room(folder: Path, title: str, needed: int, free: int) -> StoreError:
    return StoreError(
        "no-room-to-copy", title=title, needed=size_text(needed), folder=str(folder), free=size_text(free)
    )
