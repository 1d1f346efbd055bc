"""Tables wider than the page: each moves sideways by itself, behind the room that the page has for it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from PySide6.QtCore import QPoint, QRect

from desktop_app.ui.transcript.markdown.document import SafeDocument
from desktop_app.ui.widgets.theme import theme

_BAR = 4  # px
_REACH = 6  # px around the bar, in which it can be taken hold of
_SHORTEST = 24  # px


@dataclass
class Strip:
    """A wide table. `room`: where it is seen, in px of its row; `width`: how wide it is; `offset`: how far it moved."""

    room: QRect
    width: int
    offset: int = 0

    def move_by(self, delta: int) -> bool:
        """Move it; return whether there was a way to go."""
        before = self.offset
        self.offset = max(0, min(self.offset + delta, self.width - self.room.width()))
        return self.offset != before

    def groove(self) -> QRect:
        """Return where its bar moves."""
        height = theme.px(_BAR)
        return QRect(self.room.left(), self.room.bottom() + 5, self.room.width(), height)

    def bar(self) -> QRect:
        """Return where its bar is."""
        groove = self.groove()
        length = max(_SHORTEST, groove.width() * groove.width() // self.width)
        way = self.width - self.room.width()
        return QRect(
            groove.left() + (groove.width() - length) * self.offset // way, groove.top(), length, groove.height()
        )

    def holds(self, point: QPoint) -> bool:
        """Return whether its bar can be taken hold of at a point."""
        return self.groove().adjusted(0, -2, 0, _REACH).contains(point)

    def drag_by(self, delta: int) -> None:
        """Move its bar by so many px."""
        way = self.groove().width() - self.bar().width()
        if way > 0:
            self.move_by(round(delta * (self.width - self.room.width()) / way))


def wide_tables(document: SafeDocument, text: QRect) -> list[Strip]:
    """Return the tables that are wider than the page; `text`: where the document is in the row."""
    found = []
    for shown in document.parts.tables:
        # Qt says how large a table is with its margins, but where its first words are.
        layout, look = document.documentLayout(), shown.table.format()
        size = layout.frameBoundingRect(shown.table).size()
        words = layout.blockBoundingRect(shown.table.cellAt(0, 0).firstCursorPosition().block())
        left, top = round(look.leftMargin()), floor(words.top() - look.cellPadding() - 2)
        width = ceil(size.width() - look.leftMargin()) + 1
        height = ceil(size.height() - look.topMargin() - look.bottomMargin()) + 2
        room = QRect(left, top, text.width() - left, height).translated(text.topLeft())
        if width > room.width() + 1:
            found.append(Strip(room, width))
    return found
