"""What happens in each conversation, for the marks in the sidebar and the status line."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import State
from desktop_app.services.conversation.answers import Answers
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.queue.questions import QuestionQueue

Mark = Literal["", "writing", "waiting", "unseen"]


class Activity(QObject):
    """Knows where an answer is written, where a question waits, and where an answer ended unseen. `changed()`."""

    changed = Signal()

    def __init__(
        self, answers: Answers, queue: QuestionQueue, conversations: Conversations, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._answers = answers
        self._queue = queue
        self._conversations = conversations
        self._unseen: set[str] = set()
        answers.order_changed.connect(self.changed)
        answers.ended.connect(self._ended)
        queue.changed.connect(self.changed)
        conversations.opened.connect(self._opened)

    def mark(self, conversation_id: str) -> Mark:
        """Return what is to be seen of a conversation from outside."""
        if conversation_id == self.being_written():
            return "writing"
        if self._answers.is_waiting(conversation_id) or self._queue.questions(conversation_id):
            return "waiting"
        return "unseen" if conversation_id in self._unseen else ""

    def being_written(self) -> str:
        """Return the conversation that is being answered, "" for none."""
        return self._answers.being_written()

    def written_elsewhere(self) -> str:
        """Return the conversation that is being answered, "" for none or the open one."""
        written = self.being_written()
        return written if written != self._conversations.current_id() else ""

    def stop_elsewhere(self) -> None:
        """Stop the answer that is being written in a conversation that is not open."""
        if written := self.written_elsewhere():
            self._answers.stop(written)

    def _ended(self, conversation_id: str, state: State, _has_words: bool) -> None:
        if conversation_id != self._conversations.current_id() and state is not State.STOPPED:
            self._unseen.add(conversation_id)
            self.changed.emit()

    def _opened(self, conversation_id: str) -> None:
        self._unseen.discard(conversation_id)
        self.changed.emit()
