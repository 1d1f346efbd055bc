"""The progress line that is shown in place of an answer until its first words arrive."""

from __future__ import annotations

from math import pi, sin
from typing import Any

from PySide6.QtCore import QElapsedTimer, QObject, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPainterPath, QPen

from desktop_app.engine.messages import Phase
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.theme import GRID, theme

_TICK_MS = 125  # the engine needs the processor more than the eye needs to move
_BREATH_MS = 2000
_WORTH_SAYING_S = 0.5
_EYE, _CHEVRON = 20, 14  # px at 100 % text size


def waiting_width(sentence: str) -> int:
    """Return how wide the line is with a sentence, and with a sign behind it, in px."""
    advance = QFontMetrics(theme.font("body")).horizontalAdvance(sentence)
    return theme.px(_EYE) + GRID + 2 + advance + GRID + theme.px(_CHEVRON)


class Waiting(QObject):
    """Tracks and paints what the engine does before it writes. `changed`: the line must be painted again."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._phase: Phase | None = None
        self._done = 0
        self._total = 0
        self._expected_s = 0.0
        self._part, self._parts = 0, 1
        self._behind = ""
        self._engine = "ready"
        self._since = QElapsedTimer()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self.changed)

    def show_phase(self, phase: Phase | None, details: dict[str, Any]) -> None:
        """Show a phase, with the details of `Answers.phase`."""
        if phase is not self._phase or details.get("expected_s", 0.0) != self._expected_s:
            self._since.start()
        self._phase = phase
        self._done = int(details.get("done", 0))
        self._total = int(details.get("total", 0))
        self._expected_s = float(details.get("expected_s", 0.0))
        self._part, self._parts = int(details.get("part", 0)), max(1, int(details.get("parts", 1)))
        self.changed.emit()

    def forget_phase(self) -> None:
        """Forget the phase: another conversation is shown, and its own phase follows."""
        self.show_phase(None, {})

    def show_behind(self, title: str) -> None:
        """Name the conversation in which an answer is written first."""
        self._behind = title
        self.changed.emit()

    def show_engine(self, state: str) -> None:
        """Show the state of the engine while there is no phase."""
        self._engine = state
        self.changed.emit()

    def set_visible(self, visible: bool) -> None:
        """Animate only while the line is in the window."""
        if visible and not self._tick.isActive():
            self._tick.start()
        elif not visible:
            self._tick.stop()

    def sentence(self) -> str:
        """Return what the line says."""
        left = 0.0
        if self._expected_s >= _WORTH_SAYING_S:
            left = self._expected_s - self._elapsed_s()
            # The last half second counts as one; after that it simply takes longer.
            left = max(left, 0.5) if left > -0.5 else -1.0
        if self._phase is Phase.WAITING and self._engine != "silent":
            return words.behind(self._behind)
        return words.waiting(
            self._phase, self._done, self._total, left, self._engine, self._part, self._parts, self._elapsed_s()
        )

    def progress(self) -> float:
        """Return the progress of the phase, 0 to 1, or -1 when unknown."""
        if self._phase is Phase.READING and self._total:
            return min(1.0, self._done / self._total)
        done = self._part / self._parts
        if self._phase in (Phase.LOOKING, Phase.READING) and self._expected_s:
            return min(0.97, done + (1 - done) * self._elapsed_s() / self._expected_s)
        return done or -1.0

    def paint(self, painter: QPainter, rect: QRect, sign_behind: str = "") -> None:
        """Paint the line into `rect`: an eye, the sentence, and a thin progress bar.

        `sign_behind`: the name of an icon behind the sentence, which says that more can be seen.
        """
        sign = theme.px(_EYE)
        middle = QPointF(rect.left() + sign / 2, rect.top() + theme.line_height() / 2)
        self._paint_eye(painter, middle, sign)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.colour("muted"))
        room = rect.adjusted(sign + GRID + 2, 0, 0, 0)
        room.setHeight(theme.line_height())
        shown = painter.fontMetrics().elidedText(self.sentence(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), shown)
        if sign_behind:
            side = theme.px(_CHEVRON)
            left = room.left() + painter.fontMetrics().horizontalAdvance(shown) + GRID // 2
            place = QRectF(left, room.top() + (room.height() - side) / 2, side, side)
            icons.paint(painter, sign_behind, theme.colour("muted"), place)
        share = self.progress()
        if share >= 0:
            self._paint_bar(painter, QRectF(room.left(), room.bottom() + 4, theme.px(160), 3), share)

    def _paint_eye(self, painter: QPainter, middle: QPointF, size: int) -> None:
        looking = self._phase is Phase.LOOKING
        half = size / 2 - 1
        lid = QPainterPath(middle - QPointF(half, 0))
        lid.quadTo(middle - QPointF(0, size * 0.62), middle + QPointF(half, 0))
        lid.quadTo(middle + QPointF(0, size * 0.62), middle - QPointF(half, 0))
        painter.setPen(QPen(theme.colour("accent"), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(lid)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("eye" if looking else "accent"))
        radius = size * (0.17 if looking else 0.12)
        if theme.animation_ms():
            radius *= 1 + 0.12 * sin(2 * pi * self._breath())
        painter.drawEllipse(middle, radius, radius)

    def _paint_bar(self, painter: QPainter, bar: QRectF, share: float) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("line"))
        painter.drawRoundedRect(bar, 1.5, 1.5)
        painter.setBrush(theme.colour("accent"))  # the eye's yellow could not be told from paper
        bar.setWidth(max(3.0, bar.width() * share))
        painter.drawRoundedRect(bar, 1.5, 1.5)

    def _elapsed_s(self) -> float:
        return self._since.elapsed() / 1000 if self._since.isValid() else 0.0

    def _breath(self) -> float:
        return (self._since.elapsed() % _BREATH_MS) / _BREATH_MS if self._since.isValid() else 0.0
