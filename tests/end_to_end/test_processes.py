"""What each process of the running program holds, and never holds: the table in ARCHITECTURE.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.helpers.watched_program import run_watched
from tests.images.files import scene

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not list what a process has loaded")

_TELL = """
import json, os, sys
from multiprocessing import active_children
from tests.helpers.loaded import parts_held_by

def tell(name):
    children = {child.name: parts_held_by(child.pid) for child in active_children()}
    print("held:" + json.dumps({name: parts_held_by(os.getpid()), **children}))
"""

# The program runs by itself with a picture; only the loop of Qt is watched.
_WINDOW = (
    _TELL
    + """
from PySide6.QtCore import QTimer, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow

execute = QApplication.exec
timer = QTimer(interval=20)

def watched(*_application):
    timer.timeout.connect(look)
    timer.start()
    return execute()

def look():
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
    services = window.services
    messages = services.chat.messages()
    if not messages and [held.state for held in services.draft.pictures()] == ["read"]:
        QTest.keyClicks(window.composer.editor, "What is in this picture?")
        QTest.keyClick(window.composer.editor, Qt.Key.Key_Return)
    if messages and messages[-1].text and not services.chat.is_busy():
        timer.stop()
        tell("window")
        window.close()

QApplication.exec = watched
from desktop_app.__main__ import main
sys.exit(main())
"""
)

# The command runs by itself; only the end of its engine is watched.
_COMMAND = (
    _TELL
    + """
from desktop_app.engine.client import EngineClient

close = EngineClient.close

def watched(client):
    tell("command line")
    close(client)

EngineClient.close = watched
from desktop_app.__main__ import main
sys.exit(main())
"""
)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "photo.webp"
    scene().save(path)
    return str(path)


def _held(lines: list[str]) -> dict[str, list[str]]:
    (told,) = (line.removeprefix("held:") for line in lines if line.startswith("held:"))
    held: dict[str, list[str]] = json.loads(told)
    return held


def test_the_window_and_its_processes(tmp_path: Path, picture: str) -> None:
    assert _held(run_watched(_WINDOW, picture, folder=tmp_path)) == {
        "window": ["Qt", "history"],
        "eyebright-engine": ["llama.cpp", "Pillow"],
        "eyebright-pictures": ["Pillow"],
    }


def test_the_command_line_and_its_engine(tmp_path: Path, picture: str) -> None:
    lines = run_watched(_COMMAND, "ask", picture, "-p", "What is in this picture?", folder=tmp_path)
    assert "circle" in lines[0]
    assert _held(lines) == {
        "command line": [],
        "eyebright-engine": ["llama.cpp", "Pillow"],
        "eyebright-pictures": ["Pillow"],
    }
    assert not list((tmp_path / "home").rglob("*.log")), "the command line writes no log"
