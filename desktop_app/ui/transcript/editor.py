"""The inline editor that replaces a question while the person edits it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.input_card import Card
from desktop_app.ui.widgets.message_edit import MessageEdit
from desktop_app.ui.widgets.theme import GRID


class QuestionEditor(Card):
    """Edits a question. Enter asks again, Esc cancels.

    `submitted(message_id, text)`, `cancelled`, `height_wanted(int)`: the height that is needed, in px.
    """

    submitted = Signal(str, str)
    cancelled = Signal()
    height_wanted = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._message_id = ""
        self.editor = MessageEdit(self)
        self.editor.setAccessibleName(self.tr("Your question"))
        hint = Label(self.tr("The old question and its answers are kept as another version."), "tiny", "muted", self)
        self.cancel = push_button(self.tr("Cancel"), "quiet", self)
        self.ask = push_button(self.tr("Ask again"), "primary", self)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.addWidget(hint, 1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.ask)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID + 2, GRID, GRID)
        column.setSpacing(GRID)
        column.addWidget(self.editor)
        column.addLayout(buttons)
        self.editor.submitted.connect(self._submit)
        self.editor.cancelled.connect(self.cancelled)
        self.editor.focus_changed.connect(self.set_active)
        self.ask.clicked.connect(self._submit)
        self.cancel.clicked.connect(self.cancelled)
        self.hide()

    def message_id(self) -> str:
        """Return the id of the question that is being edited, or ""."""
        return self._message_id

    def begin(self, message_id: str, text: str) -> None:
        """Start editing a question."""
        self._message_id = message_id
        self.editor.set_text(text)
        self.editor.document().clearUndoRedoStacks()

    def end(self) -> None:
        """Stop editing and hide."""
        self._message_id = ""
        self.hide()

    def event(self, event: QEvent) -> bool:
        """Report the needed height whenever it changes."""
        if event.type() == QEvent.Type.LayoutRequest and self._message_id:
            self.height_wanted.emit(self.sizeHint().height())
        return super().event(event)

    def _submit(self) -> None:
        if self.editor.toPlainText().strip():
            self.submitted.emit(self._message_id, self.editor.toPlainText())
