"""What happens in each conversation, for the marks in the sidebar and the status line."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import State
from desktop_app.services.conversation.answers import Answers
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.queue.questions import QuestionQueue
from desktop_app.services.history_thread import HistoryThread

Mark = Literal["", "writing", "waiting", "unseen", "broken"]

_BROKEN = frozenset({State.INTERRUPTED, State.FAILED})


class Activity(QObject):
    """Knows where an answer is written, where a question waits, and where an answer ended unseen. `changed()`.

    The last also over a restart: what ends with the program, nobody has seen.
    """

    changed = Signal()

    def __init__(
        self,
        answers: Answers,
        queue: QuestionQueue,
        conversations: Conversations,
        history_thread: HistoryThread,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._answers = answers
        self._queue = queue
        self._conversations = conversations
        self._history_thread = history_thread
        self._unseen: dict[str, State] = {}
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
        state = self._unseen.get(conversation_id)
        return "" if state is None else "broken" if state in _BROKEN else "unseen"

    def restore(self) -> None:
        """Read from the history what was not seen before the program began."""
        self._history_thread.run(lambda history: history.unseen(), self._restored)

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
        is_seen = conversation_id == self._conversations.current_id() and not self._answers.is_closed()
        if not is_seen and state is not State.STOPPED:
            self._unseen[conversation_id] = state
            self._history_thread.run(lambda history: history.set_unseen(conversation_id, state))
            self.changed.emit()

    def _restored(self, unseen: dict[str, State]) -> None:
        self._unseen = unseen | self._unseen
        self._opened(self._conversations.current_id())

    def _opened(self, conversation_id: str) -> None:
        if self._unseen.pop(conversation_id, None) is not None:
            self._history_thread.run(lambda history: history.set_unseen(conversation_id, None))
        self.changed.emit()
