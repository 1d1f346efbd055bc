"""A picture that macOS opens with the program arrives as an event, at any time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from desktop_app import paths
from tests.helpers.watched_program import run_watched

# The program runs by itself; only the loop of Qt is watched.
_WATCHED = """
import sys
from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication, QMainWindow

before, after = sys.argv[1:3]
del sys.argv[1:]
execute = QApplication.exec
sent = []
timer = QTimer(interval=20)

def open_with(what):
    assert QApplication.sendEvent(QApplication.instance(), QFileOpenEvent(what))

def watched(*_application):
    print(QApplication.desktopFileName())
    open_with(before)
    timer.timeout.connect(look)
    timer.start()
    return execute()

def look():
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
    names = [held.name for held in window.services.draft.pictures() if held.picture is not None]
    if names and not sent:
        window.showMinimized()
        open_with(after)
        QApplication.sendEvent(QApplication.instance(), QFileOpenEvent(QUrl("https://pictures.test/a.png")))
        sent.append(after)
        print("minimised" if window.isMinimized() else "in sight")
    if len(names) == 2:
        timer.stop()  # while it closes nobody looks: its parts are going
        print(*names, window.notices.current())
        window.close()

QApplication.exec = watched
from desktop_app.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(("flatpak", "name"), [({}, "eyebright"), ({"FLATPAK_ID": "a.b.Eyebright"}, "a.b.Eyebright")])
def test_pictures_are_attached_before_and_after_the_window_is_there(
    tmp_path: Path, flatpak: dict[str, str], name: str
) -> None:
    examples = paths.resources_folder() / "examples"
    environment = {key: value for key, value in os.environ.items() if key != "FLATPAK_ID"} | flatpak
    pictures = (str(examples / "digit.png"), str(examples / "shapes.png"))
    said = run_watched(_WATCHED, *pictures, folder=tmp_path, environment=environment)
    assert said == [name, "in sight", "digit.png shapes.png None"]
