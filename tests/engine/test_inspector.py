"""Pictures are inspected in a process that may be lost: one that takes too long or crashes it is refused by name."""

import errno
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from multiprocessing import active_children
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import Mock

import pytest
from PIL import Image

from desktop_app.engine import process
from desktop_app.engine.client import EngineClient
from desktop_app.engine.inspector import Inspector
from desktop_app.engine.messages import Event, Failed, Inspect, Inspected, PictureRef
from desktop_app.engine.standard_error import write_to
from desktop_app.errors import UserError
from tests.helpers.paths import REPOSITORY
from tests.helpers.strays import Expected
from tests.helpers.waiting import wait_until

MOST_S = 3.0


class Desk:
    """An inspector, and what came of the last picture."""

    def __init__(self, idle_s: float = 60) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._numbers = count(1)
        self.inspector = Inspector(self._events.put, MOST_S, idle_s)

    def look_at(self, *pictures: PictureRef) -> list[Event]:
        for picture in pictures:
            self.inspector.put(Inspect(next(self._numbers), picture))
        return [self._events.get(timeout=60) for _ in pictures]

    def code(self, picture: PictureRef) -> str:
        [event] = self.look_at(picture)
        assert isinstance(event, Failed)
        assert event.parameters["name"] == picture.name
        return event.code

    def pid(self) -> int:
        [pid] = [child.pid for child in active_children() if child.name == "eyebright-pictures"]
        assert pid is not None
        return pid


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.inspector.close()
    assert not [child for child in active_children() if child.name == "eyebright-pictures"]


def test_pictures_are_inspected_in_order_by_one_process(desk: Desk, star: PictureRef, moon: PictureRef) -> None:
    events = desk.look_at(star, moon)
    assert [event.picture for event in events if isinstance(event, Inspected)] == [star, moon]
    pid = desk.pid()
    desk.look_at(star)
    assert desk.pid() == pid


def test_a_picture_that_computes_too_long_is_refused_and_the_next_is_seen(desk: Desk, star: PictureRef) -> None:
    desk.look_at(star)
    os.kill(desk.pid(), signal.SIGPROF)  # what its timer sends
    assert desk.code(star) == "picture-takes-long"
    assert isinstance(desk.look_at(star)[0], Inspected)


def test_a_process_that_does_not_answer_is_replaced(desk: Desk, star: PictureRef) -> None:
    desk.look_at(star)
    stopped = desk.pid()
    os.kill(stopped, signal.SIGSTOP)
    assert desk.code(star) == "picture-takes-long"
    assert isinstance(desk.look_at(star)[0], Inspected)
    assert desk.pid() != stopped


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_was_ended_while_idle_costs_no_picture(
    desk: Desk, star: PictureRef, expected: Expected, ending: signal.Signals
) -> None:
    expected.log(f"process for pictures ended with exit code -{ending.value}")
    desk.look_at(star)
    os.kill(desk.pid(), ending)
    assert isinstance(desk.look_at(star)[0], Inspected)


@pytest.fixture
def broken_tiff(tmp_path: Path) -> PictureRef:
    """A TIFF at which libtiff complains."""
    path = tmp_path / "broken.tif"
    Image.effect_noise((300, 200), 50).save(path, compression="tiff_lzw")
    data = bytearray(path.read_bytes())
    data[2000:-2000:997] = bytes(byte ^ 0x5A for byte in data[2000:-2000:997])
    path.write_bytes(data)
    return PictureRef("7" * 64, str(path), path.name)


@pytest.mark.parametrize("no_file", [False, True])
def test_what_a_decoder_says_goes_to_the_log_alone(
    desk: Desk,
    broken_tiff: PictureRef,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    no_file: bool,
) -> None:
    if no_file:  # a full disk, say
        monkeypatch.setattr(tempfile, "mkstemp", Mock(side_effect=OSError(errno.ENOSPC, "full")))
    with caplog.at_level(logging.INFO):
        assert desk.code(broken_tiff) == "picture-damaged"
        desk.inspector.close()
    assert ("code not yet in table" in caplog.text) == (not no_file)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("no_file", [False, True])
def test_what_a_decoder_says_in_the_engine_goes_to_the_log_alone(
    broken_tiff: PictureRef,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    no_file: bool,
) -> None:
    if no_file:
        monkeypatch.setattr(tempfile, "mkstemp", Mock(side_effect=OSError(errno.ENOSPC, "full")))
    with caplog.at_level(logging.INFO), EngineClient() as client, pytest.raises(UserError, match="damaged"):
        list(client.request(Inspect(client.next_request(), broken_tiff)))
    assert ("code not yet in table" in caplog.text) == (not no_file)
    assert capfd.readouterr().err == ""


def ended_by_picture(ending: signal.Signals, connection: Connection, standard_error: str) -> None:
    """Stand in for a decoder that a picture makes crash or take all memory."""
    write_to(standard_error)
    connection.recv()
    os.kill(os.getpid(), ending)


@pytest.mark.parametrize(
    ("ending", "logged", "code"),
    [
        (signal.SIGSEGV, "-11:.*Segmentation fault", "picture-damaged"),
        (signal.SIGKILL, "-9", "no-memory-for-picture"),
    ],
)
def test_a_picture_that_ends_the_process_twice_is_refused_and_the_next_is_seen(
    desk: Desk,
    star: PictureRef,
    expected: Expected,
    monkeypatch: pytest.MonkeyPatch,
    ending: signal.Signals,
    logged: str,
    code: str,
) -> None:
    expected.log(f"process for pictures ended with exit code {logged}")
    with monkeypatch.context() as patch:
        patch.setattr(process, "inspect_main", partial(ended_by_picture, ending))
        assert desk.code(star) == code
    assert isinstance(desk.look_at(star)[0], Inspected)


def test_a_pause_of_the_whole_program_is_not_time_that_a_picture_takes(
    desk: Desk, star: PictureRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []

    def poll(connection: Connection, timeout: float | None = 0.0) -> bool:
        waits.append(timeout)
        return len(waits) > 1 and real(connection, timeout)  # after a pause the time is over, and nothing is there yet

    real = Connection.poll
    monkeypatch.setattr(Connection, "poll", poll)
    assert isinstance(desk.look_at(star)[0], Inspected)
    assert len(waits) > 1


def test_the_process_ends_when_it_has_nothing_to_do(star: PictureRef) -> None:
    desk = Desk(idle_s=0.1)
    try:
        assert isinstance(desk.look_at(star)[0], Inspected)
        wait_until(lambda: not [child for child in active_children() if child.name == "eyebright-pictures"])
        assert isinstance(desk.look_at(star)[0], Inspected)
    finally:
        desk.inspector.close()


def test_computing_for_too_long_ends_the_process() -> None:
    code = "from desktop_app.engine.inspection import limited_time\nwith limited_time(0.2):\n    while True: pass"
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, timeout=60, check=False)
    assert ended.returncode == -signal.SIGPROF


def test_a_picture_that_is_done_in_time_stops_the_clock(tmp_path: Path) -> None:
    code = (
        "import time\nfrom desktop_app.engine.inspection import limited_time\n"
        "with limited_time(0.2): pass\n"
        "while time.process_time() < 1: pass"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, timeout=60, check=True)
