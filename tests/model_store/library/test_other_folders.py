"""Weights that other programs downloaded are found in their layouts, checked, and used in place."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf_writing import new_gguf

from model_store.errors import StoreError
from model_store.library.import_plan import plan_import
from model_store.library.importing import import_files
from model_store.library.installed import Origin, State
from model_store.library.library import Library
from model_store.library.other_folders import Found, find_elsewhere, use_found
from tests.model_store.folders import TINY, contents, write_pair
from tests.random_models.llava import write_language_model

OLLAMA_TYPES = "application/vnd.ollama.image."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return write_pair(tmp_path / "made", "llava-v1.5-7b")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hugging_face(
    cache: Path, files: tuple[Path, ...], repository: str = "second-state/Llava", link: bool = True
) -> Path:
    folder = cache / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("a" * 40)
    for path in (folder / "blobs", folder / "refs", snapshot):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text("a" * 40)
    for path in files:
        if link:
            blob = Path(shutil.copy(path, folder / "blobs" / _sha256(path)))
            (snapshot / path.name).symlink_to(Path("../../blobs") / blob.name)
        else:  # Windows without the right to make links
            shutil.copy(path, snapshot)
    return snapshot


def ollama(models: Path, files: tuple[Path, ...], manifests: str = "manifests", tag: str = "7b") -> Path:
    (models / "blobs").mkdir(parents=True, exist_ok=True)
    layers = []
    licence = models.parent / "licence"
    licence.write_text("LLAMA 2 COMMUNITY LICENSE")
    for kind, path in zip(("model", "projector", "license"), (*files, licence), strict=False):
        digest = _sha256(path)
        shutil.copy(path, models / "blobs" / f"sha256-{digest}")
        layers.append({"mediaType": OLLAMA_TYPES + kind, "digest": f"sha256:{digest}", "size": path.stat().st_size})
    manifest = models / manifests / "registry.ollama.ai" / "library" / "llava" / tag
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return manifest


def lm_studio(models: Path, files: tuple[Path, ...]) -> None:
    folder = models / "second-state" / "Llava-v1.5-7B-GGUF"
    folder.mkdir(parents=True)
    for path in files:
        shutil.copy(path, folder)


def jan(data: Path, files: tuple[Path, Path]) -> None:
    folder = data / "llamacpp" / "models" / "second-state" / "llava"
    folder.mkdir(parents=True)
    for path, name in zip(files, ("model.gguf", "mmproj.gguf"), strict=True):
        shutil.copy(path, folder / name)
    below = "llamacpp/models/second-state/llava"
    (folder / "model.yml").write_text(
        f"embedding: false\nmmproj_path: {below}/mmproj.gguf\nmodel_path: {below}/model.gguf\nname: llava\n"
    )


def plain(folder: Path, files: tuple[Path, ...]) -> None:
    folder.mkdir(parents=True)
    for path in files:
        shutil.copy(path, folder)


def llamafile(path: Path, files: tuple[Path, ...]) -> Path:
    """A program with a zip archive behind it, whose members are stored and begin at whole pages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"MZqFpD='\n\0" + bytes(5000))
        with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
            archive.writestr(".args", "-m\n" + files[0].name)
            for one in files:
                info = zipfile.ZipInfo(one.name)
                info.extra = b"\xff\xff" + (4000).to_bytes(2, "little") + bytes(4000)
                archive.writestr(info, one.read_bytes())
    return path


def _found(home: Path, **environment: str) -> list[Found]:
    return [one for one in find_elsewhere(home, environment) if str(one.model).startswith(str(home))]


Layout = Callable[[Path, tuple[Path, Path]], Any]
LAYOUTS: dict[str, tuple[str, Layout]] = {
    "Hugging Face": ("Hugging Face", lambda home, pair: hugging_face(home / ".cache/huggingface/hub", pair)),
    "Hugging Face, copied": (
        "Hugging Face",
        lambda home, pair: hugging_face(home / ".cache/huggingface/hub", pair, link=False),
    ),
    "Ollama": ("Ollama", lambda home, pair: ollama(home / ".ollama/models", pair)),
    "Ollama, new": ("Ollama", lambda home, pair: ollama(home / ".ollama/models", pair, "manifests-v2")),
    "LM Studio": ("LM Studio", lambda home, pair: lm_studio(home / ".lmstudio/models", pair)),
    "LM Studio, old": ("LM Studio", lambda home, pair: lm_studio(home / ".cache/lm-studio/models", pair)),
    "Jan": ("Jan", lambda home, pair: jan(home / ".local/share/Jan/data", pair)),
    "Jan on macOS": ("Jan", lambda home, pair: jan(home / "Library/Application Support/Jan/data", pair)),
    "Jan on Windows": ("Jan", lambda home, pair: jan(home / "AppData/Roaming/Jan/data", pair)),
    "Jan, old": ("Jan", lambda home, pair: plain(home / "jan/models/llava", pair)),
    "GPT4All": ("GPT4All", lambda home, pair: plain(home / ".local/share/nomic.ai/GPT4All", pair)),
    "GPT4All on Windows": ("GPT4All", lambda home, pair: plain(home / "AppData/Local/nomic.ai/GPT4All", pair)),
    "llama.cpp": ("llama.cpp", lambda home, pair: plain(home / ".cache/llama.cpp", pair)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_pair_is_found_and_used_where_it_lies(
    name: str, home: Path, pair: tuple[Path, Path], library: Library
) -> None:
    program, lay_out = LAYOUTS[name]
    lay_out(home, pair)
    before = contents(home)
    (found,) = _found(home)
    assert (found.program, found.sees, found.extract) == (program, True, False)
    assert found.size == sum(path.stat().st_size for path in pair)
    model = use_found(library, found)
    assert (model.in_place, model.origin, model.state, model.frees) == (True, Origin.ELSEWHERE, State.OK, 0)
    assert model.model.read_bytes() == pair[0].read_bytes()
    assert model.projector is not None
    assert model.projector.read_bytes() == pair[1].read_bytes()
    library.remove(model.id)
    assert contents(home) == before, "nothing of another program is ever touched"


def test_what_the_programs_know_is_kept(home: Path, pair: tuple[Path, Path], library: Library) -> None:
    hugging_face(home / ".cache/huggingface/hub", pair)
    ollama(home / ".ollama/models", pair)
    by_program = {found.program: found for found in _found(home)}
    hub = by_program["Hugging Face"]
    assert (hub.plan.about.repository, hub.plan.about.revision) == ("second-state/Llava", "a" * 40)
    assert hub.plan.files[0].remote == pair[0].name
    assert {file.sha256 for file in hub.plan.files} == {_sha256(path) for path in pair}
    blobs = by_program["Ollama"]
    assert (blobs.title, blobs.plan.about.licence_text) == ("llava:7b", "LLAMA 2 COMMUNITY LICENSE")
    assert {file.sha256 for file in blobs.plan.files} == {_sha256(path) for path in pair}
    assert use_found(library, blobs).id == "llava_7b"


@pytest.mark.parametrize(
    ("variable", "lay_out"),
    [
        ("HF_HOME", lambda folder, pair: hugging_face(folder / "hub", pair)),
        ("HF_HUB_CACHE", hugging_face),
        ("XDG_CACHE_HOME", lambda folder, pair: hugging_face(folder / "huggingface/hub", pair)),
        ("OLLAMA_MODELS", ollama),
        ("LLAMA_CACHE", plain),
        ("XDG_DATA_HOME", lambda folder, pair: jan(folder / "Jan/data", pair)),
    ],
)
def test_folders_that_the_environment_names_are_searched(
    variable: str, lay_out: Layout, home: Path, pair: tuple[Path, Path]
) -> None:
    lay_out(home / "chosen", pair)
    assert _found(home) == []
    assert len(_found(home, **{variable: str(home / "chosen")})) == 1


def test_lm_studio_says_where_its_home_is(home: Path, pair: tuple[Path, Path]) -> None:
    (home / "lms").mkdir(parents=True)
    (home / ".lmstudio-home-pointer").write_text(f"{home / 'lms'}\n")
    lm_studio(home / "big disk", pair)
    (home / "lms" / "settings.json").write_text(json.dumps({"downloadsFolder": str(home / "big disk")}))
    (found,) = _found(home)
    assert found.plan.about.repository == "second-state/Llava-v1.5-7B-GGUF"


def test_the_same_blobs_under_two_names_are_one(home: Path, pair: tuple[Path, Path]) -> None:
    ollama(home / ".ollama/models", pair)
    ollama(home / ".ollama/models", pair, tag="latest")
    snapshot = hugging_face(home / ".cache/huggingface/hub", pair)
    shutil.copytree(snapshot, snapshot.with_name("b" * 40), symlinks=True)
    found = _found(home)
    assert sorted(one.program for one in found if one.program != "Ollama") == ["Hugging Face"]
    assert len({one.model for one in found}) == 2


def test_a_damaged_blob_is_told_before_it_is_used(home: Path, pair: tuple[Path, Path], library: Library) -> None:
    ollama(home / ".ollama/models", pair)
    (found,) = _found(home)
    assert found.projector is not None
    content = found.projector.read_bytes()
    found.projector.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(StoreError) as error:
        use_found(library, found)
    assert (error.value.code, "Ollama" in str(error.value)) == ("found-damaged", True)
    assert library.models() == []


def test_a_pair_that_does_not_belong_together_is_left_out(home: Path, pair: tuple[Path, Path], tmp_path: Path) -> None:
    wide = write_pair(tmp_path / "wide", "wide", sizes=TINY.__class__(width=64))
    ollama(home / ".ollama/models", (pair[0], wide[1]))
    ollama(home / ".ollama/models", (pair[0],), tag="blind")
    assert [found.sees for found in _found(home)] == [False], "the other may be used for text only"


def test_ollamas_own_format_is_not_mistaken_for_a_model(tmp_path: Path) -> None:
    """Ollama's newer vision models hold the eyes in the same file, which llama.cpp does not load."""
    reader = gguf.GGUFReader(str(write_language_model(tmp_path / "plain.gguf", TINY)))
    assert reader.tensors
    with new_gguf(tmp_path / "gemma.gguf", "gemma3") as writer:
        writer.add_embedding_length(32)
        writer.add_tokenizer_model("llama")
        writer.add_tensor("token_embd.weight", np.zeros((4, 32), np.float32))
        writer.add_tensor("v.patch_embd.weight", np.zeros((4, 32), np.float32))
    assert [error.code for error in plan_import([tmp_path / "gemma.gguf"]).refused] == ["vision-inside"]


def test_nonsense_in_the_notes_of_others_is_passed_over(home: Path, pair: tuple[Path, Path]) -> None:
    manifest = ollama(home / ".ollama/models", pair)
    for text in ("", "[]", "{", '{"layers": 3}', '{"layers": [3]}', '{"layers": [{"digest": "sha256:../../x"}]}'):
        manifest.with_name("broken").write_text(text)
        assert len(_found(home)) == 1
    (home / ".lmstudio-home-pointer").write_bytes(b"\xff\xfe\0")
    (home / ".lmstudio").mkdir()
    (home / ".lmstudio" / "settings.json").write_text('{"downloadsFolder": [1]}')
    assert len(_found(home)) == 1


def test_weights_are_copied_out_of_a_llamafile(home: Path, pair: tuple[Path, Path], library: Library) -> None:
    path = llamafile(home / "Downloads" / "llava-v1.5-7b-q4.llamafile", pair)
    (found,) = _found(home)
    assert (found.program, found.extract, found.model) == ("llamafile", True, path)
    assert found.size == sum(path.stat().st_size for path in pair)
    model = use_found(library, found)
    assert not model.in_place
    assert model.frees == found.size
    assert model.model.read_bytes() == pair[0].read_bytes()
    assert model.projector is not None
    assert model.projector.read_bytes() == pair[1].read_bytes()
    assert import_files(library, [path]) == [model], "dropped on the window it is the same"


def test_a_damaged_llamafile_is_told(tmp_path: Path, pair: tuple[Path, Path], library: Library) -> None:
    path = llamafile(tmp_path / "x.llamafile", pair)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert [error.code for error in plan_import([path]).refused] == ["weights-damaged"]
    path.write_bytes(whole)
    (plan,) = plan_import([path]).plans
    last = whole.index(pair[1].read_bytes()) + pair[1].stat().st_size - 1
    path.write_bytes(whole[:last] + bytes([whole[last] ^ 1]) + whole[last + 1 :])
    with pytest.raises(StoreError) as error:
        import_files(library, [path])
    assert error.value.code == "file-unreadable"
    assert list(library.folder.iterdir()) == []
    assert plan.packed
