"""The process in which one way of loading is measured. It does as it is told, and ends when nobody listens."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.engine.messages import LoadPlan
from desktop_app.engine.tuning.search import USUAL_BATCH, Speed
from desktop_app.errors import UserError

if TYPE_CHECKING:  # llama_cpp is imported in the process alone
    from desktop_app.engine.tuning.trial import Trial

_REPEATS = 2  # of reading, of which the faster counts
_SHORTEST, _LONGEST = 2, 6  # tokens written
_WRITING_S = 1.0  # that writing takes, if that is so many tokens
_NICENESS = 5  # other programs come first


@dataclass(frozen=True)
class Read:
    """Read batches of `batch` tokens; answered with `Speed`."""

    threads: int
    batch: int


@dataclass(frozen=True)
class Write:
    """Write a few tokens; answered with `Speed`."""

    threads: int


Task = Read | Write


@dataclass(frozen=True)
class Loaded:
    """The first answer."""

    share: float  # of the layers that reading is measured with
    fills: bool  # whether writing is measured some way into a conversation


Answer = Loaded | Speed | str  # str: why the model could not be loaded


def main(connection: Connection, model: str, plan: LoadPlan, depth: int, threads: int, share: float) -> None:
    """Load the model as planned, then do tasks until the other end is closed.

    `depth`: tokens in the context when writing is measured. `threads`: the usual number. `share`:
    what another process has found to be enough; 0: find out.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program
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
    share = share or trial.share(min(USUAL_BATCH, plan.n_ubatch), threads)
    connection.send(Loaded(share, trial.fills))
    measure = _Measure(trial, plan.n_ubatch, depth, share)
    while True:
        connection.send(measure.speed(tasks.get()))


def _listen(connection: Connection, tasks: queue.SimpleQueue[Task]) -> None:
    try:
        while True:
            tasks.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)  # the main thread may be deep inside llama.cpp


class _Measure:
    def __init__(self, trial: Trial, longest: int, depth: int, share: float) -> None:
        self._trial = trial
        self._longest = longest
        self._depth = depth
        self._share = share
        self._tokens = 0  # to be written; 0: how long they take is not known yet

    def speed(self, task: Task) -> Speed:
        """Do a task."""
        if isinstance(task, Read):
            # Every batch ends where the longest does: otherwise it would see fewer tokens before it.
            depth = self._longest - task.batch
            runs = [self._trial.reading(task.threads, task.batch, depth, self._share) for _ in range(_REPEATS)]
            seconds = min(whole for whole, _ in runs)
            return Speed(task.batch * self._share / seconds, min(longest for _, longest in runs))
        if not self._tokens:
            seconds = self._trial.writing(task.threads, _SHORTEST, self._depth)
            self._tokens = max(_SHORTEST, min(_LONGEST, round(_WRITING_S / seconds)))
        return Speed(1 / self._trial.writing(task.threads, self._tokens, self._depth))
