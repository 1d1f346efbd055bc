"""Measurements of small random layers with real processes: what is found, kept, and left behind."""

from __future__ import annotations

import shutil
import sys
import threading
from collections import namedtuple
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.messages import WeightSpeed
from desktop_app.engine.tuning import weight_measurement, weight_results
from desktop_app.engine.tuning.search import MeasurementFailed
from desktop_app.engine.tuning.trials import MeasurementStopped
from desktop_app.engine.tuning.weight_measurement import WeightMeasurement
from desktop_app.engine.tuning.weight_results import WeightResults
from desktop_app.engine.weights.random_layer import LayerShape, layer_size
from tests.engine.tuning import dying_trials

SMALL = LayerShape(256, 512, 4)
TWO = ("Q4_K_M", "Q4_0")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(weight_measurement, "_STEADY", 1)  # what takes a millisecond is never steady
    monkeypatch.setattr(weight_measurement, "QUANTISATIONS", TWO)
    yield tmp_path / "cache"
    left = [path.name for path in (tmp_path / "cache").rglob("*.gguf")]
    assert left == []
    assert not [child for child in active_children() if child.name == "eyebright-trial"]


def test_what_is_measured_is_found_again(cache: Path) -> None:
    heard: list[str] = []
    assert WeightResults(cache).find() == ()
    speeds = WeightMeasurement(cache, shape=SMALL).run(heard.append)
    assert [(one.quantisation, one.repacked) for one in speeds] == [(q, r) for q in TWO for r in (False, True)]
    assert heard == list(TWO)
    assert all(one.size == layer_size(one.quantisation, SMALL) for one in speeds)
    assert min(min(one.reading, one.writing) for one in speeds) > 0
    assert WeightResults(cache).find() == speeds


def test_another_processor_or_library_is_measured_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speed = WeightSpeed("Q4_0", False, 1000, 700.0, 150.0)
    WeightResults(cache).save((speed,))
    assert WeightResults(cache).find() == (speed,)
    with monkeypatch.context() as other:
        other.setattr(weight_results, "processor_name", lambda: "another")
        assert WeightResults(cache).find() == ()
    monkeypatch.setattr(weight_results, "library_identity", lambda: "another")
    assert WeightResults(cache).find() == ()


@pytest.mark.parametrize("notes", ["", "[1]", "{}", '[{"quantisation": 1}]'])
def test_damaged_results_are_forgotten(cache: Path, notes: str) -> None:
    WeightResults(cache).save((WeightSpeed("Q4_0", False, 1000, 700.0, 150.0),))
    (kept,) = [path for path in (cache / "tuning").iterdir() if path.is_file()]
    CheckedFolder(cache / "tuning", 1 << 20).write(kept.stem, notes.encode(), b"")
    assert WeightResults(cache).find() == ()
    assert not kept.exists()


@pytest.mark.parametrize(
    "speed",
    [
        WeightSpeed("Q4_0", False, -1, 700.0, 150.0),
        WeightSpeed("Q4_0", False, 1000, float("nan"), 150.0),
        WeightSpeed("Q4_0", False, 1000, 700.0, 0.0),
    ],
)
def test_impossible_results_are_forgotten(cache: Path, speed: WeightSpeed) -> None:
    WeightResults(cache).save((speed,))
    assert WeightResults(cache).find() == ()


@pytest.mark.skipif(sys.platform == "win32", reason="processes die in another way")
def test_a_way_of_loading_that_crashes_is_left_out(cache: Path) -> None:
    speeds = WeightMeasurement(cache, trial=dying_trials.repacked_dies, shape=SMALL).run()
    assert [one.repacked for one in speeds] == [False, False]


def test_a_full_disk_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1 << 40, 1 << 40, 1 << 20))
    with pytest.raises(MeasurementFailed, match="disk-full"):
        WeightMeasurement(cache, shape=SMALL).run()
    assert WeightResults(cache).find() == ()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_disk_that_fills_while_it_is_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_file: object, *_what: object) -> None:
        with Path("/dev/full").open("wb") as full:
            full.write(b"x")

    monkeypatch.setattr(weight_measurement, "write_layer", write)
    with pytest.raises(MeasurementFailed, match="disk-full"):
        WeightMeasurement(cache, shape=SMALL).run()


def test_what_other_programs_disturb_is_not_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_measurement, "_STEADY", -1)  # nothing is so steady
    with pytest.raises(MeasurementFailed, match="disturbed"):
        WeightMeasurement(cache, shape=SMALL).run()
    assert WeightResults(cache).find() == ()


def test_it_ends_in_time(cache: Path) -> None:
    with pytest.raises(MeasurementFailed, match="too-slow"):
        WeightMeasurement(cache, limit_s=0.5, trial=dying_trials.hangs, shape=SMALL).run()


def test_it_can_be_stopped_at_once(cache: Path) -> None:
    measurement = WeightMeasurement(cache, trial=dying_trials.hangs, shape=SMALL)
    begun = threading.Event()
    ended: list[BaseException] = []

    def work() -> None:
        try:
            measurement.run(lambda _quantisation: begun.set())
        except MeasurementStopped as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    measurement.stop()
    thread.join(20)
    assert len(ended) == 1
    assert WeightResults(cache).find() == ()
