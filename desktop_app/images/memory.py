"""How much memory there is for a picture at this moment."""

from __future__ import annotations

from desktop_app.proc_files import PROC, read_sizes

_SHARE = 0.75  # of what is free; the rest is for what else begins meanwhile


def memory_left() -> int | None:
    """Return the bytes that a picture may take, None where the system does not tell."""
    free = read_sizes(PROC / "meminfo").get("MemAvailable")
    return int(free * _SHARE) if free else None
