"""Looks from outside at what a process has loaded and opened (Linux)."""

from __future__ import annotations

import re
from pathlib import Path

#: Part -> where its name stands among the files that a process has mapped.
_MAPPED = {"Qt": r"libQt6", "llama.cpp": r"libllama", "Pillow": r"PIL/_imaging\."}
_HISTORY = "conversations.sqlite"


def parts_held_by(pid: int) -> list[str]:
    """Return which of Qt, llama.cpp, Pillow, the history and the network a process holds."""
    process = Path(f"/proc/{pid}")
    mapped = (process / "maps").read_text()
    opened = [str(link.readlink()) for link in (process / "fd").iterdir() if link.is_symlink()]
    networks = "".join((process / "net" / name).read_text() for name in ("tcp", "tcp6", "udp", "udp6")).split()
    sockets = [name.removeprefix("socket:[").rstrip("]") for name in opened if name.startswith("socket:")]
    found = [part for part, pattern in _MAPPED.items() if re.search(pattern, mapped)]
    found += ["history"] if any(Path(name).name == _HISTORY for name in opened) else []
    return found + (["network"] if any(number in networks for number in sockets) else [])
