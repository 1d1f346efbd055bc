"""A model that was split into several files is loaded and planned as a whole."""

import functools
from pathlib import Path

import gguf
import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import Turn
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from tests.engine.questions import ask
from tests.random_models.llava import write_language_model


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    splitting = functools.partial(gguf.GGUFWriter, split_max_tensors=8)
    monkeypatch.setattr(gguf, "GGUFWriter", splitting)
    write_language_model(tmp_path / "model.gguf")
    monkeypatch.undo()
    found = sorted(tmp_path.glob("model-*-of-*.gguf"))
    assert len(found) == 3
    return found


@pytest.mark.parametrize("chosen", [0, 1])
def test_all_parts_are_loaded_whichever_is_chosen(
    empty: EngineClient, tmp_path: Path, parts: list[Path], chosen: int
) -> None:
    info = empty.load(write_language_model(tmp_path / "whole.gguf"), None)
    expected, needed = ask(empty, Turn("What is red?")).token_ids, info.plan
    split = empty.load(parts[chosen], None)
    assert ask(empty, Turn("What is red?")).token_ids == expected
    assert needed is not None
    assert split.plan is not None
    assert split.plan.needed == needed.needed
    assert split.name == "random F16", "its file is called only model"


def test_the_plan_counts_all_parts(tmp_path: Path, parts: list[Path]) -> None:
    whole = check_files(write_language_model(tmp_path / "whole.gguf"), None)
    assert Shape.of_files(check_files(parts[0], None)) == Shape.of_files(whole)


def test_a_missing_part_is_named(parts: list[Path]) -> None:
    parts[2].unlink()
    with pytest.raises(UserError) as caught:
        check_files(parts[0], None)
    assert caught.value.code == "model-missing"
    assert parts[2].name in str(caught.value)


def test_parts_that_were_renamed_are_told(parts: list[Path]) -> None:
    with pytest.raises(UserError) as caught:
        check_files(parts[0].rename(parts[0].with_name("mine.gguf")), None)
    assert caught.value.code == "model-part-renamed"
    assert "-00001-of-00003.gguf" in str(caught.value)
