"""The text selection in a conversation: a range of characters in one message."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication, QTextCursor

from desktop_app.chat.conversation import Message
from desktop_app.ui.transcript.rows import Rows
from desktop_app.ui.widgets.long_text import shown_part


class Selection(QObject):
    """Remembers what is selected and copies it. `changed`: the selected text must be painted again.

    Positions are those of the message's text document. The selection is gone when its message changes.
    """

    changed = Signal()

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self._rows = rows
        self._message_id = ""
        self._range = (0, 0)  # where it began, where it ends; kept when the selection is gone
        rows.resetting.connect(self.clear)
        rows.replacing.connect(self._forget)

    def range_in(self, message: Message) -> tuple[int, int] | None:
        """Return the selected positions of a message: where the selection began, and where it ends."""
        return self._range if message.id == self._message_id else None

    def text(self) -> str:
        """Return the selected words."""
        index = self.index()
        if index < 0 or self.is_click():
            return ""
        document = self._rows.row(index).document
        text = self._rows.messages()[index].text
        if shown_part(text) is not text and abs(self._range[1] - self._range[0]) >= document.characterCount() - 1:
            return text  # all that is shown is selected: all of the message is meant
        cursor = QTextCursor(document)
        cursor.setPosition(self._range[0])
        cursor.setPosition(self._range[1], QTextCursor.MoveMode.KeepAnchor)
        return cursor.selection().toPlainText()

    def index(self) -> int:
        """Return the index of the message with the selection, or -1."""
        return self._rows.index_of(self._message_id) if self._message_id else -1

    def is_click(self) -> bool:
        """Return whether the latest selection ended where it began, even if it is gone by now."""
        return self._range[0] == self._range[1]

    def select(self, index: int, start: int, end: int) -> None:
        """Select from position `start` to `end` of a message."""
        self._message_id, self._range = self._rows.messages()[index].id, (start, end)
        self.changed.emit()

    def extend(self, end: int) -> None:
        """Let the selection end at another position of its message."""
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
        self._message_id = ""
        self.changed.emit()

    def copy(self) -> bool:
        """Copy the selected words; return False when there are none."""
        text = self.text()
        if text:
            QGuiApplication.clipboard().setText(text)
        return bool(text)

    def _forget(self, message_id: str) -> None:
        if message_id == self._message_id:
            self.clear()
