"""Starts the engine process, sends commands to it, and passes its events on.

No Qt and no llama_cpp. The window gives `on_event`, which is called on a thread of the client. The command line and
tests use `request`, which blocks and yields the events of a command.

    with EngineClient() as client:
        client.load(model, mmproj)
        for event in client.request(Ask(client.next_request(), turns)):
            ...
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from desktop_app.engine.messages import (
    FINAL_EVENTS,
    Ask,
    BugReported,
    Command,
    Died,
    EngineSettings,
    Event,
    Failed,
    Inspect,
    Load,
    ModelInfo,
    ReadAhead,
    Ready,
    Shutdown,
    Stop,
    Warned,
)
from desktop_app.errors import UserError

if TYPE_CHECKING:  # imported with the first process, when the window is there
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

_log = logging.getLogger(__name__)


class EngineDied(UserError):  # noqa: N818 - it says what happened, as `Died` does
    """The engine process has ended; `exit_code` as in `multiprocessing`: negative for a signal."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__("engine-died")
        self.exit_code = exit_code


class EngineBug(RuntimeError):  # noqa: N818 - as `BugReported`
    """A bug in the engine; the text is its traceback. The process goes on."""


class EngineClient:
    """Drives one engine process at a time. All methods may be called from any thread."""

    def __init__(self, on_event: Callable[[Event], None] | None = None) -> None:
        """`on_event` gets every event, on a thread of the client; it must not block."""
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._engine: _Engine | None = None
        self._ending: threading.Thread | None = None  # ends the process before this one

    def __enter__(self) -> EngineClient:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, *, wait: bool = True) -> None:
        """Start the process, unless it is running.

        The process inherits the standard error and the signal handlers that this process has when it starts. With
        `wait` this returns after that.
        """
        with self._lock:
            if self._engine is None or not self._engine.is_alive:
                self._engine = _Engine(self._handle_event, after=self._ending)
            engine = self._engine
        if wait:
            engine.started_or_failed.wait()

    def close(self, timeout: float = 5.0) -> None:
        """End the process; kill it after `timeout` seconds. No `Died` follows."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close(timeout)
        if self._ending is not None:
            self._ending.join()

    def close_soon(self, timeout: float = 5.0) -> None:
        """End the process as `close` does, but return at once. The next process starts after this one has ended."""
        with self._lock:
            engine, self._engine = self._engine, None
            if engine is not None:
                self._ending = threading.Thread(target=engine.close, args=(timeout,), name="engine-ends")
                self._ending.start()

    def restart(self) -> None:
        """Replace the process with a new one, in which no model is loaded."""
        self.close()
        self.start()

    @property
    def pid(self) -> int | None:
        """Return the process id, None if there is no process yet, or none any more."""
        engine = self._engine
        return engine.pid if engine is not None else None

    @property
    def is_alive(self) -> bool:
        """Return whether the process is running, or starting."""
        engine = self._engine
        return engine is not None and engine.is_alive

    def next_request(self) -> int:
        """Return a request number that was not used before."""
        return next(self._numbers)

    def send(self, command: Command) -> None:
        """Send a command; the answers come as events.

        If the process has ended, the command is dropped; `Died` has been sent, or will be.
        """
        try:
            self._running().send(command)
        except EngineDied:
            _log.debug("%s was not sent, since the engine has ended", type(command).__name__)

    def request(self, command: Load | Inspect | ReadAhead | Ask) -> Iterator[Event]:
        """Send a command and yield its events up to the final one, blocking in between.

        Raises `UserError` on `Failed`, `EngineDied` on `Died` or without a process, and `EngineBug` on `BugReported`.
        If the caller closes the iterator early, the request is stopped.
        """
        engine = self._running()
        events = engine.listen(command.request)
        ended = False
        try:
            engine.send(command)
            while not ended:
                event = events.get()
                ended = isinstance(event, FINAL_EVENTS)
                if isinstance(event, Failed):
                    raise UserError(event.code, **event.parameters)
                if isinstance(event, Died):
                    raise EngineDied(event.exit_code)
                if isinstance(event, BugReported):
                    raise EngineBug(event.report)
                yield event
        except EngineDied:
            ended = True
            raise
        finally:
            engine.forget(command.request)
            if not ended:
                self.send(Stop(command.request))

    def load(self, model: Path, mmproj: Path | None, settings: EngineSettings | None = None) -> ModelInfo:
        """Load a model and wait until it is ready. Raises as `request`."""
        command = Load(self.next_request(), str(model), str(mmproj) if mmproj else None, settings or EngineSettings())
        for event in self.request(command):
            if isinstance(event, Ready):
                return event.info
        raise AssertionError("a request ends with its final event")

    def _running(self) -> _Engine:
        engine = self._engine
        if engine is None:
            raise EngineDied(None)
        return engine

    def _handle_event(self, event: Event) -> None:
        if isinstance(event, Warned):
            logging.getLogger(event.logger).warning("%s", event.text)
            return
        if isinstance(event, Ready) and event.info.class_token == "unknown":
            _log.warning("llama.cpp orders CLIP's class token in an unknown way: pictures may be misread")
        if self._on_event is not None:
            self._on_event(event)


class _Engine:
    """One process, its connection, and the thread that starts the process and receives its events.

    The window does not wait for the start, which takes a few tens of milliseconds. Commands sent meanwhile are queued.
    """

    def __init__(self, handle_event: Callable[[Event], None], after: threading.Thread | None) -> None:
        """`handle_event` gets the events. The process is started after the thread `after` has ended."""
        self._handle_event = handle_event
        self._after = after
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._queued: list[Command] | None = []  # until the process was started, or failed to start; then None
        self._sending = threading.Lock()
        self.started_or_failed = threading.Event()
        self.is_alive = True  # true while it starts; false before `Died` is sent
        self._closing = False
        self._listeners: dict[int, queue.SimpleQueue[Event]] = {}
        self._listening = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="engine-events", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
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

    def send(self, command: Command) -> None:
        """Send a command. Raises `EngineDied` if the process has ended; listeners may get `Died` as well."""
        with self._sending:
            if self._queued is not None:
                self._queued.append(command)
                return
            try:
                if self._connection is not None:
                    self._connection.send(command)
                    return
            except OSError:
                pass  # it has ended, or was closed
        raise EngineDied(self.exit_code)

    def close(self, timeout: float) -> None:
        self._closing = True
        self.started_or_failed.wait()
        try:
            self.send(Shutdown())
        except EngineDied:
            pass  # it has ended already
        if self._process is not None:
            self._process.join(timeout)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        if self._after is not None:
            self._after.join()
        try:
            connection = self._start()
        except OSError as error:
            _log.error("the engine process cannot be started: %s", error.strerror)
        else:
            self._listen(connection)
        finally:
            with self._sending:
                self._queued = None
            self.is_alive = False
            self.started_or_failed.set()
            self._dispatch(Died(self.exit_code))

    def _start(self) -> Connection:
        import multiprocessing

        from desktop_app.engine import process

        # "spawn" on every system: a fork would copy Qt's threads' locks into the engine.
        context = multiprocessing.get_context("spawn")
        connection, other = context.Pipe()
        started = context.Process(target=process.main, args=(other,), name="eyebright-engine", daemon=True)
        started.start()
        self._process = started
        other.close()  # otherwise the end of the process would not be noticed
        with self._sending:
            queued, self._queued = self._queued, None
            self._connection = connection
            try:
                for command in queued or ():
                    connection.send(command)
            except OSError:
                pass  # it has ended already, which `_listen` notices
        self.started_or_failed.set()
        return connection

    def _listen(self, connection: Connection) -> None:
        while True:
            try:
                event: Event = connection.recv()
            except (EOFError, OSError):
                break
            self._dispatch(event)
        assert self._process is not None  # it has the other end of the connection
        self._process.join()
        with self._sending:
            connection.close()

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


def clear_cache(folder: Path, used_before: float) -> None:
    """Remove from the caches in `folder` what was not used since a time (seconds since 1970).

    With an engine that runs, send it `Forget` first: it may hold more than it has written.
    """
    from desktop_app.engine.cache import checked_folder  # needed rarely

    checked_folder.clear_cache(folder, used_before)
