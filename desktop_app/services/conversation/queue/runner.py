"""Sends the queued questions, one after another, each when the answer before it has ended."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from PySide6.QtCore import QObject

from desktop_app.chat.conversation import Message, State
from desktop_app.services.conversation.answer import Answer
from desktop_app.services.conversation.answers import Answers
from desktop_app.services.conversation.chat import Chat, answer_to, question_of
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.conversation.previews import Previews
from desktop_app.services.conversation.queue.questions import QuestionQueue, QueuedQuestion
from desktop_app.services.conversation.turns import turns_of
from desktop_app.services.engine import Engine
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices, action

_HOLDING = frozenset({State.STOPPED, State.FAILED})  # the person decides whether the next question still makes sense


class _Removed(NamedTuple):
    """Questions that were removed, each with the place where it stood, and the notice that offers to undo it."""

    conversation: str
    questions: list[tuple[QueuedQuestion, int]]
    notice: Notice


class QueueRunner(QObject):
    """Sends questions by itself, and does what the person wants with those that wait in the open conversation."""

    def __init__(
        self,
        engine: Engine,
        queue: QuestionQueue,
        conversations: Conversations,
        draft: Draft,
        answers: Answers,
        chat: Chat,
        history_thread: HistoryThread,
        previews: Previews,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._queue = queue
        self._conversations = conversations
        self._draft = draft
        self._answers = answers
        self._chat = chat
        self._history_thread = history_thread
        self._previews = previews
        self._notices = notices
        self._removed: _Removed | None = None
        self._edited: tuple[str, QueuedQuestion] | None = None  # (conversation, the question as it was)
        self._closed = False
        answers.ended.connect(self._ended)
        answers.withdrawn.connect(self._withdrawn)
        answers.not_saved.connect(self._not_saved)
        chat.reset.connect(self._shown)
        chat.freed.connect(self._send_next)
        chat.given_up.connect(self._given_up)
        conversations.erased.connect(self._erased)
        notices.register("undo-queued", self.undo_remove)

    def in_hand(self) -> set[str]:
        """Return the SHA-256 of the pictures of questions whose removal can be undone."""
        removed = self._removed.questions if self._removed is not None else []
        return {picture.sha256 for question, _ in removed for picture in question.pictures}

    def close(self) -> None:
        """Send nothing more: the program ends. The questions are kept with the draft."""
        self._closed = True
        self.finish_editing()

    def send(self) -> None:
        """Send the questions that are held in the open conversation, one after another."""
        self.finish_editing()
        conversation = self._conversations.current_id()
        self._queue.go_on(conversation)
        self._send_next(conversation)

    def edit(self, question_id: str) -> None:
        """Let a queued question of the open conversation be changed in its place; it is not sent meanwhile."""
        self.finish_editing()
        conversation = self._conversations.current_id()
        found = (each for each in self._queue.questions(conversation) if each.id == question_id)
        question = next(found, None)
        if question is not None:
            self._edited = (conversation, question)

    def rewrite(self, text: str) -> None:
        """Give the question that is being changed the words that it has now."""
        if self._edited is not None:
            self._queue.rewrite(self._edited[0], self._edited[1].id, text)

    def finish_editing(self, *, keep: bool = True) -> None:
        """End the change; with its first words unless they are to be kept. A question without any is removed."""
        if self._edited is None:
            return
        (conversation, before), self._edited = self._edited, None
        now = next((each for each in self._queue.questions(conversation) if each.id == before.id), None)
        if now is None:
            return
        is_empty = not now.text.strip() and not now.pictures
        self._queue.rewrite(conversation, before.id, before.text if is_empty or not keep else now.text.strip())
        if is_empty and keep:
            self._remove(conversation, before.id)
        else:
            self._draft.save_of(conversation)
        self._send_next(conversation)

    def remove(self, question_id: str) -> None:
        """Remove a queued question of the open conversation; a notice offers to undo it."""
        self._remove(self._conversations.current_id(), question_id)

    def _remove(self, conversation: str, question_id: str) -> None:
        places = [question.id for question in self._queue.questions(conversation)]
        question = self._queue.remove(conversation, question_id)
        if question is None:
            return
        self._draft.save_of(conversation)
        questions = [(question, places.index(question_id))]
        before = self._removed
        if before is not None:
            if before.notice in self._notices.standing() and before.conversation == conversation:
                questions = [*before.questions, *questions]  # the next one moves below the pointer: a click too many
            self._notices.expire(before.notice.id)
        code, count = ("queued-removed", {}) if len(questions) == 1 else ("several-removed", {"count": len(questions)})
        notice = Notice(code, count, actions=(action("undo-queued"),), owner="conversation")
        self._removed = _Removed(conversation, questions, notice)
        self._notices.post(notice)

    def undo_remove(self) -> None:
        """Put the questions that the notice tells of back to their places."""
        if self._removed is not None:
            (conversation, questions, notice), self._removed = self._removed, None
            self._notices.expire(notice.id)
            for question, place in reversed(questions):
                self._queue.put_back(conversation, question, place)
            self._draft.save_of(conversation)
            self._send_next(conversation)

    # ---- inside ----------------------------------------------------------------------------

    def _ended(self, conversation_id: str, state: State, has_words: bool) -> None:
        is_lost = state is State.INTERRUPTED and not has_words  # the person wants that question answered first
        if state in _HOLDING or is_lost or self._engine.state() == "dead":
            self._queue.hold(conversation_id, state)
        else:
            self._send_next(conversation_id)

    def _withdrawn(self, answer: Answer, _is_all: bool) -> None:
        self._queue.hold(answer.conversation_id, State.STOPPED)

    def _not_saved(self, answer: Answer) -> None:
        self._queue.hold(answer.conversation_id, State.FAILED)

    def _given_up(self, conversation_id: str) -> None:
        self._queue.hold(conversation_id, State.STOPPED)

    def _erased(self, conversations: list[str]) -> None:
        if self._removed is not None and self._removed.conversation in conversations:
            self._notices.expire(self._removed.notice.id)
            self._removed = None

    def _shown(self) -> None:
        self._send_next(self._conversations.current_id())

    def _may_send(self, conversation: str) -> bool:
        questions = self._queue.questions(conversation)
        is_edited = self._edited is not None and bool(questions) and questions[0].id == self._edited[1].id
        waits = bool(questions) and not is_edited and self._queue.held_by(conversation) is None
        return waits and not self._closed and not self._answers.is_under_way(conversation)

    def _send_next(self, conversation: str) -> None:
        if not self._may_send(conversation):
            return
        if conversation != self._conversations.current_id():
            self._history_thread.run(
                lambda history: history.path(conversation),
                partial(self._ask, conversation),
                partial(self._not_read, conversation),
            )
        elif self._chat.can_ask():
            self._chat.ask_queued(self._next_of(conversation))

    def _ask(self, conversation: str, path: list[Message]) -> None:
        """Ask the next question of a conversation that is not open; its messages were read from the history."""
        if not self._may_send(conversation):
            return
        if conversation == self._conversations.current_id():
            self._send_next(conversation)  # it was opened meanwhile
        elif all(summary.id != conversation for summary in self._conversations.summaries()):
            self._queue.hold(conversation, State.STOPPED)  # it was deleted meanwhile, which can be undone
        else:
            path = self._answers.up_to_date(path)
            question = question_of(self._next_of(conversation), path[-1].id if path else None)
            turns = turns_of([*path, question], self._previews.reference_of)
            answer = answer_to(question.id, self._answers.model_name())
            self._answers.begin(conversation, turns, answer, question, also=self._draft.saving(conversation))

    def _not_read(self, conversation: str, error: Exception) -> None:
        self._queue.hold(conversation, State.FAILED)
        self._history_thread.failed(error)

    def _next_of(self, conversation: str) -> QueuedQuestion:
        """Take the next question out of the queue."""
        question = self._queue.questions(conversation)[0]
        self._queue.remove(conversation, question.id)
        return question
