"""A language model in several files is one model in the library, whichever of its files is named."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from model_store.errors import StoreError
from model_store.jobs import Role
from model_store.library.adding_projector import add_projector
from model_store.library.exporting import SUMS, export
from model_store.library.import_plan import plan_import
from model_store.library.importing import import_files
from model_store.library.installed import InstalledModel, State
from model_store.library.library import Library
from model_store.library.moving import move_library
from model_store.library.other_folders import find_elsewhere, use_found
from model_store.manifest import MANIFEST
from model_store.names import safe_name
from model_store.split_model import part_name
from tests.model_store.folders import TINY, contents, ids, write_pair
from tests.model_store.library.test_other_folders import hugging_face, jan, llamafile, lm_studio
from tests.random_models.llava import write_language_model
from tests.random_models.splitting import split_gguf

STEM = "llava-tiny-F16"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The three files of a language model, and its projector, alone in a folder."""
    whole, projector = write_pair(tmp_path / "whole")
    folder = tmp_path / "here"
    parts = split_gguf(whole, folder, STEM, tensors=5)
    assert len(parts) == 3
    return [*parts, Path(shutil.copy(projector, folder))]


@pytest.fixture(params=["copy", "in place"])
def model(request: pytest.FixtureRequest, library: Library, files: list[Path]) -> InstalledModel:
    (installed,) = import_files(library, [files[1]], in_place=request.param == "in place")
    return installed


def _refusals(paths: list[Path]) -> list[str]:
    found = plan_import(paths)
    assert found.plans == ()
    return [str(error) for error in found.refused]


def _names(model: InstalledModel) -> list[str]:
    return [file.path.name for file in model.files]


@pytest.mark.parametrize("named", [[0], [2], [1, 0], [0, 1, 2], [2, 1, 0, 3], ["folder"]], ids=str)
def test_whatever_is_named_it_is_one_model(files: list[Path], named: list[int | str]) -> None:
    found = plan_import([files[0].parent if one == "folder" else files[int(one)] for one in named])
    assert found.refused == ()
    (plan,) = found.plans
    assert [file.path for file in plan.files] == files
    assert (plan.title, plan.sees, plan.size) == (STEM, True, sum(path.stat().st_size for path in files))


def test_its_files_are_installed_and_verified(library: Library, model: InstalledModel, files: list[Path]) -> None:
    assert _names(model) == [path.name for path in files]
    assert [file.role for file in model.files] == [Role.MODEL] * 3 + [Role.PROJECTOR]
    assert [file.path.read_bytes() for file in model.files] == [path.read_bytes() for path in files]
    assert (model.title, model.size) == (STEM, sum(path.stat().st_size for path in files))
    assert (model.model, model.projector) == (model.files[0].path, model.files[3].path)
    assert library.verify(model.id).state is State.OK
    assert import_files(library, [files[2]], in_place=True) == [model], "the same files again are the same model"


def test_a_file_that_vanishes_or_changes_shows(library: Library, model: InstalledModel) -> None:
    third = model.files[2].path
    content = third.read_bytes()
    third.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert library.verify(model.id).state is State.CHANGED
    assert [file.path for file in library.get(model.id).wrong_files] == [third]
    third.unlink()
    assert [file.state for file in library.get(model.id).files] == [State.OK, State.OK, State.MISSING, State.OK]
    with pytest.raises(StoreError, match="missing or damaged"):
        export(library, model.id, library.folder.parent / "stick")


def test_it_travels_on_a_stick(library: Library, model: InstalledModel, tmp_path: Path) -> None:
    folder = export(library, model.id, tmp_path / "stick")
    assert [file.sha256 for file in model.files] == [
        line.split()[0] for line in (folder / SUMS).read_text().splitlines()
    ]
    assert subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=folder, check=False).returncode == 0
    (arrived,) = import_files(Library(tmp_path / "other computer"), [tmp_path / "stick"])
    assert _names(arrived) == _names(model)
    assert [file.sha256 for file in arrived.files] == [file.sha256 for file in model.files]
    assert arrived.state is State.OK
    third = folder / model.files[2].path.name
    content = third.read_bytes()
    third.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(StoreError, match=f"{third.name} was damaged"):
        import_files(Library(tmp_path / "third computer"), [folder])


def test_it_moves_and_is_removed_as_one(library: Library, model: InstalledModel, files: list[Path]) -> None:
    lent = contents(files[0].parent)
    moved = move_library(library, library.folder.parent / "elsewhere", lambda _folder: None)
    there = moved.get(model.id)
    assert (_names(there), there.state) == (_names(model), State.OK)
    assert moved.remove(model.id) == (0 if model.in_place else model.size)
    assert ids(moved) == []
    assert contents(files[0].parent) == lent, "the person's own files stay"


def test_without_its_manifest_it_is_still_one(library: Library, files: list[Path]) -> None:
    (model,) = import_files(library, files)
    (model.folder / MANIFEST).write_text("{")
    found = library.get(model.id)
    assert sorted(_names(found)) == sorted(_names(model))
    assert found.model == model.model
    assert library.verify(model.id).state is State.OK


def test_a_missing_file_is_named_once(files: list[Path]) -> None:
    files[1].unlink()
    said = (
        f"{STEM} is a model in 3 files, and its folder lacks {files[1].name}. Put all of them into one folder, then "
        "add the model again."
    )
    for named in ([files[0]], [files[2]], [files[0], files[2], files[3]], [files[0].parent]):
        assert _refusals(named) == [said]
    files[0].unlink()
    assert f"{files[0].name}, {files[1].name}" in _refusals([files[2]])[0]


def test_files_in_another_order_are_refused(files: list[Path]) -> None:
    aside = files[1].rename(files[1].with_suffix(".aside"))
    files[2].rename(files[1])
    aside.rename(files[2])
    (said,) = _refusals([files[0]])
    assert f"{files[1].name} is file 3 of 3 of a model, and was renamed" in said
    renamed = files[0].rename(files[0].with_name("mine.gguf"))
    (said,) = _refusals([renamed])
    assert "this one ends in -00001-of-00003.gguf" in said


def test_files_of_different_models_are_refused(files: list[Path], tmp_path: Path) -> None:
    third = files[2].read_bytes()
    wide = split_gguf(write_language_model(tmp_path / "wide.gguf", replace(TINY, width=64)), tmp_path, tensors=5)
    shutil.copy(wide[2], files[2])
    said = f"The 3 files of {STEM} do not belong to one model. Download or copy all of them again."
    assert _refusals(files) == _refusals([files[1]]) == [said]
    files[2].write_bytes(third)
    assert len(plan_import(files).plans) == 1


def test_another_split_model_beside_it_is_another_model(files: list[Path], tmp_path: Path) -> None:
    whole, projector = write_pair(tmp_path / "second", "llava-second")
    second = split_gguf(whole, files[0].parent, tensors=5)
    shutil.copy(projector, files[0].parent)
    found = plan_import([files[0].parent])
    assert found.refused == ()
    assert {plan.title: [file.path for file in plan.files] for plan in found.plans} == {
        STEM: files,
        "llava-second-F16": [*second, files[0].parent / projector.name],
    }


def test_it_gets_its_projector_later(library: Library, files: list[Path]) -> None:
    projector = files[3].rename(files[3].parent.parent / files[3].name)
    (plan,) = plan_import([write_language_model(files[0].parent / "writer.gguf", TINY)]).plans
    assert not plan.sees
    for path in files[:3]:
        path.rename(path.with_name(path.name.replace("llava-tiny", "tiny")))
    (model,) = import_files(library, [files[0].with_name("tiny-F16-00002-of-00003.gguf")])
    assert model.projector is None
    seeing = add_projector(library, model.id, projector)
    assert _names(seeing) == [f"tiny-F16-0000{number}-of-00003.gguf" for number in (1, 2, 3)] + [projector.name]


@pytest.mark.parametrize("program", ["Hugging Face", "LM Studio", "Jan"])
def test_that_of_another_program_is_used_in_place(
    library: Library, files: list[Path], tmp_path: Path, program: str
) -> None:
    home = tmp_path / "home"
    if program == "Hugging Face":
        hugging_face(home / ".cache/huggingface/hub", tuple(files))
    elif program == "LM Studio":
        lm_studio(home / ".lmstudio/models", tuple(files))
    else:
        jan(home / ".local/share/Jan/data", (files[0], files[3]))
        folder = home / ".local/share/Jan/data/llamacpp/models/second-state/llava"
        (folder / "model.gguf").unlink()
        for path in files[:3]:
            shutil.copy(path, folder)
        note = folder / "model.yml"
        note.write_text(note.read_text().replace("/model.gguf", f"/{files[0].name}"))
    (found,) = find_elsewhere(home, {})
    assert (found.program, found.size) == (program, sum(path.stat().st_size for path in files))
    model = use_found(library, found)
    assert (model.in_place, model.state, len(model.files)) == (True, State.OK, 4)
    if program == "Hugging Face":
        assert all(file.remote for file in model.files)
    model.files[1].path.unlink()
    assert find_elsewhere(home, {}) == []


def test_that_in_a_llamafile_is_copied_out(library: Library, files: list[Path], tmp_path: Path) -> None:
    path = llamafile(tmp_path / "tiny.llamafile", tuple(files))
    (model,) = import_files(library, [path])
    assert _names(model) == [path.name for path in files]
    assert plan_import([files[0]]).plans[0].size == model.size
    llamafile(path, tuple(files[:2] + files[3:]))
    assert "damaged or incomplete" in _refusals([path])[0]


def test_names_that_are_too_long_keep_their_number() -> None:
    names = {safe_name("x" * 300 + f"-0000{number}-of-00003.gguf") for number in (1, 2, 3)}
    assert len(names) == 3
    assert all((part := part_name(name)) is not None and part.all_names[part.number - 1] == name for name in names)
    assert max(map(len, names)) <= 200


@pytest.mark.parametrize(
    "name",
    [
        "a-00000-of-00002.gguf",
        "a-00003-of-00002.gguf",
        "a-00001-of-00001.gguf",
        "a-00001-of-99999.gguf",
        "a-00001-of-00002.GGUF",
        "a-00001-of-00002.gguf.part",
        "-00001-of-00002.gguf",
        "a-1-of-2.gguf",
        "a.gguf",
    ],
)
def test_what_is_no_name_of_a_part(name: str) -> None:
    assert part_name(name) is None
