"""The header above the page: the title of the open conversation, and buttons for a hidden sidebar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import ElidedLabel, IconButton
from desktop_app.ui.widgets.plain_text import shortened
from desktop_app.ui.widgets.theme import GRID, HEADER, theme

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.protocols.conversation import Conversations


class Header(QWidget):
    """Shows the title. `sidebar_wanted()`, `new_wanted()`, `rename_wanted()` by a double click."""

    sidebar_wanted = Signal()
    new_wanted = Signal()
    rename_wanted = Signal()

    def __init__(self, conversations: Conversations, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._conversations = conversations
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 2)
        row.setSpacing(GRID // 2)
        self.sidebar_button = IconButton("sidebar", self.tr("Show the sidebar"), self, "muted")
        self.sidebar_button.clicked.connect(self.sidebar_wanted)
        row.addWidget(self.sidebar_button)
        self.new_button = IconButton("new", self.tr("New conversation"), self, "muted")
        self.new_button.clicked.connect(self.new_wanted)
        row.addWidget(self.new_button)
        # Both sides are as wide as the wider one, so that the title stands above the column.
        self._left, self._right = QWidget(self), QWidget(self)
        row.addWidget(self._left)
        self.title = ElidedLabel("", "small", "muted", self)
        self.title.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignHCenter)
        row.addWidget(self.title, 1)
        row.addWidget(self._right)
        self._on_the_right: list[QWidget] = []
        conversations.listed.connect(self.refresh)
        conversations.opened.connect(self.refresh)
        theme.changed.connect(self._fit)
        self.set_sidebar_shown(True)
        self.refresh()

    def set_sidebar_shown(self, shown: bool) -> None:
        """Show the buttons of the sidebar here while the sidebar is hidden."""
        self.sidebar_button.setVisible(not shown)
        self.new_button.setVisible(not shown)
        self._fit()

    def add_on_the_right(self, widget: QWidget) -> None:
        """Add a button at the right end; `balance` is to be called when it is shown or hidden."""
        self._row.addWidget(widget)
        self._on_the_right.append(widget)

    def balance(self) -> None:
        """Keep the title in the middle, whatever buttons there are."""
        left = self._width_of([self.sidebar_button, self.new_button])
        right = self._width_of(self._on_the_right)
        self._left.setFixedWidth(max(0, right - left))
        self._right.setFixedWidth(max(0, left - right))

    def _width_of(self, widgets: Sequence[QWidget]) -> int:
        shown = [widget.sizeHint().width() for widget in widgets if not widget.isHidden()]
        return sum(shown) + self._row.spacing() * len(shown)

    def _fit(self) -> None:
        self.title.setMinimumHeight(icons.side(HEADER))
        self.balance()

    def refresh(self, _conversation_id: str = "") -> None:
        """Show the title of the open conversation."""
        self.title.set_whole_text(self.current_title())

    def current_title(self) -> str:
        """Return the title of the open conversation, "" while it has none."""
        return shortened(self._conversations.title(self._conversations.current_id()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Rename by a double click on the title."""
        if self.title.geometry().contains(event.position().toPoint()) and self.title.whole_text():
            self.rename_wanted.emit()
        super().mouseDoubleClickEvent(event)
