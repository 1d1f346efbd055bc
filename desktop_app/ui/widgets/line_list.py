"""A list of lines to read: elided where they are too long, scrolled where they are many."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from desktop_app.ui.widgets.plain_text import one_line, set_line_tip

_MOST_LINES = 5  # in sight at once
_LINE = 1  # px above the first


class LineList(QListWidget):
    """As high as its lines, up to five. A line's tool tip has all of it."""

    def __init__(self, name: str, lines: Iterable[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("lines")
        self.setAccessibleName(name)
        self.setUniformItemSizes(True)  # only the lines in sight are laid out
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for line in lines:
            item = QListWidgetItem(one_line(line), self)
            set_line_tip(item, line)
        self.ensurePolished()
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Stay as high as its lines when the text size becomes another."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(self.sizeHintForRow(0) * min(self.count(), _MOST_LINES) + _LINE)
