"""Lets a verb clean up when the system ends it by a signal: its terminal was closed, or the computer goes down."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = ("SIGTERM", "SIGHUP")


class _EndedBySignal(BaseException):
    """Passes every `finally` on its way out; no `except Exception` may stop it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """While inside, such a signal unwinds what runs; then the process dies of it, as whoever sent it expects.

    A second one ends it at once. What is ignored, as nohup does, stays so.
    """
    before = {}
    for number in (getattr(signal, name, None) for name in _SIGNALS):
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, _unwind)
    try:
        yield
    except _EndedBySignal as ended:
        os.kill(os.getpid(), ended.number)  # by now it has its usual effect
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _unwind(number: int, _frame: FrameType | None) -> None:
    for name in _SIGNALS:
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is _unwind:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    raise _EndedBySignal(number)
