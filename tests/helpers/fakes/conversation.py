"""Fake conversations in memory, and messages to put into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.backups import Backup
from desktop_app.chat.conversation import (
    ConversationSummary,
    DeletedConversation,
    Message,
    Picture,
    Role,
    State,
    new_id,
)
from desktop_app.engine.messages import Phase
from desktop_app.services.conversation.answers import Figures
from desktop_app.services.conversation.dropped_messages import DroppedMessages
from desktop_app.services.conversation.queue.activity import Mark
from desktop_app.services.notices import Notice, Notices, action
from tests.helpers.fakes import Call


def question(text: str, *pictures: Picture, **fields: Any) -> Message:
    return Message(new_id(), Role.USER, text, pictures, **fields)


def answer(text: str, state: State = State.COMPLETE, **fields: Any) -> Message:
    return Message(new_id(), Role.ASSISTANT, text, (), state=state, **fields)


class FakeConversations(QObject):
    listed = Signal()
    opened = Signal(str)
    found = Signal(str, list)

    def __init__(self, calls: list[Call], notices: Notices) -> None:
        super().__init__()
        self.calls = calls
        self.rows: list[ConversationSummary] = []
        self.current = ""
        self.hits: list[ConversationSummary] = []
        self._notices = notices
        self._deleted: ConversationSummary | None = None
        notices.register("undo-delete", self.undo_delete)

    def summaries(self) -> list[ConversationSummary]:
        return list(self.rows)

    def title(self, conversation_id: str) -> str:
        return next((row.title for row in self.rows if row.id == conversation_id), "")

    def current_id(self) -> str:
        return self.current

    def new(self) -> None:
        self.open("")

    def open(self, conversation_id: str) -> None:
        self.calls.append(("open", conversation_id))
        self.current = conversation_id
        self._notices.conversation_opened()
        self.opened.emit(conversation_id)

    def rename(self, conversation_id: str, title: str) -> None:
        self.calls.append(("rename", conversation_id, title))
        self.rows = [replace(row, title=title) if row.id == conversation_id else row for row in self.rows]
        self.listed.emit()

    def delete(self, conversation_id: str) -> None:
        self.calls.append(("delete", conversation_id))
        self._deleted = next(row for row in self.rows if row.id == conversation_id)
        self.rows = [row for row in self.rows if row.id != conversation_id]
        self.listed.emit()
        if self.current == conversation_id:
            self.new()
        title = {"title": self._deleted.title}
        self._notices.post(Notice("conversation-deleted", title, actions=(action("undo-delete"),)))

    def undo_delete(self) -> None:
        self.calls.append(("undo_delete",))
        if self._deleted is not None:
            self.rows.append(self._deleted)
            self.rows.sort(key=lambda row: -row.updated)
            self._deleted = None
        self.listed.emit()

    def search(self, text: str) -> None:
        self.calls.append(("search", text))
        self.found.emit(text, self.hits if text.strip() else self.summaries())


class FakeAnswers(QObject):
    """Tells of answers what the test says."""

    phase = Signal(str, object, dict)
    thinking = Signal(str, str)
    streaming = Signal(str, str)
    thought = Signal(str, dict)
    figures = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Figures] = {}
        self.waiting: set[str] = set()

    def is_waiting(self, conversation_id: str) -> bool:
        return conversation_id in self.waiting

    def figures_of(self, conversation_id: str) -> Figures:
        return self.known.get(conversation_id, Figures())

    def tell(self, conversation_id: str, speed: float, used: int, size: int) -> None:
        self.known[conversation_id] = Figures(speed, used, size)
        self.figures.emit(conversation_id)


class FakeQueueRunner:
    """Only writes down what it is told."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def send(self) -> None:
        self.calls.append(("send_queued",))

    def edit(self, question_id: str) -> None:
        self.calls.append(("edit_queued", question_id))

    def rewrite(self, text: str) -> None:
        self.calls.append(("rewrite_queued", text))

    def finish_editing(self, *, keep: bool = True) -> None:
        self.calls.append(("finish_queued", keep))

    def remove(self, question_id: str) -> None:
        self.calls.append(("remove_queued", question_id))


class FakeActivity(QObject):
    """Marks what the test says."""

    changed = Signal()

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.marks: dict[str, Mark] = {}
        self.elsewhere = ""

    def mark(self, conversation_id: str) -> Mark:
        return self.marks.get(conversation_id, "")

    def being_written(self) -> str:
        return next((conversation for conversation, mark in self.marks.items() if mark == "writing"), "")

    def written_elsewhere(self) -> str:
        return self.elsewhere

    def stop_elsewhere(self) -> None:
        self.calls.append(("stop_elsewhere",))

    def set_mark(self, conversation_id: str, mark: Mark) -> None:
        self.marks[conversation_id] = mark
        self.changed.emit()

    def set_elsewhere(self, conversation_id: str) -> None:
        self.elsewhere = conversation_id
        self.changed.emit()


class FakeChat(QObject):
    """The messages are whatever the test puts in; every order is written to `calls`."""

    reset = Signal()
    added = Signal(object)
    changed = Signal(object)
    truncated = Signal(str)
    busy_changed = Signal(bool)

    def __init__(self, calls: list[Call], answers: FakeAnswers, current_id: Callable[[], str]) -> None:
        super().__init__()
        self.calls = calls
        self.answers = answers
        self.current_id = current_id
        self.path: list[Message] = []
        self.dropped = DroppedMessages(self)
        self.busy = False
        self.waiting_for_pictures = False

    def messages(self) -> list[Message]:
        return list(self.path)

    def is_busy(self) -> bool:
        return self.busy

    def is_waiting_for_pictures(self) -> bool:
        return self.waiting_for_pictures

    def send(self, text: str) -> None:
        self.calls.append(("send", text))

    def stop(self) -> None:
        self.calls.append(("stop",))

    def regenerate(self, message_id: str) -> None:
        self.calls.append(("regenerate", message_id))

    def look_closely(self, message_id: str) -> None:
        self.calls.append(("look_closely", message_id))

    def go_on(self, message_id: str) -> None:
        self.calls.append(("go_on", message_id))

    def edit(self, message_id: str, text: str, pictures: tuple[Picture, ...] | None = None) -> None:
        self.calls.append(("edit", message_id, text, pictures))

    def take_back(self, message_id: str) -> None:
        self.calls.append(("take_back", message_id))

    def show_sibling(self, message_id: str, step: int) -> None:
        self.calls.append(("show_sibling", message_id, step))

    # ---- what the test says ----------------------------------------------------------------

    def show(self, *messages: Message) -> None:
        self.path = list(messages)
        self.reset.emit()

    def add(self, message: Message) -> Message:
        self.path.append(message)
        self.added.emit(message)
        return message

    def begin_answer(self) -> Message:
        self.set_busy(True)
        return self.add(answer("", State.STREAMING))

    def stream(self, text: str) -> None:
        self.path[-1] = replace(self.path[-1], text=text)
        self.answers.streaming.emit(self.path[-1].id, text)

    def end_answer(self, state: State = State.COMPLETE, **details: Any) -> None:
        self.change(replace(self.path[-1], state=state, details=details))
        self.answers.phase.emit(self.current_id(), None, {})
        self.set_busy(False)

    def change(self, message: Message) -> None:
        self.path = [message if message.id == old.id else old for old in self.path]
        self.changed.emit(message)

    def set_busy(self, busy: bool) -> None:
        self.busy = busy
        self.busy_changed.emit(busy)

    def enter(self, phase: Phase | None, done: int = 0, total: int = 0, expected_s: float = 0.0) -> None:
        details = {"done": done, "total": total, "expected_s": expected_s, "sha256": ""}
        self.answers.phase.emit(self.current_id(), phase, details)


class FakeBranches:
    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def delete(self, message_id: str) -> None:
        self.calls.append(("delete_message", message_id))

    def fork(self, message_id: str) -> None:
        self.calls.append(("fork", message_id))


class FakeReadingAhead(QObject):
    context = Signal(int, int)
    looking_closely = Signal(bool)


class FakeRecovery(QObject):
    """Nothing was deleted, and there is no backup, unless a test puts some there."""

    changed = Signal()

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.rows: list[DeletedConversation] = []
        self.copies: list[Backup] = []

    def deleted(self) -> list[DeletedConversation]:
        return self.rows

    def backups(self) -> list[Backup]:
        return self.copies

    def refresh(self) -> None:
        self.calls.append(("refresh_recovery",))

    def undelete(self, conversation_id: str) -> None:
        self.calls.append(("undelete", conversation_id))

    def delete_now(self, *conversation_ids: str) -> None:
        self.calls.append(("delete_now", *conversation_ids))

    def restore(self, backup: Backup) -> None:
        self.calls.append(("restore", backup.path))


class FakeExports:
    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def export(
        self,
        target: str,
        speakers: Mapping[Role, str] | None = None,
        conversation_id: str = "",
        remark: Callable[[Message], str] | None = None,
    ) -> None:
        self.calls.append(("export", target, conversation_id))

    def import_file(self, source: str) -> None:
        self.calls.append(("import", source))
