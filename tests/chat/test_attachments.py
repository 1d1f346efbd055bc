"""Pictures in the attachments come back byte for byte, and no name from outside decides where they are stored."""

import errno
import hashlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desktop_app.chat import attachments as module
from desktop_app.chat.attachments import Attachments
from desktop_app.errors import UserError

DATA = bytes(range(256)) * 9000  # more than one piece
HASH = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures 写真"


@pytest.fixture
def attachments(folder: Path) -> Attachments:
    return Attachments(folder)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def refusal(attachments: Attachments, path: Path | str, name: str = "cat.png") -> UserError:
    with pytest.raises(UserError) as caught:
        attachments.add_file(path, name)
    assert caught.value.parameters["name"] == name
    assert caught.value.sentence()
    return caught.value


@pytest.mark.parametrize(
    "name",
    ["cat.png", "猫の写真 🐈.jpeg", "../../../etc/passwd", "C:\\evil.png", "con", "a" * 4000, "", "x\0y", ".hidden"],
)
def test_a_name_never_becomes_a_path(attachments: Attachments, folder: Path, tmp_path: Path, name: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA)
    assert attachments.add_file(source, name) == HASH
    assert files(folder) == [f"{HASH[:2]}/{HASH[2:4]}/{HASH}"]
    assert attachments.path(HASH).read_bytes() == DATA
    assert source.read_bytes() == DATA


@pytest.mark.parametrize("name", ["photo 日本語 🦊.png", "é" * 120 + ".jpg", " spaces .png ", "%s{name}.png"])
def test_files_with_any_name_are_read(attachments: Attachments, tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    source.write_bytes(b"picture")
    assert attachments.verify(attachments.add_file(source, name))


def test_the_same_picture_is_stored_once(attachments: Attachments, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(DATA)
    assert attachments.add_file(source, "a") == attachments.add_bytes(DATA) == HASH
    assert len(files(folder)) == 1


@pytest.mark.skipif(os.name == "nt", reason="there are other permissions")
def test_only_the_person_can_read_pictures(attachments: Attachments) -> None:
    sha256 = attachments.add_bytes(DATA)
    assert attachments.path(sha256).stat().st_mode & 0o077 == 0


def test_what_cannot_be_read_is_refused_with_its_reason(attachments: Attachments, folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert refusal(attachments, tmp_path / "nowhere").code == "file-missing"
    assert refusal(attachments, tmp_path).code == "is-a-folder"
    assert refusal(attachments, empty).code == "file-empty"
    assert refusal(attachments, "a\0b").code == "file-missing"
    assert refusal(attachments, tmp_path / ("x" * 300)).code == "file-missing"
    with pytest.raises(UserError, match="empty"):
        attachments.add_bytes(b"")
    assert files(folder) == []


@pytest.mark.skipif(os.name == "nt", reason="pipes in folders are for Unix")
def test_pipes_sockets_and_devices_are_refused_at_once(
    attachments: Attachments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert refusal(attachments, pipe).code == "file-unreadable"
    assert refusal(attachments, "/dev/zero").code == "file-unreadable"
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert refusal(attachments, tmp_path / "socket").code == "file-unreadable"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_one_may_not_read_is_refused(attachments: Attachments, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    secret.chmod(0)
    assert refusal(attachments, secret).code == "file-unreadable"


def test_a_film_is_too_large(
    attachments: Attachments, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_MB", 2)
    film = tmp_path / "film"
    film.write_bytes(b"x" * (2 << 20))
    attachments.add_file(film, "film")
    film.write_bytes(b"x" * ((2 << 20) + 1))
    error = refusal(attachments, film)
    assert (error.code, error.parameters["limit"]) == ("file-too-large", 2)
    assert len(files(folder)) == 1


@pytest.mark.parametrize("sha256", ["", "a" * 63, "A" * 64, "../" + "a" * 61, "a" * 64 + "\n", "g" * 64, "a/" * 32])
def test_only_hashes_are_places(attachments: Attachments, sha256: str) -> None:
    for place in (attachments.path, attachments.preview_path, attachments.thumbnail_path, attachments.verify):
        with pytest.raises(ValueError, match="SHA-256"):
            place(sha256)


def test_a_damaged_original_is_noticed_and_mended_by_adding_it_again(attachments: Attachments, folder: Path) -> None:
    assert not attachments.verify(HASH)
    attachments.add_bytes(DATA)
    assert attachments.verify(HASH)
    attachments.path(HASH).write_bytes(DATA[:-1] + b"?")
    assert not attachments.verify(HASH)
    attachments.add_bytes(DATA)
    assert attachments.verify(HASH)
    aside = [name for name in files(folder) if "damaged" in name]  # nothing is ever overwritten
    os.utime(folder / aside[0], (0, 0))
    attachments.remove_unreferenced(())
    assert (folder / aside[0]).read_bytes() == DATA[:-1] + b"?"


def test_previews_and_thumbnails_lie_where_they_are_said_to(attachments: Attachments, tmp_path: Path) -> None:
    apart = Attachments(tmp_path / "originals", tmp_path / "cache")
    for kept in (attachments, apart):
        sha256 = kept.add_bytes(DATA)
        kept.store_derived(sha256, b"preview", b"thumbnail")
        kept.store_derived(sha256, b"better preview", b"thumbnail")
        assert kept.preview_path(sha256).read_bytes() == b"better preview"
        assert kept.thumbnail_path(sha256).read_bytes() == b"thumbnail"
    assert len(files(tmp_path / "originals")) == 1
    assert len(files(tmp_path / "cache")) == 2


def test_pictures_nothing_refers_to_are_removed(attachments: Attachments, folder: Path) -> None:
    kept, gone, new = (attachments.add_bytes(data) for data in (b"kept", b"gone", b"new"))
    for sha256 in (kept, gone):
        attachments.store_derived(sha256, b"p", b"t")
    cut_off = folder / ".incoming-abc"
    cut_off.write_bytes(b"half")
    yesterday = time.time() - 25 * 3600
    for path in (attachments.path(kept), attachments.path(gone), cut_off):
        os.utime(path, (yesterday, yesterday))

    assert attachments.remove_unreferenced(None, older_than_s=-1000) == 0
    assert attachments.remove_unreferenced({kept}) == 1
    assert attachments.verify(kept)
    assert attachments.verify(new)
    assert attachments.thumbnail_path(kept).exists()
    assert not attachments.path(gone).exists()
    assert not attachments.preview_path(gone).exists()
    assert not cut_off.exists()


def test_what_another_program_is_just_writing_stays(attachments: Attachments, folder: Path) -> None:
    attachments.add_bytes(DATA)
    writing = folder / ".incoming-def"
    writing.write_bytes(b"half")
    assert attachments.remove_unreferenced(()) == 0
    assert writing.exists()


def test_a_picture_added_again_is_young_again(attachments: Attachments) -> None:
    sha256 = attachments.add_bytes(DATA)
    os.utime(attachments.path(sha256), (0, 0))
    attachments.add_bytes(DATA)
    assert attachments.remove_unreferenced(()) == 0
    attachments.remove([sha256, "f" * 64])
    assert not attachments.path(sha256).exists()


LIMITED = """
import resource, sys
from desktop_app.chat.attachments import Attachments
from desktop_app.errors import UserError
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    Attachments(Path(sys.argv[1])).add_file(sys.argv[2], "big.png")
except UserError as error:
    print(error.code, error.parameters["name"])
"""


@pytest.mark.skipif(os.name == "nt", reason="needs limits of Unix")
def test_a_file_that_may_not_grow_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA)
    command = [sys.executable, "-c", LIMITED, str(folder), str(source)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["disk-full", "big.png"]
    assert files(folder) == []


def test_a_picture_is_only_stored_once_the_disk_has_it(
    attachments: Attachments, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="The disk is full"):
        attachments.add_bytes(DATA)
    assert files(folder) == []


def test_a_full_disk_is_said_and_nothing_half_remains(small_disk: Path) -> None:
    attachments = Attachments(small_disk)
    small = attachments.add_bytes(b"small")
    with pytest.raises(UserError, match=r"The disk is full, so photo\.png could not be saved"):
        attachments.add_bytes(DATA, "photo.png")
    with pytest.raises(UserError, match="The disk is full"):
        attachments.store_derived(small, DATA, b"")
    assert files(small_disk) == [f"{small[:2]}/{small[2:4]}/{small}"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(UserError) as caught:
        Attachments(in_the_way / "pictures").add_bytes(DATA, "photo.png")
    assert caught.value.code == "not-saved"
