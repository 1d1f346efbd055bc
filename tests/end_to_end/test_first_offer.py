"""What a person sees who starts the program for the first time: the offer of a model that knows photographs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from desktop_app import paths
from desktop_app.settings import Settings
from tests.end_to_end.watched_program import run_watched

# The program runs by itself, in a home that nobody has used, and sends its own signals; only the loop of Qt is watched.
_WATCHED = """
import sys
from PySide6.QtCore import QElapsedTimer, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow, QPushButton

execute = QApplication.exec
shown = QElapsedTimer()
timer = QTimer(interval=20)

def watched(*_application):
    timer.timeout.connect(look)
    timer.start()
    return execute()

def look():
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
    if not window.isVisible():
        return  # not yet
    if not shown.isValid():
        shown.start()
        window.resize(*map(int, size))
    buttons = [each for each in window.findChildren(QPushButton) if each.text() in texts]
    seen = {each.text() for each in buttons if each.visibleRegion().boundingRect() == each.rect()}
    if seen == set(texts) or shown.elapsed() > 20_000:
        timer.stop()
        said = "seen" if seen == set(texts) else f"seen: {seen}, {len(buttons)} are there"
        print(said, "soon" if shown.elapsed() < int(soon) else "late")
        window.close()

QApplication.exec = watched
from desktop_app.__main__ import main
soon, size, texts, sys.argv[1:] = sys.argv[1], sys.argv[2:4], sys.argv[4:], []
sys.exit(main())
"""


def test_a_new_home_is_offered_a_model_that_knows_photographs(tmp_path: Path) -> None:
    assert run_watched(_WATCHED, "3000", "1024", "690", "Download", folder=tmp_path) == ["seen soon"]


def test_who_has_a_model_without_its_projector_is_offered_both_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    paths.make_folders()
    settings = Settings(paths.settings_file())
    settings.set("model", str(shutil.copy(paths.demo_model()[0], tmp_path / "writer.gguf")))
    settings.save()
    ways = ("Add its projector…", "Download")
    # The model is loaded first: until then nobody knows what it sees.
    assert run_watched(_WATCHED, "15000", "1024", "690", *ways, folder=tmp_path) == ["seen soon"]
