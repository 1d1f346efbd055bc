"""How much memory this process has used, and giving back what it does not use any more."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import Any

from desktop_app.proc_files import PROC, read_sizes


def peak_memory() -> int:
    """Return the most memory that was resident at once in this process, in bytes; 0 if not told.

    Linux: VmHWM of the process itself; `ru_maxrss` would begin with that of the parent, which
    outlives the exec. macOS: `ru_maxrss`, there in bytes. Windows: the peak working set.
    """
    system: str = sys.platform
    if system == "linux":
        return read_sizes(PROC / "self/status").get("VmHWM", 0)
    if system == "win32":
        return _windows_peak()
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def count_peak_anew() -> None:
    """Let `peak_memory` begin with what is held now, where the system can do so (Linux)."""
    with contextlib.suppress(OSError):  # then the figure stays too high, which is all
        (PROC / "self/clear_refs").write_text("5")


def give_back() -> None:
    """Return to the system what was freed: glibc keeps it otherwise, some 30 MiB after a photograph was decoded."""
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
    told = kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb)
    return int(counters.PeakWorkingSetSize) if told else 0
