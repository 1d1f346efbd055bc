"""Which settings are chosen from given measurements, and which measurements are rejected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from desktop_app.engine.planning.cpu_cores import Cores
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

PLAIN, FLASH, REPACKED, BOTH = LoadMode(), LoadMode(flash_attention=True), LoadMode(repacked=True), LoadMode(True, True)
Speeds = Callable[[LoadMode, int, int], float]
_STEP = 0.01 / 128  # seconds that the longest step takes for each token of a batch


@dataclass
class Table:
    """A benchmark that looks its numbers up, and notes what it was asked. A batch of 0 is writing."""

    speed: Speeds
    patience: int = 1000  # tasks before the time is up
    step: float = _STEP
    asked: list[tuple[LoadMode, int, int]] = field(default_factory=list)

    def reading_speed(self, mode: LoadMode, threads: int, batch: int) -> Speed:
        return self._look_up(mode, threads, batch)

    def writing_speed(self, mode: LoadMode, threads: int) -> Speed:
        return self._look_up(mode, threads, 0)

    def extend_deadline(self) -> None:
        self.patience = 1000

    def _look_up(self, mode: LoadMode, threads: int, batch: int) -> Speed:
        if self.patience <= len(self.asked):
            raise OutOfTime
        self.asked.append((mode, threads, batch))
        return Speed(self.speed(mode, threads, batch), batch * self.step)


def steady(modes: dict[LoadMode, tuple[float, float]], threads: dict[int, float] | None = None) -> Speeds:
    """Reading and writing by mode; times a factor by threads."""
    return lambda mode, number, batch: modes[mode][0 if batch else 1] * (threads or {}).get(number, 1)


def choose(speed: Speeds, threads: tuple[int, ...] = (4,), patience: int = 1000) -> TuningReport:
    return find_fastest(Table(speed, patience), SearchSpace(threads))


def test_the_usual_stays_unless_something_is_clearly_faster() -> None:
    even = choose(steady({PLAIN: (30, 6), FLASH: (30.5, 6.05), REPACKED: (30.5, 6.1)})).tuning
    assert (even.repacked, even.flash_attention) == (False, False)
    assert (even.reading, even.writing) == (30, 6)


def test_flash_attention_must_pay_for_both() -> None:
    assert not choose(steady({PLAIN: (30, 6), FLASH: (60, 5.9), REPACKED: (1, 1)})).tuning.flash_attention
    assert not choose(steady({PLAIN: (30, 6), FLASH: (29, 9), REPACKED: (1, 1)})).tuning.flash_attention
    assert choose(steady({PLAIN: (30, 6), FLASH: (33, 6.6), REPACKED: (1, 1), BOTH: (1, 1)})).tuning.flash_attention


def test_what_cannot_win_is_not_measured_to_the_end() -> None:
    table = Table(steady({PLAIN: (30, 6), FLASH: (60, 4), REPACKED: (20, 6)}))
    find_fastest(table, SearchSpace((4,)))
    assert [asked for asked in table.asked if asked[0] == FLASH] == [(FLASH, 4, 0)]
    assert [asked for asked in table.asked if asked[0] == REPACKED] == [(REPACKED, 4, 0), (REPACKED, 4, 256)]


def test_repacking_is_weighed_by_a_whole_conversation() -> None:
    # As measured on two computers: writes 6 % faster, reads 40 % slower; and does both faster.
    assert not choose(steady({PLAIN: (24, 5.4), FLASH: (1, 1), REPACKED: (15, 5.7)})).tuning.repacked
    found = choose(steady({PLAIN: (24, 5.4), FLASH: (1, 1), REPACKED: (40, 5.85)})).tuning
    assert (found.repacked, found.reading, found.writing) == (True, 40, 5.85)


def test_what_reads_faster_as_it_is_and_writes_faster_repacked_is_kept_as_both() -> None:
    # As measured on an AMD EPYC: both modes alone take as long for a whole conversation.
    found = choose(steady({PLAIN: (60.8, 8.2), FLASH: (62, 6.9), REPACKED: (35.3, 9.95)})).tuning
    assert (found.dual_layout, found.repacked, found.reading, found.writing) == (True, True, 60.8, 9.95)
    better = choose(steady({PLAIN: (60, 8), FLASH: (1, 1), REPACKED: (58, 12)})).tuning  # and hardly slower
    assert (better.dual_layout, better.repacked, better.reading, better.writing) == (False, True, 58, 12)
    little = choose(steady({PLAIN: (60, 8), FLASH: (1, 1), REPACKED: (35, 8.4)})).tuning
    assert (little.dual_layout, little.repacked, little.reading, little.writing) == (False, False, 60, 8)


def test_each_layout_gets_its_own_number_of_threads_where_both_are_kept() -> None:
    def speed(mode: LoadMode, threads: int, batch: int) -> float:
        if mode == FLASH:
            return 1
        if mode == REPACKED:
            return 30.0 if batch else 12.0
        return {4: 60.0, 8: 80.0}[threads] if batch else {4: 9.0, 8: 7.0}[threads]

    found = choose(speed, (4, 8)).tuning
    assert (found.dual_layout, found.reading_threads, found.writing_threads) == (True, 8, 4)


def test_a_layout_that_fails_while_it_is_measured_is_not_kept_beside_the_usual_one() -> None:
    def speed(mode: LoadMode, _threads: int, batch: int) -> float:
        if mode == REPACKED and batch == 512:
            raise LoadModeFailed("died (-11)")
        return {PLAIN: 8.0, FLASH: 1.0, REPACKED: 12.0}[mode] * (8 if batch else 1)

    found = choose(speed)
    assert REPACKED in found.failed
    assert not found.tuning.dual_layout
    assert not found.tuning.repacked


def test_reading_and_writing_get_threads_of_their_own() -> None:
    def speed(mode: LoadMode, threads: int, batch: int) -> float:
        if mode != PLAIN:
            return 1
        return 10.0 * threads if batch else {4: 5.0, 8: 7.0, 7: 7.5, 16: 4.0}[threads]

    found = choose(speed, (8, 4, 7, 16)).tuning
    assert (found.writing_threads, found.reading_threads) == (7, 16)
    assert (found.writing, found.reading) == (7.5, 160)


def by_batch(of: dict[int, float]) -> Speeds:
    return lambda mode, _threads, batch: of.get(batch, 5) if mode == PLAIN else 1


@pytest.mark.parametrize(
    ("speeds", "chosen"),
    [
        ({64: 30, 128: 30, 256: 30, 512: 30}, 256),
        ({64: 20, 128: 30.5, 256: 30, 512: 30.8}, 256),
        ({64: 20, 128: 28, 256: 30, 512: 36}, 512),
        ({64: 33, 128: 34, 256: 30, 512: 36}, 128),
        ({64: 40, 128: 34, 256: 30, 512: 36}, 64),
    ],
)
def test_another_batch_than_the_usual_must_be_clearly_faster(speeds: dict[int, float], chosen: int) -> None:
    assert choose(by_batch(speeds)).tuning.n_ubatch == chosen


def test_a_batch_that_cannot_be_stopped_in_time_is_not_even_tried() -> None:
    growing = by_batch({64: 10, 128: 20, 256: 30, 512: 40})
    for seconds_of_256, chosen in ((0.04, 512), (0.06, 256), (0.1, 128), (0.2, 64)):
        table = Table(growing, step=seconds_of_256 / 256)
        assert find_fastest(table, SearchSpace((4,))).tuning.n_ubatch == chosen
        assert max(batch for mode, _, batch in table.asked if mode == PLAIN) == max(chosen, 256)  # which is usual


def test_a_way_that_fails_is_out_and_nothing_else_happens() -> None:
    def speed(mode: LoadMode, threads: int, batch: int) -> float:
        if mode == REPACKED:
            raise LoadModeFailed("died (-11)")
        return {PLAIN: 6, FLASH: 5}[mode]

    found = choose(speed)
    assert found.failed == {REPACKED: "died (-11)"}
    assert not found.tuning.repacked


def test_a_way_that_fails_after_it_had_won_loses_again() -> None:
    def speed(mode: LoadMode, threads: int, batch: int) -> float:
        if mode == REPACKED and threads == 2:
            raise LoadModeFailed("died (-11)")
        return {PLAIN: 6, FLASH: 5, REPACKED: 9}[mode]

    found = choose(speed, (4, 2))
    assert found.failed == {REPACKED: "died (-11)"}
    assert (found.tuning.repacked, found.tuning.writing) == (False, 6)


def test_without_the_usual_there_is_nothing_to_choose_from() -> None:
    def speed(mode: LoadMode, threads: int, batch: int) -> float:
        raise LoadModeFailed("model-damaged")

    with pytest.raises(MeasurementFailed, match="failed"):
        choose(speed)


@pytest.mark.parametrize("patience", range(2, 16))
def test_when_the_time_is_up_the_best_so_far_is_a_whole_choice(patience: int) -> None:
    def speed(mode: LoadMode, threads: int, batch: int) -> float:
        return {PLAIN: 6, FLASH: 7, REPACKED: 8, BOTH: 9}[mode] + batch / 100 + threads / 10

    table = Table(speed, patience)
    found = find_fastest(table, SearchSpace((4, 8)))
    assert len(table.asked) <= patience + 1  # the first once more, and nothing else
    tuning, mode = found.tuning, LoadMode(found.tuning.repacked, found.tuning.flash_attention)
    assert tuning.reading == speed(mode, tuning.reading_threads, tuning.n_ubatch)
    assert tuning.writing == speed(mode, tuning.writing_threads, 0)


def test_too_slow_a_computer_is_not_measured() -> None:
    with pytest.raises(MeasurementFailed, match="too-slow"):
        choose(steady({PLAIN: (30, 6)}), patience=1)


@pytest.mark.parametrize("last", [4.0, 9.0])
def test_a_disturbed_measurement_is_not_believed(last: float) -> None:
    seen: list[int] = []

    def speed(mode: LoadMode, threads: int, batch: int) -> float:
        if mode == PLAIN and not batch:
            seen.append(1)
            return 6 if len(seen) == 1 else last
        return 6

    with pytest.raises(MeasurementFailed, match="disturbed"):
        choose(speed)


def test_numbers_of_threads_to_try() -> None:
    assert thread_choices(Cores(2, 2, 2)) == (2, 1)
    assert thread_choices(Cores(4, 4, 8)) == (4, 2, 3, 8)
    assert thread_choices(Cores(6, 14, 20)) == (6, 3, 5, 14, 20)
    assert thread_choices(Cores(1, 1, 1)) == (1,)
