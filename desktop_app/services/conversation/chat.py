"""The open conversation: its messages, sending, editing, asking again, and going between versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import Message, Picture, Role, State, describing, new_id, words_of
from desktop_app.engine.messages import Turn, TurnsDropped
from desktop_app.errors import QT_TRANSLATE_NOOP, UserError
from desktop_app.services.conversation.answer import ENGINE_STOPPED_KEY, TOO_LONG_KEY, Answer
from desktop_app.services.conversation.answers import Answers
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.conversation.dropped_messages import DroppedMessages
from desktop_app.services.conversation.model_notes import MODEL_CHANGED, with_model_notes
from desktop_app.services.conversation.picture_detail import PictureDetail
from desktop_app.services.conversation.previews import Previews
from desktop_app.services.conversation.queue.questions import QueuedQuestion
from desktop_app.services.conversation.turns import as_whole, details_of, turns_of
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices

if TYPE_CHECKING:  # imported on the history's thread
    from desktop_app.chat.history import History

NOTES: dict[str, str] = {
    MODEL_CHANGED: QT_TRANSLATE_NOOP("notes", "From here on, the answers are by {name}."),
}

_OF_ITS_END = frozenset({"error", ENGINE_STOPPED_KEY, TOO_LONG_KEY})  # details that are untrue once it goes on


def question_of(queued: QueuedQuestion, parent: str | None) -> Message:
    """Return the message of a question that is sent now. Without a text, its pictures are to be described."""
    text = queued.text.strip() or describing(len(queued.pictures))
    details = queued.details if queued.pictures else {}
    return Message(new_id(), Role.USER, text, queued.pictures, parent, details=details)


def answer_to(question_id: str, model: str) -> Message:
    """Return the message of an answer that is to be written, as far as is known by the `model` of this name."""
    details = {"model": model} if model else {}
    return Message(new_id(), Role.ASSISTANT, "", (), question_id, State.STREAMING, details=details)


class Chat(QObject):
    """Sends, stops, asks again. What an answer does while it comes, `Answers` tells.

    `reset()`: other messages are shown. `added(Message)`, `changed(Message)`, `truncated(id)`: messages after
    that id left the shown path ("": all). `busy_changed(bool)`: see `is_busy`.
    `sending_failed(text)`: nothing was saved, the draft has it back. `freed(id)`: a question that waited to be sent in
    that conversation does so no more, or its path is read: what is queued there may go on. `given_up(id)`: the person
    stopped that question, and nothing else.
    """

    reset = Signal()
    added = Signal(object)
    changed = Signal(object)
    truncated = Signal(str)
    busy_changed = Signal(bool)
    sending_failed = Signal(str)
    freed = Signal(str)
    given_up = Signal(str)

    def __init__(
        self,
        conversations: Conversations,
        draft: Draft,
        answers: Answers,
        history_thread: HistoryThread,
        previews: Previews,
        picture_detail: PictureDetail,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._conversations = conversations
        self._draft = draft
        self._answers = answers
        self._history_thread = history_thread
        self._previews = previews
        self._picture_detail = picture_detail
        self._notices = notices
        self.dropped = DroppedMessages(self)
        self._messages: list[Message] = []  # the path as it is in the history
        self._noted: list[Message] = []  # the path with which `_shown` was made
        self._shown: list[Message] = []  # with the notes
        self._told: list[str] = []  # ids of those that are shown, notes included
        self._opening = False  # the messages to be shown are being read from the history
        self._reduced: dict[str, tuple[int, int, bool]] = {}  # to be told when the conversation is open
        self._reduced_told: tuple[str, tuple[int, int, bool]] | None = None
        self._waiting: tuple[str, str, set[int]] | None = None  # (conversation, text, pictures), until it can be sent
        conversations.opened.connect(self._open)
        conversations.erased.connect(answers.stop_all)
        draft.settled.connect(self._send_waiting)
        answers.saved.connect(self._saved)
        answers.not_saved.connect(self._not_saved)
        answers.withdrawn.connect(self._withdrawn)
        answers.dropped.connect(self._turns_dropped)
        answers.reduced.connect(self._parts_reduced)
        answers.completed.connect(self._completed)
        answers.judged.connect(self._completed)
        answers.ended.connect(self._answer_ended)

    # ---- what is there ---------------------------------------------------------------------

    def messages(self) -> list[Message]:
        """Return the shown path, first message first, with notes where another model answers."""
        if self._noted != self._messages:  # quick: mostly the same objects
            self._noted, self._shown = list(self._messages), with_model_notes(self._messages)
        return self._shown[: len(self._told)]

    def is_busy(self) -> bool:
        """Return whether a question waits to be sent in the open conversation, or an answer is under way."""
        return self._waiting is not None or self._answers.is_under_way(self._conversations.current_id())

    def can_change(self, message_id: str) -> bool:
        """Return whether the path may be changed at this message: it is shown, and nothing is under way here."""
        return not self.is_busy() and self._index(message_id) is not None

    def is_waiting_for_pictures(self) -> bool:
        """Return whether a question is sent as soon as its pictures have been inspected."""
        return self._waiting is not None and self._draft.is_checking()

    def turns(self) -> tuple[Turn, ...]:
        """Return the shown path as the engine reads it."""
        return () if self._opening else turns_of(self._messages, self._previews.reference_of)

    # ---- asking ----------------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Ask, with the draft's pictures. Without a text, the pictures are to be described.

        While an answer is under way in the open conversation, the question is queued.
        """
        if self._waiting is not None:
            return
        pictures = {picture.key for picture in self._draft.pictures()}
        if not text.strip() and not pictures:
            self._notices.error(UserError("question-empty"), owner="draft")
        elif self._draft.is_checking() or self._opening:
            self._waiting = (self._conversations.current_id(), text, pictures)
            self.busy_changed.emit(True)
        else:
            self._send(text, pictures)

    def can_ask(self) -> bool:
        """Return whether a question can be asked in the open conversation now."""
        return not self._opening and not self.is_busy()

    def ask_queued(self, question: QueuedQuestion) -> None:
        """Ask a question that has just left the queue of the open conversation, which `can_ask`."""
        self._ask(question)

    def close(self) -> None:
        """Send nothing more: the program ends. What waits to be sent is in the draft."""
        self._waiting = None

    def stop(self) -> None:
        """Stop the live answer; what was written stays. A question that waits for its turn goes back to the draft."""
        current = self._conversations.current_id()
        if self._waiting is not None:
            self._waiting = None
            self.busy_changed.emit(False)
            if not self._answers.is_under_way(current):
                self.given_up.emit(current)
        if self._answers.is_waiting(current):
            self._answers.withdraw(current)
        else:
            self._answers.stop(current)

    def look_closely(self, message_id: str) -> None:
        """Answer the same question again, with all pictures looked at as a whole."""
        self.regenerate(message_id, closely=True)

    def regenerate(self, message_id: str, *, closely: bool = False) -> None:
        """Answer the same question again; the first answer stays beside it. `closely`: see `look_closely`."""
        index = self._index(message_id)
        if index is None or self.is_busy() or self._messages[index].role is not Role.ASSISTANT:
            return
        question = self._messages[index].parent or ""
        self._cut(question)
        self._begin_answer(question, None, closely=closely)

    def go_on(self, message_id: str) -> None:
        """Go on with an answer that has not ended by itself: it stays one message, and its text grows."""
        index = self._index(message_id)
        if index is None or self.is_busy() or not self._messages[index].can_go_on:
            return
        turns = turns_of(self._messages[:index], self._previews.reference_of)
        if not turns or turns[-1].answer is not None:
            return  # its question is gone
        begun = self._messages[index]
        text = None if begun.is_inside_thought else begun.text  # "": nothing was said behind its thought
        turns = (*turns[:-1], turns[-1]._replace(answer=text, thought=begun.thought))
        details = {name: value for name, value in begun.details.items() if name not in _OF_ITS_END}
        message = replace(begun, state=State.STREAMING, details=details)
        self._messages[index] = message
        self._answers.begin(self._conversations.current_id(), turns, message, begun=begun)
        self.changed.emit(message)
        self.busy_changed.emit(True)

    def edit(self, message_id: str, text: str, pictures: tuple[Picture, ...] | None = None) -> None:
        """Ask another question in place of one, with these pictures, None: with its own; the first stays beside it."""
        index = self._index(message_id)
        if index is None or self.is_busy() or self._messages[index].role is not Role.USER:
            return
        old = self._messages[index]
        pictures = old.pictures if pictures is None else pictures
        if not text.strip() and not pictures:
            self._notices.error(UserError("question-empty"), owner="draft")
            return
        self._cut(old.parent or "")
        details = old.details
        if not old.pictures:  # it had nothing to be looked at
            details = details_of(self._picture_detail.chosen(text)) or details
        self._ask(QueuedQuestion(text, pictures, details))

    def take_back(self, message_id: str) -> None:
        """Put a question back into the draft, with its pictures; sent again, it stands beside the first."""
        index = self._index(message_id)
        if index is None or self.is_busy() or self._messages[index].role is not Role.USER:
            return
        old = self._messages[index]
        self._cut(old.parent or "")
        self._tell()
        self._give_back(self._conversations.current_id(), old)

    def show_sibling(self, message_id: str, step: int) -> None:
        """Show the question or answer beside this one, with what followed it."""
        conversation = self._conversations.current_id()
        self.change_path(
            lambda history: history.switch_sibling(conversation, message_id, step),
            self._conversations.refresh,  # it may begin with another picture now
        )

    def change_path(self, job: Callable[[History], list[Message]], then: Callable[[], object] = lambda: None) -> None:
        """Let `job` change the open conversation, show the path that it returns, and call `then`.

        Not while an answer is under way, or another path is being read.
        """
        if self.is_busy() or self._opening:
            return
        conversation = self._conversations.current_id()

        def shown(path: list[Message]) -> None:
            self._show(conversation, path)
            then()

        self._opening = True
        self._history_thread.run(job, shown, partial(self._not_switched, conversation))

    def set_dropped_turns(self, event: TurnsDropped | None) -> None:
        """Note which turns of the open conversation the engine leaves out; None: none."""
        if not self._opening:
            self.dropped.set(self._messages, event.left if event is not None else ())

    # ---- inside ----------------------------------------------------------------------------

    def _index(self, message_id: str) -> int | None:
        if self._opening:
            return None
        return next((i for i, message in enumerate(self._messages) if message.id == message_id), None)

    def _send_waiting(self) -> None:
        if self._waiting is None or self._opening or self._draft.is_checking():
            return
        (conversation, text, pictures), self._waiting = self._waiting, None
        self.busy_changed.emit(False)
        self.freed.emit(conversation)  # what was queued before it goes first
        if conversation != self._conversations.current_id():
            return  # another was opened; the draft of the first still has the text
        pictures &= {picture.key for picture in self._draft.pictures()}
        if text.strip() or pictures:  # not if the only picture was refused
            self._send(text, pictures)

    def _send(self, text: str, pictures: set[int]) -> None:
        if not self._conversations.current_id():
            conversation = new_id()
            self._draft.assign_id(conversation)
            self._conversations.assign_id(conversation)
        details = details_of(self._picture_detail.chosen(text))
        if self._answers.is_under_way(self._conversations.current_id()):
            self._draft.queue_up(text, pictures, details)
            return
        self._ask(QueuedQuestion(text, self._draft.take(text, pictures), details))

    def _ask(self, asked: QueuedQuestion) -> None:
        """Ask a question, which has left the draft or its queue, at the end of the path."""
        question = question_of(asked, self._messages[-1].id if self._messages else None)
        self._messages.append(question)
        self._begin_answer(question.id, question)

    def _begin_answer(self, parent: str, question: Message | None, *, closely: bool = False) -> None:
        """Answer the last message of the path; `question` is given when it is to be saved with the answer."""
        turns = as_whole(self.turns()) if closely else self.turns()
        message = answer_to(parent, self._answers.model_name())
        conversation = self._conversations.current_id()
        self._answers.begin(conversation, turns, message, question, also=self._draft.saving(conversation))
        self._messages.append(message)
        self._tell()
        self.busy_changed.emit(True)

    def _tell(self) -> None:
        """Emit which messages have left the end of the shown path, and which were added to it."""
        shown = with_model_notes(self._messages)
        same = takewhile(lambda pair: pair[0] == pair[1].id, zip(self._told, shown, strict=False))
        common = sum(1 for _ in same)
        if common < len(self._told):
            del self._told[common:]
            self.truncated.emit(shown[common - 1].id if common else "")
        for message in shown[common:]:
            self._told.append(message.id)
            self.added.emit(message)

    def _saved(self, saved: list[Message]) -> None:
        for message in saved:  # the history knows how many siblings there are
            index = self._index(message.id)
            if index is not None and self._messages[index].sibling != message.sibling:
                self._messages[index] = replace(self._messages[index], sibling=message.sibling)
                self.changed.emit(self._messages[index])
        self._conversations.refresh()

    def _not_saved(self, answer: Answer) -> None:
        if answer.begun is not None:
            self._completed(answer.begun)
            self._answer_ended(answer.conversation_id, answer.begun.state)
            return
        is_new = all(summary.id != answer.conversation_id for summary in self._conversations.summaries())
        self._taken_back(answer, is_new)
        for conversation in (answer.conversation_id, ""):
            self._draft.save_of(conversation)  # which was to be done with it
        if answer.question is not None:
            self.sending_failed.emit(answer.question.text)

    def _withdrawn(self, answer: Answer, is_all: bool) -> None:
        self._taken_back(answer, is_all)
        self._conversations.refresh()

    def _taken_back(self, answer: Answer, is_gone: bool) -> None:
        """Give the question back to the draft; if its conversation `is_gone`, that of a new one."""
        conversation, question = answer.conversation_id, answer.question
        is_shown = conversation == self._conversations.current_id()
        if is_shown:
            self._cut((question or answer.message).parent or "")
            self._tell()
            self.busy_changed.emit(False)
        if question is not None and is_gone:
            self._draft.unassign_id(conversation)
            if is_shown:
                self._conversations.assign_id("")
                is_shown = False
            conversation = ""
        if question is not None:
            self._give_back(conversation, question)
        if is_shown:
            self._conversations.reopen()  # an answer or a question beside it was shown before

    def _give_back(self, conversation: str, question: Message) -> None:
        self._draft.give_back(conversation, words_of(question), question.pictures)

    def _cut(self, message_id: str) -> None:
        """Keep the path up to a message; "" keeps nothing."""
        index = self._index(message_id)
        del self._messages[(index + 1) if index is not None else 0 :]

    def _turns_dropped(self, conversation_id: str, event: TurnsDropped | None) -> None:
        if conversation_id != self._conversations.current_id():
            return
        if event is not None and not self.dropped.ids():  # once; afterwards the transcript shows it
            code = "turns-and-pictures-dropped" if event.pictures else "turns-dropped"
            self._notices.post(Notice(code, {"turns": event.turns, "pictures": event.pictures}, owner="conversation"))
        self.set_dropped_turns(event)

    def _parts_reduced(self, conversation_id: str, parts: int, wished: int, in_tokens: bool) -> None:
        self._reduced[conversation_id] = (parts, wished, in_tokens)
        if conversation_id == self._conversations.current_id():
            self._tell_reduced(conversation_id)

    def _tell_reduced(self, conversation_id: str) -> None:
        reduced = self._reduced.pop(conversation_id, None)
        if reduced is not None and (conversation_id, reduced) != self._reduced_told:  # once is enough
            self._reduced_told = (conversation_id, reduced)
            parts, wished, in_tokens = reduced
            code = "parts-reduced" if parts > 1 else "parts-reduced-to-one"
            code = "picture-tokens-reduced" if in_tokens else code
            self._notices.post(Notice(code, {"parts": parts, "wished": wished}, owner="conversation"))

    def _completed(self, message: Message) -> None:
        index = self._index(message.id)
        if index is not None:
            self._messages[index] = replace(message, sibling=self._messages[index].sibling)
            self.changed.emit(self._messages[index])
            self._tell()  # another model may have been loaded before it answered

    def _answer_ended(self, conversation_id: str, _state: State) -> None:
        if conversation_id == self._conversations.current_id() and not self.is_busy():
            self.busy_changed.emit(False)
        self._conversations.refresh()

    def _open(self, conversation_id: str) -> None:
        if self._waiting is not None and self._waiting[0] != conversation_id:
            (given_up, _, _), self._waiting = self._waiting, None
            self.freed.emit(given_up)  # if it is the same, only its messages are read again
        if not conversation_id:
            self._show("", [])
            return
        self._opening = True
        self._history_thread.run(
            lambda history: history.path(conversation_id),
            partial(self._show, conversation_id),
            partial(self._not_opened, conversation_id),
        )

    def _not_switched(self, conversation_id: str, error: Exception) -> None:
        if conversation_id == self._conversations.current_id():
            self._opening = False  # what is shown stays
            self.freed.emit(conversation_id)
            self._send_waiting()
        self._history_thread.failed(error)

    def _not_opened(self, conversation_id: str, error: Exception) -> None:
        if conversation_id == self._conversations.current_id():
            self._conversations.new()
        if not isinstance(error, UserError):
            raise error
        self._notices.error(error)

    def _show(self, conversation_id: str, messages: list[Message]) -> None:
        if conversation_id != self._conversations.current_id():
            return  # another one was opened meanwhile
        self._opening = False
        self._messages = self._answers.up_to_date(messages)
        self._noted, self._shown = list(self._messages), with_model_notes(self._messages)
        self._told = [message.id for message in self._shown]
        if not self.dropped.ids() <= {message.id for message in messages}:
            self.dropped.set((), ())  # of another conversation; the engine soon tells which of this one are dropped
        self.reset.emit()
        self._answers.tell_phase(conversation_id)
        self._tell_reduced(conversation_id)
        self.busy_changed.emit(self.is_busy())
        self._send_waiting()
