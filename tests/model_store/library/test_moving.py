"""The library moves to another disk; whenever that is interrupted, one of the two folders is complete."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from model_store.errors import StoreError
from model_store.library.copying import Cancelled, Progress
from model_store.library.importing import import_files
from model_store.library.installed import State
from model_store.library.library import Library
from model_store.library.moving import UnfinishedMove, abandon_move, move_library, unfinished_move
from model_store.manifest import MANIFEST
from tests.helpers.paths import REPOSITORY
from tests.model_store.folders import cancel_after, contents, ids, write_pair


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(tmp_path / "old")
    import_files(library, write_pair(tmp_path / "a", "a"))
    import_files(library, write_pair(tmp_path / "b", "b"))
    import_files(library, write_pair(tmp_path / "lent", "lent"), in_place=True)
    (library.folder / ".downloads").mkdir()
    (library.folder / ".downloads" / "half.part").write_bytes(b"half")
    return library


def _not_yet(_folder: Path) -> None:
    pytest.fail("the setting was changed too early")


@pytest.fixture(params=["another disk", "the same disk"])
def _disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "another disk":

        def refuse(_self: Path, _target: Path) -> None:
            raise OSError(errno.EXDEV, "another disk")

        monkeypatch.setattr(Path, "hardlink_to", refuse)


@pytest.mark.usefixtures("_disk")
def test_everything_arrives_and_only_then_the_old_place_is_cleared(library: Library, tmp_path: Path) -> None:
    before = contents(library.folder)
    told: list[Progress] = []
    new = tmp_path / "disk" / "new"

    def switched(folder: Path) -> None:
        assert folder == new
        assert {name: content for name, content in contents(library.folder).items() if name in before} == before
        assert all(model.state is State.OK for model in Library(new).models())

    moved = move_library(library, new, switched, told.append)
    assert ids(moved) == ["a-f16", "b-f16", "lent-f16"]
    assert all(model.state is State.OK for model in moved.models())
    assert all(moved.verify(name).state is State.OK for name in ids(moved))
    assert not library.folder.exists()
    assert (new / ".downloads" / "half.part").read_bytes() == b"half"
    assert {name for name in contents(new) if name.startswith(".mov")} == set()
    assert told[-1].done == told[-1].total
    assert unfinished_move(moved) is None


@pytest.mark.usefixtures("_disk")
def test_a_move_that_was_given_up_leaves_all_as_it_was(library: Library, tmp_path: Path) -> None:
    before = contents(library.folder)
    with pytest.raises(Cancelled):
        move_library(library, tmp_path / "new", _not_yet, cancel_after(0.6))
    assert contents(library.folder) == before
    assert not (tmp_path / "new").exists()


def test_other_things_of_the_person_stay_where_they_are(library: Library, tmp_path: Path) -> None:
    (library.folder / "letters").mkdir()
    (library.folder / "letters" / "dear.txt").write_text("dear")
    move_library(library, tmp_path / "new", lambda _folder: None)
    assert contents(library.folder) == {"letters/dear.txt": b"dear"}


def test_a_model_of_the_same_name_is_not_written_over(library: Library, tmp_path: Path) -> None:
    there = Library(tmp_path / "new")
    import_files(there, write_pair(tmp_path / "c" / "a", "a-f16"))
    (there.folder / "a-f16-f16").rename(there.folder / "a-f16")
    before = contents(there.folder)
    with pytest.raises(StoreError) as error:
        move_library(library, there.folder, _not_yet)
    assert error.value.code == "move-collides"
    assert contents(there.folder) == before


def test_a_library_joins_another_one(library: Library, tmp_path: Path) -> None:
    there = Library(tmp_path / "new")
    import_files(there, write_pair(tmp_path / "c", "c"))
    moved = move_library(library, there.folder, lambda _folder: None)
    assert ids(moved) == ["a-f16", "b-f16", "c-f16", "lent-f16"]


@pytest.mark.parametrize("inside", [".", "sub", "a-f16/sub"])
def test_a_library_does_not_move_into_itself(library: Library, inside: str) -> None:
    with pytest.raises(StoreError) as error:
        move_library(library, library.folder / inside, _not_yet)
    assert error.value.code == "move-into-itself"


def test_a_damaged_file_moves_as_it_is_and_stays_marked(library: Library, tmp_path: Path) -> None:
    weights = library.get("a-f16").model
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert library.verify("a-f16").state is State.CHANGED
    library.get("b-f16").model.unlink()
    (library.folder / "lent-f16" / MANIFEST).write_bytes(b"{")
    moved = move_library(library, tmp_path / "new", lambda _folder: None)
    assert {model.id: model.state for model in moved.models()} == {"a-f16": State.CHANGED, "b-f16": State.MISSING}
    assert contents(library.folder) == {
        name: content for name, content in contents(library.folder).items() if name.startswith("lent-f16/")
    }, "what shows as no model is not taken along, and not deleted"


_KILLED = """
import errno, os, signal, sys
from pathlib import Path
from model_store.library import copying
from model_store.library.library import Library
from model_store.library.moving import move_library
copying._CHUNK = 16384
def refuse(*_arguments):
    raise OSError(errno.EXDEV, "another disk")
Path.hardlink_to = refuse
old, new, setting, left = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), [int(sys.argv[4])]
def count(*_arguments):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
def switched(folder):
    count()
    setting.write_text(str(folder))
    count()
sys.addaudithook(lambda name, _arguments: count() if name in ("os.remove", "os.rename", "os.rmdir") else None)
move_library(Library(old), new, switched, count)
"""


def test_a_killed_move_goes_on_and_one_place_is_always_whole(library: Library, tmp_path: Path) -> None:
    """Killed at many moments, each time further on: the library of the setting is whole after every one."""
    new, setting = tmp_path / "new", tmp_path / "setting"
    setting.write_text(str(library.folder))
    moment, kills = 1, 0
    while True:
        command = [sys.executable, "-c", _KILLED, str(library.folder), str(new), str(setting), str(moment)]
        ended = subprocess.run(command, cwd=REPOSITORY, check=False)
        chosen = Library(Path(setting.read_text()))
        assert ids(chosen) == ["a-f16", "b-f16", "lent-f16"]
        assert all(model.state in (State.OK, State.UNVERIFIED) for model in chosen.models())
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        assert unfinished_move(chosen) in (UnfinishedMove(library.folder, new), None)
        kills += 1
        moment += 6
    assert kills >= 5
    assert chosen.folder == new
    assert unfinished_move(chosen) is None
    assert all(chosen.verify(name).state is State.OK for name in ids(chosen))
    assert not library.folder.exists()


def test_a_killed_move_can_be_given_up(library: Library, tmp_path: Path) -> None:
    new, setting = tmp_path / "new", tmp_path / "setting"
    command = [sys.executable, "-c", _KILLED, str(library.folder), str(new), str(setting), "40"]
    subprocess.run(command, cwd=REPOSITORY, check=False)
    assert not setting.exists()
    assert unfinished_move(library) == UnfinishedMove(library.folder, new)
    abandon_move(library)
    assert not new.exists()
    assert unfinished_move(library) is None
    assert all(model.state is State.OK for model in library.models())


def test_a_move_given_up_after_all_had_arrived_loses_nothing(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"

    def dies(_folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_library(library, new, dies)
    abandon_move(library)
    move_library(library, new, lambda _folder: None)
    assert ids(Library(new)) == ["a-f16", "b-f16", "lent-f16"]
