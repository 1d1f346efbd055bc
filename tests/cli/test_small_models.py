"""The command line with small random models of the families that are not LLaVA's: the words are transformers' own."""

import json
from pathlib import Path

import pytest

from tests.cli.running import run_verb
from tests.engine.held_to_transformers import picture, records_of, written_text
from tests.random_models.small_models import GEMMA4_E2B, SMALL_MODELS
from tests.random_models.talks import TALKS, SmallModel


@pytest.fixture(params=SMALL_MODELS)
def small(request: pytest.FixtureRequest) -> SmallModel:
    return SMALL_MODELS[request.param]


def test_a_conversation_about_a_picture(small: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, mmproj = small.write(tmp_path)
    written = records_of(small)["written first"].tolist()
    shown = picture(small.shapes[0], tmp_path)
    files = ("--model", str(model), "--mmproj", str(mmproj))
    words = ("-p", TALKS["first"][0].question, "-p", "And what is behind it?")
    limit = ("--max-tokens", str(max(1, len(written))))
    assert run_verb("ask", *files, shown.path, *words, "--greedy", "--json", *limit) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    if written:
        assert first["answer"] == written_text(small, "first", tmp_path).strip()
    assert (first["image_encodes"], second["image_encodes"]) == (1, 0)
    assert second["prompt_tokens"] > first["prompt_tokens"]


def test_how_many_tokens_a_picture_takes_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, mmproj = GEMMA4_E2B.write(tmp_path)
    shown = picture(GEMMA4_E2B.shapes[0], tmp_path)
    ask = ("ask", "--model", str(model), "--mmproj", str(mmproj), shown.path, "-p", "What is it?", "--json", "--greedy")
    prompts = []
    for more in (["--look", "quick"], ["--picture-tokens", "560"], []):
        assert run_verb(*ask, "--max-tokens", "1", *more) == 0
        prompts.append(json.loads(capsys.readouterr().out)["prompt_tokens"])
    assert (prompts[1] - prompts[0], prompts[2] - prompts[0]) == (31 * 17 - 11 * 6, 22 * 12 - 11 * 6)
    assert run_verb("ask", shown.path, "-p", "What is it?", "--picture-tokens", "560") == 2
    assert "Leave out --picture-tokens" in capsys.readouterr().err


def test_it_is_planned(small: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb("plan", *map(str, small.write(tmp_path))) == 0
    assert "context" in capsys.readouterr().out.lower()
