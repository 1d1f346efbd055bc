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

VARIABLE = "EYEBRIGHT_MEMORY_LIMIT"  # "8G": plan as on a computer with so much

_GIB = 1 << 30
_UNITS = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*([MGT])(?:i?B)?", re.IGNORECASE)
# What the system and the other programs of a person keep: more on a larger computer.
_RESERVE, _RESERVED_SHARE = 5 * _GIB // 4, 8
# Of a cgroup's limit the kernel takes a little for itself.
_CGROUP_SHARE = 24
_FREE_SHARE = 20  # of what is free now, one part in so many stays free


@dataclass(frozen=True)
class MemoryBudget:
    """Sizes in bytes."""

    usable: int  # what Eyebright may use when nothing large runs beside it
    free: int  # what can be had at this moment without pushing others out; never more than `usable`


def parse_size(text: str) -> int:
    """Return the bytes of "8G", "7.5 GiB", "8192M". Raises `UserError` (memory-limit-wrong)."""
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if not size:
        raise UserError("memory-limit-wrong", value=text)
    return size


def find_memory_budget(limit: int = 0, held: int = 0) -> MemoryBudget:
    """Return the room on this computer, or on one with `limit` bytes of memory.

    Without `limit` the environment may name one; only without any do the computer, what runs on it,
    and its cgroups count. `held`: bytes of ours that are in use now and will be given back, or are
    part of what is planned. Raises `UserError` (memory-limit-wrong).
    """
    named = os.environ.get(VARIABLE, "")
    limit = limit or (parse_size(named) if named else 0)
    if limit:
        usable = _share_of(limit)
        return MemoryBudget(usable, usable)
    total, free = _system_memory()
    usable = _share_of(total)
    group = cgroup_limit()
    if group:
        usable = min(usable, group - group // _CGROUP_SHARE)
    return MemoryBudget(usable, min(usable, free - free // _FREE_SHARE + held) if free else usable)


def own_memory() -> int:
    """Return the bytes this process has written to and holds, 0 where the system does not tell."""
    return read_sizes(PROC / "self/status").get("RssAnon", 0)


def _share_of(total: int) -> int:
    # A computer of 8 GB shows some 7.6: what its firmware keeps is a part of the reserve.
    whole = -(-total // _GIB) * _GIB
    return max(whole - _RESERVE - whole // _RESERVED_SHARE, whole // 4)


def _system_memory() -> tuple[int, int]:
    """Return (all memory, what is available now or 0 where the system does not tell), in bytes."""
    system: str = sys.platform
    if system == "win32":
        return _windows_memory()
    told = read_sizes(PROC / "meminfo")
    if "MemTotal" in told:
        return told["MemTotal"], told.get("MemAvailable", 0)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), 0


def cgroup_limit(process: Path = PROC / "self/cgroup", root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the least memory limit of the control groups this process is in, in bytes; 0: none."""
    limits = []
    for line in read_text(process).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0":
            top, name = root, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        folder = top / group.lstrip("/")
        # Inside a container the path may name what is not mounted; what is mounted is at the top.
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
        raise OSError("the system does not tell its memory")
    return int(status.ullTotalPhys), int(status.ullAvailPhys)
