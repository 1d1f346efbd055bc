"""The questions that wait above the composer until the answer before them has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop_app.chat.conversation import State, describing
from desktop_app.services.conversation.queue.questions import QueuedQuestion
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import ElidedLabel, IconButton, Label, push_button
from desktop_app.ui.widgets.images import decode, rounded
from desktop_app.ui.widgets.theme import GRID, RADIUS_SMALL, theme

if TYPE_CHECKING:
    from desktop_app.ui.protocols.conversation import Previews
    from desktop_app.ui.protocols.services import Services

_TILE = 24  # px at 100 % text size
_MOST_ROWS = 3  # seen at once; more are scrolled to


class QueuedQuestions(QWidget):
    """Lists the questions of the open conversation. `edited()`: one was put back into the composer."""

    edited = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = services.queue
        self._runner = services.queue_runner
        self._conversations = services.conversations
        self._previews = services.previews
        self.rows: list[QueuedRow] = []
        self.sentence = Label("", "tiny", "muted", self, wrap=True)
        self.send = push_button(self.tr("Send now"), "link", self)
        self.send.clicked.connect(self._runner.send)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.sentence, 1)
        head.addWidget(self.send)
        self._list = QWidget(self)
        self._lines = QVBoxLayout(self._list)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(0)
        self._area = QScrollArea(self)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(self._list)
        self._area.viewport().setAutoFillBackground(False)
        self._list.setAutoFillBackground(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 0, GRID, GRID)  # so that the words stand above those in the card
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._area)
        self.setAccessibleName(self.tr("Waiting questions"))
        self._queue.changed.connect(self.refresh)
        services.conversations.opened.connect(self.refresh)
        services.previews.ready.connect(self._picture_ready)
        theme.changed.connect(self.refresh)
        self.refresh()

    def refresh(self, _conversation: str = "") -> None:
        """List what waits in the open conversation."""
        current = self._conversations.current_id()
        questions = self._queue.questions(current)
        while self.rows:
            row = self.rows.pop()
            self._lines.removeWidget(row)
            row.hide()
            row.deleteLater()
        for question in questions:
            row = QueuedRow(question, self._previews, self._list)
            row.setFixedHeight(row.sizeHint().height())
            row.edit_wanted.connect(self._edit)
            row.remove_wanted.connect(self._runner.remove)
            self._lines.addWidget(row)
            self.rows.append(row)
        held = self._queue.held_by(current)
        self.sentence.setText(self._sentence(held, len(questions)))
        self.send.setVisible(held is not None)
        if self.rows:
            self._area.setFixedHeight(min(len(self.rows), _MOST_ROWS) * self.rows[0].height())
        self.setVisible(bool(self.rows))

    def _sentence(self, held: State | None, count: int) -> str:
        if held is State.STOPPED:
            return self.tr("You stopped the answer. What you asked next waits until you send it.")
        if held is State.INTERRUPTED:
            return self.tr("The engine has stopped. What you asked next waits until you send it.")
        if held is not None:
            return self.tr("The answer failed. What you asked next waits until you send it.")
        if count > 1:
            return self.tr("These are sent one after another, when the answer has ended.")
        return self.tr("This is sent when the answer has ended.")

    def _edit(self, question_id: str) -> None:
        self._runner.edit(question_id)
        self.edited.emit()

    def _picture_ready(self, sha256: str) -> None:
        if any(row.first_picture() == sha256 for row in self.rows):
            self.refresh()


class QueuedRow(QWidget):
    """One waiting question: its first picture, its words, and buttons. Both signals carry its id."""

    edit_wanted = Signal(str)
    remove_wanted = Signal(str)

    def __init__(self, question: QueuedQuestion, previews: Previews, parent: QWidget) -> None:
        super().__init__(parent)
        self._question = question
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(GRID)
        if question.pictures:
            line.addWidget(self._tile(previews))
            if len(question.pictures) > 1:
                line.addWidget(Label(f"+{len(question.pictures) - 1}", "tiny", "muted", self))
        self.words = ElidedLabel(question.text or describing(len(question.pictures)), "small", parent=self)
        line.addWidget(self.words, 1)
        self.edit = IconButton("edit", self.tr("Edit this question"), self, "muted", 16)
        self.remove = IconButton("close", self.tr("Remove this question"), self, "muted", 16)
        self.edit.clicked.connect(self._edit)
        self.remove.clicked.connect(self._remove)
        line.addWidget(self.edit)
        line.addWidget(self.remove)

    def first_picture(self) -> str:
        """Return the SHA-256 of its first picture, "" without one."""
        return self._question.pictures[0].sha256 if self._question.pictures else ""

    def _tile(self, previews: Previews) -> QLabel:
        tile, ratio, side = QLabel(self), self.devicePixelRatioF(), icons.side(_TILE)
        tile.setFixedSize(side, side)
        data = previews.thumbnail(self.first_picture())
        if data is None:
            previews.request(self.first_picture())
        else:
            image = decode(data, QSize(side, side) * ratio)
            tile.setPixmap(QPixmap.fromImage(rounded(image, ratio, RADIUS_SMALL)))
        tile.setAccessibleName(", ".join(picture.name for picture in self._question.pictures))
        return tile

    def _edit(self) -> None:
        self.edit_wanted.emit(self._question.id)

    def _remove(self) -> None:
        self.remove_wanted.emit(self._question.id)
