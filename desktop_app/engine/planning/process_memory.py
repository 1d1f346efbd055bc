"""Measures the peak memory of this process, and returns freed memory to the system."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import Any

from desktop_app.proc_files import PROC, read_sizes


def peak_memory() -> int:
    """Return the peak resident memory of this process in bytes; 0 if the system does not say.

    Linux: VmHWM of the process itself, because `ru_maxrss` starts with the value of the parent process.
    macOS: `ru_maxrss`, there in bytes. Windows: the peak working set.
    """
    system: str = sys.platform
    if system == "linux":
        return read_sizes(PROC / "self/status").get("VmHWM", 0)
    if system == "win32":
        return _windows_peak()
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def reset_peak_memory() -> None:
    """Reset the peak to the memory used now, where the system supports it (Linux)."""
    with contextlib.suppress(OSError):  # then the figure only stays too high
        (PROC / "self/clear_refs").write_text("5")


def release_freed_memory() -> None:
    """Return freed memory to the system: glibc would keep it, about 30 MiB after a photo was decoded."""
    if sys.platform == "linux" and hasattr(_libc := ctypes.CDLL(None), "malloc_trim"):  # musl has none
        _libc.malloc_trim(ctypes.c_size_t(0))


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of psapi.h."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("PageFaultCount", ctypes.c_uint32),
        ("PeakWorkingSetSize", ctypes.c_size_t),
        ("WorkingSetSize", ctypes.c_size_t),
        ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
        ("QuotaPagedPoolUsage", ctypes.c_size_t),
        ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
        ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
        ("PagefileUsage", ctypes.c_size_t),
        ("PeakPagefileUsage", ctypes.c_size_t),
    )


def _windows_peak() -> int:
    kernel: Any = ctypes.CDLL("kernel32")
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.POINTER(_Counters), ctypes.c_uint32)
    counters = _Counters(cb=ctypes.sizeof(_Counters))
    succeeded = kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb)
    return int(counters.PeakWorkingSetSize) if succeeded else 0
