"""An exported model carries manifest, hashes and licence on a USB stick, and is checked where it is imported."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from model_store.errors import StoreError
from model_store.library import copying, disk_space
from model_store.library.copying import Cancelled
from model_store.library.exporting import LICENCE, SUMS, export
from model_store.library.import_plan import plan_import
from model_store.library.importing import import_files
from model_store.library.installed import InstalledModel, State
from model_store.library.library import Library
from model_store.manifest import MANIFEST
from tests.model_store.folders import cancel_after, contents, write_pair


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


@pytest.fixture
def model(library: Library, tmp_path: Path) -> InstalledModel:
    (installed,) = import_files(library, write_pair(tmp_path / "here"))
    about = replace(
        installed.manifest, repository="a/b", revision="1", licence="Apache-2.0", licence_text="Do what you like."
    )
    about.write(installed.folder)
    return library.get(installed.id)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    return tmp_path / "stick"


def test_a_model_travels_to_another_computer(
    library: Library, model: InstalledModel, stick: Path, tmp_path: Path
) -> None:
    folder = export(library, model.id, stick)
    assert folder == stick / model.id
    assert (folder / LICENCE).read_text().splitlines() == [
        model.title,
        "Licence: Apache-2.0",
        "Published as a/b",
        "",
        "Do what you like.",
    ]
    checked = subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=folder, check=False)
    assert checked.returncode == 0
    plain = tmp_path / "plain"
    plain.touch()
    for file in folder.iterdir():
        assert file.stat().st_mode == plain.stat().st_mode, f"others cannot read {file.name}"

    there = Library(tmp_path / "other computer")
    (arrived,) = import_files(there, [stick])
    assert (arrived.id, arrived.title, arrived.licence) == (model.id, model.title, "Apache-2.0")
    assert replace(arrived.manifest, files=()) == replace(model.manifest, files=())
    assert arrived.state is State.OK
    shutil.rmtree(stick)
    assert there.verify(arrived.id).state is State.OK


def test_a_stick_that_lies_is_found_out(library: Library, model: InstalledModel, stick: Path, tmp_path: Path) -> None:
    folder = export(library, model.id, stick)
    weights = folder / model.model.name
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    there = Library(tmp_path / "other computer")
    for in_place in (False, True):
        with pytest.raises(StoreError) as error:
            import_files(there, [stick], in_place)
        assert error.value.code in ("copy-differs", "weights-damaged")
        assert there.models() == []


def test_a_manifest_on_a_stick_leads_nowhere_else(
    library: Library, model: InstalledModel, stick: Path, tmp_path: Path
) -> None:
    folder = export(library, model.id, stick)
    secret = tmp_path / "secret"
    secret.write_text("not for the stick's maker")
    whole = (folder / MANIFEST).read_text()
    there = str(model.model)  # a file that would even do
    for name in (str(secret), "../secret", f"../{model.id}/{model.model.name}", there):
        (folder / MANIFEST).write_text(whole.replace(model.model.name, name))
        plans = plan_import([stick]).plans
        assert {file.path.parent for plan in plans for file in plan.files} <= {folder}


def test_an_export_needs_all_files_in_order(library: Library, model: InstalledModel, stick: Path) -> None:
    content = model.model.read_bytes()
    model.model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # nobody has noticed yet
    with pytest.raises(StoreError) as error:
        export(library, model.id, stick)
    assert error.value.code == "files-wrong"
    assert not (stick / model.id / MANIFEST).exists()
    model.model.unlink()
    with pytest.raises(StoreError) as error:
        export(library, model.id, stick)
    assert error.value.code == "files-wrong"


def test_an_export_goes_on_where_it_was(library: Library, model: InstalledModel, stick: Path) -> None:
    with pytest.raises(Cancelled):
        export(library, model.id, stick, cancel_after(0.7))
    assert not (stick / model.id / MANIFEST).exists()
    export(library, model.id, stick)
    first = contents(stick)
    export(library, model.id, stick)  # the same once more changes nothing
    assert contents(stick) == first


def test_an_export_touches_nothing_else(library: Library, model: InstalledModel, stick: Path) -> None:
    (stick / model.id).mkdir(parents=True)
    (stick / model.id / "thesis.odt").write_text("only copy")
    with pytest.raises(StoreError) as error:
        export(library, model.id, stick)
    assert error.value.code == "export-taken"
    assert contents(stick) == {f"{model.id}/thesis.odt": b"only copy"}


def test_a_stick_that_is_too_small_stays_as_it_was(
    library: Library, model: InstalledModel, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_space, "free_bytes", lambda _folder: model.size)
    with pytest.raises(StoreError, match="choose another folder"):
        export(library, model.id, stick)
    assert not stick.exists()


def test_what_was_written_is_read_back(
    library: Library, model: InstalledModel, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stick that forgets what it was given: nothing with a name remains."""
    monkeypatch.setattr(copying, "_sha256_as", lambda *_arguments: "0" * 64)
    with pytest.raises(StoreError) as error:
        export(library, model.id, stick)
    assert error.value.code == "copy-differs"
    assert contents(stick) == {}


def test_files_without_a_telling_name_get_one(library: Library, stick: Path, tmp_path: Path) -> None:
    blobs = [path.rename(path.with_suffix("")) for path in write_pair(tmp_path / "blobs")]
    (installed,) = import_files(library, blobs, in_place=True)
    folder = export(library, installed.id, stick)
    assert {f"{installed.id}.gguf", f"{installed.id}-mmproj.gguf"} <= {path.name for path in folder.iterdir()}
    (arrived,) = import_files(Library(tmp_path / "other computer"), [folder])
    assert not arrived.in_place


def test_a_large_file_on_fat32_is_explained(
    library: Library, model: InstalledModel, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_arguments: object, **_more: object) -> str:
        raise OSError(27, "File too large")

    monkeypatch.setattr("model_store.library.exporting.copy_file", too_large)
    with pytest.raises(StoreError) as error:
        export(library, model.id, stick)
    assert error.value.code == "disk-takes-no-large-files"
    assert "FAT32" in str(error.value)
