"""The buttons under an answer that failed, waits, looked quickly, or says what the built-in model cannot do."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.engine.messages import ModelInfo
from desktop_app.services.notices import NoticeAction, Notices, action, remedies
from desktop_app.ui.sentences import action_label
from desktop_app.ui.widgets.controls import Label, action_button
from desktop_app.ui.widgets.fitting import WrappingRow
from desktop_app.ui.widgets.theme import GRID

#: Why a model could not be loaded, where nothing need be chosen: it may be loaded meanwhile.
_OF_LOADING = frozenset({"model-missing", "model-away", "out-of-memory", "file-unreadable"})
#: How the built-in model begins to say what it can talk about: it was trained to.
_OUT_OF_REACH = "I am a small demonstration model."


def remedies_of(message: Message, info: ModelInfo | None, is_waiting: bool = False) -> tuple[NoticeAction, ...]:
    """Return what can be done about such an answer; once its cause is gone, to ask again.

    An answer that `is_waiting` for its turn can be cancelled.
    """
    if message.state is State.STREAMING and is_waiting:
        return (action("cancel-question"),)
    if _is_out_of_reach(message):
        is_better = info is not None and not info.is_demo and info.sees
        return (action("ask-again", message.id) if is_better else action("get-model"),)
    if message.role is Role.ASSISTANT and message.state is not State.STREAMING and message.looks:
        return (action("look-closely", message.id),)
    if message.role is not Role.ASSISTANT or message.state is not State.FAILED:
        return ()
    error = message.details.get("error", {})
    code, needed = error.get("code"), error.get("parameters", {}).get("needed")
    if info is not None and (
        code in _OF_LOADING
        or (code == "projector-needed" and info.sees)
        or (code == "context-too-small" and isinstance(needed, int) and needed <= info.n_ctx)
    ):
        return (action("ask-again", message.id),)
    about = {"edit-question": message.parent or "", "ask-again": message.id}
    offered = remedies(str(code)) or (action("ask-again"),)
    # A question loads the model first, so to ask again is to try again.
    offered = tuple(action("ask-again") if each.code == "load-again" else each for each in offered)
    return tuple(each._replace(argument=about.get(each.code, each.argument)) for each in offered)


def _is_out_of_reach(message: Message) -> bool:
    """Return whether the built-in model says in an answer that it cannot do what was asked."""
    is_written = message.role is Role.ASSISTANT and message.state is not State.STREAMING
    return is_written and message.text.startswith(_OUT_OF_REACH)


class RemedyButtons(QWidget):
    """The buttons for one message. `chosen(NoticeAction)`: one was pressed."""

    chosen = Signal(object)

    def __init__(self, notices: Notices, parent: QWidget) -> None:
        super().__init__(parent)
        self._notices = notices
        self.message_id = ""
        self.buttons: list[QPushButton] = []
        self._actions: dict[NoticeAction, str] = {}  # with the words of each
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        self._row = WrappingRow()
        self._row.setSpacing(0)
        self._row.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._row)
        self.details = Label("", "small", "muted", self, wrap=True)
        column.addWidget(self.details)
        self.hide()

    def set_actions(self, message_id: str, actions: tuple[NoticeAction, ...]) -> None:
        """Offer these, or nothing."""
        said = {each: text for each in actions if (text := action_label(each, self._notices))}
        self.message_id = message_id if said else ""
        details = "\n".join(filter(None, (self._notices.details(each.code) for each in said)))
        self.details.setText(details)
        self.details.ensurePolished()  # before that it has another font
        self.details.setVisible(bool(details))
        if said == self._actions:
            return
        self._actions = said
        for button in self.buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []
        for each, text in said.items():
            button = action_button(each, text, self)
            button.clicked.connect(partial(self.chosen.emit, each))
            self._row.addWidget(button)
            button.show()  # a layout shows it later, and gives no room to what is hidden
            self.buttons.append(button)

    def height_for(self, width: int) -> int:
        """Return the height that the buttons need, in px; 0 without any."""
        layout = self.layout()
        return layout.totalHeightForWidth(width) if self._actions and layout is not None else 0
