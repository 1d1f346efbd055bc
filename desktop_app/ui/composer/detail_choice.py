"""How closely the pictures of the message are looked at, and what that costs, before it is sent."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QSizePolicy, QWidget

from desktop_app.services.conversation.picture_detail import Look, Looks
from desktop_app.ui.sentences import duration
from desktop_app.ui.widgets.controls import Label
from desktop_app.ui.widgets.segmented_control import Segments
from desktop_app.ui.widgets.theme import GRID

_FULL, _GLANCE = "full", "glance"


class LookChoice(QWidget):
    """Offers all parts or a glance; hidden where the model sees every picture in one go."""

    def __init__(self, looks: Looks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._looks = looks
        self.choice = Segments(self.tr("How closely to look"), {_FULL: "", _GLANCE: ""}, self)
        self.choice.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.note = Label("", "tiny", "muted", self, wrap=True)
        row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.choice)
        row.addWidget(self.note, 1)
        self.choice.chosen.connect(self._chosen)
        looks.changed.connect(self._show)
        self._show()

    def _chosen(self, value: str) -> None:
        self._looks.choose(value == _GLANCE)

    def _show(self) -> None:
        looking = self._looks.looking()
        self.setVisible(looking is not None)
        if looking is None:
            return
        self.choice.set_text(_FULL, self._cost(self.tr("{parts} parts").format(parts=looking.full.parts), looking.full))
        glance = self.tr("One part") if looking.glance.parts == 1 else self.tr("One part each")
        self.choice.set_text(_GLANCE, self._cost(glance, looking.glance))
        self.choice.set_value(_GLANCE if looking.is_glance else _FULL)
        text = ""
        if looking.fitting:
            text = self.tr("Room for {parts} of {wished} parts of a picture: the context is too small.").format(
                parts=looking.fitting, wished=looking.wished
            )
        self.note.setText(text)

    def _cost(self, parts: str, look: Look) -> str:
        if not look.seconds:
            return parts
        return self.tr("{parts}, about {duration}").format(parts=parts, duration=duration(look.seconds))
