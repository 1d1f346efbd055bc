"""Files by their addresses: "file:///pictures/a%20lake.png", as desktops, browsers and terminals hand them on."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: What Qt puts in the place of bytes that are no UTF-8, and what Python does.
_REPLACED = re.compile("[\ufffd\ud800-\udfff]+")
_SCHEME = re.compile("([A-Za-z][A-Za-z0-9+.-]+):")  # of two letters or more: "C:\\..." is a path


def is_local(address: str) -> bool:
    """Return whether an address, or a path, is one of a file rather than of the web."""
    found = _SCHEME.match(address)
    return found is None or found[1].lower() == "file"


def local_path(address: str) -> str:
    """Return the path of a file's address; a path is returned as it is.

    The name of this computer in it is dropped; another one is a server's, as Windows reaches its files.
    A name that is not UTF-8 becomes the same path as on the command line.
    """
    if not address.lower().startswith("file:"):
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    path = unquote(parts.path, errors="surrogateescape")
    if os.name == "nt" and path[:1] == "/" and path[2:3] == ":":
        path = path[1:]
    import platform  # rarely needed, and large

    host = parts.netloc.lower()
    if host in ("", "localhost", "127.0.0.1", "localhost.localdomain", platform.node().lower()):
        return path
    return f"//{parts.netloc}{path}"


def named_file(word: str) -> str:
    """Return the path of what a word of the command line names: a file that is called so, or an address."""
    return word if os.path.exists(word) else local_path(word)  # noqa: PTH110 - which takes any word


def existing(path: str) -> str:
    """Return `path`, or the one file that it may stand for if Qt has replaced bytes of its name that are no UTF-8.

    Linux takes any bytes for a name. Python keeps them in its strings; Qt's file dialogs put U+FFFD in their place.
    """
    if "\ufffd" not in path or os.path.lexists(path):
        return path
    folder = Path(existing(str(Path(path).parent)))
    wanted = _REPLACED.sub("\ufffd", Path(path).name)
    try:
        found = [name for name in os.listdir(folder) if _REPLACED.sub("\ufffd", name) == wanted]  # noqa: PTH208 - names
    except OSError:
        return path
    return str(folder / found[0]) if len(found) == 1 else path
