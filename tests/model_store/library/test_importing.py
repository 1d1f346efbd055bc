"""Model files are copied into the library or used in place; a wrong pair is refused."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import pytest
from gguf_writing import new_gguf

from model_store.errors import StoreError
from model_store.library import disk_space, importing
from model_store.library.copying import Cancelled, Progress, Step
from model_store.library.import_plan import plan_import
from model_store.library.importing import import_files, import_model, staging_key
from model_store.library.installed import State
from model_store.library.library import Library
from tests.helpers.paths import REPOSITORY
from tests.model_store.folders import TINY, cancel_after, contents, ids, write_pair
from tests.random_models.llava import Sizes, write_language_model, write_projector
from tests.random_models.splitting import split_gguf


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return write_pair(tmp_path / "here")


def _refused(paths: list[Path]) -> list[str]:
    found = plan_import(paths)
    assert all(str(error) for error in found.refused)
    return sorted(error.code for error in found.refused)


def _write_gguf(path: Path, architecture: str, write: Callable[[Any], None]) -> Path:
    with new_gguf(path, architecture) as writer:
        write(writer)
    return path


def test_a_copy_is_the_same_and_is_hashed_on_the_way(library: Library, pair: tuple[Path, Path]) -> None:
    told: list[Progress] = []
    (model,) = import_files(library, pair, report=told.append)
    assert model.model.read_bytes() == pair[0].read_bytes()
    assert {progress.step for progress in told} == {Step.COPYING}
    assert told[-1].done == told[-1].total == model.size
    assert library.verify(model.id).state is State.OK


@pytest.mark.parametrize("in_place", [False, True])
def test_the_same_files_again_are_the_same_model(library: Library, pair: tuple[Path, Path], in_place: bool) -> None:
    (first,) = import_files(library, pair)
    elsewhere = [Path(shutil.copy(path, pair[0].parent.parent / f"again-{path.name}")) for path in pair]
    assert import_files(library, elsewhere, in_place) == [first]
    assert ids(library) == [first.id]
    assert [path.name for path in library.folder.iterdir()] == [first.id]


def test_a_copy_replaces_nothing_that_is_used_in_place(library: Library, pair: tuple[Path, Path]) -> None:
    """A stick is about to be taken out: now the person wants the copy."""
    (lent,) = import_files(library, pair, in_place=True)
    (own,) = import_files(library, pair)
    assert (lent.in_place, own.in_place) == (True, False)
    assert len(ids(library)) == 2


def test_a_folder_gives_each_model_its_projector(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    wide = replace(TINY, width=64, heads=4)
    small = write_pair(folder, "llava-small")
    large = write_pair(folder, "llava-large", wide)
    writer = write_language_model(folder / "writer-Q8_0.gguf", replace(TINY, width=48, heads=2, seed=9))
    deep = write_pair(folder / "a" / "b", "llava-deep")
    (folder / "note.txt").write_text("not a model")
    found = plan_import([folder])
    assert found.refused == ()
    assert {tuple(file.path for file in plan.files) for plan in found.plans} == {small, large, (writer,), deep}
    assert {plan.title: plan.sees for plan in found.plans}["writer-Q8_0"] is False
    assert len(import_files(library, [folder])) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="links are for administrators there")
def test_what_links_lead_to_again_is_one_model(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    model, projector = write_pair(folder / "here", "llava-tiny")
    (folder / "here" / "back").symlink_to(folder, target_is_directory=True)
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "here" / "copy.gguf").symlink_to(model)
    (folder / "there").mkdir()
    for file in (model, projector):
        (folder / "there" / file.name).symlink_to(file)
    found = plan_import([folder, folder, folder / "here"])
    assert [len(plan.files) for plan in found.plans] == [2]
    assert found.refused == ()
    assert len(import_files(library, [folder])) == 1


@pytest.mark.parametrize("name", ["llava-tiny", "ggml-model"])
def test_a_model_that_is_added_alone_finds_the_projector_beside_it(library: Library, tmp_path: Path, name: str) -> None:
    model, projector = write_pair(tmp_path / "here", name)
    write_projector(tmp_path / "here" / "mmproj-wide.gguf", replace(TINY, width=64))
    found = plan_import([model])
    assert ([file.path for plan in found.plans for file in plan.files], found.refused) == ([model, projector], ())
    (installed,) = import_files(library, [model], in_place=True)
    assert installed.projector == projector


def test_a_model_that_only_writes_takes_no_projector_of_another(tmp_path: Path) -> None:
    model, projector = write_pair(tmp_path, "llava-tiny")
    writer = write_language_model(tmp_path / "writer-Q8_0.gguf", replace(TINY, seed=9))
    assert [plan.sees for plan in plan_import([writer]).plans] == [False]
    found = {plan.title: plan.sees for plan in plan_import([tmp_path]).plans}
    assert found == {"llava-tiny-F16": True, "writer-Q8_0": False}
    model.unlink()  # now the projector is nobody else's
    assert [plan.files[1].path for plan in plan_import([writer]).plans] == [projector]


def test_two_precisions_of_a_projector_are_no_riddle(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    shutil.copy(pair[1], pair[1].with_name("mmproj-Q8_0.gguf"))
    found = plan_import([pair[0].parent])
    assert ([plan.files[1].path for plan in found.plans], found.refused) == ([pair[1]], ())


def test_what_does_not_belong_together_is_refused(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    model, projector = pair
    other = write_projector(tmp_path / "other-mmproj.gguf", replace(TINY, width=64))
    assert _refused([model, other]) == ["pair-mismatch"]
    (error,) = plan_import([model, other]).refused
    assert error.parameters == {
        "model": model.name,
        "projector": other.name,
        "model_width": 32,
        "projector_width": 64,
    }
    assert _refused([projector]) == ["projector-alone"]
    assert _refused([model, projector, other]) == ["projector-alone"]
    projector.unlink()
    assert _refused([model]) == []
    assert [plan.sees for plan in plan_import([model]).plans] == [False], "whatever it is called"


def test_a_projector_of_another_kind_is_refused_at_the_same_width(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    qwen = write_projector(tmp_path / "mmproj-qwen.gguf", replace(TINY, kind="qwen2.5vl_merger"))
    assert _refused([pair[0], qwen]) == ["pair-other-kind"]


def test_llava_of_another_version_is_refused(tmp_path: Path) -> None:
    model = write_language_model(tmp_path / "llava-v1.6-vicuna-7b.Q4_K_M.gguf", TINY)
    projector = write_projector(tmp_path / "llava-v1.5-7b-mmproj-model-f16.gguf", TINY)
    assert _refused([model, projector]) == ["pair-other-version"]
    neutral = Path(shutil.copy(projector, tmp_path / "mmproj-model-f16.gguf"))
    assert _refused([model, neutral]) == []


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.gguf").write_bytes(b"PK\x03\x04")
    assert _refused([tmp_path / "letter.gguf"]) == ["not-a-model"]
    whole = write_language_model(tmp_path / "writer.gguf", TINY).read_bytes()
    (tmp_path / "half.gguf").write_bytes(whole[: len(whole) // 2])
    assert _refused([tmp_path / "half.gguf"]) == ["weights-damaged"]
    assert _refused([tmp_path / "nowhere.gguf"]) == ["file-missing"]
    adapter = _write_gguf(tmp_path / "lora.gguf", "llama", lambda writer: writer.add_string("general.type", "adapter"))
    assert _refused([adapter]) == ["other-weights"]
    (tmp_path / "empty").mkdir()
    assert _refused([tmp_path / "empty"]) == ["nothing-to-import"]


def test_nothing_is_copied_when_something_is_refused(library: Library, pair: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "letter.gguf").write_bytes(b"Dear")
    with pytest.raises(StoreError):
        import_files(library, [*pair, tmp_path / "letter.gguf"])
    assert not library.folder.exists()


def test_what_was_given_up_leaves_nothing(library: Library, pair: tuple[Path, Path]) -> None:
    with pytest.raises(Cancelled):
        import_files(library, pair, report=cancel_after(0.5))
    assert list(library.folder.iterdir()) == []
    assert len(import_files(library, pair)) == 1


_KILLED = """
import os, signal, sys
from pathlib import Path
from model_store.library import copying
from model_store.library.importing import import_files
from model_store.library.library import Library
copying._CHUNK = 16384
left = [int(sys.argv[1])]
def report(progress):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
import_files(Library(Path(sys.argv[2])), [Path(name) for name in sys.argv[3:]], report=report)
"""


@pytest.mark.parametrize("count", [1, 3])
def test_a_killed_copy_goes_on_where_it_was(library: Library, pair: tuple[Path, Path], count: int) -> None:
    parts = [pair[0]] if count == 1 else split_gguf(pair[0], pair[0].parent / "split", tensors=5)
    assert len(parts) == count
    chunks = sum(-(-path.stat().st_size // 16384) for path in (*parts, pair[1]))
    for killed_at in (2, chunks // 2, chunks - 1):
        command = [sys.executable, "-c", _KILLED, str(killed_at), str(library.folder), str(parts[-1]), str(pair[1])]
        ended = subprocess.run(command, cwd=REPOSITORY, check=False)
        assert ended.returncode == -signal.SIGKILL
        assert library.models() == [], "half a model is none"
    assert any(contents(library.folder)), "what was copied is kept"
    (model,) = import_files(library, [parts[-1], pair[1]])
    assert [file.path.read_bytes() for file in model.files] == [path.read_bytes() for path in (*parts, pair[1])]
    assert [path.name for path in library.folder.iterdir() if path.suffix != ".lock"] == [model.id]


def test_a_part_with_wrong_bytes_is_not_believed(library: Library, pair: tuple[Path, Path]) -> None:
    (plan,) = plan_import(pair).plans
    staging = library.staging(staging_key(plan, "copy"))
    whole = pair[0].read_bytes()
    (staging / f"{pair[0].name}.part").write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:5000])
    model = import_model(library, plan)
    assert model.model.read_bytes() == whole


def test_two_programs_do_not_copy_the_same_at_once(library: Library, pair: tuple[Path, Path]) -> None:
    (plan,) = plan_import(pair).plans
    staging = library.staging(staging_key(plan, "copy"))
    with filelock.FileLock(staging.with_suffix(".lock")), pytest.raises(StoreError) as error:
        import_model(library, plan)
    assert error.value.code == "import-in-use"


def test_room_is_asked_for_before(library: Library, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "free_bytes", lambda _folder: 70 << 20)
    monkeypatch.setattr(disk_space, "_SPARE", (70 << 20) - 1000)
    with pytest.raises(StoreError) as error:
        import_files(library, pair)
    assert error.value.code == "no-room-to-copy"
    assert list(library.folder.iterdir()) == []
    assert len(import_files(library, pair, in_place=True)) == 1, "what stays in place needs none"


def test_a_disk_that_fills_up_is_told(
    library: Library, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_more: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(importing, "copy_stream", full)
    with pytest.raises(StoreError) as error:
        import_files(library, pair)
    assert error.value.code == "no-room-to-copy"
    assert list(library.folder.iterdir()) == []


def test_a_library_that_cannot_be_written_is_told(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError) as error:
        import_files(Library(tmp_path / "file" / "models"), pair)
    assert error.value.code == "model-folder-unusable"


def test_licence_and_type_come_from_the_header(library: Library, tmp_path: Path) -> None:
    sizes = Sizes(width=32, layers=1, feed_forward=32)
    source = write_language_model(tmp_path / "model.gguf", sizes)
    (plan,) = plan_import([source]).plans
    assert plan.about.quantisation == "F16", "from general.file_type, as the name says nothing"
    assert plan.title == "random F16"
