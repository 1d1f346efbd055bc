"""Waiting for a condition, with Qt and without it."""

import threading
from typing import TYPE_CHECKING

import pytest

from tests.helpers.waiting import expect_signal, wait_until

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication


def test_returns_when_the_condition_holds() -> None:
    event = threading.Event()
    timer = threading.Timer(0.02, event.set)
    timer.start()
    wait_until(event.is_set)
    timer.join()


def test_failure_shows_the_condition() -> None:
    with pytest.raises(AssertionError, match=r"not within 0.01 s: .*1 > 2"):
        wait_until(lambda: 1 > 2, timeout=0.01)


def test_signal_and_its_arguments(qapp: "QApplication") -> None:
    from PySide6.QtCore import QObject, QTimer, Signal

    class Clock(QObject):
        struck = Signal(int, str)

    clock = Clock()
    with expect_signal(clock.struck, times=2) as calls:
        for hour in (1, 2):
            QTimer.singleShot(0, lambda hour=hour: clock.struck.emit(hour, "dong"))
    assert calls == [(1, "dong"), (2, "dong")]


def test_missing_signal_fails(qapp: "QApplication") -> None:
    from PySide6.QtCore import QTimer

    timer = QTimer()
    with (
        pytest.raises(AssertionError, match=r"not within 0.02 s"),
        expect_signal(timer.timeout, timeout=0.02),
    ):
        pass
