"""The inline editor that replaces a question while the person edits it, its pictures included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.chat.conversation import Message
from desktop_app.ui.files.picture_choice import choose_pictures
from desktop_app.ui.widgets.controls import IconButton, Label, push_button
from desktop_app.ui.widgets.input_card import Card
from desktop_app.ui.widgets.message_edit import MessageEdit
from desktop_app.ui.widgets.theme import GRID
from desktop_app.ui.widgets.thumbnails import ThumbnailStrip

if TYPE_CHECKING:  # only for annotations
    from desktop_app.services.conversation.edited_question import UnsentEdit
    from desktop_app.ui.protocols.conversation import EditedPictures, Previews


_INSET = 6  # px between a button's edge and its icon: words and icons begin at the same place


class QuestionEditor(Card):
    """Edits a question. Enter asks again, Esc cancels. Pictures are taken out, chosen and pasted;
    `DropTarget` adds those that are dropped.

    `submitted(message_id, text)`, `written(message_id, text)`: its pictures are those of `EditedPictures`. `cancelled`,
    `height_wanted(int)`: the height that is needed, in px. `picture_opened(sha256)`: one is to be shown large.
    """

    submitted = Signal(str, str)
    written = Signal(str, str)
    cancelled = Signal()
    height_wanted = Signal(int)
    picture_opened = Signal(str)

    def __init__(self, pictures: EditedPictures, previews: Previews, parent: QWidget) -> None:
        super().__init__(parent)
        self.pictures = pictures
        self._message_id = ""
        self._is_submitted = False  # while a picture is still being checked
        self.strip = ThumbnailStrip(pictures, previews, self)
        self.editor = MessageEdit(self)
        self.editor.setAccessibleName(self.tr("Your question"))
        self.attach = IconButton("attach", self.tr("Attach pictures…"), self)
        self.hint = Label("", "tiny", "muted", self, wrap=True)
        self.cancel = push_button(self.tr("Cancel"), "quiet", self)
        self.ask = push_button(self.tr("Ask again"), "primary", self)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.addWidget(self.attach)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.ask)
        words = QVBoxLayout()
        words.setContentsMargins(_INSET, 0, GRID, 0)
        words.setSpacing(GRID)
        words.addWidget(self.strip)
        words.addWidget(self.editor)
        words.addWidget(self.hint)  # not between the buttons: they leave no room for it at 200 %
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID - _INSET, GRID + 4, GRID, GRID)
        column.setSpacing(GRID)
        column.addLayout(words)
        column.addLayout(buttons)
        self._connect()
        self._say()
        self.hide()

    def _connect(self) -> None:
        self.editor.submitted.connect(self._submit)
        self.editor.textChanged.connect(self._write)
        for signal in (self.pictures.added, self.pictures.changed, self.pictures.removed):
            signal.connect(self._write)
        self.editor.cancelled.connect(self.cancelled)
        self.editor.focus_changed.connect(self.set_active)
        self.editor.files_pasted.connect(self.pictures.add_urls)
        self.editor.picture_pasted.connect(self._paste)
        self.ask.clicked.connect(self._submit)
        self.cancel.clicked.connect(self.cancelled)
        self.attach.clicked.connect(self._choose)
        self.strip.picture_opened.connect(self.picture_opened)
        self.strip.left.connect(self.editor.setFocus)
        self.pictures.settled.connect(self._submit_waiting)

    def message_id(self) -> str:
        """Return the id of the question that is being edited, or ""."""
        return self._message_id

    def begin(self, message: Message, unsent: UnsentEdit | None = None) -> None:
        """Start editing a question, or go on with what of it was not sent."""
        self._message_id = ""  # nothing of it is written by the person
        self.pictures.begin(unsent.pictures if unsent is not None else message.pictures)
        self.editor.set_text(unsent.text if unsent is not None else message.text)
        self.editor.document().clearUndoRedoStacks()
        self._message_id = message.id
        self._say()

    def end(self) -> None:
        """Stop editing and hide."""
        self._message_id = ""
        self._is_submitted = False
        self.pictures.begin(())
        self.hide()

    def height_for(self, width: int) -> int:
        """Return the height that is needed, in px."""
        return max(self.sizeHint().height(), self._column.totalHeightForWidth(width))

    def event(self, event: QEvent) -> bool:
        """Report the needed height whenever it changes."""
        if event.type() == QEvent.Type.LayoutRequest and self._message_id:
            self.height_wanted.emit(self.height_for(self.width()))
        return super().event(event)

    def _say(self, sentence: str = "") -> None:
        self.hint.setText(sentence or self.tr("The old question and its answers are kept as another version."))

    def _write(self, _what: object = None) -> None:
        if self._message_id:
            self.written.emit(self._message_id, self.editor.toPlainText())

    def _submit(self) -> None:
        if not self.editor.toPlainText().strip() and not self.pictures.pictures():
            return
        if self.pictures.is_checking():
            self._is_submitted = True
            self._say(self.tr("Your question is sent as soon as the picture has been read. Press Esc to cancel."))
        else:
            self.submitted.emit(self._message_id, self.editor.toPlainText())

    def _submit_waiting(self) -> None:
        if self._is_submitted:
            self._is_submitted = False
            self._say()
            self._submit()

    # ---- pictures --------------------------------------------------------------------------

    def _choose(self) -> None:
        if paths := choose_pictures(self):
            self.pictures.add_files(paths)
        self.editor.setFocus()

    def _paste(self, data: bytes) -> None:
        self.pictures.add_bytes(data, self.tr("Pasted picture"))
