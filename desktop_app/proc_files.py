"""The files in which Linux tells about processes and the computer. Other systems have none: nothing is raised."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def read_text(path: Path) -> str:
    """Return what a file says, "" where it cannot be read: another system, or the process has ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def read_sizes(path: Path) -> dict[str, int]:
    """Return the lines "name: number kB" of a file such as /proc/self/status, in bytes by name."""
    lines = (line.split() for line in read_text(path).splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) == 3 and words[2] == "kB"}
