"""Pictures that come through a pipe: how large they may be, and that nothing of them stays behind."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import run_verb
from tests.helpers.paths import REPOSITORY
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(120)


class Endless(io.RawIOBase):
    """Gives zeros as long as somebody reads, and counts them."""

    given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.given += len(buffer)
        assert self.given < 100 << 20, "it reads for ever"
        return len(buffer)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def begun(place: Path, tmp_path: Path) -> subprocess.Popen[bytes]:
    """Start to ask about a picture that comes slowly, and return when its beginning has been kept."""
    process = subprocess.Popen(
        [sys.executable, "-m", "desktop_app", "ask", "-", "-p", "What is it?"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(place), "EYEBRIGHT_HOME": str(tmp_path / "home")},
        cwd=REPOSITORY,
    )
    assert process.stdin is not None
    process.stdin.write(bytes(4 << 20))
    process.stdin.flush()
    wait_until(lambda: any(path.stat().st_size for path in place.rglob("*") if path.is_file()), 60)
    return process


@pytest.fixture
def slow(place: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    if os.name == "nt":
        pytest.skip("Windows ends programs without a signal")
    process = begun(place, tmp_path)
    yield process
    process.kill()
    process.communicate()


def test_a_picture_without_end_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    endless = Endless()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(endless)))
    monkeypatch.setattr("desktop_app.cli.piped.LARGEST_MB", 3)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    assert run_verb("ask", "-", "-p", "What is it?") == 2
    assert "standard input is larger than 3 MB" in capsys.readouterr().err
    assert endless.given < 8 << 20
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_leaves_nothing_behind(slow: subprocess.Popen[bytes], place: Path, name: str) -> None:
    slow.send_signal(getattr(signal, name))
    assert slow.wait(30) == -getattr(signal, name), "whoever sent it sees that it worked"
    assert slow.stderr is not None
    assert slow.stderr.read() == b""
    assert list(place.iterdir()) == []


def test_what_a_killed_program_left_goes_at_the_next_start(
    slow: subprocess.Popen[bytes],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(place))
    assert run_verb("ask", "http://a.b/c.png", "-p", "What is it?") == 2
    assert len(list(place.glob("*/*"))) == 1, "what another program still uses is left alone"
    slow.kill()
    slow.wait(30)
    assert len(list(place.glob("*/*"))) == 1
    assert run_verb("ask", "http://a.b/c.png", "-p", "What is it?") == 2
    assert list(place.iterdir()) == []
    assert "does not go online" in capsys.readouterr().err
