"""The buttons of the status line."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import QToolButton, QWidget

from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import EnterClicks, Popover
from desktop_app.ui.widgets.plain_text import button_text
from desktop_app.ui.widgets.theme import ColourRole, theme

_LONGEST_TEXT, _SHORTEST_TEXT = 420, 64  # px


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

    def show_bar(self, share: float, role: ColourRole) -> None:
        """Show a thin bar before the text, filled from 0 to 1."""
        bar = icons.bar(share, role)
        self.setIconSize(bar.deviceIndependentSize().toSize())
        self.setIcon(QIcon(bar))

    def explain(self, title: str, text: str) -> Popover:
        """Open a card that explains what this is."""
        card = Popover(title, text, self)
        card.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return card


class ElasticStatusButton(StatusButton):
    """A longer text, which gives way where the line is short: its beginning matters most."""

    def __init__(self, name: str, parent: QWidget) -> None:
        self._beginning = ""
        super().__init__(name, parent)

    def say(self, text: str, beginning: str = "") -> None:
        """Show as much of `text` as there is room for, but its `beginning`; screen readers read it all."""
        self._whole, self._beginning = text, beginning
        self.ensurePolished()  # before that its words are measured in another size
        super().say(text)
        self._wanted = super().sizeHint()
        self._fit()
        self.updateGeometry()

    def needed(self) -> int:
        """Return the width in which the beginning is not cut, in px."""
        return self._frame() + self.fontMetrics().horizontalAdvance(self._beginning + "…")

    def sizeHint(self) -> QSize:
        """Ask for room for the whole text, within reason."""
        most = max(theme.px(_LONGEST_TEXT), self.needed())
        return self._wanted.boundedTo(QSize(most, self._wanted.height()))

    def minimumSizeHint(self) -> QSize:
        """Take any width with room for the bar and a few letters."""
        return QSize(self.iconSize().width() + theme.px(_SHORTEST_TEXT), self._wanted.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as much as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        room = min(self.width(), self.sizeHint().width()) - self._frame()
        self.setText(f"\u2009{button_text(metrics.elidedText(self._whole, Qt.TextElideMode.ElideRight, room))}")

    def _frame(self) -> int:
        """Return how wide all but the text is."""
        return self._wanted.width() - self.fontMetrics().horizontalAdvance(self._whole)
