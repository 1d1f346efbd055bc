"""The start of the program as by a double click: what is loaded before the window, and what after it."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.watched_program import run_watched

#: What takes long to import, or to be learnt by Python, and is not needed to see the window.
LATE = (
    "desktop_app.cli desktop_app.chat.history desktop_app.engine.worker desktop_app.ui.conversation_list "
    "desktop_app.ui.composer.draft_preview desktop_app.ui.widgets.thumbnails desktop_app.ui.help.report "
    "desktop_app.ui.protocols desktop_app.ui.transcript.view "
    "model_store.library.library hashlib json logging.handlers multiprocessing socket sqlite3 subprocess tomllib uuid"
)

# The program runs by itself; only the loop of Qt is watched, and ended when all is there.
_WATCHED = """
import gc, linecache, sys
from desktop_app.__main__ import main
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow

execute = QApplication.exec
timer = QTimer(interval=20)

def watched(*_application):
    print("before", gc.isenabled(), *(name for name in late[0].split() if name in sys.modules), *learnt(), *read())
    timer.timeout.connect(look)
    timer.start()
    return execute()

def learnt():
    from PySide6 import QtWidgets
    # Asked for a viewport, Python learns all kinds of widgets; asked for a style, all that styles can do.
    return [name for name in ("QMdiArea", "QStyle", "QFileDialog", "QMessageBox") if name in vars(QtWidgets)]

def read():
    # PySide6 reads the source of each module that is imported after it, until its import is taken back.
    return [name for name in linecache.cache if "desktop_app" in name and "qt_import" not in name]

def look():
    from desktop_app.ui.start_page import StartPage
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
    offers = [each for each in window.findChildren(object) if type(each).__name__ == "ModelOffer"]
    if offers and window.services.engine.state() == "ready" and window.isVisible():
        timer.stop()
        print("after", gc.isenabled(), window.services.models.library() is not None)
        window.close()

QApplication.exec = watched
late, sys.argv[1:] = sys.argv[1:], []
sys.exit(main())
"""


def test_the_window_comes_first_and_everything_else_after_it(tmp_path: Path) -> None:
    assert run_watched(_WATCHED, LATE, folder=tmp_path) == ["before False", "after True True"]
