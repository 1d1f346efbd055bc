"""The button in the composer that has the name of the model in use; a click lets the person choose another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QWidget

from desktop_app.ui.sentences import marked, name_in_use
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import ElidedButton
from desktop_app.ui.widgets.plain_text import one_line
from desktop_app.ui.widgets.theme import theme

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.protocols.engine import Engine
    from desktop_app.ui.protocols.models import Models

_LONGEST = 240  # px at 100 % text size
_ICON = 12


class ModelButton(ElidedButton):
    """Shows which model answers."""

    def __init__(self, engine: Engine, parent: QWidget) -> None:
        super().__init__("", "quiet", parent)
        self._engine = engine
        self._models: Models | None = None
        self.setProperty("small", "true")
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow stands behind the name
        engine.model_changed.connect(self._show)
        engine.state_changed.connect(self._show)
        theme.changed.connect(self._show)
        self._show()

    def know(self, models: Models) -> None:
        """Tell models of one name apart from now on."""
        self._models = models
        models.changed.connect(self._show)
        self._show()

    def sizeHint(self) -> QSize:
        """Ask for room for a usual name."""
        hint = super().sizeHint()
        return hint.boundedTo(QSize(theme.px(_LONGEST), hint.height()))

    def _show(self, _what: object = None) -> None:
        self.set_icon(icons.icon("down", "muted", _ICON), icons.square(_ICON))
        name, mark = name_in_use(self._engine, self._models)
        self.set_whole_text(marked(name, mark) or self.tr("Model"), len(marked("", mark)))
        spoken = self.tr("Model: {name}. Choose another one.").format(name=one_line(marked(name, mark)))
        self.setAccessibleName(spoken if name else self.tr("Choose a model…"))
