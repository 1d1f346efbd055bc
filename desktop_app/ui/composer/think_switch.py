"""The switch in the composer that lets the model think before it answers, if it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from desktop_app.errors import UserError
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import PushButton, dress
from desktop_app.ui.widgets.plain_text import set_tip
from desktop_app.ui.widgets.theme import GRID, theme

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.protocols.services import Services

_SETTING = "think_first"
_ICON = 14


class ThinkSwitch(PushButton):
    """Shown while a model is loaded that can think; it is pressed while the model is to do so."""

    def __init__(self, services: Services, parent: QWidget) -> None:
        self._words = self.tr("Think first")
        super().__init__(self._words, parent)
        self._preferences = services.preferences
        self._engine = services.engine
        self._notices = services.notices
        dress(self, "quiet")
        self.setProperty("small", "true")
        self.setCheckable(True)
        self.setAccessibleName(self._words)
        set_tip(self, self.tr("Think before answering: better for hard questions, but the answer comes later"))
        self.clicked.connect(self._chosen)
        services.engine.model_changed.connect(self._show)
        services.preferences.changed.connect(self._show)
        theme.changed.connect(self._show)
        self._show()

    def fit(self, room: int) -> None:
        """Show the words where they fit into `room` px, else the icon alone."""
        words = self.fontMetrics().horizontalAdvance(self._words) + icons.side(_ICON) + theme.px(4 * GRID)
        self.setText(self._words if words <= room else "")

    def _chosen(self, checked: bool) -> None:
        try:
            self._preferences.set(_SETTING, checked)
        except UserError as error:  # it counts all the same, until the program ends
            self._notices.error(error)

    def _show(self, _what: object = None) -> None:
        info = self._engine.info()
        self.setVisible(info is not None and info.can_think)
        thinks = bool(self._preferences.value(_SETTING))
        self.setChecked(thinks)
        self.setIconSize(icons.square(_ICON))
        self.setIcon(icons.icon("think", "accent" if thinks else "muted", _ICON))
