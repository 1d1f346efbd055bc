"""What a person sees who starts the program for the first time: the offer of a model that knows photographs."""

from __future__ import annotations

from pathlib import Path

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
    buttons = [each for each in window.findChildren(QPushButton) if each.text() == "Download"]
    seen = [each for each in buttons if each.visibleRegion().boundingRect() == each.rect()]
    if seen or shown.elapsed() > 20_000:
        timer.stop()
        print("seen" if seen else f"not seen, {len(buttons)} hidden", "soon" if shown.elapsed() < 3000 else "late")
        window.close()

QApplication.exec = watched
from desktop_app.__main__ import main
size, sys.argv[1:] = sys.argv[1:], []
sys.exit(main())
"""


def test_a_new_home_is_offered_a_model_that_knows_photographs(tmp_path: Path) -> None:
    assert run_watched(_WATCHED, "1024", "690", folder=tmp_path) == ["seen soon"]
