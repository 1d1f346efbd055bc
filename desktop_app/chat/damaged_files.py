"""Damaged conversation files that were set aside: what they still name, and their removal.

They may be damaged anywhere, so their bytes are searched. An id or a SHA-256 is never spread over two pages.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from desktop_app.atomic_files import were_set_aside

_COMPANIONS = ("", "-wal", "-journal")  # what SQLite kept beside the file was set aside with it
_SHA256 = re.compile(rb"(?=([0-9a-f]{64}))")  # what stands before and behind it may be hexadecimal too


def naming(path: Path, names: Collection[str]) -> dict[Path, set[str]]:
    """Return the files once set aside in favour of `path` that hold some of `names`; one that is unreadable, all."""
    found = {aside: _held(aside, names) for aside in were_set_aside(path)} if names else {}
    return {aside: held for aside, held in found.items() if held}


def remove_damaged(path: Path, aside: Path) -> set[str]:
    """Remove a file that was set aside in favour of `path`; return the SHA-256 of the pictures that it named.

    Raises OSError.
    """
    if aside not in were_set_aside(path):  # it is gone already
        return set()
    pictures = {found[1].decode() for data in _bytes_of(aside) for found in _SHA256.finditer(data)}
    for ending in reversed(_COMPANIONS):
        aside.with_name(aside.name + ending).unlink(missing_ok=True)
    return pictures


def _held(aside: Path, names: Collection[str]) -> set[str]:
    try:
        return {name for data in _bytes_of(aside) for name in names if name.encode() in data}
    except OSError:
        return {*names}


def _bytes_of(aside: Path) -> Iterator[bytes]:
    for ending in _COMPANIONS:
        part = aside.with_name(aside.name + ending)
        if part.exists():
            yield part.read_bytes()
