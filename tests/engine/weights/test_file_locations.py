"""The engine loads a model and its projector from any folder, whatever its name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import EngineSettings, Turn
from model_store.library.importing import import_files
from model_store.library.installed import InstalledModel
from model_store.library.library import Library
from tests.engine.questions import ask, draw
from tests.model_store.folders import copy_built_in

PLACES = {
    "Chinese": "模型 文件夹/图像语言模型",
    "Arabic": "نماذج/نموذج الرؤية",
    "emoji": "🌼👁️ models/👩🏽‍🔬 lilac",
    "spaces and quotes": ' my  models /it\'s "here" & there; $(no) %20 #1',
    "long": "/".join(f"{letter * 150} folder" for letter in "abc"),
    "combining": "Mode\u0301les/A\u030angstro\u0308m",  # e and accent apart, as macOS writes names
}


_WIDTHS = itertools.count(100)  # a picture that was not seen before must go through the projector


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    client = EngineClient()
    client.start()
    yield client
    client.close()


def _sees_red(client: EngineClient, model: InstalledModel, folder: Path) -> bool:
    client.load(model.model, model.projector, EngineSettings(threads=1))
    picture = draw(folder / "disc.png", "red", (next(_WIDTHS), 90))
    answer = ask(client, Turn("What is in the picture?", (picture,)))
    assert answer.stats.image_encodes == 1
    return "red" in answer.text


@pytest.mark.parametrize("name", PLACES)
def test_a_model_is_loaded_from_any_folder(name: str, client: EngineClient, tmp_path: Path) -> None:
    library = Library(tmp_path / PLACES[name])
    (model,) = import_files(library, copy_built_in(tmp_path / "here"))
    assert name != "long" or len(str(model.model)) > 460
    assert _sees_red(client, model, tmp_path)


@pytest.mark.parametrize("name", ["Chinese", "Arabic", "emoji", "long"])
def test_files_of_any_name_are_used_in_place(name: str, client: EngineClient, tmp_path: Path) -> None:
    folder = tmp_path / PLACES[name]
    stem = Path(PLACES[name]).name[:60]
    model, projector = copy_built_in(folder)
    files = [model.rename(folder / f"{stem}.gguf"), projector.rename(folder / f"mmproj {stem}.gguf")]
    (installed,) = import_files(Library(tmp_path / "models"), files, in_place=True)
    assert (installed.model, installed.projector) == tuple(files)
    assert _sees_red(client, installed, tmp_path)


def test_a_name_that_is_no_unicode_is_used_in_place(client: EngineClient, tmp_path: Path) -> None:
    """Linux takes any bytes as a name."""
    model, projector = copy_built_in(tmp_path / "here")
    try:
        files = [path.rename(path.with_name(f"{path.stem}-\udcff\udcfe.gguf")) for path in (model, projector)]
    except OSError:
        pytest.skip("this file system takes Unicode only")
    (installed,) = import_files(Library(tmp_path / "models"), files, in_place=True)
    assert _sees_red(client, installed, tmp_path)
