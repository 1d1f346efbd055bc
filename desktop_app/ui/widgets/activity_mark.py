"""The mark at a conversation in which something happens: an answer is written, a question waits, an answer is new."""

from __future__ import annotations

from math import pi, sin
from typing import Literal

from PySide6.QtCore import QElapsedTimer, QObject, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPen

from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.theme import theme

_SIDE = 18  # px at 100 % text size
_TICK_MS = 125  # the engine needs the processor more than the eye needs to move
_ROUND_MS = 1500
_DOTS = 3


class ActivityMark(QObject):
    """Paints the marks. `moved()`: the moving one must be painted again; it stands still with reduced motion."""

    moved = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._since = QElapsedTimer()
        self._since.start()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self.moved)

    def set_moving(self, moving: bool) -> None:
        """Move only while such a mark is seen."""
        if not moving or not theme.animation_ms():
            self._tick.stop()
        elif not self._tick.isActive():
            self._tick.start()

    def is_moving(self) -> bool:
        """Return whether it moves."""
        return self._tick.isActive()

    @staticmethod
    def rect(words: QRect) -> QRect:
        """Return where the mark stands at the end of a row's words."""
        side = icons.side(_SIDE)
        return QRect(words.right() - side + 1, words.center().y() - side // 2, side, side)

    def paint(self, painter: QPainter, mark: Literal["writing", "waiting", "unseen", "broken"], rect: QRect) -> None:
        """Paint a mark: dots for what is written, a ring for what waits, a dot for what is new, a sign for a fault."""
        painter.save()
        middle, side = QPointF(rect.center()), rect.width()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("accent"))
        if mark == "broken":
            icons.paint(painter, "warning", theme.colour("warning"), QRectF(rect).adjusted(1, 1, -1, -1))
        elif mark == "unseen":
            painter.drawEllipse(middle, side * 0.22, side * 0.22)
        elif mark == "waiting":
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("muted"), side * 0.09))
            painter.drawEllipse(middle, side * 0.24, side * 0.24)
        else:
            for number in range(_DOTS):
                painter.setOpacity(self._strength(number))
                painter.drawEllipse(middle + QPointF((number - 1) * side * 0.32, 0), side * 0.12, side * 0.12)
        painter.restore()

    def _strength(self, number: int) -> float:
        if not self._tick.isActive():
            return 1.0
        turn = (self._since.elapsed() % _ROUND_MS) / _ROUND_MS - number / (2 * _DOTS)
        return 0.65 + 0.35 * sin(2 * pi * turn)
