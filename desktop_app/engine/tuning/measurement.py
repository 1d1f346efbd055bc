"""Measures which settings are the fastest for a model here, in processes of its own, and keeps the result.

Each way of loading gets a process: one that dies takes only its own way with it. All that happens
here is bounded in time, and `end` stops it at once, whatever it is doing. No llama_cpp here.
"""

from __future__ import annotations

import datetime
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.planning.cpu_cores import find_cores, is_tiny
from desktop_app.engine.planning.memory_budget import VARIABLE, cgroup_limit, find_memory_budget
from desktop_app.engine.planning.memory_estimate import ENGINE_BASE, Shape
from desktop_app.engine.planning.memory_plan import plan_load
from desktop_app.engine.tuning import trial_process
from desktop_app.engine.tuning.results import TuningResults
from desktop_app.engine.tuning.search import (
    Choices,
    Findings,
    NotMeasured,
    OutOfTime,
    Speed,
    Way,
    WayFailed,
    find_fastest,
    thread_choices,
)
from desktop_app.engine.tuning.trial_process import Answer, Loaded, Read, Task, Write
from desktop_app.engine.weights.model_files import ModelFiles, check_files

_LIMIT_S = 55.0  # all in all
_DEPTH = 640  # tokens before those that are written: a picture and a question or two
_CONTEXT = 768  # tokens: room for these, and for the longest batch
_WRITTEN = 16  # tokens after the depth, at most
_GIB = 1 << 30


class Ended(Exception):  # noqa: N818 - somebody wanted it
    """The measurement was ended; nothing is kept."""


@dataclass(frozen=True)
class Subject:
    """What is measured, and what the engine holds of it meanwhile."""

    model: str
    mmproj: str | None
    settings: EngineSettings
    loaded: LoadPlan | None = None  # None: no engine has it loaded


def expected_seconds(model_bytes: int) -> float:
    """Return about how long the measurement of a model file will take."""
    return min(_LIMIT_S, 10 + 9 * model_bytes / _GIB)


class Measuring:
    """One measurement. `run` blocks; `end` may be called from another thread, and returns at once."""

    def __init__(
        self, subject: Subject, limit_s: float = _LIMIT_S, trial: Callable[..., None] = trial_process.main
    ) -> None:
        """`trial`: what runs in the processes."""
        self.trial = trial
        self._subject = subject
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._ended = False
        self._process: Any = None

    def run(self, heard: Callable[[Task], None] = lambda _task: None) -> Findings:
        """Measure and keep what was found; `heard` is told what is measured next.

        Raises `NotMeasured` ("tiny", "no-memory", "too-slow", "failed", "disturbed"), `Ended`, or
        `UserError` for files that cannot be loaded at all.
        """
        subject = self._subject
        files = check_files(Path(subject.model), Path(subject.mmproj) if subject.mmproj else None)
        if is_tiny(files.header.file_size):
            raise NotMeasured("tiny")
        budget = find_memory_budget()
        plan = subject.loaded or plan_load(files, subject.settings, budget)
        language = replace(files, projector=None)
        bench = _Processes(self, language, plan, subject.loaded, time.monotonic() + self._limit_s, heard)
        try:
            findings = find_fastest(bench, bench.choices())
        finally:
            bench.close()
        if self._ended:
            raise Ended
        today = datetime.datetime.now().astimezone().date().isoformat()
        findings.tuning = findings.tuning._replace(measured=today)
        if subject.settings.cache_folder:
            TuningResults(Path(subject.settings.cache_folder)).keep(files, budget, findings)
        return findings

    @property
    def pid(self) -> int | None:
        """Return the number of the process that measures, None when there is none."""
        with self._lock:
            return self._process.pid if self._process is not None else None

    def end(self) -> None:
        """End it, whatever it does."""
        with self._lock:
            self._ended = True
            if self._process is not None:
                self._process.kill()

    def started(self, start: Callable[[], Any]) -> Any:
        """Return the process that `start` starts, unless it is all over. For those who measure."""
        with self._lock:
            if self._ended:
                raise Ended
            self._process = start()
            return self._process

    def over(self, process: Any) -> None:
        """End a process and forget it. For those who measure."""
        with self._lock:
            self._process = None
        process.kill()
        process.join()
        process.close()

    def check(self) -> None:
        """Raise `Ended` if it is all over."""
        if self._ended:
            raise Ended


class _Processes:
    """A bench with one process at a time."""

    def __init__(
        self,
        measuring: Measuring,
        files: ModelFiles,
        plan: LoadPlan,
        loaded: LoadPlan | None,
        deadline: float,
        heard: Callable[[Task], None],
    ) -> None:
        self._measuring = measuring
        self._files = files
        self._shape = Shape.of_files(files)
        self._kv_type = plan.kv_type
        self._loaded = loaded
        self._last = deadline  # nothing goes on after it ...
        self._deadline = deadline  # ... and nothing new is tried after this
        self._heard = heard
        self._threads = thread_choices(find_cores())
        self._batches: tuple[int, ...] = ()
        self._share = 0.0
        self._way: Way | None = None
        self._process: Any = None
        self._connection: Connection | None = None
        self._reserved = False

    def choices(self) -> Choices:
        """Return what there is to try on this computer. Raises `NotMeasured` if nothing fits into memory."""
        usual = Choices(self._threads)
        spare = self._spare()
        # Keys and values in q8_0 need flash attention: then there is no choice.
        bound = self._kv_type != "f16"
        ways = [way for way in usual.ways if not (bound and way.flash_attention)]
        trained = self._shape.trained_context or _CONTEXT
        batches = [batch for batch in usual.batches if batch <= trained]
        while batches and self._need(ways[0], max(batches)) > spare:
            batches.remove(max(batches))
        if not batches:
            raise NotMeasured("no-memory")
        self._batches = tuple(batches)
        fitting = [way for way in ways if self._need(way, max(batches)) <= spare]
        return Choices(self._threads, self._batches, tuple(fitting))

    def reading(self, way: Way, threads: int, batch: int) -> Speed:
        """Return how fast batches are read."""
        return self._speed(way, Read(threads, batch))

    def writing(self, way: Way, threads: int) -> Speed:
        """Return how fast is written."""
        began = time.monotonic()
        speed = self._speed(way, Write(threads))
        if not self._reserved:  # in the end the same once more
            self._reserved = True
            self._deadline = self._last - 1.3 * (time.monotonic() - began)
        return speed

    def last_minute(self) -> None:
        """Allow what is still needed."""
        self._deadline = self._last

    def close(self) -> None:
        """End the process."""
        process, self._process, self._way = self._process, None, None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if process is not None:
            self._measuring.over(process)

    def _speed(self, way: Way, task: Task) -> Speed:
        if time.monotonic() > self._deadline:
            raise OutOfTime
        self._use(way)
        self._heard(task)
        answer = self._ask(task)
        if not isinstance(answer, Speed):
            raise WayFailed(str(answer))
        return answer

    def _use(self, way: Way) -> None:
        """Have a process that has the model loaded in that way."""
        if way == self._way:
            return
        self.close()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._connection = ours
        plan = self._plan(way, max(self._batches))
        arguments = (theirs, str(self._files.model), plan, self._depth(plan), self._threads[0], self._share)

        def start() -> Any:
            process = context.Process(target=self._measuring.trial, args=arguments, name="eyebright-trial", daemon=True)
            process.start()
            return process

        try:
            self._process = self._measuring.started(start)
        finally:
            theirs.close()
        answer = self._ask(None)
        if not isinstance(answer, Loaded):
            raise WayFailed(str(answer))
        if way.flash_attention and not answer.fills:
            raise WayFailed("not-comparable")  # it would be seen only at the start of a conversation
        self._share = answer.share
        self._way = way

    def _ask(self, task: Task | None) -> Answer:
        """Wait for the next answer. Raises `WayFailed` when the process dies, `OutOfTime`, or `Ended`."""
        connection = self._connection
        if connection is None:
            raise RuntimeError("there is no process to ask")
        try:
            if task is not None:
                connection.send(task)
            if not connection.poll(max(0.0, self._deadline - time.monotonic())):
                self.close()
                raise OutOfTime
            answer: Answer = connection.recv()
            return answer
        except (EOFError, OSError):
            self._measuring.check()
            self._process.join()
            code = self._process.exitcode
            self.close()
            raise WayFailed(f"died ({code})") from None

    def _plan(self, way: Way, batch: int) -> LoadPlan:
        n_ctx = min(_CONTEXT, self._shape.trained_context or _CONTEXT)
        mapped = not way.repacked
        return LoadPlan(n_ctx, batch, self._kv_type, mapped, way.repacked, flash_wanted=way.flash_attention)

    def _depth(self, plan: LoadPlan) -> int:
        return max(0, min(_DEPTH, plan.n_ctx - _WRITTEN - 16) // 16 * 16)

    def _need(self, way: Way, batch: int) -> int:
        """Return the bytes that measuring takes beside the engine: it shares what it has mapped."""
        plan = self._plan(way, batch)
        need = self._shape.estimate(plan)
        shared = self._loaded is not None and self._loaded.mapped and plan.mapped
        return need.kv_cache + need.compute_buffers + ENGINE_BASE + (0 if shared else need.weights)

    def _spare(self) -> int:
        """Return the bytes that may be used beside the engine without pushing its weights out of memory."""
        budget = find_memory_budget()
        if self._loaded is None:
            return budget.free
        spare = budget.free - (self._shape.weights if self._loaded.mapped else 0)
        if os.environ.get(VARIABLE) or cgroup_limit():  # what is free beside the engine is not what counts
            spare = min(spare, budget.usable - self._loaded.needed)
        return spare
