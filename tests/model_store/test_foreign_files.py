"""Files that others made: asking never raises, and opening never waits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.chat.attachments import Attachments
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from desktop_app.images.reading import read_picture
from desktop_app.services.conversation.picture_files import count_pictures, ending_of, is_folder
from desktop_app.ui.files.mime import model_paths
from model_store import foreign_files
from model_store.errors import StoreError
from model_store.gguf_header import read_header
from model_store.library.gguf_kind import look_at
from model_store.library.import_plan import plan_import
from model_store.manifest import MANIFEST, Manifest
from tests.helpers.paths import REPOSITORY
from tests.helpers.rights import no_right_to_read_all

DEMO = REPOSITORY / "resources" / "demo_model"
LONG = "y" * 300

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that may not be read."""
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"x")
    (folder / "a.gguf").write_bytes(b"x")
    folder.chmod(0)
    with no_right_to_read_all():
        yield folder
    folder.chmod(0o700)


def odd_names(closed: Path) -> list[Path]:
    return [closed, closed / "a.png", closed / "a.gguf", closed / "a", closed / LONG, Path(LONG), Path("a\0b")]


def test_asking_never_raises(closed: Path) -> None:
    for path in odd_names(closed):
        assert not foreign_files.is_file(path)
        assert not foreign_files.is_pipe(path)
        assert foreign_files.is_folder(path) == foreign_files.exists(path) == (path == closed)
        assert foreign_files.matching(path, "*.gguf") == []


def test_a_drag_of_what_may_not_be_read_is_no_bug(closed: Path) -> None:
    names = [str(path) for path in odd_names(closed)]
    assert [is_folder(name) for name in names] == [True] + [False] * 6
    assert count_pictures([names[1], names[3]]) == 2, "the engine says what is wrong"
    assert count_pictures([*names, f"/tmp/{LONG}.png"]) > 2
    assert model_paths(names) == [names[2]]


def test_a_folder_that_may_not_be_read_is_passed_over(closed: Path) -> None:
    """As lost+found on a memory stick."""
    folder = closed.parent
    for name in ("eyebright-tiny.gguf", "eyebright-tiny-mmproj.gguf"):
        (folder / name).symlink_to(DEMO / name)
    found = plan_import([folder])
    assert len(found.plans) == 1
    assert found.refused == ()
    assert [error.code for error in plan_import([closed]).refused] == ["file-unreadable"]
    assert [error.code for error in plan_import([closed / "a.gguf"]).refused] == ["file-unreadable"]
    assert [error.code for error in plan_import([folder / f"{LONG}.gguf"]).refused] == ["file-missing"]


def test_models_that_cannot_be_opened_are_refused_in_one_sentence(closed: Path) -> None:
    def code(path: Path) -> str:
        with pytest.raises(UserError) as caught:
            check_files(path, None)
        assert caught.value.parameters["name"], "the sentence names it"
        return caught.value.code

    assert code(closed / "a.gguf") == "file-unreadable"
    assert code(closed / "a-00002-of-00003.gguf") == "file-unreadable"
    assert code(Path(f"{LONG}.gguf")) == "model-away"
    assert code(Path("a\0b.gguf")) == "model-away"
    assert [code(Path(name)) for name in (".", "/", "..")] == ["model-is-a-folder"] * 3


@pytest.fixture(params=["pipe", "device"])
def endless(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return what never answers, called like a file."""
    if os.name == "nt":
        pytest.skip("no named pipes among files")
    path = tmp_path / "endless.gguf"
    if request.param == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    return path


def test_no_pipe_and_no_device_is_waited_for(endless: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="regular"):
        foreign_files.open_file(endless)
    with pytest.raises(OSError, match="regular"):
        read_header(endless)
    with pytest.raises(OSError, match="regular"):
        ending_of(endless)
    with pytest.raises(StoreError, match="cannot be opened"):
        look_at(endless)
    assert [error.code for error in plan_import([endless]).refused] == ["file-unreadable"]
    assert [error.code for error in plan_import([tmp_path]).refused] == ["file-unreadable"]
    for model, projector in ((endless, None), (DEMO / "eyebright-tiny.gguf", endless)):
        with pytest.raises(UserError) as caught:
            check_files(model, projector)
        assert caught.value.code == "file-unreadable"
    with pytest.raises(UserError, match="cannot be opened"):
        read_picture(endless, "a picture")
    with pytest.raises(UserError, match="cannot be opened"):
        Attachments(tmp_path / "attachments").add_file(endless, "a picture")
    endless.rename(tmp_path / MANIFEST)
    with pytest.raises(OSError, match="regular"):
        Manifest.read(tmp_path)
    assert plan_import([tmp_path]).plans == ()


def test_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"words")
    with foreign_files.open_file(tmp_path / "a") as file:
        assert file.read() == b"words"
    for wrong, kind in ((tmp_path, IsADirectoryError), (tmp_path / "b", FileNotFoundError)):
        with pytest.raises(kind):
            foreign_files.open_file(wrong)
