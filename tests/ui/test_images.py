"""Decoding on threads, and the end of the program meanwhile."""

from __future__ import annotations

import subprocess
import sys

_ENDS_AT_ONCE = """
from functools import partial
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication
from desktop_app.ui.widgets.images import decode, decoding
from tests.helpers.fakes.pictures import png

app = QApplication(["eyebright-tests", "-platform", "offscreen"])
data = png(3000, 3000)
for number in range(4):
    decoding.start(number, partial(decode, data, QSize(1500, 1500)))
"""


def test_the_program_ends_in_good_order_while_pictures_are_decoded() -> None:
    """What a thread decodes with is taken apart at the end of the program."""
    for _ in range(3):
        ended = subprocess.run([sys.executable, "-c", _ENDS_AT_ONCE], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")


_BOTH_AT_ONCE = """
from functools import partial
from PySide6.QtCore import QSize
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication
from desktop_app.ui.widgets.images import decode, decoding
from tests.helpers.fakes.pictures import png

app = QApplication(["eyebright-tests", "-platform", "offscreen"])
data = png(64, 48)
for number in range(300):
    decoding.start(number, partial(decode, data, QSize(32, 24)))
    for _ in range(20):
        assert QPixmap().loadFromData(data)
"""


def test_the_window_decodes_while_a_thread_does() -> None:
    """Neither waits for what the other holds."""
    subprocess.run([sys.executable, "-c", _BOTH_AT_ONCE], check=True, timeout=60)
