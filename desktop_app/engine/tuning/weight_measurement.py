"""Measures how fast this computer evaluates weights in each quantisation, and saves the result.

One layer as wide as a 7B's is written for each quantisation, into the cache folder, and deleted afterwards. Each way of
loading it gets a process, so a crash rules out only that one. No llama_cpp here.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from desktop_app.engine.messages import EngineSettings, LoadPlan, WeightSpeed
from desktop_app.engine.planning.cpu_cores import find_cores
from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.planning.memory_estimate import ENGINE_BASE
from desktop_app.engine.tuning import trial_process
from desktop_app.engine.tuning.search import LoadModeFailed, MeasurementFailed, OutOfTime, Speed
from desktop_app.engine.tuning.trial_process import MeasureReading, MeasureWriting
from desktop_app.engine.tuning.trials import Trials
from desktop_app.engine.tuning.weight_results import WeightResults
from desktop_app.engine.weights.random_layer import OF_A_7B, QUANTISATIONS, LayerShape, layer_size, write_layer

LIMIT_S = 55.0  # for the whole measurement
_CONTEXT, _DEPTH = 768, 640  # tokens: as in the measurement of a model
_STEADY = 0.25  # if two measurements of the same differ by more, other programs disturbed
_SPARE = 200 << 20  # bytes that stay free on the disk
_PREFIX = "weights-"
_LEFT_BEHIND_S = 3600  # a file so old was left by a measurement that was killed
_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}


class WeightMeasurement:
    """One measurement. `run` blocks; `stop` may be called from another thread, and returns at once."""

    def __init__(
        self,
        cache_folder: Path,
        limit_s: float = LIMIT_S,
        trial: Callable[..., None] = trial_process.main,
        shape: LayerShape = OF_A_7B,
    ) -> None:
        """`trial`: the function that runs in the processes."""
        self._folder = cache_folder
        self._limit_s = limit_s
        self._shape = shape
        self._trials = Trials(trial)
        self._threads = find_cores().fast
        self._deadline = 0.0

    def run(self, on_task: Callable[[str], None] = lambda _quantisation: None) -> tuple[WeightSpeed, ...]:
        """Measure and save the result; `on_task` is called with each quantisation before it is measured.

        Raises `MeasurementFailed` ("no-memory", "disk-full", "too-slow", "failed", "disturbed") and
        `MeasurementStopped`.
        """
        largest = max(layer_size(one, self._shape) for one in QUANTISATIONS)
        if find_memory_budget().free < 3 * largest + ENGINE_BASE:
            raise MeasurementFailed("no-memory")
        self._deadline = time.monotonic() + self._limit_s
        speeds: list[WeightSpeed] = []
        try:
            self._measure_all(speeds, on_task)
        except OSError as error:
            raise MeasurementFailed("disk-full" if error.errno in _FULL else "failed") from error
        finally:
            self._trials.close()
        self._trials.raise_if_stopped()
        WeightResults(self._folder).save(tuple(speeds))
        return tuple(speeds)

    def find_or_run(self, on_task: Callable[[str], None] = lambda _quantisation: None) -> tuple[WeightSpeed, ...]:
        """Return the saved result; measure if there is none. Raises as `run`."""
        return WeightResults(self._folder).find() or self.run(on_task)

    def stop(self) -> None:
        """Stop the measurement at once."""
        self._trials.stop()

    def _measure_all(self, speeds: list[WeightSpeed], on_task: Callable[[str], None]) -> None:
        began, last = time.monotonic(), self._deadline
        try:
            for quantisation in QUANTISATIONS:
                on_task(quantisation)
                speeds += self._speeds(quantisation, (False, True))
                if quantisation == QUANTISATIONS[0]:  # leave time to measure it once more
                    self._deadline = last - (time.monotonic() - began)
        except OutOfTime:
            if not speeds:
                raise MeasurementFailed("too-slow") from None
        if not speeds:
            raise MeasurementFailed("failed")
        self._deadline = last
        first = speeds[0]
        try:
            again = next(iter(self._speeds(first.quantisation, (first.repacked,))), None)
        except OutOfTime:
            again = None
        if again is None or not _is_steady(first.writing, again.writing):
            raise MeasurementFailed("disturbed")

    def _speeds(self, quantisation: str, ways: tuple[bool, ...]) -> list[WeightSpeed]:
        """Return the speeds of one quantisation, without those that cannot be measured; `ways`: repacked or not."""
        found = []
        with self._layer(quantisation) as path:
            for repacked in ways:
                with suppress(LoadModeFailed):
                    reading, writing = self._measure(path, repacked=repacked)
                    size = layer_size(quantisation, self._shape)
                    found.append(WeightSpeed(quantisation, repacked, size, reading.rate, writing.rate))
            self._trials.close()  # before the file is deleted
        return found

    def _measure(self, path: Path, *, repacked: bool) -> tuple[Speed, Speed]:
        batch = EngineSettings().n_batch
        plan = LoadPlan(_CONTEXT, batch, mapped=not repacked, repacked=repacked)
        self._trials.start(path, plan, _DEPTH, self._threads, 1.0, self._deadline)
        writing = self._trials.ask(MeasureWriting(self._threads), self._deadline)
        reading = self._trials.ask(MeasureReading(self._threads, batch), self._deadline)
        again = self._trials.ask(MeasureWriting(self._threads), self._deadline)
        if not _is_steady(writing.rate, again.rate):
            raise MeasurementFailed("disturbed")
        return reading, max(writing, again, key=lambda speed: speed.rate)

    @contextmanager
    def _layer(self, quantisation: str) -> Iterator[Path]:
        """Have the file of a layer inside the `with` block. Raises OSError and `MeasurementStopped`."""
        self._trials.raise_if_stopped()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._remove_left_behind()
        if shutil.disk_usage(self._folder).free < layer_size(quantisation, self._shape) + _SPARE:
            raise MeasurementFailed("disk-full")
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=self._folder, ignore_cleanup_errors=True) as folder:
            path = Path(folder) / f"{quantisation}.gguf"
            with path.open("wb") as file:
                write_layer(file, quantisation, self._shape)
            yield path

    def _remove_left_behind(self) -> None:
        for folder in self._folder.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > _LEFT_BEHIND_S:
                    shutil.rmtree(folder, ignore_errors=True)


def _is_steady(first: float, second: float) -> bool:
    return abs(first - second) <= _STEADY * max(first, second)
