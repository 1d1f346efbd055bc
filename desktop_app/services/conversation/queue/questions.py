"""Questions that wait until the answer above them in their conversation has ended."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import Picture, State, new_id


@dataclass(frozen=True)
class QueuedQuestion:
    """A question as it will be sent."""

    text: str
    pictures: tuple[Picture, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)  # of its message
    id: str = field(default_factory=new_id)


class QuestionQueue(QObject):
    """The queued questions of each conversation, in their order. `changed(conversation id)`.

    After an answer that was stopped, has failed or was interrupted before its first word, they are held until the
    person sends them.
    """

    changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._questions: dict[str, list[QueuedQuestion]] = {}
        self._held: dict[str, State] = {}  # how the answer ended after which they are held

    def questions(self, conversation_id: str) -> list[QueuedQuestion]:
        """Return the questions of a conversation, the next one first."""
        return list(self._questions.get(conversation_id, ()))

    def pictures(self) -> set[str]:
        """Return the SHA-256 of the pictures of all questions."""
        return {
            picture.sha256 for each in self._questions.values() for question in each for picture in question.pictures
        }

    def held_by(self, conversation_id: str) -> State | None:
        """Return how the answer ended after which the questions are held; None: they are sent by themselves."""
        return self._held.get(conversation_id)

    def add(self, conversation_id: str, question: QueuedQuestion) -> None:
        """Add a question behind those that wait."""
        self._questions.setdefault(conversation_id, []).append(question)
        self.changed.emit(conversation_id)

    def remove(self, conversation_id: str, question_id: str) -> QueuedQuestion | None:
        """Remove a question and return it; None: it is not there any more."""
        questions = self._questions.get(conversation_id, [])
        found = next((question for question in questions if question.id == question_id), None)
        if found is not None:
            questions.remove(found)
            if not questions:
                self._held.pop(conversation_id, None)
            self.changed.emit(conversation_id)
        return found

    def put_back(self, conversation_id: str, question: QueuedQuestion, place: int) -> None:
        """Put a removed question back to its place."""
        self._questions.setdefault(conversation_id, []).insert(place, question)
        self.changed.emit(conversation_id)

    def rewrite(self, conversation_id: str, question_id: str, text: str) -> None:
        """Give a question other words; its place and its pictures stay. Nothing is emitted: it is being typed."""
        questions = self._questions.get(conversation_id, [])
        questions[:] = [replace(each, text=text) if each.id == question_id else each for each in questions]

    def hold(self, conversation_id: str, ended: State) -> None:
        """Send nothing by itself until `go_on`; the answer before has `ended` in that way."""
        if self._questions.get(conversation_id):
            self._held[conversation_id] = ended
            self.changed.emit(conversation_id)

    def go_on(self, conversation_id: str) -> None:
        """Send by itself again."""
        if self._held.pop(conversation_id, None) is not None:
            self.changed.emit(conversation_id)

    def forget(self, conversation_id: str) -> None:
        """Drop the questions of a conversation that is deleted for good."""
        self._held.pop(conversation_id, None)
        if self._questions.pop(conversation_id, None):
            self.changed.emit(conversation_id)
