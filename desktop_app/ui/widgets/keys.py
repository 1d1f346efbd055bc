"""Keys that mean one thing in the menus of the window and another where one writes or chooses."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

RENAME = QKeyCombination(Qt.Key.Key_F2)
# Up to the start of the line, as on many systems. In the menu it deletes the conversation.
DELETE_LINE_START = QKeyCombination(
    Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier, Qt.Key.Key_Backspace
)
BY_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)  # those who came by these want to see where the keyboard is


def is_asked_for(event: QEvent, keys: QKeyCombination) -> bool:
    """Return whether Qt asks who wants `keys` before the menus get them; to accept the event is to want them."""
    is_question = event.type() == QEvent.Type.ShortcutOverride
    return is_question and isinstance(event, QKeyEvent) and event.keyCombination() == keys


def leaves_undo(event: QEvent, has_own: bool) -> bool:
    """Leave Ctrl+Z to the menu where a field has nothing of its own to undo; return whether that was asked."""
    if has_own or event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    if not event.matches(QKeySequence.StandardKey.Undo):
        return False
    event.ignore()
    return True


def turns_pages(event: QKeyEvent) -> bool:
    """Return whether a key turns the pages of a text, or goes to one of its ends."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
        return modifiers == Qt.KeyboardModifier.NoModifier
    return event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End) and modifiers == Qt.KeyboardModifier.ControlModifier
