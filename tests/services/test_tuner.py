"""When the fastest settings are measured, what interrupts that, and what happens to the result."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Inspect,
    Load,
    LoadPlan,
    ModelInfo,
    PictureRef,
    Ready,
    Tuning,
    WeightSpeed,
)
from desktop_app.engine.tuning.measurement import Measurement, TuningTarget
from desktop_app.engine.tuning.search import MeasurementFailed, TuningReport
from desktop_app.engine.tuning.trials import MeasurementStopped
from desktop_app.engine.tuning.weight_measurement import WeightMeasurement
from desktop_app.services.tuner import Tuner
from tests.engine.tuning import dying_trials
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import pump, wait_until
from tests.random_models.llava import large_on_disk, write_language_model
from tests.services.conftest import DEMO, Desk

PLAN = LoadPlan(4096, 128, reading_threads=2, writing_threads=2)
LLAVA = DEMO._replace(name="LLaVA", is_demo=False, tunable=True, threads=2, reading_threads=2, plan=PLAN)
SAME = Tuning(2, 2, 128, reading=30.0, writing=6.0, measured="2026-11-24")
OTHER = SAME._replace(writing_threads=1, n_ubatch=256)


class Script:
    """A measurement that ends as the test says."""

    def __init__(self, target: TuningTarget) -> None:
        self.target = target
        self.ended = False
        self._outcome: Tuning | str | None = None
        self._over = threading.Event()

    def run(self) -> TuningReport:
        self._over.wait(10)
        if isinstance(self._outcome, Tuning):
            return TuningReport(self._outcome)
        raise MeasurementFailed(self._outcome) if self._outcome else MeasurementStopped

    def stop(self) -> None:
        self.ended = True
        self._over.set()

    def comes_to(self, outcome: Tuning | str) -> None:
        self._outcome = outcome
        self._over.set()


@dataclass
class Bench:
    desk: Desk
    tuner: Tuner
    made: list[Script]

    def ready(self, info: ModelInfo = LLAVA) -> None:
        """Let what is being loaded be ready."""
        self.desk.client.emit(Ready(self.desk.client.of(Load)[-1].request, info))
        wait_until(lambda: self.desk.services.engine.state() == "ready")

    def measuring(self, count: int = 1) -> Script:
        """Wait for a measurement; `count`: of how many."""
        wait_until(lambda: len(self.made) == count and self.tuner.is_measuring())
        return self.made[-1]


@pytest.fixture
def bench(desk: Desk) -> Iterator[Bench]:
    made: list[Script] = []

    def make(target: TuningTarget) -> Measurement:
        made.append(Script(target))
        return cast(Measurement, made[-1])

    tuner = Tuner(desk.services.engine, make, idle_ms=20)
    yield Bench(desk, tuner, made)
    tuner.close()


def test_a_model_is_measured_once_it_and_the_person_are_idle(bench: Bench) -> None:
    seen: list[bool] = []
    bench.tuner.wanted_changed.connect(seen.append)
    bench.ready()
    script = bench.measuring()
    assert (script.target.model, script.target.loaded) == (bench.desk.client.of(Load)[0].model, PLAN)
    assert bench.tuner.seconds_left() > 0
    script.comes_to(SAME)
    wait_until(lambda: bench.tuner.tuning() == SAME)
    assert not bench.tuner.is_measuring()
    pump(60)
    assert len(bench.made) == 1
    assert len(bench.desk.client.of(Load)) == 1  # it is loaded like that already
    assert seen == [True, False]


def test_other_settings_are_loaded_at_once(bench: Bench) -> None:
    bench.ready()
    bench.measuring().comes_to(OTHER)
    wait_until(lambda: len(bench.desk.client.of(Load)) == 2)
    bench.ready(LLAVA._replace(tuning=OTHER))
    pump(60)
    assert bench.tuner.tuning() == OTHER
    assert len(bench.made) == 1


def test_the_persons_own_threads_need_no_other_loading(bench: Bench) -> None:
    bench.ready(DEMO)
    bench.desk.services.preferences.set("threads", 2)
    wait_until(lambda: len(bench.desk.client.of(Load)) == 2)
    bench.ready()
    bench.measuring().comes_to(SAME._replace(writing_threads=1))
    wait_until(lambda: bench.tuner.tuning() is not None)
    assert len(bench.desk.client.of(Load)) == 2


@pytest.mark.parametrize("info", [DEMO, LLAVA._replace(tuning=SAME)])
def test_what_is_tiny_or_was_measured_is_left_alone(bench: Bench, info: ModelInfo) -> None:
    bench.ready(info)
    pump(80)
    assert bench.made == []


def picture(bench: Bench) -> None:
    services = bench.desk.services
    services.engine.send(lambda request: Inspect(request, PictureRef("0" * 64, "x.png", "x.png")), lambda _event: None)


@pytest.mark.parametrize(
    "does",
    [
        lambda bench: bench.tuner.stop_for_user(),
        lambda bench: bench.desk.services.chat.send("What is this?"),
        picture,
        lambda bench: bench.desk.services.preferences.set("n_ctx", 2048),
    ],
)
def test_it_gives_way_at_once(bench: Bench, does: Callable[[Bench], None]) -> None:
    bench.ready()
    script = bench.measuring()
    does(bench)
    wait_until(lambda: script.ended and not bench.tuner.is_measuring())


def test_while_the_engine_works_nothing_begins_and_then_it_begins_anew(bench: Bench) -> None:
    bench.ready()
    bench.measuring()
    bench.desk.services.chat.send("What is this?")
    wait_until(lambda: bool(bench.desk.client.of(Ask)))
    pump(80)
    assert not bench.tuner.is_measuring()
    bench.desk.client.emit(finished(bench.desk.client.of(Ask)[-1], "A star."))
    bench.measuring(2)


def test_not_now_holds_until_the_person_wants_it(bench: Bench) -> None:
    bench.ready()
    script = bench.measuring()
    bench.tuner.postpone()
    assert script.ended
    pump(60)
    assert len(bench.made) == 1
    assert not bench.tuner.is_planned()
    bench.tuner.measure()
    second = bench.measuring(2)
    bench.tuner.stop_for_user()  # the click that asked for it is not the last one
    assert not second.ended


def test_measured_again_when_the_person_asks_for_it(bench: Bench) -> None:
    bench.ready(LLAVA._replace(tuning=SAME))
    bench.tuner.measure()
    bench.measuring().comes_to(SAME._replace(writing=7.0))
    wait_until(lambda: bench.tuner.tuning() == SAME._replace(writing=7.0))
    bench.tuner.measure()
    bench.desk.services.chat.send("What is this?")  # then it comes later
    wait_until(lambda: bool(bench.desk.client.of(Ask)))
    assert bench.made[1].ended
    assert bench.tuner.is_planned()
    bench.desk.client.emit(finished(bench.desk.client.of(Ask)[-1], "A star."))
    bench.measuring(3)


def test_a_disturbed_measurement_is_tried_again_but_not_for_ever(bench: Bench) -> None:
    bench.ready()
    for count in (1, 2, 3):
        bench.measuring(count).comes_to("disturbed")
        wait_until(lambda: bench.tuner.problem() == "disturbed")
    pump(60)
    assert len(bench.made) == 3


@pytest.mark.parametrize("why", ["no-memory", "too-slow", "failed"])
def test_what_cannot_be_measured_is_not_tried_again(bench: Bench, why: str) -> None:
    bench.ready()
    bench.measuring().comes_to(why)
    wait_until(lambda: bench.tuner.problem() == why)
    pump(60)
    assert len(bench.made) == 1


def test_the_real_process_is_gone_when_the_person_asks(desk: Desk, tmp_path: Path) -> None:
    model = large_on_disk(write_language_model(tmp_path / "model.gguf"))
    made: list[Measurement] = []

    def make(target: TuningTarget) -> Measurement:
        made.append(Measurement(target, trial=dying_trials.hangs))
        return made[-1]

    tuner = Tuner(desk.services.engine, make, idle_ms=0)
    try:
        desk.ready()
        desk.services.preferences.set("model", str(model))
        wait_until(lambda: len(desk.client.of(Load)) == 2)
        desk.client.emit(Ready(desk.client.of(Load)[-1].request, LLAVA._replace(plan=None)))
        wait_until(lambda: bool(made) and made[0].pid is not None)
        desk.services.chat.send("What is this?")
        wait_until(lambda: made[0].pid is None)
        assert not tuner.is_measuring()
    finally:
        tuner.close()


@pytest.mark.parametrize(("count", "least"), [(1, 15), (3, 30)])
def test_how_long_it_takes_goes_by_all_files_of_a_model(bench: Bench, tmp_path: Path, count: int, least: int) -> None:
    parts = [tmp_path / f"model-0000{number}-of-0000{count}.gguf" for number in range(1, count + 1)]
    for part in parts:
        part.touch()
        os.truncate(part, 1 << 30)  # a hole
    bench.desk.ready()
    bench.desk.services.preferences.set("model", str(parts[0]))
    wait_until(lambda: bench.desk.client.of(Load)[-1].model == str(parts[0]))
    bench.ready()
    bench.measuring()
    assert least < bench.tuner.seconds_left() < 2 * least


WEIGHTS = (WeightSpeed("Q4_0", False, 1000, 700.0, 150.0),)


class WeightScript(Script):
    """The same of quantisations; `saved`: what was measured before."""

    def __init__(self, saved: tuple[WeightSpeed, ...] = ()) -> None:
        super().__init__(TuningTarget("", None, EngineSettings()))
        self.saved = saved
        self.found: tuple[WeightSpeed, ...] = ()

    def run(self, on_task: Callable[[str], None] = lambda _quantisation: None) -> Any:
        on_task("Q4_0")
        if self._over.wait(10) and self.found:
            return self.found
        return super().run()

    def find_or_run(self, on_task: Callable[[str], None]) -> Any:
        return self.saved or self.run(on_task)

    def finds(self, weights: tuple[WeightSpeed, ...]) -> None:
        self.found = weights
        self._over.set()


@dataclass
class WeightBench(Bench):
    weights: list[WeightScript]
    saved: list[WeightSpeed]
    found: list[tuple[WeightSpeed, ...]]

    def measuring_weights(self, count: int = 1) -> WeightScript:
        wait_until(lambda: len(self.weights) == count and self.tuner.is_measuring())
        return self.weights[-1]


@pytest.fixture
def weight_bench(desk: Desk) -> Iterator[WeightBench]:
    made: list[Script] = []
    weights: list[WeightScript] = []
    saved: list[WeightSpeed] = []

    def make(target: TuningTarget) -> Measurement:
        made.append(Script(target))
        return cast(Measurement, made[-1])

    def make_weights() -> WeightMeasurement:
        weights.append(WeightScript(tuple(saved)))
        return cast(WeightMeasurement, weights[-1])

    tuner = Tuner(desk.services.engine, make, make_weights, idle_ms=20)
    found: list[tuple[WeightSpeed, ...]] = []
    tuner.weights_found.connect(found.append)
    yield WeightBench(desk, tuner, made, weights, saved, found)
    tuner.close()


def test_the_quantisations_are_measured_once_after_the_model(weight_bench: WeightBench) -> None:
    weight_bench.ready()
    weight_bench.measuring().comes_to(SAME)
    weight_bench.measuring_weights().finds(WEIGHTS)
    wait_until(lambda: weight_bench.found == [WEIGHTS])
    pump(60)
    assert (len(weight_bench.made), len(weight_bench.weights)) == (1, 1)
    assert not weight_bench.tuner.is_planned()


def test_they_are_measured_beside_a_tiny_model_too_and_give_way(weight_bench: WeightBench) -> None:
    weight_bench.ready(DEMO)
    script = weight_bench.measuring_weights()
    weight_bench.tuner.stop_for_user()
    assert script.ended
    weight_bench.measuring_weights(2).finds(WEIGHTS)
    wait_until(lambda: weight_bench.found == [WEIGHTS])
    assert weight_bench.made == []


def test_what_is_saved_is_found_without_measuring(weight_bench: WeightBench) -> None:
    shown: list[bool] = []
    weight_bench.tuner.changed.connect(lambda: shown.append(weight_bench.tuner.is_measuring()))
    weight_bench.saved[:] = WEIGHTS
    weight_bench.ready(DEMO)
    wait_until(lambda: weight_bench.found == [WEIGHTS])
    assert not any(shown)
    weight_bench.tuner.measure()  # anew, because the person wants it
    weight_bench.measuring_weights(2).finds((WEIGHTS[0]._replace(writing=160.0),))
    wait_until(lambda: len(weight_bench.found) == 2)


def test_a_full_disk_is_said_and_not_tried_again(weight_bench: WeightBench) -> None:
    weight_bench.ready(LLAVA._replace(tuning=SAME))
    weight_bench.measuring_weights().comes_to("disk-full")
    wait_until(lambda: weight_bench.tuner.weights_problem() == "disk-full")
    pump(60)
    assert len(weight_bench.weights) == 1
    assert weight_bench.tuner.problem() == ""
    assert weight_bench.tuner.tuning() == SAME
