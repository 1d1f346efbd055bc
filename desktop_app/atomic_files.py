"""Writes files so that neither a crash nor a full disk leaves half a file behind."""

from __future__ import annotations

import errno
import glob
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from desktop_app.errors import UserError
from model_store import atomic_files
from model_store.atomic_files import INCOMING, finish, means_no_room, new_file, sync_folder

__all__ = [
    "INCOMING",
    "export_whole",
    "finish",
    "new_file",
    "not_saved",
    "set_aside",
    "sync_folder",
    "were_set_aside",
    "write_whole",
]

_DAMAGED = "-damaged-"


def not_saved(error: OSError, name: str) -> UserError:
    """Return the sentence for `name` not having been written because of `error`."""
    return UserError("disk-full" if means_no_room(error) else "not-saved", name=name)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that at any moment there is either the old content or the new one.

    A link stays a link: the file it points to is replaced. Raises OSError.
    """
    atomic_files.write_whole(path.resolve(), data)


def export_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file for the person, whole or not at all; what stands there already stays until then.

    Unlike our own data it gets the usual permissions, or those of the file that it replaces. Raises OSError.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "only a file can be replaced, no folder, device or pipe", str(target))
    with new_file(target.parent, private=False) as (file, incoming):
        for piece in pieces:
            file.write(piece)
        finish(file)
        with suppress(OSError):  # there is none yet, or its permissions mean nothing on this file system
            shutil.copymode(target, incoming)
        incoming.replace(target)
    sync_folder(target.parent)


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
