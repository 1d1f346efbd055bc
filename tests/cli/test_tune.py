"""`eyebright tune`, and how the other commands show its result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop_app import paths, weight_choice
from desktop_app.cli import texts
from desktop_app.cli.tune import told
from desktop_app.engine.messages import Tuning
from desktop_app.engine.tuning import search, trial_process, weight_measurement
from desktop_app.engine.weights.random_layer import LayerShape
from desktop_app.settings import Settings
from tests.cli.running import run_verb
from tests.random_models.llava import Sizes, large_on_disk, write_language_model

SMALL_LAYERS = (weight_measurement.LIMIT_S, trial_process.main, LayerShape(256, 512, 4))


def run(*words: str) -> int:
    return run_verb(*words)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(search, "_STEADY", 1)  # what takes a millisecond is never steady
    return large_on_disk(write_language_model(tmp_path / "model.gguf", Sizes(layers=1)))


def test_tune_keeps_what_plan_and_doctor_show(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tune", str(model), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    kept = Tuning(**found["tuning"])
    assert found["seconds"] > 0
    assert found["failed"] == []
    assert len(found["rows"]) >= 5
    assert run("plan", str(model)) == 0
    said = capsys.readouterr().out
    assert told(kept) in said
    assert f"batches of {kept.n_ubatch}" in said
    settings = Settings(paths.settings_file())
    assert run("doctor") == 0
    assert texts.DOCTOR_TUNING_BUILT_IN in capsys.readouterr().out
    settings.set("model", str(model))
    settings.save()
    assert run("doctor") == 0
    said = capsys.readouterr().out
    assert told(kept) in said
    assert str(model) not in said
    settings.set("model", str(model.with_name("another.gguf")))
    settings.save()
    assert run("doctor") == 0
    assert texts.DOCTOR_TUNING_NONE in capsys.readouterr().out


def test_the_table(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tune", str(model)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("mapped ") and " writing " in line for line in lines)
    assert any(line.startswith("mapped, flash attention") for line in lines)
    assert any("reading by 128" in line for line in lines)
    assert "Chosen: " in lines[-2]
    assert all(len(line) < 80 for line in lines[:-3])


@pytest.fixture
def small_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers so small that they are measured in a moment."""
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weight_measurement, "_STEADY", 1)
    monkeypatch.setattr(weight_measurement, "QUANTISATIONS", ("Q4_K_M", "Q3_K_M", "Q2_K"))
    monkeypatch.setattr(weight_measurement.WeightMeasurement.__init__, "__defaults__", SMALL_LAYERS)


@pytest.mark.usefixtures("small_layers")
def test_the_weights_are_measured_for_the_list_of_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "search", "llava-1.5-7b") == 0
    before = capsys.readouterr().out
    assert " READS " not in before.splitlines()[0]
    assert "+0.18 least" in before
    assert run("tune", "--weights") == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[1:-1]] == [
        q for q in ("Q4_K_M", "Q3_K_M", "Q2_K") for _ in "12"
    ]
    assert run("models", "search", "llava-1.5-7b", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["models"]
    assert all(row["reading"] > 0 and row["writing"] > 0 for row in rows)
    assert sum(row["fastest"] for row in rows) == 1
    assert [row["loss"] for row in rows] == [0.1754, 0.6569, 3.5199]
    assert run("models", "search", "llava-1.5-7b") == 0
    after = capsys.readouterr().out
    assert " READS " in after.splitlines()[0]
    assert after.count(" fastest ") == 1
    assert weight_choice.SOURCE in after


def test_a_full_disk_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weight_measurement, "_SPARE", 1 << 60)
    assert run("tune", "--weights") == 1
    assert "The disk is too full" in capsys.readouterr().err


def test_one_of_both_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["model.gguf", "--weights"]):
        with pytest.raises(SystemExit, match="2"):
            run("tune", *words)
        assert texts.TUNE_WHAT in capsys.readouterr().err


def test_why_there_is_nothing_to_measure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tune", str(paths.demo_model()[0])) == 1
    assert texts.TUNE_NOT_MEASURED["tiny"] in capsys.readouterr().err
    assert run("tune", "/nowhere/model.gguf") == 2
    assert "cannot be found" in capsys.readouterr().err
