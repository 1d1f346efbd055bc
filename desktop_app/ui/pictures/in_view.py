"""Which picture of the conversation the person is reading about."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from PySide6.QtCore import SignalInstance

    from desktop_app.chat.conversation import Message, Picture
    from desktop_app.ui.protocols.conversation import Chat


class Rows(Protocol):
    """See `desktop_app.ui.transcript.rows`."""

    arranged: SignalInstance

    def messages(self) -> Sequence[Message]:
        """Return the messages in order."""

    def placed(self) -> Sequence[tuple[int, int]]:
        """Return the index of each message in the window, and the y of its top."""

    def reading_line(self) -> int:
        """Return the y down to which one has read."""


class PictureInView(QObject):
    """Follows the newest question with a picture that stands above the line down to which one has read.

    Where none does, it is the first of the conversation. Another picture may be chosen; it stays until another
    question is read. `changed`: another picture, or others to choose from.
    """

    changed = Signal()

    def __init__(self, chat: Chat, rows: Rows, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self._pictures: list[Picture] = []
        self._holders: list[int] = []  # indexes of the messages with pictures
        self._firsts: list[int] = []  # the index of the first picture of each of them
        self._followed = ""  # id of the question that is read
        self._index = -1
        for signal in (chat.reset, chat.added, chat.changed, chat.truncated):
            signal.connect(self._collect)
        rows.arranged.connect(self._follow)
        self._collect()

    def pictures(self) -> Sequence[Picture]:
        """Return all pictures of the conversation in their order; not to be changed."""
        return self._pictures

    def index(self) -> int:
        """Return which of them is in view; -1 where there is none."""
        return self._index

    def picture(self) -> Picture | None:
        """Return the one in view."""
        return self._pictures[self._index] if self._index >= 0 else None

    def choose(self, index: int) -> None:
        """Look at another picture; beyond the ends, at the first or the last."""
        index = max(0, min(index, len(self._pictures) - 1))
        if self._pictures and index != self._index:
            self._index = index
            self.changed.emit()

    def _collect(self, _what: object = None) -> None:
        before = self._pictures
        self._pictures, self._holders, self._firsts = [], [], []
        for index, message in enumerate(self._rows.messages()):
            if message.pictures:
                self._holders.append(index)
                self._firsts.append(len(self._pictures))
                self._pictures.extend(message.pictures)
        if self._pictures != before:
            self._followed, self._index = "", -1
            self._follow()
            self.changed.emit()

    def _follow(self) -> None:
        messages = self._rows.messages()
        if not self._holders or self._holders[-1] >= len(messages):
            return  # there is none, or the messages have changed: they are collected next
        line, last = self._rows.reading_line(), -1
        for index, top in self._rows.placed():
            if top <= line:
                last = index
        holder = max(0, bisect_right(self._holders, last) - 1)
        question = messages[self._holders[holder]]
        if question.id != self._followed and question.pictures:
            self._followed = question.id
            self._index = self._firsts[holder]
            self.changed.emit()
