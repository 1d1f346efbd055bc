"""In the status line: where an answer is being written while another conversation is open, and a button to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_app.ui.sentences import title_of
from desktop_app.ui.widgets.controls import IconButton
from desktop_app.ui.widgets.plain_text import set_tip
from desktop_app.ui.widgets.status_button import StatusButton
from desktop_app.ui.widgets.theme import theme

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.protocols.services import Services

_LONGEST_TITLE = 160  # px at 100 % text size


class WrittenElsewhere(QWidget):
    """Says "Writing in “TITLE”"; a click opens that conversation. Hidden while there is none."""

    def __init__(self, services: Services, parent: QWidget) -> None:
        super().__init__(parent)
        self._activity = services.activity
        self._conversations = services.conversations
        self.place = StatusButton(self.tr("Answer"), self)
        self.place.clicked.connect(self._open)
        self.stop = IconButton("stop", self.tr("Stop the answer that is being written there"), self, "muted", 14)
        self.stop.setProperty("kind", "status")  # no higher than the line
        self.stop.clicked.connect(services.activity.stop_elsewhere)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.place)
        row.addWidget(self.stop)
        services.activity.changed.connect(self._show)
        services.conversations.listed.connect(self._show)
        services.conversations.opened.connect(self._show)
        theme.changed.connect(self._show)
        self._show()

    def _show(self, _what: object = None) -> None:
        conversation = self._activity.written_elsewhere()
        self.setVisible(bool(conversation))
        if not conversation:
            return
        title, words = title_of(self._conversations, conversation), self.tr("Writing in “{title}”")
        room = theme.px(_LONGEST_TITLE)
        short = QFontMetrics(theme.font("tiny")).elidedText(title, Qt.TextElideMode.ElideRight, room)
        self.place.say(words.format(title=short))
        set_tip(self.place, self.tr("Go to “{title}”").format(title=title))

    def _open(self) -> None:
        if conversation := self._activity.written_elsewhere():
            self._conversations.open(conversation)
