"""How much memory Eyebright may use on this computer, window and engine together."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_app.errors import UserError
from desktop_app.proc_files import PROC, read_sizes, read_text

VARIABLE = "EYEBRIGHT_MEMORY_LIMIT"  # "8G": plan as if the computer had this much memory

_GIB = 1 << 30
_UNITS = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*([MGT])(?:i?B)?", re.IGNORECASE)
# Kept for the system and other programs: a fixed size, and one part in `_RESERVED_PART` of the memory.
_RESERVE, _RESERVED_PART = 5 * _GIB // 4, 8
# The kernel uses one part in `_CGROUP_PART` of a cgroup's limit for itself.
_CGROUP_PART = 24
_FREE_PART = 20  # one part in 20 of the memory that is free now stays free


@dataclass(frozen=True)
class MemoryBudget:
    """Sizes in bytes."""

    usable: int  # what Eyebright may use if no other large program is running
    free: int  # what can be used now without swapping other programs out; never more than `usable`


def parse_size(text: str) -> int:
    """Return the bytes of "8G", "7.5 GiB", "8192M", counted as memory is sold: G is 2^30.

    Raises `UserError` (memory-limit-wrong).
    """
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if not size:
        raise UserError("memory-limit-wrong", value=text)
    return size


def find_memory_budget(limit: int = 0, held: int = 0) -> MemoryBudget:
    """Return how much memory Eyebright may use on this computer, or on one with `limit` bytes of memory.

    Without `limit` an environment variable may set one. Only without any limit are the memory of this computer, other
    programs and cgroups considered. `held`: bytes that Eyebright uses now, and that will be freed or are part of the
    plan. Raises `UserError` (memory-limit-wrong).
    """
    named = os.environ.get(VARIABLE, "")
    limit = limit or (parse_size(named) if named else 0)
    if limit:
        usable = _usable_of(limit)
        return MemoryBudget(usable, usable)
    total, free = _system_memory()
    usable = _usable_of(total)
    group = cgroup_limit()
    if group:
        usable = min(usable, group - group // _CGROUP_PART)
    return MemoryBudget(usable, min(usable, free - free // _FREE_PART + held) if free else usable)


def own_memory() -> int:
    """Return the private memory of this process in bytes (RssAnon), 0 if the system does not say."""
    return read_sizes(PROC / "self/status").get("RssAnon", 0)


def _usable_of(total: int) -> int:
    # A computer with 8 GB reports about 7.6: what the firmware keeps counts as part of the reserve.
    whole = -(-total // _GIB) * _GIB
    return max(whole - _RESERVE - whole // _RESERVED_PART, whole // 4)


def _system_memory() -> tuple[int, int]:
    """Return (total memory, memory available now or 0 if the system does not say), in bytes."""
    system: str = sys.platform
    if system == "win32":
        return _windows_memory()
    sizes = read_sizes(PROC / "meminfo")
    if "MemTotal" in sizes:
        return sizes["MemTotal"], sizes.get("MemAvailable", 0)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), 0


def cgroup_limit(process: Path = PROC / "self/cgroup", root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the lowest memory limit of the control groups (cgroups) of this process, in bytes; 0: none."""
    limits = []
    for line in read_text(process).splitlines():
        number, controllers, group = (*line.split(":", 2), "", "")[:3]
        if number == "0":
            top, name = root, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        folder = top / group.lstrip("/")
        # Inside a container the path may not be mounted; then only the top folder exists.
        for place in (folder, *folder.parents):
            value = read_text(place / name).strip()
            if value.isdecimal():
                limits.append(int(value))
            if place == top:
                break
    # The first version of control groups says "no limit" with a number close to 2**63.
    return min((limit for limit in limits if 0 < limit < 1 << 60), default=0)


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of sysinfoapi.h."""

    _fields_ = (
        ("dwLength", ctypes.c_uint32),
        ("dwMemoryLoad", ctypes.c_uint32),
        ("ullTotalPhys", ctypes.c_uint64),
        ("ullAvailPhys", ctypes.c_uint64),
        ("ullTotalPageFile", ctypes.c_uint64),
        ("ullAvailPageFile", ctypes.c_uint64),
        ("ullTotalVirtual", ctypes.c_uint64),
        ("ullAvailVirtual", ctypes.c_uint64),
        ("ullAvailExtendedVirtual", ctypes.c_uint64),
    )


def _windows_memory() -> tuple[int, int]:
    kernel: Any = ctypes.CDLL("kernel32")
    status = _MemoryStatus(dwLength=ctypes.sizeof(_MemoryStatus))
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        raise OSError("the system does not report its memory")
    return int(status.ullTotalPhys), int(status.ullAvailPhys)
