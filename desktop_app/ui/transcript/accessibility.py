"""Screen reader support for the conversation: an invisible label for each message in the window.

PySide6 before 6.12 cannot describe parts of a widget to assistive technology, but every widget is described.
So each message in the window gets a label that paints nothing, but only while a screen reader is active.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleEvent, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.page import TranscriptPage


class SpokenMessages(QObject):
    """Keeps the labels up to date, reports the focused message, and announces completed answers."""

    def __init__(self, page: TranscriptPage) -> None:
        super().__init__(page)
        self._page = page
        self._rows = page.rows
        self._labels: list[_SpokenLabel] = []
        self._rows.arranged.connect(self._place)
        page.keyboard.focus_changed.connect(self._tell_focus)

    def labels(self) -> list[QLabel]:
        """Return the labels of the messages in the window, from top to bottom."""
        return [label for label in self._labels if not label.isHidden()]

    def tell_end(self, message: Message) -> None:
        """Announce an answer that has just been completed, after whatever is being spoken now."""
        is_answer = message.role is Role.ASSISTANT and message.state is not State.STREAMING
        if QAccessible.isActive() and is_answer:
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._page, words.spoken(message)))

    def _place(self) -> None:
        seen = self._rows.seen() if QAccessible.isActive() else []
        while len(self._labels) < len(seen):
            self._labels.append(_SpokenLabel(self._page.viewport()))
        for label, index in zip(self._labels, seen, strict=False):
            rect = self._rows.rect(index)
            if rect is not None:
                label.setGeometry(rect)
            message = self._rows.messages()[index]
            label.say(message, self._rows.is_dropped(message))
            label.setVisible(True)
        for label in self._labels[len(seen) :]:
            label.setVisible(False)

    def _tell_focus(self) -> None:
        index = self._page.keyboard.focused()
        if index in self._rows.seen() and self._page.keyboard.is_focus_shown() and QAccessible.isActive():
            label = self.labels()[self._rows.seen().index(index)]
            QAccessible.updateAccessibility(QAccessibleEvent(label, QAccessible.Event.Focus))


class _SpokenLabel(QLabel):
    """A label for screen readers only: it is neither painted nor clicked."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._said: tuple[Message, bool] | None = None

    def say(self, message: Message, is_dropped: bool) -> None:
        """Describe a message."""
        if (message, is_dropped) != self._said:
            self._said = (message, is_dropped)
            self.setText(words.spoken(message, is_dropped))
            self.lower()  # the buttons stay above

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint nothing: the page has painted the message."""
