"""The main loop of the engine process: it receives commands and sends events.

There are two threads. One receives commands, so that `Stop` works while a model is busy, and answers `Ping`. The main
thread does everything that needs the model. Pictures are inspected in another process (`inspector.py`).
When the program at the other end dies, the process ends at once. After `Shutdown` it first saves caches to disk.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NoReturn

from desktop_app.engine import standard_error
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.job_queue import Job, JobQueue
from desktop_app.engine.messages import (
    Ask,
    BugReported,
    Command,
    Event,
    Failed,
    Finished,
    FinishReason,
    Forget,
    Forgotten,
    Inspect,
    Load,
    Ping,
    Pong,
    ReadAhead,
    ReadAheadDone,
    Ready,
    Shutdown,
    Stop,
    TurnStats,
    Warned,
)
from desktop_app.engine.planning.process_memory import release_freed_memory
from desktop_app.errors import UserError

if TYPE_CHECKING:  # llama_cpp is imported when a model is loaded; pictures can be inspected before that
    from desktop_app.engine.cache.embeddings import EmbeddingStore
    from desktop_app.engine.conversation.session import Session

_IDLE_S = 2.0  # without a command before idle work is done, such as saving caches
_LAST_S = 2.0  # for that work after `Shutdown`
_EMPTY_STATS = TurnStats(FinishReason.STOPPED, 0, 0, 0, 0, 0, 0.0, 0.0, 0, 0, 0, 0)


def serve(connection: Connection, standard_error_file: str = "") -> None:
    """Serve the program at the other end of the connection until the process ends."""
    # Ctrl-C in a terminal reaches the whole group; the main program handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(connection, standard_error_file).run()


class Worker:
    """The loop of the engine process."""

    def __init__(self, connection: Connection, standard_error_file: str = "") -> None:
        self._connection = connection
        self._standard_error_file = standard_error_file
        self._sending = threading.Lock()
        self._interrupt = Interrupt()
        self._jobs = JobQueue(self._interrupt)
        self._session: Session | None = None
        self._embeddings: EmbeddingStore | None = None
        self._failed_load: UserError | None = None

    def run(self) -> NoReturn:
        """Receive and execute commands until the process ends."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        logging.getLogger("desktop_app").addHandler(_LogForwarder(self._send))
        while True:
            unsettled = self._session is not None and self._session.unsettled
            if self._jobs.wait(_IDLE_S if unsettled else None):
                job, added = self._jobs.next()
                self._answer(job.request, self._do, job, added)
                continue
            if unsettled:
                self._answer(0, self._settle)
            if self._jobs.closed:
                _end()

    def _listen(self) -> None:
        while True:
            try:
                command: Command = self._connection.recv()
            except (EOFError, OSError):
                standard_error.remove(self._standard_error_file)  # nobody reads it any more
                _end()
            if isinstance(command, Shutdown):
                if self._jobs.close():
                    time.sleep(_LAST_S)  # the main thread ends the process earlier if it can
                _end()
            elif isinstance(command, Stop):
                self._report_ended(self._jobs.stop(command))
            elif isinstance(command, Ping):
                self._send(Pong())
                standard_error.keep_small(self._standard_error_file)
            elif not isinstance(command, Inspect):
                self._report_ended(self._jobs.add(command))

    def _report_ended(self, jobs: list[Job]) -> None:
        """Send the final events of jobs that were cancelled before they began."""
        for job in jobs:
            if isinstance(job, Ask):
                self._send(Finished(job.request, "", _EMPTY_STATS))
            elif isinstance(job, ReadAhead):
                self._send(ReadAheadDone(job.request, False, 0, 0, 0))
            else:
                self._send(Failed(job.request, "another-model", {}))

    def _answer(self, request: int, work: Callable[..., None], *arguments: object) -> None:
        """Do `work`; send an event if it fails, so that the engine goes on."""
        try:
            work(*arguments)
        except UserError as error:
            self._send(Failed(request, error.code, error.parameters))
        except Exception:
            self._send(BugReported(request, traceback.format_exc()))

    def _do(self, job: Job, added: float) -> None:
        if isinstance(job, Load):
            self._load(job)
            return
        if isinstance(job, Forget):
            if self._session is not None:
                self._session.forget_all()
            self._send(Forgotten(job.request))
            return
        if self._session is None:
            raise self._failed_load or RuntimeError("no model is loaded")
        try:
            if isinstance(job, Ask):
                self._session.ask(job, added)
            else:
                self._session.read_ahead(job)
        except UserError:
            raise
        except Exception:
            self._session.forget()
            raise

    def _settle(self) -> None:
        if self._session is not None:
            self._session.settle(lambda: self._jobs.closed)
            release_freed_memory()

    def _load(self, command: Load) -> None:
        from desktop_app.engine.loading import check_and_plan, load

        try:
            planned = check_and_plan(command)
            self._close_session()
            loaded = load(planned, self._interrupt, self._embeddings, self._send)
        except UserError as error:
            self._close_session()  # questions that were sent for this model are not for the one before
            self._failed_load = error
            raise
        self._failed_load = None
        self._session, self._embeddings = loaded.session, loaded.embeddings
        self._send(Ready(command.request, loaded.info))

    def _close_session(self) -> None:
        if self._session is not None:
            self._session.settle(lambda: True)
            self._session.close()
            self._session = None

    def _send(self, event: Event) -> None:
        if self._jobs.closed and not isinstance(event, Warned):
            return  # the program does not expect events after `Shutdown`
        try:
            with self._sending:
                self._connection.send(event)
        except OSError:
            _end()  # the program at the other end has ended


class _LogForwarder(logging.Handler):
    """Sends warnings to the program at the other end, which writes the log file."""

    def __init__(self, send: Callable[[Event], None]) -> None:
        super().__init__(logging.WARNING)
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record as an event."""
        self._send(Warned(record.name, record.getMessage()))


def _end() -> NoReturn:
    # Not sys.exit: the main thread may be deep inside llama.cpp.
    os._exit(0)
