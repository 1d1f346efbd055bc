"""Finds what a test left behind: threads, child processes, timers, windows."""

import gc
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.helpers import origins
from tests.helpers.waiting import application, pump

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

#: Things that are just ending get this long.
GRACE_SECONDS = 2.0
#: Python's own helpers, which live until the end.
_PYTHON_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
#: Qt's own windows without a parent.
_QT_WINDOWS = {"QTipLabel", "qtooltip_label"}

Leak = tuple[object, str]


class Snapshot:
    """What is running now, and what has come since."""

    def __init__(self) -> None:
        self._before = {key for key, _ in _running()}

    def leaks(self) -> list[str]:
        """Sentences about what has come since and does not go away, after a moment of grace."""
        deadline = time.monotonic() + GRACE_SECONDS
        if application() is not None:
            pump(0)  # what was told to delete itself goes now
        found = self._new()
        if found:
            gc.collect()  # a widget or timer nobody holds is no leak
            found = self._new()
        while found and time.monotonic() < deadline:
            pump(10)
            found = self._new()
        if found:
            close_windows()
        return found

    def _new(self) -> list[str]:
        return [sentence for key, sentence in _running() if key not in self._before]


def _running() -> Iterator[Leak]:
    yield from _threads()
    yield from _processes()
    if "PySide6.QtCore" in sys.modules:
        yield from _qt_threads()
        yield from _timers()
    if "PySide6.QtWidgets" in sys.modules:
        yield from _windows()


def _threads() -> Iterator[Leak]:
    for thread in threading.enumerate():
        # A dummy is a foreign thread that once ran Python: a QThread, reported as such.
        if thread.is_alive() and not isinstance(thread, threading._DummyThread):
            yield thread, f"thread {thread.name!r}, started at {origins.of(thread)}"


def _processes() -> Iterator[Leak]:
    for number in _children():
        command = _command(number)
        if not any(helper in command for helper in _PYTHON_HELPERS):
            yield (
                ("process", number),
                f"process {number} ({command[:80]}), started at {origins.of(number)}",
            )


def _children() -> list[int]:
    tasks = Path("/proc/self/task")
    if not tasks.exists():  # not Linux: only what multiprocessing knows
        return [child.pid for child in multiprocessing.active_children() if child.pid is not None]
    numbers: list[int] = []
    for task in tasks.glob("*/children"):
        try:
            numbers += map(int, task.read_text().split())
        except OSError:
            pass  # the thread has ended meanwhile
    return [number for number in numbers if not _is_zombie(number)]


def _is_zombie(number: int) -> bool:
    try:
        # "pid (name) state ...", and the name may hold anything.
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _command(number: int) -> str:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def _qt_threads() -> Iterator[Leak]:
    import shiboken6
    from PySide6.QtCore import QThread, QThreadPool

    for thread in origins.live_objects(QThread):
        if shiboken6.isValid(thread) and thread.isRunning():
            name = thread.objectName() or type(thread).__name__
            yield id(thread), f"QThread {name!r}, started at {origins.of(thread)}"
    jobs = QThreadPool.globalInstance().activeThreadCount()
    if jobs:
        yield ("pool", jobs), f"{jobs} running job(s) in Qt's global thread pool"


def _timers() -> Iterator[Leak]:
    import shiboken6
    from PySide6.QtCore import QTimer

    for timer in origins.live_objects(QTimer):
        if shiboken6.isValid(timer) and timer.isActive():
            name = timer.objectName() or f"every {timer.interval()} ms"
            yield id(timer), f"QTimer {name!r}, started at {origins.of(timer)}"


def _top_level() -> Iterator["QWidget"]:
    from PySide6.QtWidgets import QApplication

    if isinstance(QApplication.instance(), QApplication):
        for widget in QApplication.topLevelWidgets():
            if widget.parent() is None and not ({type(widget).__name__, widget.objectName()} & _QT_WINDOWS):
                yield widget


def _windows() -> Iterator[Leak]:
    import shiboken6

    for widget in _top_level():
        kind = type(widget)
        title = widget.windowTitle() or widget.objectName()
        yield (
            ("widget", shiboken6.getCppPointer(widget)[0]),
            f"window {kind.__module__}.{kind.__qualname__} {title!r} (see show_widget)",
        )


def close_windows() -> None:
    """Remove what a test left, so that the next one starts clean."""
    if "PySide6.QtWidgets" in sys.modules:
        for widget in _top_level():
            widget.deleteLater()
        if application() is not None:
            pump(0)
