"""Keyboard control of the conversation: moves the focus from message to message and handles keys."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractScrollArea

from desktop_app.chat.conversation import Message, Role
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.markdown.copying import Piece, copy
from desktop_app.ui.transcript.rows import TOP, Rows
from desktop_app.ui.transcript.selection import Selection
from desktop_app.ui.widgets.keys import BY_KEYBOARD
from desktop_app.ui.widgets.theme import theme

_LINES = 3  # a press of an arrow key moves a message higher than the window by so many lines
_SIDEWAYS = 60  # px that wide tables move with one press


class Keyboard(QObject):
    """Knows the focused message and does what keys ask for.

    `focus_changed`: another message is focused, or the focus is shown or hidden.
    `picture_opened(sha256)`: Enter on a picture. `edit_wanted(index)`: F2 on a message. `stop_wanted`: Esc.
    `delete_wanted(message_id)`: Delete on a message.
    """

    focus_changed = Signal()
    picture_opened = Signal(str)
    edit_wanted = Signal(int)
    stop_wanted = Signal()
    delete_wanted = Signal(str)

    def __init__(self, rows: Rows, selection: Selection, area: QAbstractScrollArea) -> None:
        super().__init__(area)
        self._rows = rows
        self._selection = selection
        self._area = area
        self._focused = ""  # id of the message the keyboard is on
        self._is_focus_shown = False  # not after a click: the pointer shows where one is
        self._picture = 0  # which picture of the focused message
        rows.resetting.connect(self._forget)
        rows.replacing_tail.connect(self._follow_tail)

    def focused(self) -> int:
        """Return the index of the message the keyboard is on, or -1."""
        return self._rows.index_of(self._focused) if self._focused else -1

    def is_focus_shown(self) -> bool:
        """Whether the keyboard is on a message, and the person came by keyboard."""
        return self._is_focus_shown and self.focused() >= 0

    def is_on_question(self) -> bool:
        """Whether the keyboard is on a question, which F2 edits."""
        index = self.focused()
        return index >= 0 and self._rows.messages()[index].role is Role.USER

    def is_marked(self, message: Message) -> bool:
        """Whether a message is marked as the focused one."""
        return message.id == self._focused and self._is_focus_shown and self._area.hasFocus()

    def marked_picture(self, message: Message) -> int:
        """Return which of several pictures of a message is marked, or -1."""
        return self._picture if self.is_marked(message) and len(message.pictures) > 1 else -1

    def focus_message(self, index: int) -> None:
        """Put the keyboard on a message and show it; an index beyond the ends is the first or the last."""
        messages = self._rows.messages()
        if not messages:
            return
        index = max(0, min(index, len(messages) - 1))
        message = messages[index]
        self._focused, self._is_focus_shown, self._picture = message.id, True, 0
        self._rows.ensure_seen(index)
        self._area.setAccessibleDescription(words.spoken(message, self._rows.is_dropped(message)))
        change = QAccessible.Event.DescriptionChanged
        QAccessible.updateAccessibility(QAccessibleEvent(self._area, change))
        self._area.viewport().update()
        self.focus_changed.emit()

    def focus_clicked(self, index: int) -> None:
        """Put the keyboard on a message that was clicked, unmarked; -1: on none."""
        self._is_focus_shown = False
        self._focused = self._rows.messages()[index].id if index >= 0 else ""
        self.focus_changed.emit()

    def copy(self) -> None:
        """Copy the selected words, or else the whole focused message."""
        if not self._selection.copy() and self.focused() >= 0:
            message = self._rows.messages()[self.focused()]
            copy([Piece(message.text, message.role is Role.ASSISTANT)])

    # ---- events ----------------------------------------------------------------------------

    def enter(self, reason: Qt.FocusReason) -> None:
        """Come to the conversation: by keyboard to the newest message that is seen, unless one was left."""
        if reason in BY_KEYBOARD:
            self._is_focus_shown = True
            seen = self._rows.seen()
            if seen and self.focused() not in seen:
                self.focus_message(seen[-1])
        self._area.viewport().update()
        self.focus_changed.emit()

    def leave(self) -> None:
        """Hide the mark of the focused message: the keyboard has gone elsewhere."""
        self._area.viewport().update()
        self.focus_changed.emit()

    def press(self, event: QKeyEvent) -> None:
        """Walk, copy, open, edit, stop. Other keys are for the window."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            last = len(self._rows.messages()) - 1
            self._selection.select_all(self.focused() if self.focused() >= 0 else last)
        elif event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier or not self._press(event.key()):
            event.ignore()

    def turn(self, key: int) -> None:
        """Turn pages, or go to an end, for a key that was pressed elsewhere; no message gets the keyboard."""
        page = self._area.verticalScrollBar().pageStep()
        if key == Qt.Key.Key_Home:
            self._rows.scroll_to_start()
        elif key == Qt.Key.Key_End:
            self._rows.scroll_to_end()
        else:
            self._rows.scroll_by(-page if key == Qt.Key.Key_PageUp else page)

    def _press(self, key: int) -> bool:
        rows = self._rows
        page = self._area.verticalScrollBar().pageStep()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._step(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_Space):
            rows.scroll_by(page)
        elif key == Qt.Key.Key_PageUp:
            rows.scroll_by(-page)
        elif key == Qt.Key.Key_Home:
            rows.scroll_to_start()
            self.focus_message(0)
        elif key == Qt.Key.Key_End:
            self.focus_message(len(rows.messages()) - 1)
            rows.scroll_to_end()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._next_picture(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open_picture()
            self._rows.fold_thought(self._focused)
        elif key == Qt.Key.Key_F2:
            self.edit_wanted.emit(self.focused())
        elif key == Qt.Key.Key_Delete and self.is_focus_shown():
            self.delete_wanted.emit(self._focused)
        elif key == Qt.Key.Key_Escape:
            self.stop_wanted.emit()
        else:
            return False
        return True

    def _step(self, direction: int) -> None:
        """Go to the next message; through a message higher than the window by lines."""
        index = self.focused()
        rect = self._rows.rect(index)
        if rect is None:
            seen = self._rows.seen()
            self.focus_message(seen[0 if direction > 0 else -1] if seen else 0)
            return
        self._is_focus_shown = True
        height = self._area.viewport().height()
        hidden = rect.bottom() - height if direction > 0 else -rect.top()
        if hidden > 0 and rect.height() > height:
            self._rows.scroll_by(direction * min(hidden + TOP, _LINES * theme.line_height()))
        else:
            self.focus_message(index + direction)

    def _next_picture(self, step: int) -> None:
        if self.focused() >= 0:
            for strip in self._rows.row(self.focused()).strips:
                strip.move_by(step * _SIDEWAYS)
            count = len(self._rows.messages()[self.focused()].pictures)
            self._picture = max(0, min(self._picture + step, count - 1))
            self._area.viewport().update()

    def _open_picture(self) -> None:
        pictures = self._rows.messages()[self.focused()].pictures if self.focused() >= 0 else ()
        if self._picture < len(pictures):
            self.picture_opened.emit(pictures[self._picture].sha256)

    # ---- other messages --------------------------------------------------------------------

    def _forget(self) -> None:
        self._focused = ""
        self.focus_changed.emit()

    def _follow_tail(self, index: int, message_id: str) -> None:
        """Stay at the same place when another version of a message is shown there."""
        if self.focused() >= index:
            self._focused = message_id
