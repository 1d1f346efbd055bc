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
    Finished,
    Inspect,
    Load,
    ModelInfo,
    ReadAhead,
    Ready,
    Stop,
    Warned,
)
from desktop_app.errors import UserError
from desktop_app.paths import demo_model

if TYPE_CHECKING:  # imported with the first process, when the window is there
    from desktop_app.engine.engine_process import EngineProcess
    from desktop_app.engine.inspector import Inspector

_log = logging.getLogger(__name__)


class EngineDied(UserError):  # noqa: N818 - it says what happened, as `Died` does
    """The engine process has ended; `exit_code` as in `multiprocessing`: negative for a signal.

    `model`: the name of the model that it was loading, or about to answer with for the first time; it is to blame.
    """

    def __init__(self, exit_code: int | None, model: str = "") -> None:
        if model:
            super().__init__("model-ends-engine", name=model)
        else:
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
        self._engine: EngineProcess | None = None
        self._ending: threading.Thread | None = None  # ends the process before this one
        self._inspector: Inspector | None = None
        self._inspections: dict[int, queue.SimpleQueue[Event]] = {}  # of `request`
        self._asked: set[int] = set()  # questions without their last event
        self._answering: set[int] = set()  # those of them whose answers have begun
        self._untried = ""  # the name of the model that is being loaded, or has not answered yet

    def __enter__(self) -> EngineClient:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, *, wait: bool = True) -> None:
        """Start the process, unless it is running.

        The process inherits the signal handlers that this process has when it starts. With `wait` this returns after
        that.
        """
        from desktop_app.engine.engine_process import EngineProcess
        from desktop_app.engine.inspector import Inspector

        with self._lock:
            if self._engine is None or not self._engine.is_alive:
                self._engine = EngineProcess(self._handle_event, after=self._ending)
            engine = self._engine
            if self._inspector is None:
                self._inspector = Inspector(self._handle_inspected)
        if wait:
            engine.started_or_failed.wait()

    def close(self, timeout: float = 5.0) -> None:
        """End the process; kill it after `timeout` seconds. No `Died` follows."""
        with self._lock:
            engine, self._engine = self._engine, None
            inspector, self._inspector = self._inspector, None
        if inspector is not None:
            inspector.close()
        for events in list(self._inspections.values()):
            events.put(Died(None))
        if engine is not None:
            engine.close(timeout)
        if self._ending is not None:
            self._ending.join()

    def close_soon(self, timeout: float = 5.0) -> None:
        """End the process as `close` does, but return at once. The next process starts after this one has ended."""
        with self._lock:
            engine, self._engine = self._engine, None
            self._asked.clear()
            self._answering.clear()
            if self._inspector is not None:
                self._inspector.set_answering(False)
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
        if isinstance(command, Inspect):
            if (inspector := self._inspector) is not None:
                inspector.put(command)
            return
        engine = self._engine
        self._note_asked(command)
        if engine is None or not engine.send(command):
            _log.debug("%s was not sent, since the engine has ended", type(command).__name__)

    def request(self, command: Load | Inspect | ReadAhead | Ask) -> Iterator[Event]:
        """Send a command and yield its events up to the final one, blocking in between.

        Raises `UserError` on `Failed`, `EngineDied` on `Died` or without a process, and `EngineBug` on `BugReported`.
        If the caller closes the iterator early, the request is stopped.
        """
        if isinstance(command, Inspect):
            yield self._inspect(command)
            return
        engine = self._running()
        events = engine.listen(command.request)
        ended = False
        self._note_asked(command)
        if isinstance(command, Load) and Path(command.model) != demo_model()[0]:
            self._untried = Path(command.model).name
        try:
            if not engine.send(command):
                raise EngineDied(engine.exit_code, self._untried)
            while not ended:
                event = events.get()
                ended = isinstance(event, FINAL_EVENTS)
                if isinstance(event, Died):
                    raise EngineDied(event.exit_code, self._untried)
                if isinstance(event, Finished):
                    self._untried = ""
                _raise_if_failed(event)
                yield event
        except EngineDied:
            ended = True
            raise
        finally:
            engine.forget(command.request)
            if not ended:
                self.send(Stop(command.request))

    def _inspect(self, command: Inspect) -> Event:
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._inspections[command.request] = events
        try:
            if (inspector := self._inspector) is None:
                raise EngineDied(None)
            inspector.put(command)
            event = events.get()
        finally:
            del self._inspections[command.request]
        if isinstance(event, Died):
            raise EngineDied(None)
        _raise_if_failed(event)
        return event

    def load(self, model: Path, mmproj: Path | None, settings: EngineSettings | None = None) -> ModelInfo:
        """Load a model and wait until it is ready. Raises as `request`."""
        command = Load(self.next_request(), str(model), str(mmproj) if mmproj else None, settings or EngineSettings())
        for event in self.request(command):
            if isinstance(event, Ready):
                return event.info
        raise AssertionError("a request ends with its final event")

    def _running(self) -> EngineProcess:
        engine = self._engine
        if engine is None:
            raise EngineDied(None)
        return engine

    def _handle_inspected(self, event: Event) -> None:
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception:  # of the callback: later pictures must still be inspected
                _log.exception("an event could not be handled")
        if not isinstance(event, Died) and (events := self._inspections.get(event.request)) is not None:
            events.put(event)

    def _note_asked(self, command: Command) -> None:
        if isinstance(command, Ask):
            self._asked.add(command.request)

    def _note_answering(self, event: Event) -> None:
        """Let pictures be inspected in short turns while an answer is written."""
        before = bool(self._answering)
        if isinstance(event, Died):
            self._asked.clear()
            self._answering.clear()
        elif isinstance(event, FINAL_EVENTS):
            self._asked.discard(event.request)
            self._answering.discard(event.request)
        elif event.request in self._asked:
            self._answering.add(event.request)
        if bool(self._answering) != before and (inspector := self._inspector) is not None:
            inspector.set_answering(not before)

    def _handle_event(self, event: Event) -> None:
        self._note_answering(event)
        if isinstance(event, Warned):
            logging.getLogger(event.logger).warning("%s", event.text)
            return
        if isinstance(event, Ready) and event.info.class_token == "unknown":
            _log.warning("llama.cpp orders CLIP's class token in an unknown way: pictures may be misread")
        if self._on_event is not None:
            self._on_event(event)


def _raise_if_failed(event: Event) -> None:
    if isinstance(event, Failed):
        raise UserError(event.code, **event.parameters)
    if isinstance(event, BugReported):
        raise EngineBug(event.report)


def clear_cache(folder: Path, used_before: float, used_since: float = 0.0) -> None:
    """Remove from the caches in `folder` what was last used between two times (seconds since 1970).

    With an engine that runs, send it `Forget` first: it may hold more than it has written.
    """
    from desktop_app.engine.cache import checked_folder  # needed rarely

    checked_folder.clear_cache(folder, used_before, used_since)
