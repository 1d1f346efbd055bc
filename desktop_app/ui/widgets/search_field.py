"""A field for words to search for, with an icon before them and a button that clears it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import IconButton
from desktop_app.ui.widgets.keys import leaves_undo
from desktop_app.ui.widgets.theme import GRID, theme

_ICON = 16  # px at 100 % text size


class SearchField(QLineEdit):
    """A line edit of its own kind: Qt's icons in a field do not grow with the text."""

    def __init__(self, name: str, placeholder: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "search")
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setAcceptDrops(False)
        self._glass = QLabel(self)
        self._glass.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.clear_button = IconButton("close", self.tr("Clear the search"), self, "muted", _ICON)
        self.clear_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Esc or Delete do it by keyboard
        self.clear_button.setCursor(Qt.CursorShape.ArrowCursor)
        self.clear_button.clicked.connect(self.clear)
        self.textChanged.connect(self._show_button)
        self._show_button()
        theme.changed.connect(self._fit)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Keep Ctrl+Z from the menu where words were changed."""
        return leaves_undo(event, self.isUndoAvailable()) or super().event(event)

    def _show_button(self) -> None:
        self.clear_button.setVisible(bool(self.text()))

    def _fit(self) -> None:
        side = icons.side(_ICON)
        self._glass.setPixmap(icons.pixmap("search", theme.colour("muted"), _ICON))
        button = self.clear_button.sizeHint()
        self.setTextMargins(GRID // 2 + side + icons.side(3), 0, button.width() - GRID // 2, 0)
        self._glass.setGeometry(GRID, (self.height() - side) // 2, side, side)
        place = (self.height() - button.height()) // 2
        self.clear_button.setGeometry(self.width() - button.width() - 2, place, button.width(), button.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep icon and button at the edges."""
        super().resizeEvent(event)
        self._fit()
