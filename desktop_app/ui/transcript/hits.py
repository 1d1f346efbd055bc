"""The words of a search on the page: where they are, and the way from one to the next."""

from __future__ import annotations

from bisect import bisect_left

from PySide6.QtCore import QObject, QRect, Signal
from PySide6.QtGui import QTextDocument

from desktop_app.chat.conversation import Message, Role
from desktop_app.services.conversation.hits import first_hit, has_hit, hits_in
from desktop_app.ui.transcript.row import Row
from desktop_app.ui.transcript.rows import Rows

Range = tuple[int, int]  # positions in a document
_MOST_MARKED = 1000  # in one message; each takes time when it is painted


class Hits(QObject):
    """Finds the words in the messages that are looked at, and remembers the one that was gone to last.

    `changed`: other words are marked.
    """

    changed = Signal()

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self._rows = rows
        self._query = ""
        self._current: tuple[str, int] = ("", 0)  # message id, and which of its hits
        self._known: dict[str, tuple[Message, list[Range]]] = {}  # by message id; messages never change
        rows.replacing.connect(self._forget)

    def are_marked(self) -> bool:
        """Return whether words are marked."""
        return bool(self._query)

    def seek(self, query: str) -> None:
        """Mark the words of a search, and go to the message with most of them."""
        self._query = query
        self._known.clear()
        index = first_hit(self._rows.messages(), query)
        if index >= 0:
            self._rows.show_from(index)
            self._go_to(index, 0)
        self.changed.emit()

    def clear(self) -> None:
        """Mark nothing."""
        self._query, self._current = "", ("", 0)
        self._known.clear()
        self.changed.emit()

    def step(self, direction: int) -> None:
        """Go to the next hit (1) or the one before (-1); after the last comes the first."""
        messages = self._rows.messages()
        if not self._query or not messages:
            return
        index = self._rows.index_of(self._current[0])
        if index >= 0 and 0 <= self._current[1] + direction < len(self.ranges_in(index)):
            self._go_to(index, self._current[1] + direction)
            return
        for distance in range(1, len(messages) + 1):
            other = (index + direction * distance) % len(messages)
            if has_hit(messages[other], self._query) and (found := self.ranges_in(other)):
                self._go_to(other, 0 if direction > 0 else len(found) - 1)
                return

    def ranges_in(self, index: int) -> list[Range]:
        """Return where the words are in the document of a message."""
        if not self._query or self._rows.messages()[index].role is Role.NOTE:
            return []
        message = self._rows.messages()[index]
        known = self._known.get(message.id)
        if known is None or known[0] is not message:
            known = (message, _ranges(self._rows.row(index).document, self._query))
            self._known[message.id] = known
        return known[1]

    def current_in(self, message: Message) -> int:
        """Return which of the hits in a message was gone to last, -1 if it is in another one."""
        return self._current[1] if message.id == self._current[0] else -1

    def _forget(self, message_id: str) -> None:
        """A message is laid out anew, perhaps with formulas in place of what was written."""
        self._known.pop(message_id, None)

    def _go_to(self, index: int, place: int) -> None:
        self._current = (self._rows.messages()[index].id, place)
        found = self.ranges_in(index)
        if place < len(found):
            self._rows.ensure_part_seen(index, _line_of(self._rows.row(index), found[place][0]))
        self.changed.emit()


def _ranges(document: QTextDocument, query: str) -> list[Range]:
    text = document.toPlainText()
    # Qt counts letters beyond the first 65,536 as two.
    twice = [at for at, letter in enumerate(text) if letter > "\uffff"] if not text.isascii() else []
    found = hits_in(text, query)[:_MOST_MARKED]
    return [(start + bisect_left(twice, start), end + bisect_left(twice, end)) for start, end in found]


def _line_of(row: Row, position: int) -> QRect:
    """Return where in a row the line of a position of its document is."""
    block = row.document.findBlock(position)
    line = block.layout().lineForTextPosition(position - block.position())
    top = row.document.documentLayout().blockBoundingRect(block).top()
    rect = line.naturalTextRect().translated(0, top).toAlignedRect()
    return rect.translated(row.text.topLeft())
