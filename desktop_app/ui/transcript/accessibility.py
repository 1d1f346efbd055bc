"""The seen messages for screen readers: labels that are not painted, where the painted rows are.

PySide6 before 6.12 cannot describe parts of a widget to assistive technology, but every widget is described.
So there is one invisible label for each message in the window, and only while such technology listens.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleEvent, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.page import TranscriptPage


class SpokenMessages(QObject):
    """Keeps a label for each seen message, tells which one is focused, and says when an answer is complete."""

    def __init__(self, page: TranscriptPage) -> None:
        super().__init__(page)
        self._page = page
        self._rows = page.rows
        self._labels: list[_SpokenLabel] = []
        self._rows.arranged.connect(self._place)
        page.keyboard.focus_changed.connect(self._tell_focus)

    def labels(self) -> list[QLabel]:
        """Return the labels of the seen messages, from above."""
        return [label for label in self._labels if not label.isHidden()]

    def tell_end(self, message: Message) -> None:
        """Say an answer that has just been completed, once nothing else is being said."""
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
            label.say(message, self._rows.is_unseen(message))
            label.setVisible(True)
        for label in self._labels[len(seen) :]:
            label.setVisible(False)

    def _tell_focus(self) -> None:
        index = self._page.keyboard.focused()
        if index in self._rows.seen() and self._page.keyboard.is_focus_shown() and QAccessible.isActive():
            label = self.labels()[self._rows.seen().index(index)]
            QAccessible.updateAccessibility(QAccessibleEvent(label, QAccessible.Event.Focus))


class _SpokenLabel(QLabel):
    """A label that is described, but neither seen nor clicked."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._said: tuple[Message, bool] | None = None

    def say(self, message: Message, is_unseen: bool) -> None:
        """Take over the words of a message."""
        if (message, is_unseen) != self._said:
            self._said = (message, is_unseen)
            self.setText(words.spoken(message, is_unseen))
            self.lower()  # the buttons stay above

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint nothing: the page has painted the message."""
