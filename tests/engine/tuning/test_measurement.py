"""Measurements of a small random model with real processes, which load, measure, crash, and stop."""

from __future__ import annotations

import json
import logging
import sys
import threading
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import pytest

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import EngineSettings, LoadPlan, Tuning
from desktop_app.engine.planning.cpu_cores import Cores
from desktop_app.engine.planning.memory_budget import VARIABLE, MemoryBudget, find_memory_budget
from desktop_app.engine.tuning import results, search
from desktop_app.engine.tuning.measurement import Measurement, TuningTarget, expected_seconds
from desktop_app.engine.tuning.results import TuningResults
from desktop_app.engine.tuning.search import LoadMode, MeasuredSpeed, MeasurementFailed, TuningReport
from desktop_app.engine.tuning.trial import Trial
from desktop_app.engine.tuning.trial_process import Task
from desktop_app.engine.tuning.trials import MeasurementStopped
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.paths import demo_model
from tests.engine.tuning import dying_trials
from tests.helpers.loaded import parts_held_by
from tests.helpers.strays import Expected
from tests.helpers.waiting import wait_until
from tests.random_models.llava import Sizes, large_on_disk, write_language_model
from tests.random_models.qwen35 import write_qwen35

GIB = 1 << 30


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that counts as large."""
    folder = tmp_path_factory.mktemp("measured")
    return large_on_disk(write_language_model(folder / "model.gguf", Sizes(width=128, layers=4, feed_forward=256)))


@pytest.fixture
def files(model: Path) -> ModelFiles:
    return check_files(model, None)


@pytest.fixture
def target(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TuningTarget:
    monkeypatch.setattr(search, "_STEADY", 1)  # what takes a millisecond is never steady
    return TuningTarget(str(model), None, EngineSettings(cache_folder=str(tmp_path / "cache")))


def test_of_reading_only_the_first_layers_are_computed(files: ModelFiles) -> None:
    trial = Trial(files, LoadPlan(768, 128, flash_wanted=True))
    try:
        assert trial.can_fill_cache
        seconds, longest_step = trial.time_reading(1, 128, 384, 1)
        assert 0 < longest_step < seconds
        whole = trial.nodes_computed
        seconds, longest_step = trial.time_reading(1, 128, 384, 0.25)
        assert 0 < longest_step < seconds
        assert trial.nodes_computed == pytest.approx(whole / 4, rel=0.1)
        assert trial.time_writing(1, 3, 640) > 0
        assert trial.find_share(128, 1) == 1  # so small a model is read as a whole
    finally:
        trial.close()


def test_a_recurrent_decoder_is_measured_with_an_empty_cache(tmp_path: Path) -> None:
    """Its cells cannot be copied, and what was stopped leaves nothing to go on from."""
    trial = Trial(check_files(write_qwen35(tmp_path / "model.gguf"), None), LoadPlan(768, 128))
    try:
        assert not trial.can_fill_cache
        for share in (1, 0.25, 1):
            seconds, longest_step = trial.time_reading(1, 128, 384, share)
            assert 0 < longest_step < seconds
        assert trial.time_writing(1, 3, 640) > 0
        assert trial.time_reading(1, 128, 0, 1)[0] > 0
    finally:
        trial.close()


def test_it_is_measured_kept_and_used_by_the_engine(target: TuningTarget, files: ModelFiles, tmp_path: Path) -> None:
    tasks: list[Task] = []
    report = Measurement(target).run(tasks.append)
    tuned = report.tuning
    assert {row.mode for row in report.rows} >= {LoadMode(), LoadMode(flash_attention=True)}
    assert min(tuned.reading, tuned.writing) > 0
    assert len(tuned.measured) == len("2026-11-24")
    assert report.failed == {}
    kept = TuningResults(tmp_path / "cache").find(files, find_memory_budget())
    assert kept is not None
    assert (kept.tuning, kept.rows, kept.failed) == (tuned, report.rows, {})
    assert len(tasks) == len(report.rows) + 1  # the first is measured once more
    with EngineClient() as client:
        info = client.load(files.model, None, target.settings)
    assert info.tunable
    assert info.tuning == tuned
    assert (info.reading_threads, info.threads) == (tuned.reading_threads, tuned.writing_threads)
    assert info.plan is not None
    assert (info.plan.n_ubatch, info.plan.repacked) == (tuned.n_ubatch, tuned.repacked)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not list what a process has loaded")
def test_its_processes_hold_nothing_but_the_model(target: TuningTarget) -> None:
    held: list[list[str]] = []

    def look(_task: Task) -> None:
        pids = [child.pid for child in active_children() if child.name == "eyebright-trial"]
        held.extend(parts_held_by(pid) for pid in pids if pid is not None)

    Measurement(target).run(look)
    assert held
    assert all(parts == ["llama.cpp"] for parts in held), held


def test_a_candidate_that_dies_is_out_and_nothing_else_happens(
    target: TuningTarget, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        report = Measurement(target, trial=dying_trials.repacked_dies).run()
    assert "Segmentation fault" in caplog.text
    assert capfd.readouterr().err == ""
    assert [mode.repacked for mode in report.failed] == [True]
    assert "died" in next(iter(report.failed.values()))
    assert not report.tuning.repacked


def test_it_gives_way_at_once_and_keeps_nothing(target: TuningTarget, tmp_path: Path) -> None:
    measurement = Measurement(target, trial=dying_trials.hangs)
    outcome: list[BaseException] = []

    def run() -> None:
        try:
            measurement.run()
        except MeasurementStopped as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: measurement.pid is not None)
    measurement.stop()
    thread.join(10)
    assert len(outcome) == 1
    assert measurement.pid is None
    assert not list((tmp_path / "cache").glob("tuning/*"))
    with pytest.raises(MeasurementStopped):  # it is over for good
        measurement.run()


def test_one_that_does_not_answer_ends_with_the_time(target: TuningTarget) -> None:
    with pytest.raises(MeasurementFailed, match="too-slow"):
        Measurement(target, 0.2, trial=dying_trials.hangs).run()


def test_a_tiny_model_is_not_measured() -> None:
    model, mmproj = demo_model()
    with pytest.raises(MeasurementFailed, match="tiny"):
        Measurement(TuningTarget(str(model), str(mmproj), EngineSettings())).run()


def test_nothing_is_tried_that_has_no_room_beside_the_engine(
    target: TuningTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "8G")
    loaded = LoadPlan(4096, 128, needed=find_memory_budget().usable - (1 << 20))
    with pytest.raises(MeasurementFailed, match="no-memory"):
        Measurement(replace(target, loaded=loaded)).run()


def test_it_never_takes_a_minute() -> None:
    assert expected_seconds(4 * GIB) < 60
    assert expected_seconds(40 * GIB) < 60


# ---- what is kept ---------------------------------------------------------------------------

FOUND = TuningReport(
    Tuning(2, 1, 256, reading=30.0, writing=6.0, measured="2026-11-24"),
    [MeasuredSpeed(LoadMode(), 2, 256, 30.0), MeasuredSpeed(LoadMode(), 1, 0, 6.0)],
    {LoadMode(repacked=True): "died (-11)"},
)
ROOM = MemoryBudget(8 * GIB, GIB)


@pytest.fixture
def kept(files: ModelFiles, tmp_path: Path) -> Path:
    """The file with what was found for the model."""
    TuningResults(tmp_path).save(files, ROOM, FOUND)
    (path,) = (tmp_path / "tuning").iterdir()
    return path


def find(tmp_path: Path, files: ModelFiles, budget: MemoryBudget = ROOM) -> TuningReport | None:
    return TuningResults(tmp_path).find(files, budget)


def test_what_was_found_is_found_again(kept: Path, files: ModelFiles, tmp_path: Path) -> None:
    assert find(tmp_path, files) == FOUND
    assert find(tmp_path, files, MemoryBudget(8 * GIB, 2 * GIB)) == FOUND  # what is free changes all the time
    TuningResults(tmp_path).forget(files, ROOM)
    assert find(tmp_path, files) is None


def test_what_was_measured_elsewhere_is_not_used(
    kept: Path, files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find(tmp_path, files, MemoryBudget(16 * GIB, GIB)) is None
    other = check_files(write_language_model(tmp_path / "other.gguf", Sizes(seed=2)), None)
    assert find(tmp_path, other) is None
    for name, value in {
        "processor_name": "another processor",
        "find_cores": Cores(64, 64, 128),
        "library_identity": "another llama.cpp",
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(results, name, lambda value=value: value)
            assert find(tmp_path, files) is None, name
    assert find(tmp_path, files) == FOUND


def test_a_damaged_file_is_not_believed(kept: Path, files: ModelFiles, tmp_path: Path, expected: Expected) -> None:
    expected.log("a cached file is damaged or foreign")
    kept.write_bytes(kept.read_bytes()[:-10])
    assert find(tmp_path, files) is None
    assert not kept.exists()


@pytest.mark.parametrize(
    "lie",
    [
        {"reading_threads": 0},
        {"writing_threads": 10**6},
        {"n_ubatch": True},
        {"n_ubatch": 1 << 20},
        {"repacked": "yes"},
        {"writing": 0.0},
        {"reading": None},
        {"unknown": 1},
    ],
)
def test_a_whole_file_that_says_what_cannot_be_is_not_believed(
    lie: dict[str, object], kept: Path, files: ModelFiles, tmp_path: Path
) -> None:
    folder = CheckedFolder(tmp_path / "tuning", 1 << 20)
    notes = folder.notes(kept.name)
    assert notes is not None
    told = json.loads(notes)
    told["tuning"] |= lie
    assert folder.write(kept.name, json.dumps(told).encode(), b"")
    assert find(tmp_path, files) is None
    assert not kept.exists()


@pytest.mark.parametrize("notes", [b"", b"[]", b"null", b"{", b'{"tuning": 3}', b"\xff"])
def test_nor_is_what_is_no_measurement_at_all(notes: bytes, kept: Path, files: ModelFiles, tmp_path: Path) -> None:
    assert CheckedFolder(tmp_path / "tuning", 1 << 20).write(kept.name, notes, b"")
    assert find(tmp_path, files) is None
