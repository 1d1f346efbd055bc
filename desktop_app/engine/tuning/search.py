"""Which settings are the fastest for a model on this computer: what is tried, and what is chosen from it.

One setting after the other is tried and the best kept, not every combination. What is usual stays
unless something else is clearly faster: the clocks of a computer are never quite steady.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from desktop_app.engine.messages import EngineSettings, Tuning
from desktop_app.engine.planning.cpu_cores import Cores

#: So much faster must something be to take the place of what is usual (a share).
_CLEARLY = 0.03
#: Repacked weights take longer to load, and no other process can share them; or they are in memory twice.
_WORTH_REPACKING = 0.05
#: The same was measured first and last: further apart than this, and other programs disturbed it.
_STEADY = 0.12
USUAL_BATCH = EngineSettings().n_batch  # tokens read at once
_BATCHES = (USUAL_BATCH, *(batch for batch in (64, 128, 256, 512) if batch != USUAL_BATCH))
#: Nothing can be stopped within a step of the graph, and Stop is promised within 100 ms.
_LONGEST_STEP_S = 0.085
#: A conversation about one picture with a few questions, in tokens: what reading and writing weigh.
READ, WRITTEN = 700, 450


@dataclass(frozen=True)
class Way:
    """A way to load a model; for another one it must be loaded anew."""

    repacked: bool = False
    flash_attention: bool = False


@dataclass(frozen=True)
class Speed:
    """What was measured."""

    rate: float  # tokens per second
    longest_step: float = 0.0  # seconds in which it cannot be stopped


@dataclass(frozen=True)
class Measured:
    """A row of the table."""

    way: Way
    threads: int
    batch: int  # tokens read at once; 0: writing
    speed: float  # tokens per second


class WayFailed(Exception):  # noqa: N818 - it says what happened
    """The model could not be loaded, or its process died: this way is out. The text says why."""


class OutOfTime(Exception):  # noqa: N818 - as `WayFailed`
    """Nothing more can be tried."""


class NotMeasured(Exception):  # noqa: N818 - as `WayFailed`
    """There is nothing to choose from. The text is "disturbed", "too-slow", "no-memory" or "failed"."""


class Bench(Protocol):
    """Measures. Each call may raise `WayFailed` or `OutOfTime`."""

    def reading(self, way: Way, threads: int, batch: int) -> Speed:
        """Return how fast batches of `batch` tokens are read."""

    def writing(self, way: Way, threads: int) -> Speed:
        """Return how fast is written, some way into a conversation."""

    def last_minute(self) -> None:
        """Allow what is still needed when the time is up."""


@dataclass(frozen=True)
class Choices:
    """What there is to try; what is usual comes first."""

    threads: tuple[int, ...]
    batches: tuple[int, ...] = _BATCHES
    ways: tuple[Way, ...] = (Way(), Way(flash_attention=True), Way(repacked=True))


@dataclass
class Findings:
    """All that came out. `tuning.measured` is not filled in."""

    tuning: Tuning
    rows: list[Measured] = field(default_factory=list)
    failed: dict[Way, str] = field(default_factory=dict)


def thread_choices(cores: Cores) -> tuple[int, ...]:
    """Return numbers of threads worth trying: all fast cores first, then fewer, and what else there is."""
    others = {cores.fast // 2, cores.fast - 1, cores.physical, cores.logical}
    return cores.fast, *sorted(number for number in others if number > 0 and number != cores.fast)


def find_fastest(bench: Bench, choices: Choices) -> Findings:
    """Measure, and choose. Raises `NotMeasured`."""
    search = _Search(bench, choices)
    try:
        search.usual()
    except OutOfTime:
        raise NotMeasured("too-slow") from None
    except WayFailed as error:
        raise NotMeasured("failed") from error
    try:
        search.explore()
    except OutOfTime:
        pass  # what was found until then counts
    search.repeat()
    return search.findings()


@dataclass(frozen=True)
class _Choice:
    way: Way
    reading_threads: int
    writing_threads: int
    batch: int


class _Search:
    """What was measured so far, and the best choice by that. Nothing is measured twice but at the end."""

    def __init__(self, bench: Bench, choices: Choices) -> None:
        self._bench = bench
        self._choices = choices
        threads = choices.threads[0]
        self._usual = self._best = _Choice(choices.ways[0], threads, threads, choices.batches[0])
        self._plain = self._usual  # the best choice of those with weights as the file has them
        self._rows: dict[tuple[Way, int, int], Speed] = {}
        self._failed: dict[Way, str] = {}

    def usual(self) -> None:
        """Measure what would be used if nothing were measured."""
        self._writing(self._usual)
        self._reading(self._usual)

    def explore(self) -> None:
        """Try the other choices, those that matter most first."""
        self._or_back(self._tune)
        for way in self._choices.ways[1:]:
            # What has paid on its own is kept for what comes after it.
            flash_attention = way.flash_attention or self._best.way.flash_attention
            if way.repacked:
                self._plain = self._best
            self._or_back(self._try, replace(way, flash_attention=flash_attention))

    def repeat(self) -> None:
        """Measure the first thing once more. Raises `NotMeasured` if it came out differently."""
        self._bench.last_minute()
        first = self._writing(self._usual)
        try:
            last = self._bench.writing(self._usual.way, self._usual.writing_threads).rate
        except (WayFailed, OutOfTime) as error:
            raise NotMeasured("disturbed") from error
        if abs(last - first) > _STEADY * max(first, last):
            raise NotMeasured("disturbed")

    def findings(self) -> Findings:
        """Return what was found."""
        reader, writer = self._plain, self._writes_repacked()
        if self._gain(reader, writer) <= _WORTH_REPACKING:
            reader = writer = self._best
        tuning = Tuning(
            reading_threads=reader.reading_threads,
            writing_threads=writer.writing_threads,
            n_ubatch=reader.batch,
            repacked=writer.way.repacked,
            flash_attention=reader.way.flash_attention,
            dual_layout=reader.way != writer.way,
            reading=self._reading(reader),
            writing=self._writing(writer),
        )
        rows = [Measured(*key, speed.rate) for key, speed in self._rows.items()]
        return Findings(tuning, rows, dict(self._failed))

    def _or_back(self, work: Callable[..., None], *arguments: Way) -> None:
        """Do `work`; where its way turns out to fail, go back to the choice before."""
        before = self._best
        try:
            work(*arguments)
        except WayFailed as error:
            way = arguments[0] if arguments else before.way
            self._failed[way] = str(error)
            self._best = before

    def _try(self, way: Way) -> None:
        candidate = replace(self._best, way=way)
        if self._pays(candidate):
            self._best = candidate
            self._tune()

    def _pays(self, candidate: _Choice) -> bool:
        """Return whether another way is better than the best so far. Measures no more than it needs to."""
        adds_flash_attention = candidate.way.flash_attention and not self._best.way.flash_attention
        # Flash attention costs more the longer a conversation is, so it must pay for both.
        if self._writing(candidate) < self._writing(self._best) and adds_flash_attention:
            return False
        if self._reading(candidate) < self._reading(self._best) and adds_flash_attention:
            return False
        gain = self._gain(candidate, candidate)
        return gain > (_WORTH_REPACKING if candidate.way.repacked else _CLEARLY)

    def _gain(self, reader: _Choice, writer: _Choice) -> float:
        """Return how much sooner (a share) a conversation ends that is read with one choice and written with another.

        It is the conversation that everything is weighed by, against the best choice so far.
        """
        return self._seconds(self._best, self._best) / self._seconds(reader, writer) - 1

    def _seconds(self, reader: _Choice, writer: _Choice) -> float:
        return READ / self._reading(reader) + WRITTEN / self._writing(writer)

    def _writes_repacked(self) -> _Choice:
        """Return what writes soonest with repacked weights; `_plain` where that was not measured to the end."""
        way = replace(self._plain.way, repacked=True)
        rows = {key[1:]: speed.rate for key, speed in self._rows.items() if key[0] == way}
        writing = {threads: speed for (threads, batch), speed in rows.items() if not batch}
        if way in self._failed or len(rows) == len(writing):
            return self._plain
        return replace(self._plain, way=way, writing_threads=max(writing, key=lambda threads: writing[threads]))

    def _tune(self) -> None:
        """Find the numbers of threads, and the batch, for the way of the best choice."""
        first, threads = self._best, sorted(self._choices.threads)
        self._climb(threads, first.writing_threads, lambda best, n: replace(best, writing_threads=n), self._writing)
        self._climb(threads, first.reading_threads, lambda best, n: replace(best, reading_threads=n), self._reading)
        self._find_batch()

    def _find_batch(self) -> None:
        """Find the fastest batch that can be stopped in time, from the usual one on."""
        batches = sorted(self._choices.batches)
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

    def _longest_step(self, choice: _Choice) -> float:
        self._reading(choice)
        return self._rows[choice.way, choice.reading_threads, choice.batch].longest_step

    def _climb(
        self,
        values: Sequence[int],
        first: int,
        using: Callable[[_Choice, int], _Choice],
        speed: Callable[[_Choice], float],
    ) -> None:
        """Try what is less than `first`, then what is more, as long as that is clearly faster; `values` ascend."""
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

    def _reading(self, choice: _Choice) -> float:
        way, threads, batch = choice.way, choice.reading_threads, choice.batch
        return self._measured((way, threads, batch), lambda: self._bench.reading(way, threads, batch))

    def _writing(self, choice: _Choice) -> float:
        way, threads = choice.way, choice.writing_threads
        return self._measured((way, threads, 0), lambda: self._bench.writing(way, threads))

    def _measured(self, key: tuple[Way, int, int], measure: Callable[[], Speed]) -> float:
        if key not in self._rows:
            self._rows[key] = measure()
        return self._rows[key].rate
