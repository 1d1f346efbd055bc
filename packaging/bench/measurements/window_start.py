"""Opens a window in a process of its own, whose start is measured. It imports only what the program would."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import Any

STARTED = "EYEBRIGHT_BENCH_STARTED"  # time.monotonic() of the parent: the same clock in all processes
_AFTER_MS = 1500  # until the window has settled, before its memory is looked at
_BEAT_MS = 2


def show(kind: str) -> None:
    """Open a window; then close it.

    Prints the seconds until it was painted and answered, the milliseconds that it left a timer waiting at most
    while it settled after that, and how many MiB it then held.
    """
    if kind == "ours":
        gc.disable()  # as the program does before it imports PySide6, which is imported here to be watched
    from PySide6.QtWidgets import QApplication

    execute = QApplication.exec

    def watched(*_application: Any) -> int:
        """Watch the window that is about to be painted, and go on as always."""
        watch = _watch()  # noqa: F841 - it must live as long as the loop
        return execute()

    QApplication.exec = watched  # type: ignore[method-assign]
    if kind == "ours":
        # As a person starts it: with all that comes before the window.
        from desktop_app.__main__ import main

        sys.argv[1:] = []
        main()
    else:
        _show_bare()


def _show_bare() -> None:
    from PySide6.QtWidgets import QApplication, QLabel, QMainWindow

    application = QApplication(sys.argv[:1])
    window = QMainWindow()
    window.setCentralWidget(QLabel("Hello"))
    window.resize(1120, 780)
    window.show()
    application.exec()


def _watch() -> Any:
    """Return what waits for the first painting of the one window there is: it says the time, and ends all soon."""
    from itertools import pairwise

    from PySide6.QtCore import QEvent, QObject, Qt, QTimer
    from PySide6.QtWidgets import QApplication, QMainWindow

    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))

    beats: list[float] = []
    beat = QTimer(window)
    beat.setTimerType(Qt.TimerType.PreciseTimer)
    beat.timeout.connect(lambda: beats.append(time.monotonic()))

    def usable() -> None:  # after everything that waited when the window was painted
        beats.append(time.monotonic())
        beat.start(_BEAT_MS)
        QTimer.singleShot(_AFTER_MS, window, close)

    def close() -> None:
        from bench.memory import pss_mib

        beat.stop()
        longest_ms = max(after - before for before, after in pairwise(beats)) * 1000
        print(beats[0] - float(os.environ[STARTED]), longest_ms, pss_mib(os.getpid()) or 0.0, flush=True)
        window.close()

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
            if event.type() == QEvent.Type.Paint:
                watched.removeEventFilter(self)
                QTimer.singleShot(0, window, lambda: QTimer.singleShot(0, window, usable))
            return False

    watch = Watch()
    window.installEventFilter(watch)
    return watch
