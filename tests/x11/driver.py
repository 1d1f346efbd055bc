"""Runs the real window on a real X server, and uses it by mouse and keyboard from outside. Run by the X11 test.

Usage: driver.py PICTURE SCREENSHOT_FOLDER. Prints one JSON object: what was seen.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.assembly import build
from desktop_app.ui.application import make_application
from desktop_app.ui.composer.composer import Composer
from desktop_app.ui.window import MainWindow
from tests.helpers.waiting import pump, wait_until

_SOURCE_X, _SOURCE_Y = 20, 20


def xdotool(*arguments: str | int) -> None:
    """Move the mouse or press keys as a person would; Qt's events go on meanwhile."""
    process = subprocess.Popen(["xdotool", *map(str, arguments)])
    wait_until(lambda: process.poll() is not None, 30)
    if process.returncode:
        raise RuntimeError(f"xdotool {arguments} failed with {process.returncode}")


def middle_of(widget: QWidget) -> tuple[int, int]:
    point = widget.mapToGlobal(QPoint(widget.width() // 2, widget.height() // 2))
    return point.x(), point.y()


def drag(to: tuple[int, int]) -> None:
    """Drag from the other program's window to a point, in steps, as a hand does."""
    x, y = _SOURCE_X + 60, _SOURCE_Y + 60
    xdotool("mousemove", x, y, "mousedown", 1)
    for step in range(1, 11):
        xdotool("mousemove", x + (to[0] - x) * step // 10, y + (to[1] - y) * step // 10)
        pump(40)


def main() -> int:
    picture, shots = Path(sys.argv[1]), Path(sys.argv[2])
    application = make_application(sys.argv[:1])
    services = build()
    window = MainWindow(services)
    window.setGeometry(200, 40, 1000, 700)
    window.show()
    services.start()
    wait_until(lambda: services.engine.state() == "ready", 60)
    source = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("drag_source.py")), str(picture), str(_SOURCE_X), str(_SOURCE_Y)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert source.stdout is not None
        assert source.stdout.readline().strip() == "ready"
        pump(300)
        drag(middle_of(window))
        pump(200)
        screenshot(application, shots / "x11-dragging.png")
        xdotool("mouseup", 1)
        wait_until(lambda: [p.state for p in services.draft.pictures()] == ["read"], 30)
        screenshot(application, shots / "x11-read.png")
        composer = window.findChild(Composer)
        assert composer is not None
        xdotool("mousemove", *middle_of(composer), "click", 1)
        xdotool("type", "--delay", 20, "What shape is in the picture?")
        wait_until(lambda: services.draft.text() == "What shape is in the picture?")
        xdotool("key", "Return")
        wait_until(lambda: len(services.chat.messages()) == 2 and not services.chat.is_busy(), 60)
        pump(200)
        screenshot(application, shots / "x11-answered.png")
        answer = services.chat.messages()[-1]
        print(json.dumps({"text": answer.text, "state": answer.state.value, "details": answer.details}))
    finally:
        source.terminate()
        source.wait(10)
        window.close()
        services.close()
    return 0


def screenshot(application: QApplication, path: Path) -> None:
    """Take a picture of the whole screen: of what a person sees, not of what Qt thinks."""
    application.primaryScreen().grabWindow(0).save(str(path))


if __name__ == "__main__":
    raise SystemExit(main())
