"""Tells which files may be pictures: by their first bytes where they can be read, else by their names."""

from __future__ import annotations

import re
from pathlib import Path

from desktop_app.file_addresses import is_local, local_path
from model_store import foreign_files

#: Endings of pictures; whether a file is one is checked by the engine, by all its bytes.
PICTURE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib"),
        *("tif", "tiff", "heic", "heif", "hif", "avif"),
    )
)
#: How files of pictures begin, and the ending that belongs to it.
_BEGINNINGS = (
    (rb"\x89PNG\r\n\x1a\n", ".png"),
    (rb"\xff\xd8\xff", ".jpg"),
    (rb"GIF8[79]a", ".gif"),
    (rb"RIFF....WEBP", ".webp"),
    (rb"BM", ".bmp"),
    (rb"II[*+]\0|MM\0[*+]", ".tif"),
    (rb"....ftypavi[fs]", ".avif"),
    (rb"....ftyp(hei[cxms]|hev[cx]|mif1|msf1|miaf)", ".heic"),
)
_MOST_OPENED = 100  # of a drag; the pointer waits for it


def count_pictures(addresses: list[str]) -> int:
    """Return how many of the dragged things may be pictures."""
    found = [_may_be_picture(address, by_bytes=number < _MOST_OPENED) for number, address in enumerate(addresses)]
    return sum(found)


def ending_of(path: Path) -> str:
    """Return the ending that belongs to a picture's bytes (".png"), "" when they are none. Raises OSError."""
    with foreign_files.open_file(path) as file:
        beginning = file.read(16)
    return next((ending for how, ending in _BEGINNINGS if re.match(how, beginning, re.DOTALL)), "")


def is_folder(address: str) -> bool:
    """Return whether an address is that of a folder."""
    return is_local(address) and foreign_files.is_folder(local_path(address))


def _may_be_picture(address: str, by_bytes: bool) -> bool:
    if not is_local(address) or not local_path(address):
        return False
    path = Path(local_path(address))
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return not foreign_files.is_folder(path)
    if by_bytes and foreign_files.is_file(path):
        try:
            return bool(ending_of(path))
        except OSError:
            pass  # the engine will say why it cannot be opened
    return not path.suffix and not foreign_files.is_folder(path)
