"""Measures window and engine as on a computer with 8 GB: peak memory, and how much is read from the disk again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.job import QUESTIONS, Job, picture
from bench.memory import pss_mib, read_mib
from bench.results import Sheet

if TYPE_CHECKING:
    from desktop_app.assembly import Services

_LIMIT = "EYEBRIGHT_MEMORY_LIMIT"  # what the planner takes for all there is
_HOME = "EYEBRIGHT_HOME"
_PHOTOGRAPH = (4000, 3000)  # pixels
_ANSWER = 16  # tokens: the fewest that can be set
_STEP_MS = 50
_PHASE_S = 600  # the longest that loading or an answer may take


def measure(job: Job, sheet: Sheet) -> None:
    """Drop a photograph on the window, ask five questions, end the program."""
    os.environ.setdefault(_LIMIT, "8G")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ[_HOME] = str(Path(job.folder) / "low-memory-home")
    photograph, _ = picture(Path(job.folder), 0, _PHOTOGRAPH)

    from desktop_app import assembly, paths
    from desktop_app.ui.application import make_application
    from desktop_app.ui.window import MainWindow

    paths.make_folders()
    application = make_application(["bench"])
    services = assembly.build()
    window = MainWindow(services)
    try:
        settings = {"model": job.model, "mmproj": job.projector, "n_ctx": job.n_ctx, "max_tokens": _ANSWER}
        for name, value in settings.items():
            services.preferences.set(name, value)
        window.show()
        services.start()
        _wait(lambda: services.engine.state() not in ("starting", "loading"))
        info, pid = services.engine.info(), services.engine.pid()
        if info is None or pid is None or info.plan is None:
            raise RuntimeError("the model was not loaded")
        sheet.put("low_memory.n_ctx", info.n_ctx)
        sheet.put("low_memory.planned_mib", info.plan.needed / 2**20)
        services.draft.add_files([str(photograph)])
        _wait(lambda: [shown.state for shown in services.draft.pictures()] == ["read"])
        used = read_mib(pid)  # by now all weights were used once
        sheet.put("low_memory.read_at_load_mib", used)
        for number, question in enumerate(QUESTIONS, 1):
            services.chat.send(question)
            _wait(_answered(services, number))
            sheet.put(f"low_memory.engine_mib.{number}", pss_mib(pid) or 0.0)
        answers = [message for message in services.chat.messages() if message.details]
        if len(answers) != len(QUESTIONS):
            raise RuntimeError(f"{len(answers)} answers to {len(QUESTIONS)} questions")
        sheet.put("low_memory.window_mib", pss_mib(os.getpid()) or 0.0)
        sheet.put("low_memory.read_mib", read_mib(pid) - used)
    finally:
        window.close()
        services.close()
        application.quit()


def _answered(services: Services, questions: int) -> Callable[[], bool]:
    chat = services.chat
    return lambda: len(chat.messages()) == 2 * questions and not chat.is_busy()


def _wait(ready: Callable[[], bool]) -> None:
    """Let the window's events happen until `ready()`. Raises TimeoutError."""
    from PySide6.QtCore import QEventLoop, QTimer

    end = time.monotonic() + _PHASE_S
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {_PHASE_S} s")
        loop = QEventLoop()
        QTimer.singleShot(_STEP_MS, loop.quit)
        loop.exec()
