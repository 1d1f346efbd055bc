"""Most projectors run one layer too few in llama.cpp; a copy with one more key runs all of them."""

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, PictureRef, Turn
from desktop_app.engine.weights import projector_copy
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.engine.weights.projector_checks import llava
from desktop_app.engine.weights.projector_copy import prepare_projector
from desktop_app.engine.weights.projector_header import LastLayer
from desktop_app.errors import UserError
from desktop_app.paths import cache_folder, demo_model
from model_store.gguf_header import read_header
from tests.engine.clip_reference import image_features, mean_cosine
from tests.engine.questions import ask
from tests.helpers.strays import Expected
from tests.random_models.llava import Sizes, write_language_model, write_projector

SIZES = Sizes(vision_layers=3, feature_layer=False)


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_language_model(tmp_path_factory.mktemp("model") / "model.gguf")


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return write_projector(tmp_path / "mmproj-model-f16.gguf", SIZES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "projectors"


@pytest.fixture
def files(language_model: Path, original: Path) -> ModelFiles:
    return check_files(language_model, original)


def made(files: ModelFiles, folder: Path) -> Any:
    return prepare_projector(files, lambda: folder.parent).projector


def agreement(files: ModelFiles, original: Path) -> float:
    """The cosine between what llama.cpp makes of a picture and what all layers make of it."""
    rgb = np.random.default_rng(3).integers(0, 256, SIZES.side**2 * 3, np.uint8).tobytes()
    model = Model(files, EngineSettings(n_ctx=256, threads=1), Interrupt())
    try:
        # The reference runs every layer of the file, whatever the metadata say.
        return mean_cosine(model.encode(rgb), image_features(original, rgb))
    finally:
        model.close()


def test_the_copy_runs_all_layers(files: ModelFiles, original: Path, folder: Path) -> None:
    assert files.projector is not None
    assert files.projector.last_layer is LastLayer.MISSING
    assert agreement(files, original) < 0.99
    whole = replace(files, projector=made(files, folder))
    assert whole.projector is not None
    assert whole.projector.last_layer is LastLayer.CORRECTED
    assert agreement(whole, original) >= 0.9999


def test_the_copy_holds_the_same_and_says_more(files: ModelFiles, original: Path, folder: Path) -> None:
    before = original.read_bytes()
    projector = made(files, folder)
    assert (projector.chosen, projector.path.parent) == (original, folder)
    assert original.read_bytes() == before
    old, new = gguf.GGUFReader(str(original)), gguf.GGUFReader(str(projector.path))
    assert set(new.fields) - set(old.fields) == {"clip.vision.feature_layer", "eyebright.copy_of"}
    assert list(new.fields["clip.vision.feature_layer"].contents()) == [3]
    for name, field in old.fields.items():
        if not name.startswith("GGUF."):
            assert new.fields[name].contents() == field.contents()
    for one, other in zip(old.tensors, new.tensors, strict=True):
        assert (one.name, one.tensor_type) == (other.name, other.tensor_type)
        assert one.data.tobytes() == other.data.tobytes()
    assert [path.name for path in folder.iterdir()] == [projector.path.name]


def test_it_is_written_once(files: ModelFiles, folder: Path) -> None:
    first = made(files, folder)
    written = first.path.stat().st_mtime_ns, first.path.stat().st_ino
    assert made(files, folder) == first
    assert (first.path.stat().st_mtime_ns, first.path.stat().st_ino) == written


def test_a_copy_of_an_older_file_is_noticed(files: ModelFiles, original: Path, folder: Path) -> None:
    stale = made(files, folder).path.read_bytes()
    write_projector(original, replace(SIZES, seed=9))
    os.utime(original, (1, 1))
    fresh = made(files, folder).path
    assert fresh.read_bytes() != stale
    assert (
        gguf.GGUFReader(str(fresh)).tensors[0].data.tobytes()
        == gguf.GGUFReader(str(original)).tensors[0].data.tobytes()
    )


@pytest.mark.parametrize("damage", ["cut", "empty", "foreign", "other numbers", "other layers"])
def test_a_damaged_copy_is_written_again(files: ModelFiles, original: Path, folder: Path, damage: str) -> None:
    path = made(files, folder).path
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[:-100])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        shutil.copy(original, path)
    else:
        key = b"clip.vision.block_count" if damage == "other numbers" else b"clip.vision.feature_layer"
        at = whole.index(key) + len(key) + (4 if damage == "other numbers" else 16)
        path.write_bytes(whole[:at] + b"\x07" + whole[at + 1 :])
        assert read_header(path).metadata != read_header(original).metadata
    assert made(files, folder).path == path
    assert path.read_bytes() == whole


def test_copies_of_files_that_are_gone_are_removed(
    files: ModelFiles, language_model: Path, original: Path, folder: Path, tmp_path: Path
) -> None:
    other = write_projector(tmp_path / "überholt 100%.gguf", replace(SIZES, seed=4))
    kept, gone = made(files, folder).path, made(check_files(language_model, other), folder).path
    rubbish = folder / "rubbish.gguf"
    rubbish.write_bytes(b"GGUF")
    other.unlink()
    third = write_projector(tmp_path / "third.gguf", replace(SIZES, seed=5))
    new = made(check_files(language_model, third), folder).path
    assert sorted(folder.iterdir()) == sorted([kept, new])
    assert not gone.exists()


def test_without_room_the_projector_stays_as_it_is(
    files: ModelFiles, folder: Path, monkeypatch: pytest.MonkeyPatch, expected: Expected
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    expected.log("no copy can be written")
    monkeypatch.setattr(projector_copy, "finish", full)
    assert made(files, folder) is files.projector
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "sizes",
    [
        replace(SIZES, feature_layer=True),
        replace(SIZES, class_token=False),  # not CLIP: towers of other kinds end otherwise
    ],
)
def test_others_need_no_copy(language_model: Path, folder: Path, tmp_path: Path, sizes: Sizes) -> None:
    files = check_files(language_model, write_projector(tmp_path / "mmproj.gguf", sizes))
    assert files.projector is not None
    assert files.projector.last_layer is LastLayer.COMPLETE
    assert made(files, folder) is files.projector
    assert not folder.exists()


@pytest.mark.parametrize(("layers", "state"), [(4, LastLayer.MISSING), (3, LastLayer.COMPLETE)])
def test_a_tower_with_all_layers_of_clip_is_right(
    language_model: Path, original: Path, monkeypatch: pytest.MonkeyPatch, layers: int, state: LastLayer
) -> None:
    """Of those llama.cpp leaves out the last, as LLaVA does."""
    monkeypatch.setitem(llava.LAYERS_OF_CLIP, SIZES.vision_width, layers)
    files = check_files(language_model, original)
    assert files.projector is not None
    assert files.projector.last_layer is state


def test_the_built_in_projector_is_used_as_it_is(folder: Path) -> None:
    files = check_files(*demo_model())
    assert files.projector is not None
    assert files.projector.last_layer is LastLayer.COMPLETE
    assert made(files, folder) is files.projector
    assert files.projector.path == demo_model()[1]


def test_the_engine_loads_the_copy_and_says_so(
    empty: EngineClient, language_model: Path, original: Path, star: PictureRef
) -> None:
    info = empty.load(language_model, original)
    assert (info.last_layer, info.mmproj) == ("corrected", str(original))
    assert [copy.suffix for copy in (cache_folder() / "projectors").iterdir()] == [".gguf"]
    assert ask(empty, Turn("What is red?", (star,))).stats.image_encodes == 1
    assert empty.load(language_model, None).last_layer == "none"
    assert empty.load(*demo_model()).last_layer == "complete"


def test_a_copy_is_known_by_what_it_was_made_of(
    empty: EngineClient, language_model: Path, original: Path, star: PictureRef, tmp_path: Path
) -> None:
    """The same projector in another place: no picture is looked at again."""
    empty.load(language_model, original)
    ask(empty, Turn("What is red?", (star,)))
    moved = tmp_path / "elsewhere.gguf"
    original.rename(moved)
    assert empty.load(language_model, moved).last_layer == "corrected"
    assert ask(empty, Turn("What is red?", (star,))).stats.image_encodes == 0


@pytest.mark.parametrize("feature_layer", [True, False])
def test_a_linear_projector_gets_a_second_matrix_that_changes_nothing(
    language_model: Path, folder: Path, tmp_path: Path, feature_layer: bool
) -> None:
    """LLaVA-1.0's. llama.cpp ends the process when it is given the file itself."""
    original = write_projector(tmp_path / "mmproj.gguf", replace(SIZES, linear=True, feature_layer=feature_layer))
    with original.open("ab") as file:
        file.write(b"something after the end")
    files = prepare_projector(check_files(language_model, original), lambda: folder.parent)
    assert files.projector is not None
    assert not files.projector.linear
    assert files.projector.last_layer is (LastLayer.COMPLETE if feature_layer else LastLayer.CORRECTED)
    assert agreement(files, original) >= 0.9999
    checked = check_files(language_model, files.projector.path)
    assert checked.projector is not None
    assert (checked.projector.linear, checked.projector.last_layer) == (False, LastLayer.COMPLETE)
    written = files.projector.path.stat().st_ino
    assert prepare_projector(check_files(language_model, original), lambda: folder.parent) == files
    assert files.projector.path.stat().st_ino == written


def test_a_linear_projector_cannot_do_without_room(
    language_model: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(projector_copy, "finish", full)
    files = check_files(language_model, write_projector(tmp_path / "mmproj.gguf", replace(SIZES, linear=True)))
    with pytest.raises(UserError) as caught:
        prepare_projector(files, lambda: folder.parent)
    assert caught.value.code == "disk-full"
