"""Searches for the fastest settings for a model on this computer: what to measure, and what to choose.

One setting after the other is varied and the best value kept; not every combination is tried. The default stays unless
another value is clearly faster, because the speed of a computer always varies a little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from desktop_app.engine.messages import EngineSettings, Tuning
from desktop_app.engine.planning.cpu_cores import Cores

#: A value must be faster by this share to replace the default.
_CLEARLY = 0.03
#: The same for repacked weights: they take longer to load, and are a private copy or in memory twice.
_WORTH_REPACKING = 0.05
#: The first measurement is repeated at the end. If the two differ by more, other programs disturbed them.
_STEADY = 0.12
DEFAULT_BATCH = EngineSettings().n_batch  # tokens
_BATCHES = (DEFAULT_BATCH, *(batch for batch in (64, 128, 256, 512) if batch != DEFAULT_BATCH))
#: Nothing can be stopped within a step of the compute graph, and stopping must take less than 100 ms.
_LONGEST_STEP_S = 0.085
#: Tokens of a typical conversation (one picture, a few questions): the weights of reading and writing speed.
READ, WRITTEN = 700, 450


@dataclass(frozen=True)
class LoadMode:
    """Settings that take effect only when a model is loaded."""

    repacked: bool = False
    flash_attention: bool = False


@dataclass(frozen=True)
class Speed:
    """The result of one task."""

    rate: float  # tokens per second
    longest_step: float = 0.0  # seconds for the longest step, which cannot be interrupted


@dataclass(frozen=True)
class MeasuredSpeed:
    """One measured speed, a row of the report."""

    mode: LoadMode
    threads: int
    batch: int  # tokens per batch when reading; 0: writing
    speed: float  # tokens per second


class LoadModeFailed(Exception):  # noqa: N818 - it says what happened
    """The model could not be loaded in this mode, or the process died. The text says why."""


class OutOfTime(Exception):  # noqa: N818 - as `LoadModeFailed`
    """The time limit was reached."""


class MeasurementFailed(Exception):  # noqa: N818 - as `LoadModeFailed`
    """There is no result. The text is "tiny", "disturbed", "too-slow", "no-memory" or "failed"."""


class Benchmark(Protocol):
    """Measures speeds. Each call may raise `LoadModeFailed` or `OutOfTime`."""

    def reading_speed(self, mode: LoadMode, threads: int, batch: int) -> Speed:
        """Return how fast the prompt is processed in batches of `batch` tokens."""

    def writing_speed(self, mode: LoadMode, threads: int) -> Speed:
        """Return how fast tokens are generated in the middle of a conversation."""

    def extend_deadline(self) -> None:
        """Allow the last measurement even if the time for new ones is up."""


@dataclass(frozen=True)
class SearchSpace:
    """The settings to try; the default of each comes first."""

    threads: tuple[int, ...]
    batches: tuple[int, ...] = _BATCHES
    modes: tuple[LoadMode, ...] = (LoadMode(), LoadMode(flash_attention=True), LoadMode(repacked=True))


@dataclass
class TuningReport:
    """The chosen settings and everything that was measured. `tuning.measured` is not filled in by the search."""

    tuning: Tuning
    rows: list[MeasuredSpeed] = field(default_factory=list)
    failed: dict[LoadMode, str] = field(default_factory=dict)


def thread_choices(cores: Cores) -> tuple[int, ...]:
    """Return numbers of threads worth trying: one for each fast core first, then others."""
    others = {cores.fast // 2, cores.fast - 1, cores.physical, cores.logical}
    return cores.fast, *sorted(number for number in others if number > 0 and number != cores.fast)


def find_fastest(benchmark: Benchmark, space: SearchSpace) -> TuningReport:
    """Measure speeds and choose the fastest settings. Raises `MeasurementFailed`."""
    search = _Search(benchmark, space)
    try:
        search.measure_default()
    except OutOfTime:
        raise MeasurementFailed("too-slow") from None
    except LoadModeFailed as error:
        raise MeasurementFailed("failed") from error
    try:
        search.explore()
    except OutOfTime:
        pass  # the results so far count
    search.check_steadiness()
    return search.report()


@dataclass(frozen=True)
class _Candidate:
    mode: LoadMode
    reading_threads: int
    writing_threads: int
    batch: int


class _Search:
    """All speeds measured so far, and the best candidate. Nothing is measured twice, except at the end."""

    def __init__(self, benchmark: Benchmark, space: SearchSpace) -> None:
        self._benchmark = benchmark
        self._space = space
        threads = space.threads[0]
        self._default = self._best = _Candidate(space.modes[0], threads, threads, space.batches[0])
        self._plain = self._default  # the best candidate without repacked weights
        self._rows: dict[tuple[LoadMode, int, int], Speed] = {}
        self._failed: dict[LoadMode, str] = {}

    def measure_default(self) -> None:
        """Measure the settings that are used without a measurement."""
        self._writing(self._default)
        self._reading(self._default)

    def explore(self) -> None:
        """Try other settings, the most important ones first."""
        self._undo_on_failure(self._tune)
        for mode in self._space.modes[1:]:
            # Flash attention that has proved faster is kept for the modes after it.
            flash_attention = mode.flash_attention or self._best.mode.flash_attention
            if mode.repacked:
                self._plain = self._best
            self._undo_on_failure(self._try, replace(mode, flash_attention=flash_attention))

    def check_steadiness(self) -> None:
        """Repeat the first measurement. Raises `MeasurementFailed` if the result differs too much."""
        self._benchmark.extend_deadline()
        first = self._writing(self._default)
        try:
            last = self._benchmark.writing_speed(self._default.mode, self._default.writing_threads).rate
        except (LoadModeFailed, OutOfTime) as error:
            raise MeasurementFailed("disturbed") from error
        if abs(last - first) > _STEADY * max(first, last):
            raise MeasurementFailed("disturbed")

    def report(self) -> TuningReport:
        """Return the result."""
        reader, writer = self._plain, self._best_repacked_writer()
        if self._gain(reader, writer) <= _WORTH_REPACKING:
            reader = writer = self._best
        tuning = Tuning(
            reading_threads=reader.reading_threads,
            writing_threads=writer.writing_threads,
            n_ubatch=reader.batch,
            repacked=writer.mode.repacked,
            flash_attention=reader.mode.flash_attention,
            dual_layout=reader.mode != writer.mode,
            reading=self._reading(reader),
            writing=self._writing(writer),
        )
        rows = [MeasuredSpeed(*key, speed.rate) for key, speed in self._rows.items()]
        return TuningReport(tuning, rows, dict(self._failed))

    def _undo_on_failure(self, work: Callable[..., None], *arguments: LoadMode) -> None:
        """Do `work`; if its mode fails, return to the best candidate before."""
        before = self._best
        try:
            work(*arguments)
        except LoadModeFailed as error:
            mode = arguments[0] if arguments else before.mode
            self._failed[mode] = str(error)
            self._best = before

    def _try(self, mode: LoadMode) -> None:
        candidate = replace(self._best, mode=mode)
        if self._is_better(candidate):
            self._best = candidate
            self._tune()

    def _is_better(self, candidate: _Candidate) -> bool:
        """Return whether a candidate with another mode is better than the best. Measures as little as possible."""
        adds_flash_attention = candidate.mode.flash_attention and not self._best.mode.flash_attention
        # Flash attention gets slower as a conversation grows, so both reading and writing must be faster with it.
        if self._writing(candidate) < self._writing(self._best) and adds_flash_attention:
            return False
        if self._reading(candidate) < self._reading(self._best) and adds_flash_attention:
            return False
        gain = self._gain(candidate, candidate)
        return gain > (_WORTH_REPACKING if candidate.mode.repacked else _CLEARLY)

    def _gain(self, reader: _Candidate, writer: _Candidate) -> float:
        """Return by which share a typical conversation is faster than with the best candidate so far.

        `reader` and `writer`: the settings for reading and for writing.
        """
        return self._seconds(self._best, self._best) / self._seconds(reader, writer) - 1

    def _seconds(self, reader: _Candidate, writer: _Candidate) -> float:
        return READ / self._reading(reader) + WRITTEN / self._writing(writer)

    def _best_repacked_writer(self) -> _Candidate:
        """Return the fastest candidate for writing with repacked weights; `_plain` if they were not measured fully."""
        mode = replace(self._plain.mode, repacked=True)
        rows = {key[1:]: speed.rate for key, speed in self._rows.items() if key[0] == mode}
        writing = {threads: speed for (threads, batch), speed in rows.items() if not batch}
        if mode in self._failed or len(rows) == len(writing):
            return self._plain
        return replace(self._plain, mode=mode, writing_threads=max(writing, key=lambda threads: writing[threads]))

    def _tune(self) -> None:
        """Find the best numbers of threads and the best batch for the mode of the best candidate."""
        first, threads = self._best, sorted(self._space.threads)
        self._climb(threads, first.writing_threads, lambda best, n: replace(best, writing_threads=n), self._writing)
        self._climb(threads, first.reading_threads, lambda best, n: replace(best, reading_threads=n), self._reading)
        self._find_batch()

    def _find_batch(self) -> None:
        """Find the fastest batch that can be stopped in time, starting from the default."""
        batches = sorted(self._space.batches)
        first = place = batches.index(self._best.batch)
        while place > 0 and self._longest_step(self._best) > _LONGEST_STEP_S:
            place -= 1
            candidate = replace(self._best, batch=batches[place])
            self._reading(candidate)
            self._best = candidate
        growth = batches[place + 1] / batches[place] if place + 1 < len(batches) else 1
        if place < first or self._longest_step(self._best) * growth > _LONGEST_STEP_S:
            batches = batches[: place + 1]
        self._climb(batches, batches[place], lambda best, n: replace(best, batch=n), self._reading)

    def _longest_step(self, candidate: _Candidate) -> float:
        self._reading(candidate)
        return self._rows[candidate.mode, candidate.reading_threads, candidate.batch].longest_step

    def _climb(
        self,
        values: Sequence[int],
        first: int,
        using: Callable[[_Candidate, int], _Candidate],
        speed: Callable[[_Candidate], float],
    ) -> None:
        """Try values below `first`, then above it, as long as each is clearly faster; `values` ascend."""
        start = self._best
        for step in (-1, 1):
            place = values.index(first) + step
            while 0 <= place < len(values):
                candidate = using(self._best, values[place])
                if speed(candidate) <= (1 + _CLEARLY) * speed(self._best):
                    break
                self._best = candidate
                place += step
            if self._best != start:
                return

    def _reading(self, candidate: _Candidate) -> float:
        mode, threads, batch = candidate.mode, candidate.reading_threads, candidate.batch
        return self._measured((mode, threads, batch), lambda: self._benchmark.reading_speed(mode, threads, batch))

    def _writing(self, candidate: _Candidate) -> float:
        mode, threads = candidate.mode, candidate.writing_threads
        return self._measured((mode, threads, 0), lambda: self._benchmark.writing_speed(mode, threads))

    def _measured(self, key: tuple[LoadMode, int, int], measure: Callable[[], Speed]) -> float:
        if key not in self._rows:
            self._rows[key] = measure()
        return self._rows[key].rate
