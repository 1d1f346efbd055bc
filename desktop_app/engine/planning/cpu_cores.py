"""Finds the name of the processor and the number of its cores, and chooses how many threads to compute with.

Two threads on one core compete for the same arithmetic units, and every step of llama.cpp waits for the slowest
thread. So on a processor with fast and slow cores the fast ones are counted separately.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_app.proc_files import PROC, read_text

# Below this size, threads would spend more time waiting for each other than computing.
_TINY_MODEL = 64 * 1024 * 1024  # bytes
# A core counts as slow if its clock (or capacity) is below this share of the fastest core's.
_SLOW_CLOCK, _SLOW_CAPACITY = 0.75, 0.6
_PROCESSOR_CORE = 0  # RelationProcessorCore of winnt.h


@dataclass(frozen=True)
class Cores:
    """How many cores this process may run on, each number at least 1."""

    fast: int  # physical cores without the slow ones
    physical: int
    logical: int


def is_tiny(model_size: int) -> bool:
    """Return whether a model file of `model_size` bytes is too small to gain anything from threads."""
    return model_size < _TINY_MODEL


def threads_for(model_size: int) -> int:
    """Return the number of threads for a model file of `model_size` bytes: all fast cores.

    A tiny model gets one: it is no slower, and does not stall when another program is busy.
    """
    return 1 if is_tiny(model_size) else find_cores().fast


def find_cores() -> Cores:
    """Return the cores of this computer. If the system does not say, two logical cores per physical one are assumed."""
    system: str = sys.platform
    if system == "linux":
        return linux_cores(os.sched_getaffinity(0))
    try:
        found = windows_cores(_windows_records()) if system == "win32" else _mac_cores()
    except OSError:
        found = None
    logical = os.cpu_count() or 1
    return found or Cores(max(1, logical // 2), max(1, logical // 2), logical)


def physical_cores() -> int:
    """Return the number of physical cores of all kinds that this process may run on, at least 1."""
    return find_cores().physical


def processor_name() -> str:
    """Return the name of the processor, "" if the system does not say."""
    system: str = sys.platform
    if system == "linux":
        lines = (line.partition(":") for line in read_text(PROC / "cpuinfo").splitlines())
        fields = {name.strip(): value.strip() for name, _, value in lines}
        name = fields.get("model name") or fields.get("Model") or fields.get("Hardware")
        return name or " ".join(fields[key] for key in ("CPU implementer", "CPU part") if key in fields)
    if system == "darwin":
        return _mac_text("machdep.cpu.brand_string")
    return platform.processor()


# ---- Linux -----------------------------------------------------------------------------------


def linux_cores(allowed: Iterable[int], devices: Path = Path("/sys/devices")) -> Cores:
    """Return the cores to which the logical cores in `allowed` belong; `devices` is the folder of sysfs."""
    numbers = sorted(allowed)
    siblings = {number: _siblings(devices, number) for number in numbers}
    fast = _fast(devices, numbers)
    return Cores(
        max(1, len({siblings[number] for number in fast})), max(1, len(set(siblings.values()))), max(1, len(numbers))
    )


def _siblings(devices: Path, number: int) -> str:
    """Return the logical cores that share a physical core with this one; some containers do not say."""
    return read_text(devices / f"system/cpu/cpu{number}/topology/thread_siblings_list").strip() or str(number)


def _fast(devices: Path, numbers: list[int]) -> list[int]:
    """Return the fast cores: by Intel's lists, by the capacity that ARM reports, or by the clock."""
    listed = _listed(read_text(devices / "cpu_core/cpus"))
    if listed and _listed(read_text(devices / "cpu_atom/cpus")):
        return [number for number in numbers if number in listed] or numbers
    for name, share in (("cpu_capacity", _SLOW_CAPACITY), ("cpufreq/cpuinfo_max_freq", _SLOW_CLOCK)):
        found = [read_text(devices / f"system/cpu/cpu{number}/{name}").strip() for number in numbers]
        if found and all(text.isdecimal() for text in found):
            values = [int(text) for text in found]
            if min(values) < share * max(values):
                pairs = zip(numbers, values, strict=True)
                return [number for number, value in pairs if value >= share * max(values)]
    return numbers


def _listed(text: str) -> set[int]:
    """Return the numbers of a list such as "0-7,16"."""
    numbers: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            numbers.update(range(int(first), int(last or first) + 1))
    return numbers


# ---- Windows ---------------------------------------------------------------------------------


def windows_cores(records: bytes) -> Cores | None:
    """Return the cores in the output of GetLogicalProcessorInformationEx; None if it has none.

    Each record has its kind and its size (DWORDs), flags and an efficiency class (bytes; a higher class is faster),
    20 reserved bytes, a number of groups (WORD), and for each group a mask of logical cores (KAFFINITY, 8 bytes) and
    8 more bytes.
    """
    classes: list[int] = []
    logical = 0
    start = 0
    while start + 8 <= len(records):
        kind, size = struct.unpack_from("<II", records, start)
        if size < 8 or start + size > len(records):
            break
        if kind == _PROCESSOR_CORE and size >= 32:
            classes.append(records[start + 9])
            (groups,) = struct.unpack_from("<H", records, start + 30)
            for group in range(min(groups, (size - 32) // 16)):
                (mask,) = struct.unpack_from("<Q", records, start + 32 + 16 * group)
                logical += mask.bit_count()
        start += size
    if not classes:
        return None
    return Cores(classes.count(max(classes)), len(classes), max(logical, len(classes)))


def _windows_records() -> bytes:
    kernel: Any = ctypes.CDLL("kernel32")
    size = ctypes.c_uint32()
    kernel.GetLogicalProcessorInformationEx(_PROCESSOR_CORE, None, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    if not kernel.GetLogicalProcessorInformationEx(_PROCESSOR_CORE, buffer, ctypes.byref(size)):
        raise OSError("the system does not report its cores")
    return buffer.raw[: size.value]


# ---- macOS -----------------------------------------------------------------------------------


def _mac_cores() -> Cores | None:
    physical = _mac_number("hw.physicalcpu")
    if not physical:
        return None
    # Level 0 is the fastest; Macs with Intel processors have no levels.
    return Cores(_mac_number("hw.perflevel0.physicalcpu") or physical, physical, _mac_number("hw.logicalcpu"))


def _mac_number(name: str) -> int:
    value = _sysctl(name)
    return int.from_bytes(value[:8], "little") if value else 0


def _mac_text(name: str) -> str:
    return _sysctl(name).split(b"\0")[0].decode(errors="replace")


def _sysctl(name: str) -> bytes:
    library: Any = ctypes.CDLL(None)
    size = ctypes.c_size_t(256)
    buffer = ctypes.create_string_buffer(size.value)
    if library.sysctlbyname(name.encode(), buffer, ctypes.byref(size), None, ctypes.c_size_t(0)):
        return b""
    return buffer.raw[: size.value]
