"""The buttons that copy blocks of code and unfolded thoughts, in sight while the end of a long one is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from PySide6.QtCore import QObject, QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from desktop_app.ui.transcript.actions import PageButton
from desktop_app.ui.transcript.markdown.document import code_header
from desktop_app.ui.transcript.page import TranscriptPage
from desktop_app.ui.widgets.theme import GRID


class _Copied(NamedTuple):
    """What a button copies, and where it stands."""

    key: object  # tells one thing from another
    name: str  # of the button
    text: Callable[[], str]
    place: QRect
    head: int  # px at its top, in which the button stands


class CopyButton(PageButton):
    """Copies one thing on the page."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("copy", "", parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the bar below the message, or its menu, is for the keyboard
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._copied: _Copied | None = None
        self.clicked.connect(self._copy)

    def stand_on(self, copied: _Copied) -> None:
        """Go to the corner of a thing, or as near to it as is seen."""
        if self._copied is None or copied.key != self._copied.key:
            self.set_name(copied.name)
            self.show_usual()
        self._copied = copied
        size, place = self.sizeHint(), copied.place
        inset = (copied.head - size.height()) // 2
        top = max(place.top() + inset, min(GRID, place.bottom() - size.height()))
        self.setGeometry(QRect(QPoint(place.right() - size.width() - max(0, inset), top), size))

    def _copy(self) -> None:
        if self._copied is not None:
            QGuiApplication.clipboard().setText(self._copied.text())
            self.confirm()


class CopyButtons(QObject):
    """Keeps one button for each block of code, and for each unfolded thought, in the window."""

    def __init__(self, page: TranscriptPage) -> None:
        super().__init__(page)
        self._page = page
        self._made: list[CopyButton] = []
        page.rows.arranged.connect(self._place)

    def shown(self) -> list[CopyButton]:
        """Return the buttons in the window, from top to bottom."""
        return [button for button in self._made if not button.isHidden()]

    def _found(self) -> Iterator[_Copied]:
        rows = self._page.rows
        for index, y in rows.placed():
            row = rows.row(index)
            if not row.thought.isNull():
                place = row.thought_head.united(row.thought).translated(rows.column_left(), y)
                place.setRight(rows.column_left() + row.width - 1)
                message_id, head = row.message.id, row.thought_head.height()
                yield _Copied(
                    message_id, self.tr("Copy what it thought"), partial(self._thought, message_id), place, head
                )
            for panel in row.panels:
                place = panel.rect.translated(rows.column_left(), y)
                yield _Copied(panel.code, self.tr("Copy code"), partial(str, panel.code.text), place, code_header())

    def _thought(self, message_id: str) -> str:
        rows = self._page.rows
        return rows.messages()[rows.index_of(message_id)].thought.strip()

    def _place(self) -> None:
        viewport = self._page.viewport()
        seen = [copied for copied in self._found() if copied.place.intersects(viewport.rect())]
        self._made += [CopyButton(viewport) for _ in range(len(seen) - len(self._made))]
        for button, copied in zip(self._made, seen, strict=False):
            button.stand_on(copied)
            button.show()
        for button in self._made[len(seen) :]:
            button.hide()
