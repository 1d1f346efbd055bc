"""The questions that wait above the composer until the answer before them has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop_app.chat.conversation import describing
from desktop_app.services.conversation.queue.questions import QueuedQuestion
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import ElidedLabel, IconButton, Label, push_button
from desktop_app.ui.widgets.images import decode, rounded
from desktop_app.ui.widgets.message_edit import MessageEdit
from desktop_app.ui.widgets.theme import GRID, RADIUS_SMALL, theme

if TYPE_CHECKING:
    from desktop_app.ui.protocols.conversation import Previews
    from desktop_app.ui.protocols.services import Services

_TILE = 24  # px at 100 % text size
_MOST_ROWS = 3  # seen at once; more are scrolled to


class QueuedQuestions(QWidget):
    """Lists the questions of the open conversation. `left()`: one was changed, and the keyboard can go."""

    left = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = services.queue
        self._runner = services.queue_runner
        self._conversations = services.conversations
        self._previews = services.previews
        self.rows: list[QueuedRow] = []
        self._heights = (0, 0)  # px that the list wants, and its least
        self.sentence = Label("", "tiny", "muted", self, wrap=True)
        self.send = push_button("", "link", self)
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
        kept = {row.question.id: row for row in self.rows if row.editor is not None}  # with its cursor
        for row in self.rows:
            self._lines.removeWidget(row)
        gone, self.rows = self.rows, []
        for question in questions:
            row = kept.get(question.id) or self._new_row(question)
            self._lines.addWidget(row)
            self.rows.append(row)
        for row in gone:
            if row not in self.rows:
                row.hide()
                row.deleteLater()
                if row.editor is not None:
                    self._runner.finish_editing()  # another conversation was opened
        held = self._queue.held_by(current)
        self.sentence.setText(self._sentence(held is not None, len(questions)))
        self.send.setText(self.tr("Send it now") if len(questions) == 1 else self.tr("Send them now"))
        self.send.setVisible(held is not None)
        self._fit()
        self.setVisible(bool(self.rows))

    def _new_row(self, question: QueuedQuestion) -> QueuedRow:
        row = QueuedRow(question, self._previews, self._list)
        row.setFixedHeight(row.sizeHint().height())
        row.edit_wanted.connect(self._edit)
        row.remove_wanted.connect(self._runner.remove)
        row.written.connect(self._runner.rewrite)
        row.finished.connect(self._finish)
        row.grown.connect(self._fit)
        return row

    def _fit(self) -> None:
        """Be as high as the first rows, and at least as the one that is being changed."""
        if not self.rows:
            return
        edited = [row for row in self.rows if row.editor is not None]
        wanted = sum(row.height() for row in self.rows[:_MOST_ROWS])
        least = max(row.height() for row in edited or self.rows[:1])
        self._heights = max(wanted, least), least
        self._area.setFixedHeight(self._heights[0])

    def wanted_height(self) -> int:
        """Return how high the list is where there is room, in px."""
        return self._heights[0]

    def least_height(self) -> int:
        """Return how low the list can be, in px: it scrolls then."""
        return self._heights[1]

    def room(self) -> int:
        """Return the height that the list takes, in px."""
        return self._area.maximumHeight()

    def set_room(self, height: int) -> None:
        """Let the list take so much."""
        self._area.setFixedHeight(height)

    def _sentence(self, is_held: bool, count: int) -> str:
        if is_held:  # why, the page says: other questions may have been answered since
            waiting = self.tr("1 question waits.") if count == 1 else self.tr("{count} questions wait.")
            return waiting.format(count=count)
        if count > 1:
            return self.tr("These are sent one after another, when the answer has ended.")
        return self.tr("This is sent when the answer has ended.")

    def _edit(self, question_id: str) -> None:
        for row in [each for each in self.rows if each.editor is not None]:
            self._finish(row, True)
        self._runner.edit(question_id)
        for row in self.rows:
            if row.question.id == question_id:
                row.begin()

    def _finish(self, row: QueuedRow, keep: bool) -> None:
        row.end()
        self._runner.finish_editing(keep=keep)
        self.refresh()
        self.left.emit()

    def _picture_ready(self, sha256: str) -> None:
        if any(row.first_picture() == sha256 for row in self.rows):
            self.refresh()


class QueuedRow(QWidget):
    """One waiting question: its first picture, its words, and buttons.

    `edit_wanted(id)`, `remove_wanted(id)`. While its words are changed there is an `editor`: `written(text)`,
    `grown()`, `finished(row, whether to keep it)`.
    """

    edit_wanted = Signal(str)
    remove_wanted = Signal(str)
    written = Signal(str)
    grown = Signal()
    finished = Signal(object, bool)

    def __init__(self, question: QueuedQuestion, previews: Previews, parent: QWidget) -> None:
        super().__init__(parent)
        self.question = question
        self.editor: MessageEdit | None = None
        line = self._line = QHBoxLayout(self)
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

    def begin(self) -> None:
        """Let the words be changed here. Enter keeps them, Esc brings back the first ones."""
        editor = self.editor = MessageEdit(self)
        editor.setAccessibleName(self.tr("Waiting question"))
        editor.set_placeholder(self.tr("Enter keeps it, Esc leaves it as it was"))
        editor.set_text(self.question.text)
        editor.document().clearUndoRedoStacks()
        self.words.hide()
        self._line.insertWidget(self._line.indexOf(self.words), editor, 1)
        self.edit.set_icon("check")
        self.edit.set_name(self.tr("Keep this question"))
        editor.textChanged.connect(self._write)
        editor.submitted.connect(self._keep)
        editor.cancelled.connect(self._leave)
        editor.document().documentLayout().documentSizeChanged.connect(self._grow)
        self._grow()
        editor.setFocus()

    def end(self) -> None:
        """Show the words as those of the others."""
        if self.editor is not None:
            self.editor.hide()
            self.editor.deleteLater()
            self.editor = None

    def _write(self) -> None:
        if self.editor is not None:
            self.written.emit(self.editor.toPlainText())

    def _keep(self) -> None:
        self.finished.emit(self, True)

    def _leave(self) -> None:
        self.finished.emit(self, False)

    def _grow(self) -> None:
        if self.editor is not None:
            self.setFixedHeight(max(self.edit.sizeHint().height(), self.editor.height() + GRID))
            self.grown.emit()

    def first_picture(self) -> str:
        """Return the SHA-256 of its first picture, "" without one."""
        return self.question.pictures[0].sha256 if self.question.pictures else ""

    def _tile(self, previews: Previews) -> QLabel:
        tile, ratio, side = QLabel(self), self.devicePixelRatioF(), icons.side(_TILE)
        tile.setFixedSize(side, side)
        data = previews.thumbnail(self.first_picture())
        if data is None:
            previews.request(self.first_picture())
        else:
            image = decode(data, QSize(side, side) * ratio)
            tile.setPixmap(QPixmap.fromImage(rounded(image, ratio, RADIUS_SMALL)))
        tile.setAccessibleName(", ".join(picture.name for picture in self.question.pictures))
        return tile

    def _edit(self) -> None:
        if self.editor is not None:
            self._keep()
        else:
            self.edit_wanted.emit(self.question.id)

    def _remove(self) -> None:
        self.remove_wanted.emit(self.question.id)
