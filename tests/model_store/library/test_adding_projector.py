"""An installed model that only writes is given its projector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model_store.errors import StoreError
from model_store.library.adding_projector import add_projector
from model_store.library.copying import Cancelled
from model_store.library.importing import import_files
from model_store.library.installed import InstalledModel, State
from model_store.library.library import Library
from tests.model_store.folders import TINY, cancel_after
from tests.random_models.llava import write_language_model, write_projector


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


def _writer(library: Library, folder: Path, *, in_place: bool) -> InstalledModel:
    folder.mkdir()
    (model,) = import_files(library, [write_language_model(folder / "ggml-model-F16.gguf", TINY)], in_place)
    assert model.projector is None
    return model


@pytest.mark.parametrize("in_place", [False, True])
def test_the_projector_becomes_a_part_of_the_model(library: Library, tmp_path: Path, in_place: bool) -> None:
    model = _writer(library, tmp_path / "here", in_place=in_place)
    projector = write_projector(tmp_path / "mmproj.gguf", TINY)
    sees = add_projector(library, model.id, projector)
    assert sees == library.get(model.id)
    assert (sees.in_place, sees.state, sees.model) == (in_place, State.OK, model.model)
    assert sees.projector == (projector if in_place else model.folder / "mmproj.gguf")
    assert sees.projector.read_bytes() == projector.read_bytes()
    assert library.verify(model.id).state is State.OK


def test_what_does_not_belong_to_it_is_refused_and_changes_nothing(library: Library, tmp_path: Path) -> None:
    model = _writer(library, tmp_path / "here", in_place=False)
    files = {
        write_projector(tmp_path / "wide.gguf", replace(TINY, width=64)): "pair-mismatch",
        write_language_model(tmp_path / "another.gguf", TINY): "no-projector-file",
        tmp_path / "nowhere.gguf": "file-missing",
    }
    for path, code in files.items():
        with pytest.raises(StoreError) as caught:
            add_projector(library, model.id, path)
        assert caught.value.code == code
    with pytest.raises(Cancelled):
        add_projector(library, model.id, write_projector(tmp_path / "mmproj.gguf", TINY), cancel_after(0))
    assert library.get(model.id) == model
