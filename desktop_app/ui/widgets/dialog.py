"""What all dialogs have in common: keys, and where the keyboard is when they open."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QScrollArea, QWidget

from desktop_app.ui.widgets.text_size_keys import add_text_size_keys


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
