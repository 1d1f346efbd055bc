"""A model that was split into several files is loaded, planned and recognised as a whole."""

from pathlib import Path

import pytest

from desktop_app.engine.cache.fingerprints import file_identity, files_identity
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import Turn
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from tests.engine.questions import ask
from tests.random_models.llava import Sizes, write_language_model
from tests.random_models.splitting import split_gguf


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    found = split_gguf(write_language_model(tmp_path / "model.gguf"), tmp_path)
    assert len(found) == 3
    return found


def _refused(path: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        check_files(path, None)
    return caught.value


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


@pytest.mark.parametrize("missing", [0, 2])
def test_a_missing_part_is_named(parts: list[Path], missing: int) -> None:
    parts[missing].unlink()
    error = _refused(parts[1])
    assert error.code == "model-away"
    assert parts[missing].name in str(error)


def test_parts_that_were_renamed_are_told(parts: list[Path]) -> None:
    error = _refused(parts[0].rename(parts[0].with_name("mine.gguf")))
    assert error.code == "model-part-renamed"
    assert "mine.gguf is file 1 of 3" in str(error)
    assert "-00001-of-00003.gguf" in str(error)


def test_parts_in_another_order_are_told(parts: list[Path], tmp_path: Path) -> None:
    third = parts[2].rename(tmp_path / "aside")
    parts[1].rename(parts[2])
    third.rename(parts[1])
    error = _refused(parts[0])
    assert error.code == "model-part-renamed"
    assert f"{parts[1].name} is file 3 of 3" in str(error)


@pytest.mark.parametrize(("sizes", "tensors"), [(Sizes(layers=3), 10), (Sizes(width=128), 8)], ids=["deeper", "wider"])
def test_parts_of_different_models_are_refused(parts: list[Path], tmp_path: Path, sizes: Sizes, tensors: int) -> None:
    other = split_gguf(write_language_model(tmp_path / "other.gguf", sizes), tmp_path, tensors=tensors)
    assert len(other) == len(parts)
    other[1].replace(parts[1])
    error = _refused(parts[0])
    assert error.code == "model-parts-differ"
    assert "The 3 files of model do not belong to one model." in str(error)


def test_what_is_kept_about_a_model_is_of_all_its_files(parts: list[Path], tmp_path: Path) -> None:
    weights = check_files(parts[0], None).weights
    assert weights == tuple(parts)
    before = files_identity(weights)
    content = parts[2].read_bytes()
    parts[2].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert files_identity(weights) != before
    assert files_identity(weights[:1]) == file_identity(parts[0]), "what was kept of whole models stays"
