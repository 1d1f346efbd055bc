"""`eyebright plan`, and how the other commands use a given amount of memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop_app import cli, paths
from desktop_app.cli import texts
from desktop_app.engine.planning.memory_budget import VARIABLE
from tests.cli.running import run_verb
from tests.random_models.headers_only import LLAVA_7B, LLAVA_13B, Decoder, write_decoder, write_tower

MODEL, MMPROJ = (str(path) for path in paths.demo_model())


def pair(folder: Path, shape: Decoder) -> tuple[str, str]:
    model = write_decoder(folder / "llava.gguf", shape)
    return str(model), str(write_tower(folder / "mmproj.gguf", shape.width))


def run(*words: str) -> int:
    return run_verb("plan", *words)


def test_a_model_that_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*pair(tmp_path, LLAVA_7B), "--memory", "8G") == 0
    said = capsys.readouterr().out
    for expected in ("4080 MB", "1141 MB", "6174 MB", texts.PLAN_FITS, "q8_0", "Context of 4096 tokens"):
        assert expected in said, said


def test_a_plan_without_a_projector_leaves_pictures_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, projector = pair(tmp_path, LLAVA_7B)
    assert run(model, "--memory", "8G") == 0
    assert "Pictures are left out: without its projector (mmproj) the model cannot see them." in capsys.readouterr().out
    assert run(model, projector, "--memory", "8G") == 0
    assert "Pictures are left out" not in capsys.readouterr().out
    assert run(model, "--memory", "8G", "--json") == 0
    assert json.loads(capsys.readouterr().out)["sees"] is False


def test_a_model_that_fits_with_a_shorter_context(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = pair(tmp_path, LLAVA_13B)
    assert run(*files, "--memory", "12G") == 0
    assert "The model fits with a context of 3584 tokens. 4096 tokens" in capsys.readouterr().out
    assert run(*files, "--memory", "12G", "--context", "2048") == 0
    assert texts.PLAN_FITS in capsys.readouterr().out


def test_a_model_that_does_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = pair(tmp_path, LLAVA_7B)
    assert run(*files, "--memory", "6G") == 3
    said = capsys.readouterr().out
    assert "The model does not fit" in said
    assert "(Q2_K) would fit" in said
    monkeypatch.setenv(VARIABLE, "4G")
    assert run(*files) == 3
    assert run(*files, "--memory", "8G") == 0  # what is typed counts more
    capsys.readouterr()


def test_what_is_needed_is_one_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(MODEL, MMPROJ, "--memory", "100M") == 3
    said = capsys.readouterr().out
    figures = dict(line.rsplit(" MB", 1)[0].rsplit(maxsplit=1) for line in said.splitlines() if line.endswith(" MB"))
    sentence = f"It needs at least {figures['Needed']} MB, and {figures['Usable']} MB can be used."
    assert sentence in said
    assert "GB" not in said


def test_a_plan_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*pair(tmp_path, LLAVA_7B), "--memory", "8G", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["offer"]) == ("fits", "")
    assert found["need"]["total"] == found["plan"]["needed"] <= found["plan"]["usable"]
    assert found["plan"]["kv_type"] == "q8_0"
    assert sum(size for part, size in found["need"].items() if part != "total") == found["need"]["total"]
    assert found["plan"]["small_projector"]
    assert found["plan"]["keeps_projector"]
    assert sorted(found["needed_at"]) == ["2048", "4096"]


def test_this_computer_and_the_built_in_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(MODEL, MMPROJ) == 0
    assert texts.PLAN_FITS in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gone.gguf"], "gone.gguf cannot be found"),
        ([MMPROJ], "Swap the two files"),
        ([MODEL, MODEL], "Swap the two files"),
        ([MODEL, "--memory", "lots"], "“lots” is not an amount of memory"),
    ],
)
def test_bad_input(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert sentence in capsys.readouterr().err


def test_ask_refuses_what_does_not_fit_before_loading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "4G")
    model, _ = pair(tmp_path, LLAVA_7B)
    assert run_verb("ask", "--model", model, "-p", "Hello") == 2
    said = capsys.readouterr().err
    assert "llava needs at least" in said
    assert "2.4 GB" in said


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(["plan", "--help"])
    assert ended.value.code == 0
    assert "MODEL_GGUF" in capsys.readouterr().out
