"""Has pictures inspected by a process of their own, one after the other, each for a limited time."""

from __future__ import annotations

import logging
import queue
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_app.engine.messages import Event, Failed, Inspect
from desktop_app.engine.standard_error import StandardErrorFile
from desktop_app.throttle import Throttle

if TYPE_CHECKING:  # imported with the first process, when the window is there
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

_log = logging.getLogger(__name__)
_EXPECTED_S = 0.2  # how long it takes to inspect a photo
_MOST_S = 15.0  # of waiting; the process itself limits its processor time
_TICK_S = 1.0
_IDLE_S = 20.0  # the process takes 40 MB


class Inspector:
    """Takes `Inspect` commands, and answers each with one event. A process is started when it is needed.

    While the engine writes an answer, pictures are inspected in short turns, so that the answer gets the processor.
    """

    def __init__(self, handle_event: Callable[[Event], None], most_s: float = _MOST_S, idle_s: float = _IDLE_S) -> None:
        """`handle_event` gets the events, on a thread of the inspector.

        No picture takes longer than `most_s`; after `idle_s` without one the process is ended.
        """
        self._handle_event = handle_event
        self._most_s, self._idle_s = most_s, idle_s
        self._commands: queue.SimpleQueue[Inspect | None] = queue.SimpleQueue()
        self._throttle = Throttle(_EXPECTED_S)
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, command: Inspect) -> None:
        """Have a picture inspected."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="inspector", daemon=True)
            self._thread.start()
        self._commands.put(command)

    def set_answering(self, answering: bool) -> None:
        """Say that the engine writes an answer, or that it does not."""
        self._throttle.set_answering(answering)

    def close(self) -> None:
        """End the process at once. Pictures that wait are not inspected."""
        self._closed = True
        self._throttle.set_answering(False)
        self._commands.put(None)
        process = self._process
        if process is not None:
            process.kill()
        if self._thread is not None:
            self._thread.join()

    # ---- inside, on the thread -------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed:
            try:
                command = self._commands.get(timeout=self._idle_s if self._process is not None else None)
            except queue.Empty:
                self._end_healthy_process()
                continue
            if command is None:
                break
            with self._throttle.turn():
                event = self._inspect(command)
            if not self._closed:
                self._handle_event(event)
        self._end_healthy_process()

    def _inspect(self, command: Inspect) -> Event:
        # The process may have been ended while it had nothing to do: a new one gets the picture once more.
        code = None
        for _ in range(2):
            try:
                connection = self._connection or self._start()
            except OSError as error:
                _log.error("no process for pictures can be started: %s", error.strerror)
                return self._refused(command, "no-memory-for-picture")
            in_time = True
            try:
                connection.send(command)
                in_time = self._answers_in_time(connection)
                if in_time and not self._closed:
                    event: Event = connection.recv()
                    return event
            except (EOFError, OSError):
                pass  # the process has ended
            code, said = self._end_process()
            if not in_time or code == -getattr(signal, "SIGPROF", 0):
                return self._refused(command, "picture-takes-long")
            if self._closed:
                break
            _log.error("the process for pictures ended with exit code %s%s", code, f":\n{said}" if said else "")
        killed = code == -getattr(signal, "SIGKILL", 0)  # by the system, which needs memory
        return self._refused(command, "no-memory-for-picture" if killed else "picture-damaged")

    def _answers_in_time(self, connection: Connection) -> bool:
        """Count ticks, not the clock: while the whole program is suspended, none pass but the one it was in."""
        return any(self._closed or connection.poll(_TICK_S) for _ in range(round(self._most_s / _TICK_S)))

    @staticmethod
    def _refused(command: Inspect, code: str) -> Failed:
        return Failed(command.request, code, {"name": command.picture.name})

    def _start(self) -> Connection:
        import multiprocessing

        from desktop_app.engine import process

        if hasattr(signal, "pthread_sigmask"):  # Ctrl-C in a terminal reaches the whole group; a child inherits this
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        context = multiprocessing.get_context("spawn")
        connection, other = context.Pipe()
        standard_error = StandardErrorFile()
        arguments = (other, standard_error.path)
        started = context.Process(target=process.inspect_main, args=arguments, name="eyebright-pictures", daemon=True)
        try:
            started.start()
        except OSError:
            standard_error.take()
            raise
        other.close()
        self._process, self._connection, self._standard_error = started, connection, standard_error
        return connection

    def _end_healthy_process(self) -> None:
        _, said = self._end_process()
        if said:
            _log.info("the process for pictures said:\n%s", said)

    def _end_process(self) -> tuple[int | None, str]:
        """End the process; return its exit code and what it wrote to standard error."""
        process, connection = self._process, self._connection
        if process is None or connection is None:
            return None, ""
        self._process = self._connection = None
        connection.close()  # it ends by itself, unless it is busy
        process.join(0.5)
        if process.exitcode is None:
            process.kill()
            process.join()
        return process.exitcode, self._standard_error.take()
