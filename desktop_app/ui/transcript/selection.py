"""The text selection in a conversation: from a character of one message to one of the same or of another."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QTextCursor

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.ui.transcript.markdown.copying import Piece, copy, is_one_paragraph, selected
from desktop_app.ui.transcript.rows import Rows


class Selection(QObject):
    """Remembers what is selected and copies it. `changed`: the selected text must be painted again.

    Positions are those of the messages' text documents. The selection is gone when a message at its ends changes.
    """

    changed = Signal()

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self._rows = rows
        self._message_id = ""  # of the message where it began
        self._end_id = ""  # of the one where it ends
        self._range = (0, 0)  # where it began, where it ends; kept when the selection is gone
        rows.resetting.connect(self.clear)
        rows.replacing.connect(self._forget)

    def range_in(self, index: int) -> tuple[int, int] | None:
        """Return the selected positions of a message: where the selection began, and where it ends."""
        if not self._message_id:
            return None
        begin, end = self.index(), self._rows.index_of(self._end_id)
        if begin == end:
            return self._range if index == begin else None
        if not min(begin, end) <= index <= max(begin, end):
            return None
        last = self._rows.row(index).document.characterCount() - 1
        if index == begin:
            return (self._range[0], last if end > begin else 0)
        if index == end:
            return (0 if end > begin else last, self._range[1])
        return (0, last)

    def is_in(self, index: int) -> bool:
        """Return whether something of a message is selected, were it only a place."""
        return self.range_in(index) is not None

    def text(self) -> str:
        """Return the selected words, as they would be copied."""
        return "\n\n".join(piece.text for piece in self._pieces())

    def _pieces(self) -> list[Piece]:
        if self.index() < 0 or self.is_click():
            return []
        indexes = sorted((self.index(), self._rows.index_of(self._end_id)))
        pieces: list[Piece] = []
        for index in range(indexes[0], indexes[1] + 1):
            message = self._rows.messages()[index]
            if message.role is Role.NOTE or not message.text:
                continue
            if indexes[0] < index < indexes[1]:  # whole, and perhaps one of thousands: not laid out for this
                pieces.append(Piece(message.text, message.role is Role.ASSISTANT))
            elif (places := self.range_in(index)) is not None:
                pieces += self._pieces_of(index, message, min(places), max(places), indexes[0] == indexes[1])
        return pieces

    def _pieces_of(self, index: int, message: Message, start: int, end: int, alone: bool) -> list[Piece]:
        is_answer = message.role is Role.ASSISTANT and message.state is not State.STREAMING
        document = self._rows.row(index).document
        is_plain = alone and is_one_paragraph(document, start, end)
        if end - start >= document.characterCount() - 1 and not is_plain:
            return [Piece(message.text, is_answer)]  # of a long text more than is shown
        return selected(document, message.text, start, end, alone=alone) if start < end else []

    def index(self) -> int:
        """Return the index of the message with the selection, or -1."""
        return self._rows.index_of(self._message_id) if self._message_id else -1

    def is_click(self) -> bool:
        """Return whether the latest selection ended where it began, even if it is gone by now."""
        return self._range[0] == self._range[1] and self._message_id == self._end_id

    def select(self, index: int, start: int, end: int) -> None:
        """Select from position `start` to `end` of a message."""
        self._message_id = self._end_id = self._rows.messages()[index].id
        self._range = (start, end)
        self.changed.emit()

    def extend(self, end: int, index: int) -> None:
        """Let the selection end at another position, of any message."""
        self._end_id = self._rows.messages()[index].id
        self._range = (self._range[0], end)
        self.changed.emit()

    def select_unit(self, index: int, position: int, unit: QTextCursor.SelectionType) -> None:
        """Select the word or paragraph at a position of a message."""
        cursor = QTextCursor(self._rows.row(index).document)
        cursor.setPosition(position)
        cursor.select(unit)
        self.select(index, cursor.selectionStart(), cursor.selectionEnd())

    def select_all(self, index: int) -> None:
        """Select all words of a message."""
        if 0 <= index < len(self._rows.messages()):
            self.select(index, 0, self._rows.row(index).document.characterCount() - 1)

    def clear(self) -> None:
        """Select nothing."""
        self._message_id = self._end_id = ""
        self.changed.emit()

    def copy(self) -> bool:
        """Copy the selected words; return False when there are none."""
        pieces = self._pieces()
        if pieces:
            copy(pieces)
        return bool(pieces)

    def _forget(self, message_id: str) -> None:
        if message_id in (self._message_id, self._end_id):
            self.clear()
