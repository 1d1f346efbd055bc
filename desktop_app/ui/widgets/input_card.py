"""The card around a text field, outlined in the accent colour while the field has the focus."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop_app.ui.widgets.theme import RADIUS, RADIUS_SMALL, theme

_RADIUS = RADIUS + RADIUS_SMALL


class Card(QWidget):
    """A rounded card with an outline."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_active = False
        theme.changed.connect(self.update)

    def set_active(self, is_active: bool) -> None:
        """Show that the field has the keyboard focus."""
        self._is_active = is_active
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the card below its children."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.colour("accent" if self._is_active else "edge"), 2 if self._is_active else 1)
        inset = pen.widthF() / 2
        painter.setPen(pen)
        painter.setBrush(theme.colour("raised"))
        rect = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(rect, _RADIUS - inset, _RADIUS - inset, Qt.SizeMode.AbsoluteSize)
