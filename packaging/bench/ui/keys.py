"""How soon a letter is seen after its key, while the engine reads and writes on all processors."""

from __future__ import annotations

import itertools
import time

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtTest import QTest

from bench.job import long_question
from bench.results import Sheet
from bench.ui.aims import Scale
from bench.ui.real_window import RealWindow, percentile
from desktop_app.engine.messages import FINAL_EVENTS, Ask, Event, Sampling, Turn

_BETWEEN_S = 0.04
_READ = 1200  # tokens of each question: most of the time is spent reading, on all cores


class _Letters(QObject):
    """Presses keys when they are due, and notes when the field was painted with them."""

    def __init__(self, real: RealWindow, count: int) -> None:
        super().__init__()
        self._real = real
        self._left = count
        self._editor = real.window.composer.editor
        self._due = time.monotonic() + _BETWEEN_S
        self._pressed = 0.0
        self.took: list[float] = []
        self._editor.viewport().installEventFilter(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._press)
        self._timer.start(round(_BETWEEN_S * 1000))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint and self._pressed:
            pressed, self._pressed = self._pressed, 0.0
            QTimer.singleShot(0, self, lambda: self._seen(pressed))  # after the painting
        return False

    def _press(self) -> None:
        self._pressed = self._due
        QTest.keyClick(self._editor, Qt.Key.Key_E if self._left % 7 else Qt.Key.Key_Space)

    def _seen(self, pressed: float) -> None:
        now = time.monotonic()
        self.took.append(now - pressed)
        self._left -= 1
        if self._left == 0:
            self._real.application.quit()
            return
        self._due = now + _BETWEEN_S
        self._timer.start(round(_BETWEEN_S * 1000))


def measure(scale: Scale, sheet: Sheet) -> None:
    """Type while the built-in model answers one long question after another."""
    with RealWindow() as real:
        engine = real.services.engine
        numbers = itertools.count()
        answered = 0

        def ask() -> None:
            question = f"{next(numbers)} {long_question(_READ)}"  # nothing of it was read before
            engine.send(lambda request: Ask(request, (Turn(question),), Sampling(max_tokens=64)), go_on)

        def go_on(event: Event) -> None:
            nonlocal answered
            if isinstance(event, FINAL_EVENTS):
                answered += 1
                ask()

        ask()
        real.settle(0.5)
        real.window.composer.focus_editor()
        letters = _Letters(real, scale.keys)
        real.application.exec()
        sheet.put("keys.answered", answered)
    sheet.put("keys.key_ms", percentile(letters.took, 0.99) * 1000)
