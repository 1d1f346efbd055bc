"""Waits until a condition is true, while Qt's events are processed."""

import contextlib
import inspect
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PySide6.QtCore import QCoreApplication

#: Generous: a busy computer should not fail a test; nobody waits this long when all is well.
TIMEOUT_SECONDS = 10.0
_STEP_MILLISECONDS = 5


def application() -> "QCoreApplication | None":
    """The running Qt application, without importing Qt for it."""
    core = sys.modules.get("PySide6.QtCore")
    return core.QCoreApplication.instance() if core else None


def pump(milliseconds: int) -> None:
    """Let Qt's events happen for a while; 0: those that are due. Without Qt: wait."""
    if application() is None or threading.current_thread() is not threading.main_thread():
        threading.Event().wait(milliseconds / 1000)
        return
    from PySide6.QtCore import QEventLoop, QTimer

    # A loop of its own rather than processEvents(): only that carries out deleteLater().
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait_until(condition: Callable[[], object], timeout: float = TIMEOUT_SECONDS, what: str = "") -> None:
    """Return as soon as `condition()` is true; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what or _source(condition)}")
        pump(_STEP_MILLISECONDS)


def _source(condition: Callable[[], object]) -> str:
    try:
        return " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):
        return repr(condition)


@contextlib.contextmanager
def expect_signal(signal: Any, timeout: float = TIMEOUT_SECONDS, times: int = 1) -> Iterator[list[tuple[Any, ...]]]:
    """Wait at the end of the block until a Qt signal came; yields its arguments, one tuple each.

    with expect_signal(download.finished) as calls:
        download.start()
    assert calls == [("model.gguf",)]
    """
    calls: list[tuple[Any, ...]] = []

    def slot(*arguments: Any) -> None:
        calls.append(arguments)

    signal.connect(slot)
    try:
        yield calls
        wait_until(lambda: len(calls) >= times, timeout, f"{times} x {signal}")
    finally:
        signal.disconnect(slot)
