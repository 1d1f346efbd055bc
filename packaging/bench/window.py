"""How long a window takes until it is usable: Eyebright's, and a bare one of PySide6, as pip installs it and unpacked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.job import Job
from bench.party import REPOSITORY
from bench.results import Sheet
from bench.shown import STARTED

_LIMIT_S = 60


def measure(job: Job, sheet: Sheet) -> None:
    """Start both kinds of window in turn; the median counts, and the memory of ours."""
    rounds = max(1, job.repeats * 2 - 1)
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    memory: list[float] = []
    for _ in range(rounds + 1):  # the first round only warms the file cache, and compiles
        for kind, found in times.items():
            seconds, mib = _start(kind, job)
            found.append(seconds)
            if kind == "ours":
                memory.append(mib)
    for kind, found in times.items():
        sheet.put(f"window.{kind}_start_s", sorted(found[1:])[len(found[1:]) // 2])
    if max(memory):
        sheet.put("window.memory_mib", max(memory))
    else:
        sheet.fail("window.memory_mib", "this system does not tell a process's share of memory")


def _start(kind: str, job: Job) -> tuple[float, float]:
    """Return the seconds until a new process's window was usable, and the MiB that it then held."""
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "EYEBRIGHT_HOME": str(Path(job.folder) / "window-home"),
        "PYTHONPATH": str(REPOSITORY / "packaging"),
        "PYTHONPYCACHEPREFIX": str(Path(job.folder) / "window-bytecode"),
        STARTED: repr(time.monotonic()),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    code = f"from bench.shown import show; show({kind!r})"
    command = [sys.executable, "-c", code]
    said = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    if said.returncode:
        raise RuntimeError(said.stderr.strip().rpartition("\n")[2] or f"the window ended with {said.returncode}")
    seconds, mib = said.stdout.split()[-2:]
    return float(seconds), float(mib)
