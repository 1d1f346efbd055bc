"""The button on each block of code that copies it: always there, and in sight while the end of long code is read."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from desktop_app.ui.transcript.actions import PageButton
from desktop_app.ui.transcript.markdown.document import CodeBlock, code_header
from desktop_app.ui.transcript.page import TranscriptPage
from desktop_app.ui.widgets.theme import GRID


class CodeButton(PageButton):
    """Copies one block of code."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("copy", "", parent)
        self.set_name(self.tr("Copy code"))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the bar below the message has one for the keyboard
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._code: CodeBlock | None = None
        self.clicked.connect(self._copy)

    def stand_on(self, place: QRect, code: CodeBlock) -> None:
        """Go to the corner of a block of code, or as near to it as is seen."""
        if code != self._code:
            self._code = code
            self.show_usual()
        size = self.sizeHint()
        inset = (code_header() - size.height()) // 2
        top = max(place.top() + inset, min(GRID, place.bottom() - size.height()))
        self.setGeometry(QRect(QPoint(place.right() - size.width() - inset, top), size))

    def _copy(self) -> None:
        if self._code is not None:
            QGuiApplication.clipboard().setText(self._code.text)
            self.confirm()


class CodeButtons(QObject):
    """Keeps one button for each block of code in the window."""

    def __init__(self, page: TranscriptPage) -> None:
        super().__init__(page)
        self._page = page
        self._made: list[CodeButton] = []
        page.rows.arranged.connect(self._place)

    def shown(self) -> list[CodeButton]:
        """Return the buttons in the window, from top to bottom."""
        return [button for button in self._made if not button.isHidden()]

    def _place(self) -> None:
        rows, viewport = self._page.rows, self._page.viewport()
        panels = [
            (panel.rect.translated(rows.column_left(), y), panel.code)
            for index, y in rows.placed()
            for panel in rows.row(index).panels
        ]
        seen = [(place, code) for place, code in panels if place.intersects(viewport.rect())]
        self._made += [CodeButton(viewport) for _ in range(len(seen) - len(self._made))]
        for button, (place, code) in zip(self._made, seen, strict=False):
            button.stand_on(place, code)
            button.show()
        for button in self._made[len(seen) :]:
            button.hide()
