"""The library of models shows what is on disk, whatever happened to it, and deletes only its own files."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from model_store.errors import StoreError
from model_store.jobs import Role
from model_store.library.copying import Progress, UnreadableError
from model_store.library.importing import import_files
from model_store.library.installed import InstalledModel, Origin, State, StoredFile, told_apart
from model_store.library.library import Library
from model_store.manifest import MANIFEST, InstalledFile, Manifest
from tests.model_store.folders import ids, write_pair


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return write_pair(tmp_path / "here")


def _states(library: Library) -> list[State]:
    return [model.state for model in library.models()]


def _code(error: pytest.ExceptionInfo[StoreError]) -> str:
    assert str(error.value)  # its sentence can be filled in
    return error.value.code


def test_a_library_that_does_not_exist_is_empty(library: Library) -> None:
    assert library.models() == []
    with pytest.raises(StoreError) as error:
        library.get("nobody")
    assert _code(error) == "not-installed"


@pytest.mark.parametrize("name", ["", ".", "..", "../here", "a/b", "a\\b", ".downloads", "x" * 300])
def test_names_lead_nowhere_else(library: Library, pair: tuple[Path, Path], name: str) -> None:
    import_files(library, pair)
    with pytest.raises(StoreError) as error:
        library.remove(name)
    assert _code(error) == "not-installed"


def test_an_installed_model_is_listed_with_what_is_known(library: Library, pair: tuple[Path, Path]) -> None:
    (added,) = import_files(library, pair)
    (model,) = library.models()
    assert model == added == library.get("llava-tiny-f16")
    assert (model.title, model.origin, model.state, model.in_place) == (
        "llava-tiny-F16",
        Origin.FILES,
        State.OK,
        False,
    )
    assert model.model.parent == model.projector.parent == library.folder / model.id  # type: ignore[union-attr]
    assert model.size == model.frees == sum(path.stat().st_size for path in pair)
    assert all(len(file.sha256) == 64 for file in model.files)
    assert model.manifest.quantisation == "F16"
    assert library.get("LLaVA-Tiny-F16") == model


def test_a_model_is_named_by_its_title_too(library: Library, pair: tuple[Path, Path]) -> None:
    (first,) = import_files(library, pair)
    (second,) = import_files(library, write_pair(library.folder.parent / "there", "bakllava"))
    for model, title in ((first, "LLaVA 1.5 7B"), (second, "BakLLaVA")):
        replace(model.manifest, title=title).write(model.folder)
    assert library.named(first.id).id == first.id
    assert library.named(" llava 1.5 7b").id == first.id
    replace(second.manifest, title="LLaVA 1.5 7B").write(second.folder)
    with pytest.raises(StoreError) as error:
        library.named("LLaVA 1.5 7B")
    assert _code(error) == "title-ambiguous"
    assert first.id in str(error.value)
    assert second.id in str(error.value)
    with pytest.raises(StoreError) as error:
        library.named("LLaVA")
    assert _code(error) == "not-installed"


def test_what_a_download_finished_is_listed_by_its_manifest_alone(library: Library, pair: tuple[Path, Path]) -> None:
    folder = library.folder / "llava"
    folder.mkdir(parents=True)
    files = tuple(
        InstalledFile(role, Path(shutil.move(path, folder)).name, path_size, "0" * 64, path=f"gguf/{path.name}")
        for role, path in zip(Role, pair, strict=True)
        for path_size in [path.stat().st_size]
    )
    Manifest("llava", "LLaVA", files, repository="a/b", revision="main").write(folder)
    (model,) = library.models()
    assert (model.state, model.origin, model.files[0].remote) == (State.OK, Origin.HUB, "gguf/llava-tiny-F16.gguf")
    assert {file.state for file in library.verify("llava").files} == {State.CHANGED}  # nobody has such a hash
    assert library.get("llava").repairable


def test_last_used_comes_first(library: Library, tmp_path: Path) -> None:
    for name in ("one", "two"):
        import_files(library, write_pair(tmp_path / name, name))
    for name in ("one-f16", "two-f16"):
        library.mark_used(name)
        assert library.models()[0].id == name
    assert library.models()[0].last_used > library.models()[1].last_used > 0
    library.mark_used("nobody")
    assert ids(library) == ["one-f16", "two-f16"]


def test_files_that_vanish_or_change_show(library: Library, pair: tuple[Path, Path]) -> None:
    (model,) = import_files(library, pair)
    assert model.projector is not None
    original = model.projector.read_bytes()

    model.projector.unlink()
    assert _states(library) == [State.MISSING]
    assert library.verify(model.id).state is State.MISSING

    model.projector.write_bytes(original[:-1])
    assert _states(library) == [State.CHANGED]

    model.projector.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    assert _states(library) == [State.UNVERIFIED]
    assert library.verify(model.id).state is State.CHANGED
    assert _states(Library(library.folder)) == [State.CHANGED], "it is remembered"
    assert [file.path for file in library.get(model.id).wrong_files] == [model.projector]
    assert not library.get(model.id).repairable, "nobody knows where it came from"

    model.projector.write_bytes(original)
    assert library.verify(model.id).state is State.OK
    assert _states(library) == [State.OK]


def test_a_file_that_cannot_be_read_to_its_end_is_damaged(
    library: Library, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (model,) = import_files(library, pair)

    def lost(*_arguments: object) -> str:
        raise UnreadableError("a bad sector")

    monkeypatch.setattr("model_store.library.library.sha256_of", lost)
    assert library.verify(model.id).state is State.CHANGED


def test_a_repair_counts_for_more_than_what_was_noticed_before(library: Library, pair: tuple[Path, Path]) -> None:
    """Whoever fetches a file again writes the manifest when it was verified."""
    (model,) = import_files(library, pair)
    content = model.model.read_bytes()
    model.model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert library.verify(model.id).state is State.CHANGED
    model.model.write_bytes(content)
    seen = (model.folder / "eyebright-seen.json").stat()
    model.manifest.write(model.folder)
    os.utime(model.folder / MANIFEST, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))
    assert _states(library) == [State.OK]


def test_a_touched_file_is_unverified_until_it_was_read(library: Library, pair: tuple[Path, Path]) -> None:
    (model,) = import_files(library, pair)
    os.utime(model.model, ns=(1, 1))
    assert _states(library) == [State.UNVERIFIED]
    told: list[Progress] = []
    assert library.verify(model.id, told.append).state is State.OK
    assert (told[-1].done, told[-1].total) == (model.size, model.size)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
        (
            b'{"version": 1, "model_id": "x", "title": "x", "files": [{"role": "model", "name": "../../x", "size": 1, '
            b'"sha256": "", "verified": true, "prefixes": [], "path": ""}]}'
        ),
    ],
)
def test_a_damaged_manifest_is_made_up_for_by_the_files(
    library: Library, pair: tuple[Path, Path], damage: bytes
) -> None:
    (model,) = import_files(library, pair)
    (model.folder / MANIFEST).write_bytes(damage)
    (found,) = library.models()
    assert (found.id, found.model, found.projector, found.state) == (
        model.id,
        model.model,
        model.projector,
        State.UNVERIFIED,
    )
    assert library.verify(model.id).state is State.OK  # the hashes are new, the manifest is whole again
    assert [file.sha256 for file in library.get(model.id).files] == [file.sha256 for file in model.files]
    assert Manifest.read(model.folder).file(Role.PROJECTOR) is not None


def test_a_folder_without_manifest_is_no_model(library: Library, pair: tuple[Path, Path]) -> None:
    (model,) = import_files(library, pair)
    (model.folder / MANIFEST).unlink()
    assert library.models() == []


def test_damaged_notes_cost_only_what_they_told(library: Library, pair: tuple[Path, Path]) -> None:
    (model,) = import_files(library, pair)
    library.mark_used(model.id)
    for damage in (b"", b"[]", b'{"added": [], "last_used": 0, "files": {}}', b'{"files": {"a": 1}}'):
        (model.folder / "eyebright-seen.json").write_bytes(damage)
        (found,) = library.models()
        assert (found.last_used, found.title) == (0, model.title)


def test_removing_says_what_it_frees(library: Library, pair: tuple[Path, Path]) -> None:
    (model,) = import_files(library, pair)
    assert library.remove(model.id) == model.size
    assert library.models() == []
    assert list(library.folder.iterdir()) == []
    assert all(path.exists() for path in pair)


def test_removing_leaves_what_is_used_in_place(library: Library, pair: tuple[Path, Path]) -> None:
    (model,) = import_files(library, pair, in_place=True)
    assert (model.in_place, model.frees, model.model, model.state) == (True, 0, pair[0], State.OK)
    assert library.remove(model.id) == 0
    assert library.models() == []
    assert all(path.exists() for path in pair)


def test_what_a_removal_left_is_tidied_away(library: Library, pair: tuple[Path, Path]) -> None:
    (model,) = import_files(library, pair)
    (library.folder / ".removed-1-2").mkdir()
    (library.folder / ".removed-1-2" / "x.gguf").write_bytes(b"x")
    fresh, stale = library.staging("fresh"), library.staging("stale")
    os.utime(stale, (1, 1))
    assert ids(library) == [model.id]
    library.tidy()
    assert sorted(path.name for path in library.folder.iterdir()) == sorted([model.id, fresh.name])


def test_a_manifest_survives_newer_and_older_versions(library: Library, pair: tuple[Path, Path]) -> None:
    """Keys that this version does not know are passed over, and those it knows may be absent."""
    (model,) = import_files(library, pair)
    path = model.folder / MANIFEST
    data = json.loads(path.read_text())
    del data["licence_url"], data["program"], data["family"]
    path.write_text(json.dumps({**data, "colour": "lilac"}))
    assert Manifest.read(model.folder) == replace(model.manifest, licence_url="", program="", family="")


@pytest.mark.parametrize(
    ("models", "marks"),
    [
        ([("LLaVA", "Q4_0", "a/x.gguf"), ("Other", "Q4_0", "b/x.gguf")], ["", ""]),
        (
            [("LLaVA", "Q4_0", "a/x.gguf"), ("LLaVA", "Q8_0", "b/x.gguf"), ("Other", "", "c/x.gguf")],
            ["Q4_0", "Q8_0", ""],
        ),
        ([("LLaVA", "Q4_0", "a/x.gguf"), ("LLaVA", "", "a/y.gguf")], ["x.gguf", "y.gguf"]),
        ([("LLaVA", "Q4_0", "a/x.gguf"), ("LLaVA", "Q4_0", "b/x.gguf")], ["a", "b"]),
        ([("LLaVA", "Q4_0", "1/a/x.gguf"), ("LLaVA", "Q4_0", "2/a/x.gguf")], ["0", "1"]),
    ],
)
def test_models_of_one_title_are_told_apart_in_few_words(models: list[tuple[str, str, str]], marks: list[str]) -> None:
    here = []
    for number, (title, quantisation, place) in enumerate(models):
        file = StoredFile(Role.MODEL, Path("/disk") / place, 1, "", State.OK)
        manifest = Manifest("", title, (), quantisation=quantisation)
        here.append(InstalledModel(str(number), Path("/library"), manifest, (file,)))
    assert list(told_apart(here).values()) == marks
