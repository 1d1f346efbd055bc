"""The engine's cache folders: an incomplete file is never read, and their size stays within its limit."""

import os
import resource
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop_app.atomic_files import INCOMING
from desktop_app.engine.cache.checked_folder import CheckedFile, CheckedFolder, cache_folders, clear_cache
from tests.helpers.strays import Expected

DATA = bytes(range(256)) * 4
DAY = 24 * 3600


@pytest.fixture
def folder(tmp_path: Path) -> CheckedFolder:
    return CheckedFolder(tmp_path / "kept", 1_000_000)


def age(path: Path, seconds: float) -> None:
    when = path.stat().st_mtime - seconds
    os.utime(path, (when, when))


def test_what_was_written_is_read(folder: CheckedFolder, tmp_path: Path) -> None:
    assert folder.write("a", b"notes", memoryview(DATA))
    assert folder.read("a") == CheckedFile(b"notes", DATA)
    assert folder.notes("a") == b"notes"
    assert folder.read("b") is None
    assert folder.names() == ["a"]
    again = CheckedFolder(tmp_path / "kept", 1_000_000)
    assert again.read("a") == CheckedFile(b"notes", DATA)
    assert folder.write("a", b"", b"new")
    assert again.read("a") == CheckedFile(b"", b"new")


def test_only_the_person_can_read_it(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir(mode=0o755)
    folder = CheckedFolder(tmp_path / "kept", 1_000_000)
    folder.write("a", b"", DATA)
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "kept" / "a").stat().st_mode) == 0o600


def truncated(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def in_the_header(raw: bytes) -> bytes:
    return raw[:4]


def longer(raw: bytes) -> bytes:
    return raw + b"x"


def other_layout(raw: bytes) -> bytes:
    return raw[:7] + b"\x02" + raw[8:]


def foreign(raw: bytes) -> bytes:
    return b"SQLite format 3\0" + raw


def huge_notes(raw: bytes) -> bytes:
    return raw[:72] + b"\xff\xff\xff\xff" + raw[76:]


def bit_of_the_data(raw: bytes) -> bytes:
    return raw[:-100] + bytes([raw[-100] ^ 1]) + raw[-99:]


def bit_of_the_notes(raw: bytes) -> bytes:
    place = raw.index(b"notes")
    return raw[:place] + b"motes" + raw[place + 5 :]


@pytest.mark.parametrize(
    "damage",
    [truncated, in_the_header, longer, other_layout, foreign, huge_notes, bit_of_the_data, bit_of_the_notes],
)
def test_what_is_damaged_is_removed(
    folder: CheckedFolder, tmp_path: Path, expected: Expected, damage: Callable[[bytes], bytes]
) -> None:
    folder.write("a", b"notes", DATA)
    path = tmp_path / "kept" / "a"
    path.write_bytes(damage(path.read_bytes()))
    expected.log("damaged or foreign")
    assert folder.read("a") is None
    assert not path.exists()


def test_a_file_under_another_name_is_not_trusted(folder: CheckedFolder, tmp_path: Path, expected: Expected) -> None:
    folder.write("a", b"notes", DATA)
    (tmp_path / "kept" / "a").rename(tmp_path / "kept" / "b")
    expected.log("damaged or foreign")
    assert folder.notes("b") is None


def test_what_was_used_longest_ago_leaves(tmp_path: Path) -> None:
    folder = CheckedFolder(tmp_path, 3 * (len(DATA) + 100))
    for number, name in enumerate("abc"):
        assert folder.write(name, b"", DATA)
        age(tmp_path / name, 100 - number)
    folder.used("a")
    assert folder.write("d", b"", DATA)
    assert sorted(folder.names()) == ["a", "c", "d"]


def test_what_is_protected_stays(tmp_path: Path) -> None:
    folder = CheckedFolder(tmp_path, 2 * (len(DATA) + 100))
    folder.write("a", b"", DATA)
    folder.write("b", b"", DATA)
    assert not folder.write("c", b"", DATA, {"a", "b"})
    assert folder.write("c", b"", DATA, {"a"})
    assert sorted(folder.names()) == ["a", "c"]


def test_what_is_larger_than_the_room_is_not_written(tmp_path: Path) -> None:
    folder = CheckedFolder(tmp_path, 1000)
    assert not folder.write("a", b"", DATA)
    assert folder.names() == []


def test_there_are_not_too_many(tmp_path: Path) -> None:
    folder = CheckedFolder(tmp_path, 1_000_000, most_files=2)
    for number, name in enumerate("abc"):
        assert folder.write(name, b"", b"")
        age(tmp_path / name, 100 - number)
    assert sorted(folder.names()) == ["b", "c"]


def test_less_room_is_made_at_once(folder: CheckedFolder, tmp_path: Path) -> None:
    folder.write("a", b"", DATA)
    assert CheckedFolder(tmp_path / "kept", 100).names() == []


def test_nothing_is_kept_for_longer_than_a_month(folder: CheckedFolder, tmp_path: Path) -> None:
    folder.write("a", b"", DATA)
    folder.write("b", b"", DATA)
    age(tmp_path / "kept" / "a", 31 * DAY)
    age(tmp_path / "kept" / "b", 29 * DAY)
    assert CheckedFolder(tmp_path / "kept", 1_000_000).names() == ["b"]


def test_what_a_killed_process_left_is_no_file(folder: CheckedFolder, tmp_path: Path) -> None:
    folder.write("a", b"", DATA)
    half = tmp_path / "kept" / f"{INCOMING}x"
    half.write_bytes((tmp_path / "kept" / "a").read_bytes()[:300])
    assert folder.names() == ["a"]
    CheckedFolder(tmp_path / "kept", 1_000_000)
    assert half.exists()  # somebody may be writing it
    age(half, 3600)
    CheckedFolder(tmp_path / "kept", 1_000_000)
    assert not half.exists()


def test_a_full_disk_is_only_logged(folder: CheckedFolder, tmp_path: Path, expected: Expected) -> None:
    folder.write("a", b"", DATA)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    expected.log("nothing more is kept")
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        assert not folder.write("b", b"", DATA)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not folder.write("c", b"", b"")  # not tried again
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["a"]
    assert folder.read("a") is not None


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    """A folder with one checked file, which nobody may change, its owner neither: a mount, which takes root."""
    path = tmp_path / "unwritable"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", path], capture_output=True, check=False).returncode:
        pytest.skip("making a file system that is read-only needs root")
    CheckedFolder(path, 1_000_000).write("a", b"", DATA)
    subprocess.run(["mount", "-o", "remount,ro", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


def test_a_read_only_folder_is_read(unwritable: Path, expected: Expected) -> None:
    expected.log("nothing more is kept")
    folder = CheckedFolder(unwritable, 1_000_000)
    assert folder.read("a") == CheckedFile(b"", DATA)
    folder.used("a")
    assert not folder.write("b", b"", DATA)
    expected.log("cannot be removed")
    folder.remove("a")
    assert folder.names() == ["a"]


def test_a_folder_that_cannot_be_made_is_only_logged(tmp_path: Path, expected: Expected) -> None:
    (tmp_path / "file").write_text("")
    expected.log("nothing more is kept")
    folder = CheckedFolder(tmp_path / "file", 1_000_000)
    assert not folder.write("a", b"", DATA)
    assert folder.names() == []
    expected.log("cannot be read")
    assert folder.read("a") is None


def test_no_room_leaves_nothing(tmp_path: Path) -> None:
    folders = cache_folders(str(tmp_path), 10)
    assert folders is not None
    for one in (folders.embeddings, folders.contexts, folders.answers):
        assert one.write("a", b"", DATA)
    assert cache_folders(str(tmp_path), 0) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert cache_folders("", 10) is None


def test_everything_can_be_forgotten(tmp_path: Path) -> None:
    folders = cache_folders(str(tmp_path), 10)
    assert folders is not None
    folders.contexts.write("a", b"", DATA)
    (tmp_path / "contexts" / f"{INCOMING}x").write_bytes(DATA)
    (tmp_path / "other").write_text("not ours")
    clear_cache(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["other"]
    assert folders.contexts.read("a") is None


def test_a_disk_that_cannot_be_written_is_told_once(
    tmp_path: Path, expected: Expected, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kept").write_text("a file where the folders should be")
    expected.log("nothing more is kept")
    folders = cache_folders(str(tmp_path / "kept"), 64)
    assert folders is not None
    assert [folders.contexts.write("a" * 60, b"", b"x"), folders.answers.write("a" * 60, b"", b"x")] == [False, False]
    assert len(caplog.records) == 1


def test_what_was_used_while_the_clock_was_ahead_is_cleared_too(tmp_path: Path) -> None:
    now = time.time()
    for name, used in {"old": now - 7200, "now": now, "ahead": now + 3600}.items():
        path = tmp_path / "contexts" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(DATA)
        os.utime(path, (used, used))
    clear_cache(tmp_path, now, now - 3600)
    assert [path.name for path in (tmp_path / "contexts").iterdir()] == ["old"]
    clear_cache(tmp_path, now, now + 3600)  # written when the clock was ahead: nobody knows when it was used first
    assert not [*(tmp_path / "contexts").iterdir()]


def test_notes_that_could_not_be_read_are_not_written(tmp_path: Path) -> None:
    folder = CheckedFolder(tmp_path, 64 << 20)
    largest = b"x" * (1 << 20)
    assert folder.write("a", largest, DATA)
    assert folder.notes("a") == largest
    assert not folder.write("b", largest + b"x", DATA)
    assert folder.names() == ["a"]
    assert folder.write("c", b"", DATA)  # the disk is not to blame
