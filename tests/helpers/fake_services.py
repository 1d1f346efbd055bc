"""Fake services for the window: they answer from memory and record what the window asks for."""

from __future__ import annotations

import time

from desktop_app.chat.conversation import ConversationSummary, Picture, new_id
from desktop_app.services.notices import Notices
from tests.helpers.fakes import Call
from tests.helpers.fakes.conversation import (
    FakeAnswers,
    FakeChat,
    FakeConversations,
    FakeExports,
    FakeReadingAhead,
)


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

    def current_id(self) -> str:
        return self.current

    def refresh(self) -> None:
        self.listed.emit()

    def new(self) -> None:
        self.open("")

    def open(self, conversation_id: str) -> None:
        self.calls.append(("open", conversation_id))
        self.current = conversation_id
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


class ShellPreviews(FakePreviews):
    """Notes where originals are to be saved."""

    def save_original(self, sha256: str, target: str) -> None:
        self.calls.append(("save_original", sha256, target))


class ShellDraft(FakeDraft):
    """Judges names as the real one does."""

    def can_take(self, urls: list[str], has_image: bool) -> int:
        return Draft.can_take(cast(Draft, self), urls, has_image)


class FakeEngine(QObject):
    state_changed = Signal(str)
    model_changed = Signal(object)

    def __init__(self, calls: list[Call], notices: Notices) -> None:
        super().__init__()
        self.calls = calls
        self.now = "ready"
        self.model: ModelInfo | None = DEMO
        self.memory = 142 * 1024 * 1024
        notices.register("restart-engine", self.restart)

    def state(self) -> str:
        return self.now

    def info(self) -> ModelInfo | None:
        return self.model

    def memory_bytes(self) -> int:
        return self.memory

    def restart(self) -> None:
        self.calls.append(("restart",))

    def become(self, state: str, model: ModelInfo | None) -> None:
        self.now, self.model = state, model
        self.model_changed.emit(model)
        self.state_changed.emit(state)


class FakePreferences(QObject):
    changed = Signal(str)

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.values: dict[str, Any] = {name: setting.default for name, setting in SETTINGS.items()}
        self.values["theme"] = "light"

    def value(self, name: str) -> Any:
        return self.values[name]

    def set(self, name: str, value: Any) -> None:
        self.calls.append(("set", name, value))
        self.values[name] = value
        self.changed.emit(name)


class FakeTuner(QObject):
    """Measures when it is told to, and finds what the test says."""

    changed = Signal()
    wanted_changed = Signal(bool)

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.found: Tuning | None = None
        self.left = 0
        self.planned = False
        self.why = ""

    def tuning(self) -> Tuning | None:
        return self.found

    def is_measuring(self) -> bool:
        return self.left > 0

    def seconds_left(self) -> int:
        return self.left

    def is_planned(self) -> bool:
        return self.planned

    def problem(self) -> str:
        return self.why

    def measure(self) -> None:
        self.calls.append(("measure",))
        self.become(left=40)

    def postpone(self) -> None:
        self.calls.append(("postpone",))
        self.become()

    def stop_for_user(self) -> None:
        self.calls.append(("stop_for_user",))

    def become(self, left: int = 0, planned: bool = False, why: str = "", found: Tuning | None = None) -> None:
        self.left, self.planned, self.why, self.found = left, planned, why, found or self.found
        self.changed.emit()


class FakeUpdates:
    """Is asked, and says nothing of its own accord."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def check(self) -> None:
        self.calls.append(("check_for_updates",))

    def page(self) -> str:
        return "https://releases.test/tag/v0.2.0"


class FakeReadingAhead(QObject):
    context = Signal(int, int)


class FakeExports:
    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def export(self, target: str, speakers: object) -> None:
        self.calls.append(("export", target))

    def import_file(self, source: str) -> None:
        self.calls.append(("import", source))


class FakeServices:
    """All of them; `calls` holds what they were asked for, in order, but for previews."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.notices = Notices()
        self.preferences = FakePreferences(self.calls)
        self.engine = FakeEngine(self.calls, self.notices)
        self.conversations = FakeConversations(self.calls, self.notices)
        self.previews = FakePreviews()
        self.draft = FakeDraft(self.calls)
        self.answers = FakeAnswers()
        self.chat = FakeChat(self.calls, self.answers, self.conversations.current_id)
        self.exports = FakeExports(self.calls)
        self.reading_ahead = FakeReadingAhead()
        self.picture_detail = FakePictureDetail(self.calls)
        self.tuner = FakeTuner(self.calls)
        self.updates = FakeUpdates(self.calls)
        self.models = FakeModels(self.calls, self.preferences)
        self.model_tasks = FakeModelTasks(self.calls)

    def add_conversation(self, title: str, picture: Picture | None = None, days_ago: float = 0) -> str:
        """Put a row into the sidebar; returns its id."""
        row = ConversationSummary(new_id(), title, time.time() - days_ago * 86_400, picture.sha256 if picture else None)
        self.conversations.rows.append(row)
        self.conversations.listed.emit()
        return row.id


def stored(services: FakeServices, name: str, width: int, height: int, first: str, second: str) -> Picture:
    """Return a picture that the services know, drawn in two colours."""
    made = picture(name, width, height)
    services.previews.drawn[made.sha256] = png(width, height, first, second)
    return made
