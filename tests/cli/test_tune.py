"""`eyebright tune`, and how the other commands show its result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop_app import paths
from desktop_app.cli import texts
from desktop_app.cli.tune import told
from desktop_app.engine.messages import Tuning
from desktop_app.engine.tuning import search
from desktop_app.settings import Settings
from tests.cli.running import run_verb
from tests.random_models.llava import Sizes, large_on_disk, write_language_model


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


def test_why_there_is_nothing_to_measure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tune", str(paths.demo_model()[0])) == 1
    assert texts.TUNE_NOT_MEASURED["tiny"] in capsys.readouterr().err
    assert run("tune", "/nowhere/model.gguf") == 2
    assert "cannot be found" in capsys.readouterr().err
