"""How long a window takes until it is usable: Eyebright's, and bare ones of PySide6.

Eyebright unpacks the Python part of PySide6 when it is installed (packaging/provision/unpack_pyside.py), which lets any
window start sooner. Bare is one of PySide6 as pip installs it; another, unpacked, is measured beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from provision import unpack_pyside

from bench.job import Job
from bench.measured_process import REPOSITORY
from bench.measurements.window_start import STARTED
from bench.results import Sheet

_LIMIT_S = 60
_KINDS = ("bare", "unpacked", "ours")


def measure(job: Job, sheet: Sheet) -> None:
    """Start all kinds of window in turn; the medians count, and the memory of ours."""
    rounds = max(1, job.repeats * 2 - 1)
    as_installed = _as_pip_installs_it(Path(job.folder) / "window-pyside")
    starts: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    pauses: list[float] = []
    memory: list[float] = []
    for _ in range(rounds + 1):  # the first round only warms the file cache, and compiles
        for kind, found in starts.items():
            seconds, pause_ms, mib = _start(kind, job, as_installed)
            found.append(seconds)
            if kind == "ours":
                pauses.append(pause_ms)
                memory.append(mib)
    for kind, found in starts.items():
        sheet.put(f"window.{kind}_start_s", sorted(found[1:])[len(found[1:]) // 2])
    sheet.put("window.longest_pause_ms", max(pauses[1:]))
    if max(memory):
        sheet.put("window.memory_mib", max(memory))
    else:
        sheet.fail("window.memory_mib", "this system does not tell a process's share of memory")


def _as_pip_installs_it(folder: Path) -> Path:
    """Copy the small part of PySide6 that Eyebright unpacks; imported from `folder` it is as it came."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        unpack_pyside.package(), folder / "shiboken6", ignore=shutil.ignore_patterns(unpack_pyside.UNPACKED)
    )
    return folder


def _start(kind: str, job: Job, as_installed: Path) -> tuple[float, float, float]:
    """Start a process for one window.

    Returns the seconds until it was usable, the longest pause in milliseconds after that, and the MiB it held.
    """
    before = [str(as_installed)] if kind == "bare" else []
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "EYEBRIGHT_HOME": str(Path(job.folder) / "window-home"),
        "PYTHONPATH": os.pathsep.join([*before, str(REPOSITORY / "packaging")]),
        "PYTHONPYCACHEPREFIX": str(Path(job.folder) / "window-bytecode"),
        STARTED: repr(time.monotonic()),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    code = f"from bench.measurements.window_start import show; show({kind!r})"
    command = [sys.executable, "-c", code]
    said = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    if said.returncode:
        raise RuntimeError(said.stderr.strip().rpartition("\n")[2] or f"the window ended with {said.returncode}")
    seconds, pause_ms, mib = said.stdout.split()[-3:]
    return float(seconds), float(pause_ms), float(mib)
