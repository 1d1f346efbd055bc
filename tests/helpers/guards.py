"""The pytest plugin that watches every test: no stray messages, nothing left behind, no network.

Loaded by conftest.py; the tests of the plugin load it alone.
"""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import leaks, origins, strays


def pytest_configure() -> None:
    """Begin to watch before anything is imported that could start something."""
    origins.watch()
    strays.watch_logs()


@pytest.fixture
def expected() -> strays.Expected:
    """Say which warnings, Qt messages and exceptions in slots belong to the test."""
    return strays.Expected()


@pytest.fixture(autouse=True)
def _guard(expected: strays.Expected) -> Iterator[None]:
    """Fail a test that leaves something running or says something unexpected.

    The first fixture to be set up and so the last to be torn down: it sees what is left
    when all others have cleaned up, and takes what belongs to wider fixtures for granted.
    """
    watch_qt_if_loaded()
    strays.take()
    before = leaks.Snapshot()
    with strays.catching_exceptions():
        yield
        watch_qt_if_loaded()
        left = before.leaks()
    complaints = [f"left behind: {leak}" for leak in left]
    complaints += expected.complaints(strays.take())
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


def watch_qt_if_loaded() -> None:
    """Watch Qt as soon as a test has imported it; never import it for a test that does not."""
    if "PySide6.QtCore" in sys.modules:
        origins.watch_qt()
        strays.watch_qt()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a home of its own, with a name that careless code stumbles over."""
    folder = tmp_path / "a home with späces"
    monkeypatch.setenv("EYEBRIGHT_HOME", str(folder))
    # The keyring belongs to the person at this computer.
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return folder


@pytest.fixture(autouse=True)
def _stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections to other computers."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_local(address[0]):
            pytest.fail(f"a test wants to connect to {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def _is_local(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")
