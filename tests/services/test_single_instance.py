"""A second start hands its pictures to the window that is open."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from desktop_app.errors import UserError
from desktop_app.services import single_instance
from desktop_app.services.single_instance import Door, SingleInstance, hand_over, receive_or_hand_over
from tests.helpers.strays import Expected
from tests.helpers.waiting import expect_signal, pump, wait_until


def first(key_file: Path) -> SingleInstance:
    """Return the reception of a window that is being built."""
    reception = receive_or_hand_over(key_file, [])
    assert reception is not None
    return reception


def listening(key_file: Path) -> SingleInstance:
    """Return the reception of a window that is there."""
    reception = first(key_file)
    reception.listen()
    wait_until(reception.is_listening)
    return reception


def door_of(key_file: Path) -> Door:
    door = Door.read(key_file)
    assert door is not None
    return door


def test_pictures_are_handed_over(qapp: QApplication, tmp_path: Path) -> None:
    reception = listening(tmp_path / "key")
    try:
        with expect_signal(reception.arrived) as calls:
            assert hand_over(tmp_path / "key", ["/pictures/ä 圆.png"])
        assert calls == [([str(Path("/pictures/ä 圆.png").absolute())],)]
        if os.name == "posix":
            assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    finally:
        reception.close()
    assert not hand_over(tmp_path / "key", []), "after the window is closed the next start opens its own"


def test_without_a_window_nothing_is_handed_over(tmp_path: Path) -> None:
    assert not hand_over(tmp_path / "key", ["a.png"])
    Door(b"x" * 44, str(tmp_path / "nobody")).write(tmp_path / "key")
    assert not hand_over(tmp_path / "key", ["a.png"])


def test_a_stranger_without_the_key_is_turned_away(qapp: QApplication, tmp_path: Path) -> None:
    reception = listening(tmp_path / "key")
    try:
        from multiprocessing import AuthenticationError
        from multiprocessing.connection import Client

        try:
            with Client(door_of(tmp_path / "key").address, authkey=b"wrong"):
                raise AssertionError("the stranger was let in")
        except (AuthenticationError, EOFError, OSError):
            pass
        with expect_signal(reception.arrived) as calls:
            assert hand_over(tmp_path / "key", [])
        assert calls == [([],)]
    finally:
        reception.close()


def test_a_window_that_cannot_be_found_works_all_the_same(
    qapp: QApplication, tmp_path: Path, expected: Expected, caplog: pytest.LogCaptureFixture
) -> None:
    expected.log("later starts cannot hand over", logger="desktop_app.services.single_instance")
    reception = first(tmp_path / "no such folder" / "key")
    reception.listen()
    wait_until(lambda: "later starts cannot hand over" in caplog.text)
    reception.close()


def test_a_socket_that_was_tidied_away_does_not_keep_the_window_open(
    qapp: QApplication, tmp_path: Path, expected: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "_CLOSE_TIMEOUT_S", 0.1)
    reception = listening(tmp_path / "key")
    socket = Path(door_of(tmp_path / "key").address)
    away = tmp_path / "away"
    socket.rename(away)
    expected.log("the listening thread cannot be told", logger="desktop_app.services.single_instance")
    reception.close()
    assert not (tmp_path / "key").exists()
    away.rename(socket)
    reception.close()  # now it can be told: the test leaves no thread behind


def test_a_start_that_comes_while_the_window_is_still_being_built_waits_for_it(
    qapp: QApplication, tmp_path: Path
) -> None:
    reception = first(tmp_path / "key")
    taken: list[bool] = []
    second = threading.Thread(
        target=lambda: taken.append(receive_or_hand_over(tmp_path / "key", ["a.png"]) is None), daemon=True
    )
    second.start()
    pump(50)
    assert not taken
    with expect_signal(reception.arrived) as calls:
        reception.listen()
    second.join()
    assert taken == [True]
    assert calls == [([str(Path("a.png").absolute())],)]
    reception.close()


def test_a_window_that_was_never_built_leaves_nothing_behind(qapp: QApplication, tmp_path: Path) -> None:
    reception = first(tmp_path / "key")
    reception.close()
    assert not hand_over(tmp_path / "key", [])
    assert not (tmp_path / "key").exists()


def test_the_first_start_receives_and_the_second_hands_over(qapp: QApplication, tmp_path: Path) -> None:
    reception = listening(tmp_path / "key")
    try:
        with expect_signal(reception.arrived) as calls:
            assert receive_or_hand_over(tmp_path / "key", ["/a.png"]) is None
        assert calls == [([str(Path("/a.png").absolute())],)]
    finally:
        reception.close()
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no folder")
@pytest.mark.parametrize("folder", ["here", "deep/" + 30 * "long/"])
def test_a_start_with_another_folder_for_temporary_files_finds_the_window(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    def use(place: Path) -> None:
        place.mkdir(parents=True)
        monkeypatch.setenv("TMPDIR", str(place))
        monkeypatch.setattr(tempfile, "tempdir", None)

    use(tmp_path / "long" / (100 * "t"))
    home = tmp_path / folder
    home.mkdir(parents=True)
    reception = listening(home / "key")
    try:
        use(tmp_path / "other")
        with expect_signal(reception.arrived) as calls:
            assert receive_or_hand_over(home / "key", ["/a.png"]) is None
        assert calls == [(["/a.png"],)]
    finally:
        reception.close()
    assert list(home.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows go with their process")
def test_the_socket_of_a_killed_window_is_tidied_away(qapp: QApplication, tmp_path: Path) -> None:
    left = tmp_path / "left"
    Door(b"k" * 44, str(left)).write(tmp_path / "key")
    left.touch()
    reception = listening(tmp_path / "key")
    reception.close()
    assert not left.exists()


def test_a_window_that_hangs_is_not_waited_for_for_ever(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "_WINDOW_TIMEOUT_S", 0.05)
    reception = listening(tmp_path / "key")
    hanging = threading.Event()
    monkeypatch.setattr(
        SingleInstance, "_receive_one", lambda _reception, _connection: hanging.wait(10)
    )  # says nothing
    with pytest.raises(UserError) as caught:
        receive_or_hand_over(tmp_path / "key", ["a.png"])
    assert caught.value.code == "window-hangs"
    assert (tmp_path / "key").exists(), "it may come back: its key is left alone"
    hanging.set()
    wait_until(lambda: all(thread.name != "hand-over" for thread in threading.enumerate()))
    monkeypatch.undo()
    reception.close()


def test_a_window_that_does_not_come_is_not_waited_for_for_ever(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "_WINDOW_TIMEOUT_S", 0.05)
    reception = first(tmp_path / "key")
    with pytest.raises(UserError) as caught:
        receive_or_hand_over(tmp_path / "key", ["a.png"])
    assert caught.value.code == "window-hangs"
    reception.close()
    assert receive_or_hand_over(tmp_path / "key", []) is not None, "the one that did not come has ended"


def test_a_start_that_was_killed_keeps_nobody_waiting(qapp: QApplication, tmp_path: Path) -> None:
    killed = (
        "import os, signal, sys\n"
        "from PySide6.QtCore import QLockFile\n"
        "lock = QLockFile(sys.argv[1])\n"
        "assert lock.tryLock(0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    lock = tmp_path / "key.lock"
    subprocess.run([sys.executable, "-c", killed, str(lock)], check=False, timeout=60)
    assert lock.exists()
    first(tmp_path / "key").close()
