"""A list of sentences to read: wrapped where they are long, scrolled where they are many."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QResizeEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QSizePolicy, QWidget

from desktop_app.ui.widgets.theme import theme

_MOST_LINES = 8  # in sight at once
_LEAST_LINES = 2
_WRAP = QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere


class LineList(QPlainTextEdit):
    """As high as its lines, up to eight; its words can be selected. Only the lines in sight are laid out."""

    def __init__(self, name: str, lines: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self._lines = lines
        self.setObjectName("lines")
        self.setAccessibleName(name)
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("background: transparent; border: none; padding: 0px;")
        self.setWordWrapMode(_WRAP)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.document().setDocumentMargin(0)
        self.setPlainText("\n".join(lines))
        self.fit(parent.width())

    def fit(self, width: int) -> None:
        """Be as high as the lines are in this width."""
        self.document().setDefaultFont(theme.font("small"))  # Qt sets the widget's own with every style
        bar = self.verticalScrollBar().sizeHint().width()
        count = 0
        for line in self._lines[:_MOST_LINES]:
            count += self._count(line, max(1, width - bar))
        height = line_height()
        self.setMinimumHeight(min(count, _LEAST_LINES) * height)
        self.setMaximumHeight(min(count, _MOST_LINES) * height + 2)
        self.updateGeometry()

    def _count(self, line: str, width: int) -> int:
        """Return into how many lines a line is wrapped; not more than are in sight."""
        layout = QTextLayout(line, theme.font("small"))
        layout.setTextOption(_wrapping())
        layout.beginLayout()
        count = 0
        while count < _MOST_LINES and (made := layout.createLine()).isValid():
            made.setLineWidth(width)
            count += 1
        layout.endLayout()
        return max(1, count)

    def sizeHint(self) -> QSize:
        """Ask for all of its lines that may be in sight."""
        return QSize(super().sizeHint().width(), self.maximumHeight())

    def minimumSizeHint(self) -> QSize:
        """Two lines are enough."""
        return QSize(0, self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Adapt the height: another width wraps the lines differently."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit(self.width())

    def changeEvent(self, event: QEvent) -> None:
        """Stay as high as its lines when the text size becomes another."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and "_lines" in self.__dict__:
            self.fit(self.width())


def line_height() -> int:
    """Return the height of one line in px."""
    metrics = QFontMetricsF(theme.font("small"))
    return ceil(metrics.ascent()) + ceil(metrics.descent())


def _wrapping() -> QTextOption:
    option = QTextOption()
    option.setWrapMode(_WRAP)
    return option
