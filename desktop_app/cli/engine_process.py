"""Starts the engine process for a verb, handles Ctrl-C, and shows a status line in the terminal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from desktop_app.engine.client import EngineClient, EngineDied
from desktop_app.engine.messages import Stop


@contextmanager
def started_engine() -> Iterator[EngineClient]:
    """Start an engine process and end it afterwards. If it dies, a log message says why."""
    client = EngineClient()
    with _ctrl_c_ignored():
        client.start()
    try:
        yield client
    finally:
        with _ctrl_c_ignored():
            client.close()


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Ctrl-C goes to every process of a terminal; one that is started in here ignores it from its first moment on."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Interrupts:
    """Ctrl-C: the first one during an answer stops the answer, any other the program."""

    def __init__(self) -> None:
        self.happened = False

    @contextmanager
    def stopping(self, client: EngineClient, request: int) -> Iterator[None]:
        """While inside, Ctrl-C stops `request`, which then ends as usual."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            if self.happened:
                raise KeyboardInterrupt
            self.happened = True
            # A thread, since the main one may be in the middle of sending.
            threading.Thread(target=_send_stop, args=(client, request), daemon=True).start()

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def _send_stop(client: EngineClient, request: int) -> None:
    try:
        client.send(Stop(request))
    except EngineDied:
        return  # the request has ended with it


class Status:
    """One line on standard error that is overwritten, for a person at a terminal only."""

    def __init__(self) -> None:
        self._width = 0
        self._wanted = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._wanted:
            print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = len(text)

    def clear(self) -> None:
        """Remove the line, before anything else is written."""
        if self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0
