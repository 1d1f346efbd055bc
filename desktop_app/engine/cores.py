"""How many threads the computing may use."""

from __future__ import annotations

import os
import platform
from pathlib import Path

# Below this the threads would wait for each other longer than they compute.
_TINY_MODEL = 64 * 1024 * 1024  # bytes


def threads_for(model_size: int) -> int:
    """Return the number of threads for a model file of `model_size` bytes: all physical cores.

    A tiny model gets one: it is no slower, and it does not stall beside another busy program.
    """
    return 1 if model_size < _TINY_MODEL else physical_cores()


def physical_cores() -> int:
    """Return the number of physical cores this process may run on, at least 1.

    Two threads on one core compete for the same arithmetic, so hyper-threads are not counted.
    Linux tells which are siblings. Elsewhere half of the logical ones are taken, as on most
    computers with hyper-threading; Apple's processors have none, there all are taken.
    """
    if hasattr(os, "sched_getaffinity"):
        return max(1, len({_siblings(number) for number in os.sched_getaffinity(0)}))
    logical = os.cpu_count() or 1
    return logical if platform.machine() == "arm64" else max(1, logical // 2)


def _siblings(number: int) -> str:
    """Return the group of logical cores that share a physical one, as Linux names it."""
    path = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
    try:
        return path.read_text().strip()
    except OSError:  # not told in some containers: then every core counts
        return str(number)
