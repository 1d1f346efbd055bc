"""Starts and ends the processes that measure, one at a time, and asks them. No llama_cpp here."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from desktop_app.engine.messages import LoadPlan
from desktop_app.engine.standard_error import StandardErrorFile
from desktop_app.engine.tuning import trial_process
from desktop_app.engine.tuning.search import LoadModeFailed, OutOfTime, Speed
from desktop_app.engine.tuning.trial_process import Answer, Task, TrialLoaded

_log = logging.getLogger(__name__)


class MeasurementStopped(Exception):  # noqa: N818 - not an error: `stop` was called
    """The measurement was stopped; nothing is saved."""


class Trials:
    """All methods but `stop` and `pid` are for one thread."""

    def __init__(self, trial: Callable[..., None] = trial_process.main) -> None:
        """`trial`: the function that runs in the processes."""
        self._trial = trial
        self._lock = threading.Lock()
        self._stopped = False
        self._process: Any = None
        self._connection: Connection | None = None
        self._standard_error: StandardErrorFile | None = None

    def start(
        self, model: Path, plan: LoadPlan, depth: int, threads: int, share: float, deadline: float
    ) -> TrialLoaded:
        """End the process before, and return when another has loaded the model; see `trial_process.main`.

        `deadline`: on the monotonic clock. Raises `LoadModeFailed`, `OutOfTime` and `MeasurementStopped`.
        """
        self.close()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._connection = ours
        self._standard_error = StandardErrorFile()
        arguments = (theirs, str(model), plan, depth, threads, share)
        process = context.Process(
            target=trial_process.run,
            args=(self._trial, self._standard_error.path, *arguments),
            name="eyebright-trial",
            daemon=True,
        )
        try:
            with self._lock:
                self._raise_if_stopped()
                process.start()
                self._process = process
        finally:
            theirs.close()
        answer = self._ask(None, deadline)
        if not isinstance(answer, TrialLoaded):
            raise LoadModeFailed(str(answer))
        return answer

    def ask(self, task: Task, deadline: float) -> Speed:
        """Let the process do a task. Raises as `start`."""
        answer = self._ask(task, deadline)
        if not isinstance(answer, Speed):
            raise LoadModeFailed(str(answer))
        return answer

    def close(self) -> None:
        """End the process."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join()
            process.close()
        if self._standard_error is not None and (said := self._standard_error.take()):
            _log.info("a process that measures said:\n%s", said)
        self._standard_error = None

    @property
    def is_running(self) -> bool:
        """Return whether there is a process to ask."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """Return the id of the process that measures, None if there is none."""
        with self._lock:
            return self._process.pid if self._process is not None else None

    def stop(self) -> None:
        """End the process at once, and start no other."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def raise_if_stopped(self) -> None:
        """Raise `MeasurementStopped` if `stop` was called."""
        with self._lock:
            self._raise_if_stopped()

    def _raise_if_stopped(self) -> None:
        if self._stopped:
            raise MeasurementStopped

    def _ask(self, task: Task | None, deadline: float) -> Answer:
        connection = self._connection
        if connection is None:
            raise RuntimeError("there is no process to ask")
        try:
            if task is not None:
                connection.send(task)
            if not connection.poll(max(0.0, deadline - time.monotonic())):
                self.close()
                raise OutOfTime
            answer: Answer = connection.recv()
            return answer
        except (EOFError, OSError):
            self.raise_if_stopped()
            self._process.join()
            code = self._process.exitcode
            self.close()
            raise LoadModeFailed(f"died ({code})") from None
