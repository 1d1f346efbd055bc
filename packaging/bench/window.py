"""How long a window takes until it is usable: Eyebright's, and a bare one of PySide6."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.job import Job
from bench.memory import pss_mib
from bench.party import REPOSITORY
from bench.results import Sheet

_STARTED = "EYEBRIGHT_BENCH_STARTED"  # time.monotonic() of the parent: the same clock in all processes
_AFTER_MS = 1500  # until the window has settled, before its memory is looked at
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
        _STARTED: repr(time.monotonic()),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    code = f"from bench.window import show; show({kind!r})"
    command = [sys.executable, "-c", code]
    said = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    if said.returncode:
        raise RuntimeError(said.stderr.strip().rpartition("\n")[2] or f"the window ended with {said.returncode}")
    seconds, mib = said.stdout.split()[-2:]
    return float(seconds), float(mib)


def show(kind: str) -> None:
    """Open a window, say when it was painted and answered again, and how much memory it held; then close it."""
    if kind == "bare":
        _show_bare()
    else:
        _show_ours()


def _show_bare() -> None:
    from PySide6.QtWidgets import QApplication, QLabel, QMainWindow

    application = QApplication(sys.argv[:1])

    class Window(QMainWindow):
        def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
            super().paintEvent(event)
            watch()

    window = Window()
    watch = _watch_of(window)
    window.setCentralWidget(QLabel("Hello"))
    window.resize(1120, 780)
    window.show()
    application.exec()


def _show_ours() -> None:
    from desktop_app import assembly
    from desktop_app.ui import window as module

    original = module.MainWindow
    watches: list[Callable[[], None]] = []

    class Window(original):  # type: ignore[misc, valid-type]
        def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
            super().paintEvent(event)
            if not watches:
                watches.append(_watch_of(self))
            watches[0]()

    module.MainWindow = Window  # type: ignore[misc]
    assembly.run_window()


def _watch_of(window: Any) -> Callable[[], None]:
    """Return what is to be called when the window is painted: the first call says the time, and ends all soon."""
    from PySide6.QtCore import QTimer

    seen: list[float] = []

    def usable() -> None:  # after everything that waited when the window was painted
        seconds = time.monotonic() - float(os.environ[_STARTED])
        QTimer.singleShot(_AFTER_MS, window, lambda: close(seconds))

    def close(seconds: float) -> None:
        print(seconds, pss_mib(os.getpid()) or 0.0, flush=True)
        window.close()

    def painted() -> None:
        if not seen:
            seen.append(time.monotonic())
            QTimer.singleShot(0, window, usable)

    return painted
