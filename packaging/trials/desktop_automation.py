"""Presses keys in the front window and takes screenshots, on Linux (X11), Windows and macOS.

On Windows and macOS this uses programs that every such system has. Only the X11 part has been tested by the
authors. A system that does not allow it raises an error that says so, and nothing counts as tested that was not.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from trials import x11_user
from trials.chroots import NotHad
from trials.x11_user import Person

_MOST_S = 60
_DENIED = 3
#: SendKeys gives these characters another meaning.
_SPECIAL = "+^%~(){}[]"
_ACTIVATE = "if (-not (New-Object -ComObject WScript.Shell).AppActivate({number})) {{ exit 3 }}; Start-Sleep 1; "
_TYPE = (
    "Add-Type -AssemblyName System.Windows.Forms; "
    + _ACTIVATE
    + "[System.Windows.Forms.SendKeys]::SendWait('{text}'); Start-Sleep 1; "
    + "[System.Windows.Forms.SendKeys]::SendWait('{{ENTER}}')"
)
_LOOK = (
    "Add-Type -AssemblyName System.Windows.Forms, System.Drawing; "
    "$screen = [System.Windows.Forms.SystemInformation]::VirtualScreen; "
    "$picture = New-Object System.Drawing.Bitmap $screen.Width, $screen.Height; "
    "$graphics = [System.Drawing.Graphics]::FromImage($picture); "
    "$graphics.CopyFromScreen($screen.Location, [System.Drawing.Point]::Empty, $screen.Size); "
    "$picture.Save('{path}')"
)


class Hands(Protocol):
    """What a person does at the screen. Each raises `NotHad` where this computer does not let it be done."""

    def type(self, process: int, text: str) -> None:
        """Write a text, and Return, into the window of a process, where its cursor is."""

    def look(self, path: Path) -> None:
        """Take a picture of the screen."""

    def close(self, process: int) -> None:
        """Close the window of a process as a click on its cross does."""


@contextlib.contextmanager
def at_the_screen() -> Iterator[tuple[Hands, dict[str, str]]]:
    """Yield the hands for this system, and what the environment of a program on its screen has besides."""
    if sys.platform == "win32":
        yield Windows(), {}
    elif sys.platform == "darwin":
        yield Macos(), {}
    else:
        with x11_user.screen() as display:
            yield _X11(display), {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}


class _X11:
    """On an X server of our own."""

    def __init__(self, display: str) -> None:
        self._person = Person(display)

    def type(self, _process: int, text: str) -> None:
        self._person.type(self._person.find_window(), text)

    def look(self, path: Path) -> None:
        self._person.look(path)

    def close(self, _process: int) -> None:
        self._person.close(self._person.find_window())


class Windows:
    """Windows PowerShell."""

    def type(self, process: int, text: str) -> None:
        """Bring the window of a process to the front, type a text and press Enter; raises NotHad."""
        written = "".join(f"{{{letter}}}" if letter in _SPECIAL else letter for letter in text)
        self._run(_TYPE.format(number=process, text=written.replace("'", "''")))

    def look(self, path: Path) -> None:
        """Write a picture of the screen as PNG; raises NotHad."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._run(_LOOK.format(path=str(path).replace("'", "''")))

    def close(self, process: int) -> None:
        """Ask the program to close its window; raises NotHad."""
        _run(["taskkill", "/PID", str(process)])  # without /F it asks the windows to close

    def _run(self, script: str) -> None:
        _run(["powershell", "-NoProfile", "-NonInteractive", "-Command", script])


class Macos:
    """System Events, which macOS lets only those use whom the person has allowed it."""

    def type(self, process: int, text: str) -> None:
        """Bring the window of a process to the front, type a text and press Enter; raises NotHad."""
        events = 'tell application "System Events"'
        written = text.replace("\\", "\\\\").replace('"', '\\"')
        self._say(
            f"{events} to set frontmost of (first process whose unix id is {process}) to true",
            "delay 1",
            f'{events} to keystroke "{written}"',
            "delay 1",
            f"{events} to key code 36",
        )

    def look(self, path: Path) -> None:
        """Write a picture of the screen as PNG; raises NotHad."""
        path.parent.mkdir(parents=True, exist_ok=True)
        _run(["screencapture", "-x", str(path)])

    def close(self, _process: int) -> None:
        """Ask the program to close its window; raises NotHad."""
        self._say('tell application id "org.eyebright.Eyebright" to quit')

    def _say(self, *lines: str) -> None:
        _run(["osascript", *(part for line in lines for part in ("-e", line))])


def _run(command: list[str]) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_MOST_S, check=False, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHad(f"{command[0]}: {error}") from error
    if result.returncode == _DENIED:
        raise NotHad("the window could not be brought to the front")
    if result.returncode:
        raise NotHad(f"{command[0]}: {(result.stderr or result.stdout).strip()[-200:]}")
