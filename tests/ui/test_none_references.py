"""PySide6 6.12.0 lost references to None; the locked version must not."""

import subprocess
import sys

PROGRAM = """
import desktop_app.ui
from PySide6.QtCore import QObject, Signal
class Sender(QObject):
    sent = Signal(bool)
sender = Sender()
sender.sent.connect(lambda value: None)
for number in range(30_000):
    sender.parent()
    sender.blockSignals(False)
    sender.sent.emit(number % 2 == 0)
print("alive")
"""


def test_some_ten_thousand_calls_that_return_nothing_do_not_end_the_interpreter() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "alive\n", done.stderr
