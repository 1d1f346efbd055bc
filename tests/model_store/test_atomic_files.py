"""What a failed write means, and that files are written whole."""

import errno
import os
from pathlib import Path

import pytest

from desktop_app import atomic_files as programs
from model_store.atomic_files import INCOMING, means_no_room, write_whole


@pytest.mark.parametrize("name", ["ENOSPC", "EFBIG", "EDQUOT"])
def test_a_full_disk_is_known_by_each_of_its_names(name: str) -> None:
    number = getattr(errno, name, None)
    if number is None:
        pytest.skip(f"this system has no {name}")
    assert means_no_room(OSError(number, os.strerror(number)))
    assert programs.not_saved(OSError(number, "no room"), "x").code == "disk-full"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EIO, None])
def test_other_failures_are_not_a_full_disk(number: int | None) -> None:
    error = OSError(number, "another reason") if number else OSError("no number")
    assert not means_no_room(error)
    assert programs.not_saved(error, "x").code == "not-saved"


def test_nothing_half_is_left(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_whole(path, b"old")
    path.unlink()
    path.mkdir()  # a file cannot take its place
    with pytest.raises(OSError, match=r".*"):
        write_whole(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]
    assert not list(tmp_path.glob(f"{INCOMING}*"))


def test_the_store_follows_no_links_and_the_program_does(tmp_path: Path) -> None:
    own, link = tmp_path / "own", tmp_path / "link"
    own.write_bytes(b"the person's own")
    link.symlink_to(own)
    programs.write_whole(link, b"settings")
    assert (own.read_bytes(), link.is_symlink()) == (b"settings", True)
    write_whole(link, b"manifest")
    assert (own.read_bytes(), link.is_symlink(), link.read_bytes()) == (b"settings", False, b"manifest")
