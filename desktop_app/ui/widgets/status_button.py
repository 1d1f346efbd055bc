"""A button of the status line."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton, QWidget

from desktop_app.ui.widgets.controls import EnterClicks, Popover
from desktop_app.ui.widgets.plain_text import button_text


class StatusButton(EnterClicks, QToolButton):
    """A short text in the status line; `explain(title, text)` opens a card above it."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "status")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._name = name
        self.say("")

    def say(self, text: str) -> None:
        """Show `text`; screen readers also read the name."""
        # The style leaves almost no space between icon and text.
        self.setText(f"\u2009{button_text(text)}")
        self.setAccessibleName(f"{self._name}: {text}" if text else self._name)

    def explain(self, title: str, text: str) -> Popover:
        """Open a card that explains what this is."""
        card = Popover(title, text, self)
        card.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return card
