"""Uses the program as a person at a screen: drops a picture on the window, types a question, reads the answer.

The screen is an X server of its own. The program is seen only from outside: by its window, and by what it keeps in
the user's home.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageDraw
from provision import paths

T = TypeVar("T")
QUESTION = "What is in the picture?"
_TRIAL_S = 60
_WINDOW = (200, 40, 1000, 700)  # left, top, width, height
_SOURCE = (20, 20)  # where the picture lies that is dragged


class Disappointed(Exception):  # noqa: N818 - it says what happened
    """Something did not come out as a person expects; the text says what."""


def wait_for(what: str, look: Callable[[], T | None], most: float = _TRIAL_S) -> T:
    """Return what `look` sees as soon as it is something. Raises `Disappointed`."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        if seen := look():
            return seen
        time.sleep(0.05)  # the program is another process, and tells nobody
    raise Disappointed(f"{what} did not come in {most:.0f} s")


def draw_circle(path: Path) -> None:
    """Draw what the built-in model is asked about."""
    picture = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(picture).ellipse((90, 50, 230, 190), fill=(220, 30, 30))
    picture.save(path)


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """Yield the name of an X server of our own, on a number that it chooses itself."""
    reading, writing = os.pipe()
    # Without -noreset it restarts when its last client has gone, and refuses those that come meanwhile.
    options = ["-screen", "0", "1280x800x24", "-nolisten", "tcp", "-ac", "-noreset"]
    command = ["Xvfb", "-displayfd", str(writing), *options]
    server = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            yield f":{pipe.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


class Person:
    """Mouse, keyboard and eyes on one screen."""

    def __init__(self, display: str) -> None:
        self._environment = os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}

    def find_window(self) -> str:
        """Return the number of the program's window, once it is there and has its place."""
        window = wait_for("a window", self._window)
        left, top, width, height = map(str, _WINDOW)
        self._do("windowmove", window, left, top, "windowsize", window, width, height, "windowfocus", window)
        return window

    def drop(self, inside: str) -> None:
        """Drag a picture, by the name the program knows it by, from another window onto the program's."""
        script = paths.REPOSITORY / "tests" / "x11" / "drag_source.py"
        left, top = _SOURCE
        command = [sys.executable, str(script), inside, str(left), str(top)]
        source = subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True)
        try:
            assert source.stdout is not None
            if source.stdout.readline().strip() != "ready":
                raise Disappointed("nothing could be dragged")
            x, y = left + 60, top + 60
            to_x, to_y = _WINDOW[0] + _WINDOW[2] // 2, _WINDOW[1] + _WINDOW[3] // 2
            moves = [(x + (to_x - x) * step // 12, y + (to_y - y) * step // 12) for step in range(1, 13)]
            self._do("mousemove", str(x), str(y), "sleep", "0.2", "mousedown", "1", "sleep", "0.1")
            for over_x, over_y in moves:
                self._do("mousemove", str(over_x), str(over_y), "sleep", "0.05")
            self._do("sleep", "0.2", "mouseup", "1", "sleep", "0.3")
        finally:
            source.terminate()
            source.wait(10)

    def type(self, window: str, text: str) -> None:
        """Click where questions are written, and write one."""
        left, top, width, height = _WINDOW
        self._do("mousemove", str(left + width // 2 + 100), str(top + height - 62), "click", "1", "windowfocus", window)
        self._do("type", "--delay", "15", text)
        self._do("key", "Return")

    def close(self, window: str) -> None:
        """End the program as its menu does."""
        self._do("windowfocus", window, "key", "ctrl+q")

    def look(self, path: Path) -> None:
        """Take a picture of the whole screen."""
        path.parent.mkdir(parents=True, exist_ok=True)
        code = (
            "import sys; from PySide6.QtWidgets import QApplication; application = QApplication([]);"
            "sys.exit(not application.primaryScreen().grabWindow(0).save(sys.argv[1]))"
        )
        subprocess.run([sys.executable, "-c", code, str(path)], env=self._environment, check=True, timeout=30)

    def _window(self) -> str | None:
        # By size: Qt has small windows of its own that are never seen.
        command = ["xdotool", "search", "--onlyvisible", "--class", "eyebright"]
        found = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        return found.stdout.split()[0] if found.stdout.split() else None

    def _do(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env=self._environment, check=True, capture_output=True, timeout=60)


def answers(home: Path) -> list[str]:
    """Return the finished answers that a home folder holds, oldest first."""
    return _column(home, "SELECT text FROM messages WHERE role = 'assistant' AND state = 'complete' ORDER BY created")


def questions(home: Path) -> list[str]:
    """Return the questions that a home folder holds, oldest first."""
    return _column(home, "SELECT text FROM messages WHERE role = 'user' ORDER BY created")


def drafted(home: Path) -> list[str]:
    """Return the names of the pictures that are attached to messages which nobody has sent yet."""
    return _column(home, "SELECT name FROM draft_pictures ORDER BY conversation, position")


def _column(home: Path, query: str) -> list[str]:
    database = next(iter(home.rglob("conversations.sqlite")), None)
    if database is None:
        return []
    # A copy: two programs should not have one database open.
    copy = database.with_name("read-by-trial.sqlite")
    try:
        for end in ("", "-wal", "-journal"):
            beside = database.with_name(database.name + end)
            if beside.exists():
                shutil.copyfile(beside, copy.with_name(copy.name + end))
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            return [row[0] for row in connection.execute(query)]
    except sqlite3.Error:
        return []  # caught in the middle of a write: the next look will see it
    finally:
        for end in ("", "-wal", "-journal"):
            copy.with_name(copy.name + end).unlink(missing_ok=True)


def pictures(home: Path) -> int:
    """Return how many pictures a home folder keeps."""
    return sum(1 for folder in home.rglob("pictures") for path in folder.rglob("*") if path.is_file())


def must_be_right(answer: str) -> str:
    """Return the answer if it names what is drawn. Raises `Disappointed`."""
    if not all(word in answer.lower() for word in ("red", "circle")):
        raise Disappointed(f"it answered {answer!r}")
    return answer
