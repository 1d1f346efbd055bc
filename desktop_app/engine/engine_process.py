"""One engine process as the program sees it that started it: starts it, sends commands, receives events, watches it.

Neither the window nor anybody else waits for the start, which takes a few tens of milliseconds, nor for a process that
does not read what it is sent: commands are queued, and a thread sends them.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_app.engine.messages import (
    SILENT_AFTER_S,
    AnswersAgain,
    Command,
    Died,
    Event,
    Ping,
    Pong,
    Shutdown,
    Silent,
)
from desktop_app.engine.standard_error import StandardErrorFile

if TYPE_CHECKING:  # imported with the first process, when the window is there
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

_log = logging.getLogger(__name__)
_TICK_S = 1.0
_START_S = 60  # how long it may take to start: from a slow disk, beside other programs that start


class EngineProcess:
    """A process, its connection, and the threads that send, receive and watch."""

    def __init__(self, handle_event: Callable[[Event], None], after: threading.Thread | None) -> None:
        """`handle_event` gets the events. The process is started after the thread `after` has ended."""
        self._handle_event = handle_event
        self._after = after
        self._process: BaseProcess | None = None
        self._outgoing: queue.SimpleQueue[Command | None] = queue.SimpleQueue()  # None: no more
        self.started_or_failed = threading.Event()
        self.is_alive = True  # true while it starts; false before `Died` is sent
        self._closing = False
        self._said = ""  # what it wrote to standard error at its end
        self._listeners: dict[int, queue.SimpleQueue[Event]] = {}
        self._listening = threading.Lock()
        self._ended = threading.Event()
        self._watching = threading.Lock()
        self._pinged = False  # a ping is not answered yet
        self._silence = -_START_S / _TICK_S  # ticks without an event
        self._is_silent = False
        self._thread = threading.Thread(target=self._run, name="engine-events", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """Return the process id, None if there is no process yet."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return how it ended, as in `multiprocessing`."""
        return None if self._process is None else self._process.exitcode

    def listen(self, request: int) -> queue.SimpleQueue[Event]:
        """Return a queue that gets the events of a request, and `Died`, until `forget` is called."""
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        with self._listening:
            self._listeners[request] = events
        return events

    def forget(self, request: int) -> None:
        """End what `listen` began."""
        with self._listening:
            del self._listeners[request]

    def send(self, command: Command) -> bool:
        """Send a command, soon; return False if the process has ended. Else `Died` follows if it does not arrive."""
        if self.is_alive:
            self._outgoing.put(command)
            return True
        return False

    def close(self, timeout: float) -> None:
        """End the process; kill it after `timeout` seconds."""
        self._closing = True
        self.started_or_failed.wait()
        self.send(Shutdown())
        if self._process is not None:
            self._process.join(timeout)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    # ---- inside ----------------------------------------------------------------------------

    def _run(self) -> None:
        if self._after is not None:
            self._after.join()
        try:
            connection = self._start()
        except OSError as error:
            _log.error("the engine process cannot be started: %s", error.strerror)
        else:
            threads = [
                threading.Thread(target=self._send_queued, args=(connection,), name="engine-commands", daemon=True),
                threading.Thread(target=self._watch, name="engine-watch", daemon=True),
            ]
            for thread in threads:
                thread.start()
            self.started_or_failed.set()
            self._receive(connection)
            self._ended.set()
            self._outgoing.put(None)
            for thread in threads:
                thread.join()
            connection.close()
        finally:
            self.is_alive = False
            self.started_or_failed.set()
            self._dispatch(Died(self.exit_code, self._said))

    def _start(self) -> Connection:
        import multiprocessing

        from desktop_app.engine import process

        # "spawn" on every system: a fork would copy Qt's threads' locks into the engine.
        context = multiprocessing.get_context("spawn")
        connection, other = context.Pipe()
        self._standard_error = StandardErrorFile()
        arguments = (other, self._standard_error.path)
        started = context.Process(target=process.main, args=arguments, name="eyebright-engine", daemon=True)
        try:
            started.start()
        except OSError:
            self._standard_error.take()
            raise
        self._process = started
        other.close()  # otherwise the end of the process would not be noticed
        return connection

    def _send_queued(self, connection: Connection) -> None:
        while (command := self._outgoing.get()) is not None:
            try:
                connection.send(command)
            except OSError:
                return  # it has ended, which `_receive` notices

    def _receive(self, connection: Connection) -> None:
        while True:
            try:
                event: Event = connection.recv()
            except (EOFError, OSError):
                break
            with self._watching:
                self._silence = 0
                if isinstance(event, Pong):
                    self._pinged = False
                if self._is_silent:
                    self._is_silent = False
                    self._dispatch(AnswersAgain())
            if not isinstance(event, Pong):
                self._dispatch(event)
        assert self._process is not None  # it has the other end of the connection
        self._process.join()
        said = self._said = self._standard_error.take()
        if not self._closing:
            _log.error("the engine process ended with exit code %s%s", self.exit_code, f":\n{said}" if said else "")
        elif said:
            _log.info("the engine process said:\n%s", said)

    def _watch(self) -> None:
        """Notice when nothing comes. Ticks are counted, not time: this process may be the one that was stopped."""
        while not self._ended.wait(_TICK_S):
            with self._watching:
                if not self._pinged:
                    self._pinged = True
                    self._outgoing.put(Ping())
                self._silence += 1
                if self._silence >= SILENT_AFTER_S / _TICK_S and not (self._is_silent or self._closing):
                    self._is_silent = True
                    self._dispatch(Silent())

    def _dispatch(self, event: Event) -> None:
        if not (isinstance(event, Died) and self._closing):  # an end that was asked for is not reported
            try:
                self._handle_event(event)
            except Exception:  # of the callback: later events must still be received
                _log.exception("an event of the engine could not be handled")
        with self._listening:
            for request, events in self._listeners.items():
                if isinstance(event, Died) or event.request == request:
                    events.put(event)
