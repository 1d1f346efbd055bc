"""The buttons under a message: copy, edit, ask again, go on, and switch between versions."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.widgets.controls import IconButton, Label
from desktop_app.ui.widgets.theme import GRID

_CONFIRMED_MS = 1200
_ICON = 16  # px; quieter than the buttons of the window


class MessageAction(Enum):
    """What a button of the bar does with its message."""

    COPY = "copy"
    COPY_CODE = "copy-code"
    REGENERATE = "regenerate"
    GO_ON = "go-on"
    EDIT = "edit"
    PREVIOUS = "previous"
    NEXT = "next"
    MORE = "more"


class PageButton(IconButton):
    """A small button on the page. After copying it shows a check mark for a moment."""

    def __init__(self, icon: str, name: str, parent: QWidget) -> None:
        super().__init__(icon, name, parent, "muted", _ICON)
        self._usual = icon
        self._back = QTimer(self)
        self._back.setSingleShot(True)
        self._back.setInterval(_CONFIRMED_MS)
        self._back.timeout.connect(self.show_usual)

    def confirm(self) -> None:
        """Show the check mark for a moment."""
        self.set_icon("check")
        self._back.start()

    def show_usual(self) -> None:
        """Show its own icon again."""
        self.set_icon(self._usual)


class ActionBar(QWidget):
    """One bar of buttons that moves to the message under the pointer or with the keyboard focus, or stays at the last.

    `chosen(message_id, MessageAction)`: a button was pressed.
    """

    chosen = Signal(str, object)

    def __init__(self, parent: QWidget, *, with_words: bool = False) -> None:
        """`with_words`: whether the usual buttons are named beside their icons, as far as there is room."""
        super().__init__(parent)
        self._with_words = with_words
        self._message: Message | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.copy = self._button("copy", self.tr("Copy message"), MessageAction.COPY)
        self.copy_code = self._button("code", self.tr("Copy all code in this message"), MessageAction.COPY_CODE)
        self.edit = self._button("edit", self.tr("Edit and ask again"), MessageAction.EDIT)
        self.regenerate = self._button("regenerate", self.tr("Answer again"), MessageAction.REGENERATE)
        self.go_on = self._button("continue", self.tr("Continue this answer"), MessageAction.GO_ON)
        self.previous = self._button("previous", self.tr("Previous version"), MessageAction.PREVIOUS)
        self.version = Label("", "tiny", "muted", self)
        self.next = self._button("next", self.tr("Next version"), MessageAction.NEXT)
        self.more = self._button("more", self.tr("More"), MessageAction.MORE)
        self.figures = Label("", "tiny", "muted", self)
        self._named = (self.copy, self.edit, self.regenerate, self.go_on)
        names = (self.tr("Copy"), self.tr("Edit"), self.tr("Again"), self.tr("Continue"))
        for button, name in zip(self._named, names, strict=True):
            button.setText(name)
        for widget in (
            self.copy,
            self.copy_code,
            self.edit,
            self.regenerate,
            self.go_on,
            self.previous,
            self.version,
            self.next,
            self.more,
            self.figures,
        ):
            row.addWidget(widget)
        self.hide()

    def message_id(self) -> str:
        """Return the id of the message whose buttons are shown, or ""."""
        return self._message.id if self._message is not None and not self.isHidden() else ""

    def set_message(self, message: Message) -> None:
        """Switch to another version of the message; a call of `show_for` follows."""
        self._message = message

    def show_for(self, message: Message, has_code: bool, is_busy: bool, room: int) -> None:
        """Show the buttons for a message in `room` px. While an answer is written (`is_busy`), one can only copy."""
        self._message = message
        is_answer = message.role is Role.ASSISTANT
        index, count = message.sibling
        self.copy.setVisible(bool(message.text))
        self.copy_code.setVisible(has_code)
        self.edit.setVisible(message.role is Role.USER)
        has_ended = message.state is not State.STREAMING
        self.regenerate.setVisible(is_answer and has_ended)
        self.go_on.setVisible(message.can_go_on)
        self.more.setVisible(has_ended)
        for widget in (self.previous, self.version, self.next):
            widget.setVisible(count > 1)
        self.version.setText(f"{index + 1}/{count}")
        version = self.tr("Version {number} of {count}").format(number=index + 1, count=count)
        self.version.setAccessibleName(version)
        self._enable_arrows(index > 0 and not is_busy, index + 1 < count and not is_busy)
        self.edit.setEnabled(not is_busy)
        self.regenerate.setEnabled(not is_busy)
        self.go_on.setEnabled(not is_busy)
        self.more.setEnabled(not is_busy)
        self.figures.setText(words.figures(message) if is_answer else "")
        self.figures.setVisible(bool(self.figures.text()))
        self.figures.setContentsMargins(GRID, 0, 0, 0)
        self._name_buttons(self._with_words)
        self.adjustSize()
        if self.width() > room:  # large text, or a narrow window
            self.figures.hide()
            self.adjustSize()
        if self.width() > room:
            self._name_buttons(False)
            self.adjustSize()

    def _name_buttons(self, named: bool) -> None:
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if named else Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in self._named:
            button.setToolButtonStyle(style)

    def _enable_arrows(self, has_previous: bool, has_next: bool) -> None:
        # A disabled button loses the keyboard to whatever comes next in the window.
        if self.next.hasFocus() and not has_next and has_previous:
            self.previous.setEnabled(True)
            self.previous.setFocus()
        elif self.previous.hasFocus() and not has_previous and has_next:
            self.next.setEnabled(True)
            self.next.setFocus()
        self.previous.setEnabled(has_previous)
        self.next.setEnabled(has_next)

    def _button(self, icon: str, name: str, action: MessageAction) -> PageButton:
        button = PageButton(icon, name, self)
        button.setProperty("action", action.value)
        button.setProperty("kind", "action")
        button.setCursor(Qt.CursorShape.ArrowCursor)
        button.clicked.connect(self._clicked)
        return button

    def _clicked(self) -> None:
        if self._message is not None:
            self.chosen.emit(self._message.id, MessageAction(self.sender().property("action")))
