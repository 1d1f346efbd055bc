"""How much memory a group of processes holds together (Linux), and how fast memory can be read."""

from __future__ import annotations

import ctypes
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from desktop_app.proc_files import PROC, read_sizes, read_text

_MIB = 1 << 20
_SHARE = 50  # a look may cost one part in so many of a core: it is felt by what is measured


def pss_mib(pid: int) -> float | None:
    """Return a process's proportional share of memory, None if it is gone or the system does not tell."""
    size = read_sizes(PROC / f"{pid}/smaps_rollup").get("Pss")
    return None if size is None else size / _MIB


def read_mib(pid: int) -> float:
    """Return what a process has had fetched from the disk, pages of mapped files included, 0 if it is not told."""
    lines = read_text(PROC / f"{pid}/io").splitlines()
    return next((int(line.split()[1]) / _MIB for line in lines if line.startswith("read_bytes:")), 0.0)


def descendants(pid: int) -> list[int]:
    """Return the processes below `pid`."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            # The name, in brackets, may hold anything; the parent is the second field after it.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
        children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


class PeakWatch:
    """Looks again and again at the memory of the processes below `pid`, and of itself if `whole`."""

    def __init__(self, pid: int, *, whole: bool) -> None:
        self._pid = pid
        self._whole = whole
        self._end = threading.Event()
        self._peak = 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """Stop looking; return the most that was held at once, in MiB, 0 if nothing was seen."""
        self._end.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        pause = 0.0
        while not self._end.wait(pause):
            started = time.monotonic()
            pids = descendants(self._pid) + [self._pid] * self._whole
            self._peak = max(self._peak, sum(pss_mib(pid) or 0.0 for pid in pids))
            pause = max(0.1, (time.monotonic() - started) * _SHARE)


def read_bandwidth(threads: int, seconds: float = 4.0, mib: int = 512) -> float:
    """Return the bytes per second that `threads` threads can read together from main memory: the best of several.

    Two ways of reading are tried, since neither is the fastest everywhere: the C library's search for a
    byte, and numpy's greatest element. Both read without holding the interpreter's lock.
    """
    libc = ctypes.CDLL(None)
    libc.memchr.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    libc.memchr.restype = ctypes.c_void_p
    parts = [np.ones(mib * 2**20 // 4, np.int32) for _ in range(threads)]
    ways = (
        lambda part: libc.memchr(part.ctypes.data, 0xFF, part.nbytes),
        lambda part: part.max(),
    )
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for way in ways:
            end = time.monotonic() + seconds / len(ways)
            while (started := time.monotonic()) < end:
                list(pool.map(way, parts))
                best = max(best, sum(part.nbytes for part in parts) / (time.monotonic() - started))
    return best
