"""The program is ended by the system: what was written a moment before is there at the next start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from desktop_app.chat.conversation import State
from desktop_app.chat.history import History
from tests.helpers.watched_program import run_watched

# The program runs by itself; only the loop of Qt is watched.
_WATCHED = """
import os, shutil, signal, sqlite3, sys, time
from contextlib import closing
from pathlib import Path
from PySide6.QtCore import QElapsedTimer, QTimer, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow
from desktop_app import paths

how, when = sys.argv[1:3]
del sys.argv[1:]
execute = QApplication.exec
done, texts = [], []
waited = QElapsedTimer()

def watched(*_application):
    timer = QTimer(interval=100)  # longer than until a text is shown
    timer.timeout.connect(look)
    timer.start()
    code = execute()
    print("left", code)
    return code

def look():
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
    services = window.services
    if done or not (texts or services.engine.state() == "ready"):
        return
    if when == "writing" and not writes(window):
        return
    if how == "killed" and texts[-1] not in saved() and waited.elapsed() < 15_000:
        return
    done.append(how)
    QTest.keyClicks(window.composer.editor, "half a ques")
    if how == "session":
        services.save()
    if how == "killed":
        print("writing" if services.chat.is_busy() else "written")
        os.kill(services.engine.pid(), signal.SIGCONT)  # so that it ends too
    if how in ("session", "killed"):
        sys.stdout.flush()
        os._exit(0)  # as systems do that wait for nobody
    if how == "dialog":
        QTimer.singleShot(0, window.dialogs.open_settings)
        QTimer.singleShot(200, lambda: os.kill(os.getpid(), signal.SIGTERM))
    else:
        os.kill(os.getpid(), getattr(signal, how))

def writes(window):
    # The engine is let run in short moments until the beginning of an answer is shown, and no further.
    services = window.services
    engine = services.engine.pid()
    if not services.chat.messages():
        services.answers.streaming.connect(lambda _message, text: texts.append(text))
        os.kill(engine, signal.SIGSTOP)
        QTest.keyClicks(window.composer.editor, "Tell me about circles.")
        QTest.keyClick(window.composer.editor, Qt.Key.Key_Return)
        waited.start()
    elif not texts:
        os.kill(engine, signal.SIGCONT)
        time.sleep(0.001)
        os.kill(engine, signal.SIGSTOP)
    return bool(texts)

def saved():
    # The program holds the file; a copy is what a next start would find now.
    copy = Path("copy")
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in paths.history_file().parent.glob("conversations.sqlite*"):
        shutil.copy(file, copy)
    with closing(sqlite3.connect(copy / "conversations.sqlite")) as file:
        return [text for (text,) in file.execute("SELECT text FROM messages")]

QApplication.exec = watched
from desktop_app.__main__ import main
sys.exit(main())
"""


_AT_FIRST_PAINT = """
import os, signal, sys
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

class Painted(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and type(watched).__name__ == "MainWindow":
            os.kill(os.getpid(), signal.SIGTERM)
            self.parent().removeEventFilter(self)
        return False

execute = QApplication.exec

def watched(*_application):
    application = QApplication.instance()
    application.installEventFilter(Painted(application))
    return execute()

sys.stderr = sys.stdout
QApplication.exec = watched
from desktop_app.__main__ import main
sys.exit(main())
"""


def history_of(folder: Path) -> History:
    (file,) = (folder / "home").rglob("conversations.sqlite")
    history, problem = History.open(file)
    assert problem is None
    return history


@pytest.mark.skipif(os.name != "posix", reason="no signals")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "SIGHUP", "dialog"])
def test_a_signal_ends_the_program_as_closing_the_window_does(tmp_path: Path, how: str) -> None:
    assert run_watched(_WATCHED, how, "idle", folder=tmp_path) == ["left 0"]
    history = history_of(tmp_path)
    assert history.draft("")[0] == "half a ques"
    history.close()
    assert list((tmp_path / "home").rglob("window.ini")), "size and place of the window"


@pytest.mark.skipif(os.name != "posix", reason="no signals")
def test_a_signal_at_the_first_paint_ends_the_program_without_a_word(tmp_path: Path) -> None:
    assert run_watched(_AT_FIRST_PAINT, folder=tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="no signals")
def test_an_answer_that_is_being_written_is_kept(tmp_path: Path) -> None:
    assert run_watched(_WATCHED, "SIGTERM", "writing", folder=tmp_path) == ["left 0"]
    history = history_of(tmp_path)
    (conversation,) = history.summaries()
    asked, answered = history.path(conversation.id)
    assert asked.text == "Tell me about circles."
    assert answered.text
    assert answered.state is State.INTERRUPTED
    assert history.draft(conversation.id)[0] == "half a ques"
    history.close()


@pytest.mark.skipif(os.name != "posix", reason="no signals")
def test_what_is_shown_of_an_answer_is_saved_while_it_is_written(tmp_path: Path) -> None:
    """The program is killed: nothing that would tidy up runs."""
    assert run_watched(_WATCHED, "killed", "writing", folder=tmp_path) == ["writing"]
    history = history_of(tmp_path)
    history.mark_interrupted()  # as every start does
    (conversation,) = history.summaries()
    asked, answered = history.path(conversation.id)
    assert asked.text == "Tell me about circles."
    assert answered.text
    assert answered.state is State.INTERRUPTED
    history.close()


def test_when_the_session_ends_all_is_saved_at_once(tmp_path: Path) -> None:
    """Somebody logs out: afterwards the system may end the program without a word.

    Qt's signal has a session manager that only a session can make, so what it calls is called here.
    """
    assert run_watched(_WATCHED, "session", "idle", folder=tmp_path) == []
    history = history_of(tmp_path)
    assert history.draft("")[0] == "half a ques"
    history.close()
