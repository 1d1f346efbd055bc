"""A model in use is called what the list of models calls it."""

from pathlib import Path

import pytest

from desktop_app.engine.client import EngineClient
from model_store.library.importing import import_files
from model_store.library.library import Library
from tests.random_models.llava import write_language_model


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("name", ["my-llama-Q4_K_M.gguf", "ggml-model-f16.gguf"])
def test_the_name_in_the_list_is_that_of_the_model_in_use(
    empty: EngineClient, tmp_path: Path, name: str, in_place: bool
) -> None:
    path = write_language_model(tmp_path / name)
    (installed,) = import_files(Library(tmp_path / "models"), [path], in_place=in_place)
    assert empty.load(installed.model, None).name == installed.title


def test_a_title_of_the_catalogue_wins(empty: EngineClient, tmp_path: Path) -> None:
    path = write_language_model(tmp_path / "some-file.gguf")
    (installed,) = import_files(Library(tmp_path / "models"), [path])
    manifest = installed.folder / "eyebright-model.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"title": "some-file"', '"title": "LLaVA 1.5 7B"'), "utf-8")
    assert empty.load(installed.model, None).name == "LLaVA 1.5 7B"
