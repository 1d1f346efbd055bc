"""The page under a keyboard: one message is the focused one, and keys walk from it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
)
from PySide6.QtWidgets import QMenu, QWidget

from desktop_app.chat.conversation import Message
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.page import TOP
from desktop_app.ui.transcript.painting import Look
from desktop_app.ui.transcript.pictures import PictureCache
from desktop_app.ui.transcript.pointer import TranscriptPointer, is_web
from desktop_app.ui.transcript.waiting import Waiting
from desktop_app.ui.widgets.theme import theme

_LINK = 320  # px of an address in the menu
_LINES = 3  # a press of an arrow key moves a message higher than the window by so many lines


class TranscriptReader(TranscriptPointer):
    """The page with a focused message.

    `focus_changed`: another message is focused, or the focus is shown or hidden.
    `edit_wanted(index)`: F2 on a message. `stop_wanted`: Esc.
    """

    focus_changed = Signal()
    edit_wanted = Signal(int)
    stop_wanted = Signal()

    def __init__(self, pictures: PictureCache, waiting: Waiting, parent: QWidget | None = None) -> None:
        super().__init__(pictures, waiting, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Conversation"))
        self._focused = ""  # id of the message the keyboard is on
        self._is_focus_shown = False  # not after a click: the pointer shows where one is
        self._picture = 0  # which picture of the focused message
        self.pressed.connect(self._take_focus)

    def focused(self) -> int:
        """Return the index of the message the keyboard is on, or -1."""
        return self.index_of(self._focused) if self._focused else -1

    def focus_message(self, index: int) -> None:
        """Put the keyboard on a message and show it."""
        if not self.messages():
            return
        index = max(0, min(index, len(self.messages()) - 1))
        self._focused, self._is_focus_shown, self._picture = self.messages()[index].id, True, 0
        self.ensure_seen(index)
        self.setAccessibleDescription(words.spoken(self.messages()[index], self.is_unseen(self.messages()[index])))
        change = QAccessible.Event.DescriptionChanged
        QAccessible.updateAccessibility(QAccessibleEvent(self, change))
        self.viewport().update()
        self.focus_changed.emit()

    def replace_tail(self, index: int, messages: Sequence[Message]) -> None:
        """Show other messages from `index` on; the keyboard stays at its place."""
        if messages and self.focused() >= index:
            self._focused = messages[0].id
        super().replace_tail(index, messages)

    def is_focus_shown(self) -> bool:
        """Whether the keyboard is on a message, and the person came by keyboard."""
        return self._is_focus_shown and self.focused() >= 0

    def look_of(self, index: int) -> Look:
        """Return the selection and the focus of a row."""
        message = self.messages()[index]
        is_focused = message.id == self._focused and self._is_focus_shown and self.hasFocus()
        picture = self._picture if is_focused and len(message.pictures) > 1 else -1
        return Look(self.selection_of(message), is_focused, picture, self.is_unseen(message))

    def set_messages(self, messages: Sequence[Message]) -> None:
        """Show other messages; none has the keyboard."""
        self._focused = ""
        super().set_messages(messages)
        self.focus_changed.emit()

    def copy(self) -> None:
        """Copy the selected words, or else the whole focused message."""
        if self.selected_text():
            super().copy()
        elif self.focused() >= 0:
            QGuiApplication.clipboard().setText(self.messages()[self.focused()].text)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Come by keyboard: begin with the newest message that is seen, unless one was left."""
        super().focusInEvent(event)
        if event.reason() in (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason,
        ):
            self._is_focus_shown = True
            if self.focused() not in self.seen() and self.seen():
                self.focus_message(self.seen()[-1])
        self.viewport().update()
        self.focus_changed.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the mark of the focused message."""
        super().focusOutEvent(event)
        self.viewport().update()
        self.focus_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk, copy, open, edit, stop. Other keys are for the window."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all(self.focused() if self.focused() >= 0 else len(self.messages()) - 1)
        elif event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier or not self._press(event.key()):
            event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu of the focused message when it is asked for by keyboard."""
        index = self.focused()
        rect = self.row_rect(index)
        if event.reason() is not QContextMenuEvent.Reason.Keyboard:
            super().contextMenuEvent(event)
        elif rect is not None:
            corner = QPoint(rect.left(), max(rect.top(), 0))
            self.menu_by_keyboard(index).popup(self.viewport().mapToGlobal(corner))

    def menu_by_keyboard(self, index: int) -> QMenu:
        """Return the menu of a row, and its links in it; it deletes itself."""
        menu = self.menu_for(index, QPoint(-1, -1))
        menu.addSeparator()
        for address in filter(is_web, self.row(index).links()):
            shown = menu.fontMetrics().elidedText(address, Qt.TextElideMode.ElideRight, theme.px(_LINK))
            action = menu.addAction(self.tr("Open {address}").format(address=shown.replace("&", "&&")))
            action.setData(("browse", address))
        return menu

    def _take_focus(self, index: int) -> None:
        self._is_focus_shown = False
        self._focused = self.messages()[index].id if index >= 0 else ""
        self.focus_changed.emit()

    def _press(self, key: int) -> bool:
        page = self.verticalScrollBar().pageStep()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._step(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_Space):
            self.scroll_by(page)
        elif key == Qt.Key.Key_PageUp:
            self.scroll_by(-page)
        elif key == Qt.Key.Key_Home:
            self.scroll_to_start()
            self.focus_message(0)
        elif key == Qt.Key.Key_End:
            self.focus_message(len(self.messages()) - 1)
            self.scroll_to_end()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._next_picture(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open_picture()
        elif key == Qt.Key.Key_F2:
            self.edit_wanted.emit(self.focused())
        elif key == Qt.Key.Key_Escape:
            self.stop_wanted.emit()
        else:
            return False
        return True

    def _step(self, direction: int) -> None:
        """Go to the next message; through a message higher than the window by lines."""
        index = self.focused()
        rect = self.row_rect(index)
        if rect is None:
            self.focus_message(self.seen()[0 if direction > 0 else -1] if self.seen() else 0)
            return
        self._is_focus_shown = True
        height = self.viewport().height()
        hidden = rect.bottom() - height if direction > 0 else -rect.top()
        if hidden > 0 and rect.height() > height:
            self.scroll_by(direction * min(hidden + TOP, _LINES * theme.line_height()))
        else:
            self.focus_message(index + direction)

    def _next_picture(self, step: int) -> None:
        if self.focused() >= 0:
            count = len(self.messages()[self.focused()].pictures)
            self._picture = max(0, min(self._picture + step, count - 1))
            self.viewport().update()

    def _open_picture(self) -> None:
        pictures = self.messages()[self.focused()].pictures if self.focused() >= 0 else ()
        if self._picture < len(pictures):
            self.picture_opened.emit(pictures[self._picture].sha256)
