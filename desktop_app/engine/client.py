"""The program's end of the pipe: starts the engine process, sends commands, hands out events.

No Qt and no llama_cpp. For the window: give `on_event`, which is called on one thread of the
client's own. For the command line and tests: `request` blocks and yields the events of a command.

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
    Command,
    Crashed,
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
    """The process is gone; `exit_code` as in `multiprocessing`: negative for a signal."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__("engine-died")
        self.exit_code = exit_code


class EngineCrashed(RuntimeError):  # noqa: N818 - as `Crashed`
    """A bug in the engine; the text is its traceback. The process lives on."""


class EngineClient:
    """Drives one engine process at a time. All methods may be called from any thread."""

    def __init__(self, on_event: Callable[[Event], None] | None = None) -> None:
        """`on_event` hears every event, on a thread of the client; it must not block."""
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._engine: _Engine | None = None
        self._ending: threading.Thread | None = None  # sees to the end of the one before

    def __enter__(self) -> EngineClient:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, *, wait: bool = True) -> None:
        """Start the process, unless it runs.

        The process has the standard error and the signals that this one has when it starts: that is over when this
        returns, unless told not to `wait`.
        """
        with self._lock:
            if self._engine is None or not self._engine.is_alive:
                self._engine = _Engine(self._hear, after=self._ending)
            engine = self._engine
        if wait:
            engine.settled.wait()

    def close(self, timeout: float = 5.0) -> None:
        """End the process, by force when `timeout` seconds do not suffice. No `Died` follows."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close(timeout)
        if self._ending is not None:
            self._ending.join()

    def close_soon(self, timeout: float = 5.0) -> None:
        """End the process as `close` does, but return at once; the next one starts when this one is gone."""
        with self._lock:
            engine, self._engine = self._engine, None
            if engine is not None:
                self._ending = threading.Thread(target=engine.close, args=(timeout,), name="engine-ends")
                self._ending.start()

    def restart(self) -> None:
        """Replace the process by a new one, in which no model is loaded."""
        self.close()
        self.start()

    @property
    def pid(self) -> int | None:
        """Return the number of the process, None when there is none, or not yet."""
        engine = self._engine
        return engine.pid if engine is not None else None

    @property
    def is_alive(self) -> bool:
        """Return whether the process runs, or is about to."""
        engine = self._engine
        return engine is not None and engine.is_alive

    def next_request(self) -> int:
        """Return a request number that was not used before."""
        return next(self._numbers)

    def send(self, command: Command) -> None:
        """Send a command; its answers come as events.

        A command to a process that is gone is dropped: `Died` tells of that, and may be on its way.
        """
        try:
            self._running().send(command)
        except EngineDied:
            _log.debug("nobody is there to take %s", type(command).__name__)

    def request(self, command: Load | Inspect | ReadAhead | Ask) -> Iterator[Event]:
        """Send a command and yield its events up to the final one, blocking in between.

        Raises `UserError` on `Failed`, `EngineDied` on `Died` or when nobody is there, `EngineCrashed` on
        `Crashed`. When the caller loses interest before the end, the request is stopped.
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
                if isinstance(event, Crashed):
                    raise EngineCrashed(event.report)
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

    def _hear(self, event: Event) -> None:
        if isinstance(event, Warned):
            logging.getLogger(event.logger).warning("%s", event.text)
            return
        if isinstance(event, Ready) and event.info.class_token == "unknown":
            _log.warning("llama.cpp orders CLIP's class token in an unknown way: pictures may be misread")
        if self._on_event is not None:
            self._on_event(event)


class _Engine:
    """One process, its pipe and the thread that starts it and listens to it.

    Starting takes as long as a few frames of the window, which therefore does not wait for it: what is sent
    meanwhile is the first that the process hears.
    """

    def __init__(self, hear: Callable[[Event], None], after: threading.Thread | None) -> None:
        """`hear` gets the events. The process is started when `after` has ended."""
        self._hear = hear
        self._after = after
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._early: list[Command] | None = []  # sent before there was a process; None: that is settled
        self._sending = threading.Lock()
        self.settled = threading.Event()  # whether there is a process
        self.is_alive = True  # or about to be; false from before `Died` is told
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
        """Return what will hold the events of a request, the end of this process included, until it is forgotten."""
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        with self._listening:
            self._listeners[request] = events
        return events

    def forget(self, request: int) -> None:
        with self._listening:
            del self._listeners[request]

    def send(self, command: Command) -> None:
        """Raise `EngineDied` when nobody is there; who listens already may be told of it as well."""
        with self._sending:
            if self._early is not None:
                self._early.append(command)
                return
            try:
                if self._connection is not None:
                    self._connection.send(command)
                    return
            except OSError:
                pass  # gone, or closed here
        raise EngineDied(self.exit_code)

    def close(self, timeout: float) -> None:
        self._closing = True
        self.settled.wait()
        try:
            self.send(Shutdown())
        except EngineDied:
            pass  # as wanted
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
                self._early = None
            self.is_alive = False
            self.settled.set()
            self._tell(Died(self.exit_code))

    def _start(self) -> Connection:
        import multiprocessing

        from desktop_app.engine import process

        # "spawn" on every system: a fork would copy Qt's threads' locks into the engine.
        context = multiprocessing.get_context("spawn")
        connection, other = context.Pipe()
        started = context.Process(target=process.main, args=(other,), name="eyebright-engine", daemon=True)
        started.start()
        self._process = started
        other.close()  # or the end of the process would not be noticed
        with self._sending:
            early, self._early = self._early, None
            self._connection = connection
            try:
                for command in early or ():
                    connection.send(command)
            except OSError:
                pass  # gone already, as `_listen` notices
        self.settled.set()
        return connection

    def _listen(self, connection: Connection) -> None:
        while True:
            try:
                event: Event = connection.recv()
            except (EOFError, OSError):
                break
            self._tell(event)
        assert self._process is not None  # it is at the other end
        self._process.join()
        with self._sending:
            connection.close()

    def _tell(self, event: Event) -> None:
        if not (isinstance(event, Died) and self._closing):  # an end that is wanted is no news
            try:
                self._hear(event)
            except Exception:  # of the callback: the events after this one must still be heard
                _log.exception("an event of the engine was not taken well")
        with self._listening:
            for request, events in self._listeners.items():
                if isinstance(event, Died) or event.request == request:
                    events.put(event)
