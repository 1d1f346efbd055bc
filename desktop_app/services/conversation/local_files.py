"""Finds the files that addresses and dialogs name, also where a name is no UTF-8.

Linux takes any bytes for a name. Python keeps them in its strings; Qt puts U+FFFD in their place, and then no such
file is there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from PySide6.QtCore import QUrl

_REPLACED = re.compile("[\ufffd\ud800-\udfff]+")


def is_local(url: str) -> bool:
    """Return whether an address, or a path, is of this computer."""
    parts = urlsplit(url)
    return parts.scheme in ("", "file") or len(parts.scheme) == 1  # "C:\..." is a path


def local_path(url: str) -> str:
    """Return the path of a local address, which is percent-encoded, or of a path."""
    if not url.startswith("file:"):
        return url
    if os.name == "nt":
        return QUrl(url).toLocalFile()
    named = QUrl(url).toLocalFile()
    return os.fsdecode(unquote_to_bytes(urlsplit(url).path)) if "\ufffd" in named else named


def existing(path: str) -> str:
    """Return `path`, or the one file that it may stand for if Qt has replaced some of its bytes."""
    if "\ufffd" not in path or os.path.lexists(path):
        return path
    folder = Path(existing(str(Path(path).parent)))
    wanted = _REPLACED.sub("\ufffd", Path(path).name)
    try:
        found = [name for name in os.listdir(folder) if _REPLACED.sub("\ufffd", name) == wanted]  # noqa: PTH208 - names
    except OSError:
        return path
    return str(folder / found[0]) if len(found) == 1 else path
