"""What all windows besides the main one have in common: their keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QDialog, QScrollArea, QWidget

from desktop_app.ui.widgets.theme import theme

Key = QKeySequence.StandardKey


def larger_keys() -> list[QKeySequence]:
    """Return the keys for larger text. On most keyboards "+" is above "=" and would need Shift."""
    return _distinct(Key.ZoomIn, "Ctrl+=")


def smaller_keys() -> list[QKeySequence]:
    """Return the keys for smaller text."""
    return _distinct(Key.ZoomOut)


def normal_keys() -> list[QKeySequence]:
    """Return the keys for the usual text size."""
    return [QKeySequence("Ctrl+0")]


def _distinct(standard: Key, *more: str) -> list[QKeySequence]:
    found: list[QKeySequence] = []
    for keys in (*QKeySequence.keyBindings(standard), *map(QKeySequence, more)):
        if keys not in found:
            found.append(keys)
    return found


def add_text_size_keys(window: QWidget) -> None:
    """Let the keys of the View menu change the text size in `window` too: a shortcut ends at its own window."""
    changes: list[tuple[list[QKeySequence], Callable[[], None]]] = [
        (larger_keys(), partial(theme.zoom_by, 1)),
        (smaller_keys(), partial(theme.zoom_by, -1)),
        (normal_keys(), partial(theme.set_zoom, 100)),
    ]
    for keys, change in changes:
        shortcut = QShortcut(window)
        shortcut.setKeys(keys)
        shortcut.activated.connect(change)


def tab_after(before: QWidget, part: QWidget) -> None:
    """Let Tab come to what is in `part` right after `before`, though it was made later than what follows."""
    for widget in part.findChildren(QWidget):
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.focusProxy() is None:
            QWidget.setTabOrder(before, widget)
            before = widget


class Dialog(QDialog):
    """A dialog with the keys for the text size, which opens at its top with the keyboard where it is expected."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first: QWidget | None = None  # what has the keyboard when the dialog opens; None: what comes first
        add_text_size_keys(self)

    def showEvent(self, event: QShowEvent) -> None:
        """Start at the top each time that it is opened."""
        super().showEvent(event)
        if event.spontaneous():  # it was only minimised
            return
        if self.first is not None:
            self.first.setFocus()
        for area in self.findChildren(QScrollArea):
            area.verticalScrollBar().setValue(0)
