"""How many threads the computing may use."""

from __future__ import annotations

import os
from pathlib import Path


def physical_cores() -> int:
    """Return the number of physical cores this process may run on, at least 1.

    Two threads on one core compete for the same arithmetic, so hyper-threads are not counted.
    Linux tells which are siblings. Elsewhere half of the logical ones are taken, as on most
    computers with hyper-threading; Apple's processors have none, there all are taken.
    """
    logical = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        allowed = os.sched_getaffinity(0)
        siblings = {_siblings(number) for number in allowed}
        return max(1, len(siblings))
    if os.uname().machine == "arm64" if hasattr(os, "uname") else False:
        return logical
    return max(1, logical // 2)


def _siblings(number: int) -> str:
    """Return the group of logical cores that share a physical one, as Linux names it."""
    path = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
    try:
        return path.read_text().strip()
    except OSError:  # not told in some containers: then every core counts
        return str(number)
