"""A Linux control group with a memory limit: makes a large computer behave like a small one. For root only."""

from __future__ import annotations

import os
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_EMPTY_S = 10.0  # for the processes of a group to be gone
_STEP_S = 0.05


class ControlGroup:
    """A group; what a process in it writes to memory, and has read from files first, counts against `limit` bytes.

    Both versions of control groups are known. Raises OSError where none can be made.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._second = (_ROOT / "cgroup.controllers").exists()
        self._folder = (_ROOT if self._second else _ROOT / "memory") / f"{name}-{os.getpid()}"
        if self._second:
            (_ROOT / "cgroup.subtree_control").write_text("+memory")
        self._folder.mkdir()
        try:
            self.limit(limit)
        except OSError:
            self._folder.rmdir()
            raise

    @property
    def processes(self) -> Path:
        """Return the file to which a process is written that shall join; "0" is the writing one."""
        return self._folder / "cgroup.procs"

    def limit(self, limit: int) -> None:
        """Change the limit."""
        (self._folder / ("memory.max" if self._second else "memory.limit_in_bytes")).write_text(str(limit))

    def peak(self) -> int:
        """Return the most that was held at once, in bytes, pages of files included; 0 if it is not told."""
        name = "memory.peak" if self._second else "memory.max_usage_in_bytes"
        file = self._folder / name
        return int(file.read_text()) if file.exists() else 0

    def of_files(self) -> int:
        """Return the bytes of files that are in memory now and count against the limit."""
        wanted = "file" if self._second else "total_cache"
        lines = (line.split() for line in (self._folder / "memory.stat").read_text().splitlines())
        return next((int(number) for name, number in lines if name == wanted), 0)

    def close(self) -> None:
        """Remove the group, when its processes have ended."""
        end = time.monotonic() + _EMPTY_S
        while self.processes.read_text().strip() and time.monotonic() < end:
            time.sleep(_STEP_S)
        self._folder.rmdir()


def why_not() -> str:
    """Return why no group with a limit can be made here; "" if one can."""
    if not _ROOT.exists():
        return "this system has no control groups"
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "only root may limit memory with a control group"
    try:
        group = ControlGroup("eyebright-try", 1 << 30)
    except OSError as error:
        return f"no control group can be made here: {error}"
    group.close()
    return ""


def forget_pages(*files: Path) -> None:
    """Let the system forget what it has of files: they are then read, and counted, by who maps them next."""
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
