"""Measures the fastest settings for a model on this computer, in separate processes, and saves the result.

Each load mode gets a process, so a crash rules out only that mode. A measurement has a time limit, and `stop` ends it
at once, whatever it is doing. No llama_cpp here.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.planning.cpu_cores import find_cores, is_tiny
from desktop_app.engine.planning.memory_budget import VARIABLE, cgroup_limit, find_memory_budget
from desktop_app.engine.planning.memory_estimate import ENGINE_BASE, Shape
from desktop_app.engine.planning.memory_plan import plan_load
from desktop_app.engine.tuning import trial_process
from desktop_app.engine.tuning.results import TuningResults
from desktop_app.engine.tuning.search import (
    LoadMode,
    LoadModeFailed,
    MeasurementFailed,
    OutOfTime,
    SearchSpace,
    Speed,
    TuningReport,
    find_fastest,
    thread_choices,
)
from desktop_app.engine.tuning.trial_process import MeasureReading, MeasureWriting, Task
from desktop_app.engine.tuning.trials import Trials
from desktop_app.engine.weights.model_files import ModelFiles, check_files

_LIMIT_S = 55.0  # for the whole measurement
_DEPTH = 640  # tokens in the KV cache before tokens are generated: a picture and a question or two
_CONTEXT = 768  # tokens: enough for these, and for the longest batch
_WRITTEN = 16  # tokens generated after the depth, at most
_GIB = 1 << 30


@dataclass(frozen=True)
class TuningTarget:
    """The model to measure, and how the engine has it loaded meanwhile."""

    model: str
    mmproj: str | None
    settings: EngineSettings
    loaded: LoadPlan | None = None  # None: it is not loaded in an engine


def expected_seconds(model_bytes: int) -> float:
    """Return about how long it takes to measure a model file of `model_bytes` bytes."""
    return min(_LIMIT_S, 10 + 9 * model_bytes / _GIB)


class Measurement:
    """One measurement. `run` blocks; `stop` may be called from another thread, and returns at once."""

    def __init__(
        self, target: TuningTarget, limit_s: float = _LIMIT_S, trial: Callable[..., None] = trial_process.main
    ) -> None:
        """`trial`: the function that runs in the processes."""
        self._target = target
        self._limit_s = limit_s
        self._trials = Trials(trial)

    def run(self, on_task: Callable[[Task], None] = lambda _task: None) -> TuningReport:
        """Measure and save the result; `on_task` is called with each task before it is measured.

        Raises `MeasurementFailed` ("tiny", "no-memory", "too-slow", "failed", "disturbed"), `MeasurementStopped`, or
        `UserError` if the files cannot be loaded.
        """
        target = self._target
        files = check_files(Path(target.model), Path(target.mmproj) if target.mmproj else None)
        if is_tiny(files.header.file_size):
            raise MeasurementFailed("tiny")
        budget = find_memory_budget()
        plan = target.loaded or plan_load(files, target.settings, budget)
        language = replace(files, projector=None)
        benchmark = _ProcessBenchmark(
            self._trials, language, plan, target.loaded, time.monotonic() + self._limit_s, on_task
        )
        try:
            report = find_fastest(benchmark, benchmark.search_space())
        finally:
            self._trials.close()
        self._trials.raise_if_stopped()
        today = datetime.datetime.now().astimezone().date().isoformat()
        report.tuning = report.tuning._replace(measured=today)
        if target.settings.cache_folder:
            TuningResults(Path(target.settings.cache_folder)).save(files, budget, report)
        return report

    @property
    def pid(self) -> int | None:
        """Return the id of the process that measures, None if there is none."""
        return self._trials.pid

    def stop(self) -> None:
        """Stop the measurement at once."""
        self._trials.stop()


class _ProcessBenchmark:
    """See `Benchmark`. Measures in one process at a time."""

    def __init__(
        self,
        trials: Trials,
        files: ModelFiles,
        plan: LoadPlan,
        loaded: LoadPlan | None,
        deadline: float,
        on_task: Callable[[Task], None],
    ) -> None:
        self._trials = trials
        self._files = files
        self._shape = Shape.of_files(files)
        self._kv_type = plan.kv_type
        self._loaded = loaded
        self._last = deadline  # everything ends here
        self._deadline = deadline  # nothing new is tried after this
        self._on_task = on_task
        self._threads = thread_choices(find_cores())
        self._batches: tuple[int, ...] = ()
        self._share = 0.0
        self._mode: LoadMode | None = None
        self._reserved = False

    def search_space(self) -> SearchSpace:
        """Return the settings to try on this computer. Raises `MeasurementFailed` if none fits into memory."""
        usual = SearchSpace(self._threads)
        spare = self._spare()
        # A KV cache in q8_0 needs flash attention, so there is no choice.
        needs_flash = self._kv_type != "f16"
        modes = [mode for mode in usual.modes if not (needs_flash and mode.flash_attention)]
        trained = self._shape.trained_context or _CONTEXT
        batches = [batch for batch in usual.batches if batch <= trained]
        while batches and self._memory_for(modes[0], max(batches)) > spare:
            batches.remove(max(batches))
        if not batches:
            raise MeasurementFailed("no-memory")
        self._batches = tuple(batches)
        fitting = [mode for mode in modes if self._memory_for(mode, max(batches)) <= spare]
        return SearchSpace(self._threads, self._batches, tuple(fitting))

    def reading_speed(self, mode: LoadMode, threads: int, batch: int) -> Speed:
        """See `Benchmark`."""
        return self._speed(mode, MeasureReading(threads, batch))

    def writing_speed(self, mode: LoadMode, threads: int) -> Speed:
        """See `Benchmark`."""
        began = time.monotonic()
        speed = self._speed(mode, MeasureWriting(threads))
        if not self._reserved:  # time to measure the same again at the end
            self._reserved = True
            self._deadline = self._last - 1.3 * (time.monotonic() - began)
        return speed

    def extend_deadline(self) -> None:
        """See `Benchmark`."""
        self._deadline = self._last

    def _speed(self, mode: LoadMode, task: Task) -> Speed:
        if time.monotonic() > self._deadline:
            raise OutOfTime
        self._use(mode)
        self._on_task(task)
        return self._trials.ask(task, self._deadline)

    def _use(self, mode: LoadMode) -> None:
        """Make sure that a process has loaded the model in this mode."""
        if mode == self._mode and self._trials.is_running:
            return
        self._mode = None
        plan = self._plan(mode, max(self._batches))
        of_plan = (plan, self._depth(plan), self._threads[0], self._share)
        loaded = self._trials.start(self._files.model, *of_plan, self._deadline)
        if mode.flash_attention and not loaded.fills_cache:
            raise LoadModeFailed("not-comparable")  # it could be measured only at the start of a conversation
        self._share = loaded.share
        self._mode = mode

    def _plan(self, mode: LoadMode, batch: int) -> LoadPlan:
        n_ctx = min(_CONTEXT, self._shape.trained_context or _CONTEXT)
        mapped = not mode.repacked
        return LoadPlan(n_ctx, batch, self._kv_type, mapped, mode.repacked, flash_wanted=mode.flash_attention)

    def _depth(self, plan: LoadPlan) -> int:
        return max(0, min(_DEPTH, plan.n_ctx - _WRITTEN - 16) // 16 * 16)

    def _memory_for(self, mode: LoadMode, batch: int) -> int:
        """Return the bytes that measuring needs besides the engine. Memory-mapped weights are shared with it."""
        plan = self._plan(mode, batch)
        estimate = self._shape.estimate(plan)
        shared = self._loaded is not None and self._loaded.mapped and plan.mapped
        return estimate.kv_cache + estimate.compute_buffers + ENGINE_BASE + (0 if shared else estimate.weights)

    def _spare(self) -> int:
        """Return the bytes that can be used without pushing the weights of the engine out of memory."""
        budget = find_memory_budget()
        if self._loaded is None:
            return budget.free
        spare = budget.free - (self._shape.weights if self._loaded.mapped else 0)
        if os.environ.get(VARIABLE) or cgroup_limit():  # then free memory is not the limit
            spare = min(spare, budget.usable - self._loaded.needed)
        return spare
