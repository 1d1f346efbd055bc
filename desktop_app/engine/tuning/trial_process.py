"""The process that measures one load mode: it does the tasks it receives, and ends when the connection closes."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_app.engine.messages import LoadPlan
from desktop_app.engine.standard_error import write_to
from desktop_app.engine.tuning.search import DEFAULT_BATCH, Speed
from desktop_app.errors import UserError

if TYPE_CHECKING:  # llama_cpp is imported in the process alone
    from desktop_app.engine.tuning.trial import Trial

_REPEATS = 2  # runs of a reading task, of which the faster counts
_SHORTEST, _LONGEST = 2, 6  # tokens generated in a writing task
_WRITING_S = 1.0  # how long a writing task should take, within these bounds
_NICENESS = 5  # lower priority than other programs


@dataclass(frozen=True)
class MeasureReading:
    """Measure prompt processing in batches of `batch` tokens; answered with `Speed`."""

    threads: int
    batch: int


@dataclass(frozen=True)
class MeasureWriting:
    """Measure token generation; answered with `Speed`."""

    threads: int


Task = MeasureReading | MeasureWriting


@dataclass(frozen=True)
class TrialLoaded:
    """The first answer of the process: the model is loaded."""

    share: float  # of the layers that are computed in reading tasks
    fills_cache: bool  # whether writing is measured with a filled KV cache


Answer = TrialLoaded | Speed | str  # str: why the model could not be loaded


def run(trial: Callable[..., None], standard_error: str, *arguments: Any) -> None:
    """Do `trial(*arguments)`; what libraries say goes to a file."""
    write_to(standard_error)
    trial(*arguments)


def main(connection: Connection, model: str, plan: LoadPlan, depth: int, threads: int, share: float) -> None:
    """Load the model as planned, then do tasks until the connection is closed.

    `depth`: tokens in the KV cache when writing is measured. `threads`: the default number. `share`: the share of the
    layers that an earlier process found to be enough; 0: find out.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the main program
    if sys.platform != "win32":
        os.nice(_NICENESS)
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, tasks), daemon=True).start()
    from desktop_app.engine.tuning.trial import Trial
    from desktop_app.engine.weights.model_files import check_files

    try:
        trial = Trial(check_files(Path(model), None), plan)
    except UserError as error:
        connection.send(error.code)
        return
    share = share or trial.find_share(min(DEFAULT_BATCH, plan.n_ubatch), threads)
    connection.send(TrialLoaded(share, trial.can_fill_cache))
    meter = _SpeedMeter(trial, plan.n_ubatch, depth, share)
    while True:
        connection.send(meter.speed(tasks.get()))


def _listen(connection: Connection, tasks: queue.SimpleQueue[Task]) -> None:
    try:
        while True:
            tasks.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)  # the main thread may be deep inside llama.cpp


class _SpeedMeter:
    """Does tasks and converts times to speeds."""

    def __init__(self, trial: Trial, longest: int, depth: int, share: float) -> None:
        self._trial = trial
        self._longest = longest
        self._depth = depth
        self._share = share
        self._tokens = 0  # to generate per task; 0: not decided yet

    def speed(self, task: Task) -> Speed:
        """Do a task."""
        if isinstance(task, MeasureReading):
            # All batches end at the same position: otherwise smaller ones would attend to fewer tokens.
            depth = self._longest - task.batch
            runs = [self._trial.time_reading(task.threads, task.batch, depth, self._share) for _ in range(_REPEATS)]
            seconds = min(whole for whole, _ in runs)
            return Speed(task.batch * self._share / seconds, min(longest for _, longest in runs))
        if not self._tokens:
            seconds = self._trial.time_writing(task.threads, _SHORTEST, self._depth)
            self._tokens = max(_SHORTEST, min(_LONGEST, round(_WRITING_S / seconds)))
        return Speed(1 / self._trial.time_writing(task.threads, self._tokens, self._depth))
