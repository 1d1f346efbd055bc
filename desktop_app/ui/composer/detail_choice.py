"""How closely the pictures of the message are looked at, and what that costs, before it is sent."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QSizePolicy, QWidget

from desktop_app.services.conversation.picture_detail import DetailCost, PictureDetail
from desktop_app.ui.sentences import duration
from desktop_app.ui.widgets.controls import Label
from desktop_app.ui.widgets.segmented_control import SegmentedControl
from desktop_app.ui.widgets.theme import GRID

_FULL, _QUICK = "full", "glance"


class DetailChoice(QWidget):
    """Offers all parts or a glance; hidden where the model sees every picture in one go."""

    def __init__(self, picture_detail: PictureDetail, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture_detail = picture_detail
        self.choice = SegmentedControl(self.tr("How closely to look"), {_FULL: "", _QUICK: ""}, self)
        self.choice.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.note = Label("", "tiny", "muted", self, wrap=True)
        row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.choice)
        row.addWidget(self.note, 1)
        self.choice.chosen.connect(self._chosen)
        picture_detail.changed.connect(self._show)
        self._show()

    def _chosen(self, value: str) -> None:
        self._picture_detail.choose(value == _QUICK)

    def _show(self) -> None:
        options = self._picture_detail.options()
        self.setVisible(options is not None)
        if options is None:
            return
        self.choice.set_text(_FULL, self._cost(self.tr("{parts} parts").format(parts=options.full.parts), options.full))
        quick = self.tr("One part") if options.quick.parts == 1 else self.tr("One part each")
        self.choice.set_text(_QUICK, self._cost(quick, options.quick))
        self.choice.set_value(_QUICK if options.is_quick else _FULL)
        text = ""
        if options.fitting:
            text = self.tr("Room for {parts} of {wished} parts of a picture: the context is too small.").format(
                parts=options.fitting, wished=options.wished
            )
        self.note.setText(text)

    def _cost(self, parts: str, look: DetailCost) -> str:
        if not look.seconds:
            return parts
        return self.tr("{parts}, about {duration}").format(parts=parts, duration=duration(look.seconds))
