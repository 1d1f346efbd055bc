"""Fake services for the transcript and the composer: scripted, and they record their calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, Qt, Signal
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter

from desktop_app.chat.conversation import Message, Picture, Role, State, new_id
from desktop_app.engine.messages import ModelInfo, Phase
from desktop_app.services.conversation.draft import DraftPicture
from desktop_app.services.conversation.dropped_messages import DroppedMessages
from desktop_app.services.conversation.picture_detail import DetailOptions

Call = tuple[Any, ...]


def question(text: str, *pictures: Picture, **fields: Any) -> Message:
    return Message(new_id(), Role.USER, text, pictures, **fields)


def answer(text: str, state: State = State.COMPLETE, **fields: Any) -> Message:
    return Message(new_id(), Role.ASSISTANT, text, (), state=state, **fields)


def picture(name: str = "lake.png", width: int = 640, height: int = 480) -> Picture:
    return Picture(name.encode().hex().ljust(64, "0")[:64], name, width, height)


def png(width: int = 64, height: int = 48, first: str = "#4A7FB5", second: str = "#E8B04A") -> bytes:
    """A small drawn landscape as PNG."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    sky = QLinearGradient(0, 0, 0, height)
    sky.setColorAt(0, QColor(first))
    sky.setColorAt(1, QColor(second))
    painter.fillRect(image.rect(), sky)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(second).lighter(130))
    size = height // 4
    painter.drawEllipse(width // 2, height // 4, size, size)
    painter.setBrush(QColor(first).darker(180))
    painter.drawRect(0, height * 2 // 3, width, height)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(data.data())


class FakeAnswers(QObject):
    """Tells of answers what the test says."""

    phase = Signal(str, object, dict)
    streaming = Signal(str, str)
    speed = Signal(float)
    context = Signal(int, int)


class FakeChat(QObject):
    """The messages are whatever the test puts in; every order is written to `calls`."""

    reset = Signal()
    added = Signal(object)
    changed = Signal(object)
    truncated = Signal(str)
    busy_changed = Signal(bool)
    sending_failed = Signal(str)

    def __init__(self, current_id: Callable[[], str]) -> None:
        super().__init__()
        self.answers = FakeAnswers()
        self.current_id = current_id
        self.calls: list[Call] = []
        self.path: list[Message] = []
        self.dropped = DroppedMessages(self)
        self.busy = False

    def messages(self) -> list[Message]:
        return list(self.path)

    def is_busy(self) -> bool:
        return self.busy

    def send(self, text: str) -> None:
        self.calls.append(("send", text))

    def stop(self) -> None:
        self.calls.append(("stop",))

    def regenerate(self, message_id: str) -> None:
        self.calls.append(("regenerate", message_id))

    def edit(self, message_id: str, text: str) -> None:
        self.calls.append(("edit", message_id, text))

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


class FakeDraft(QObject):
    """Pictures are added as attached at once, unless the test changes them."""

    added = Signal(object)
    changed = Signal(object)
    removed = Signal(int)
    cleared = Signal()
    settled = Signal()
    text_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.list: list[DraftPicture] = []
        self.written = ""

    def pictures(self) -> list[DraftPicture]:
        return list(self.list)

    def is_checking(self) -> bool:
        return any(draft.picture is None for draft in self.list)

    def text(self) -> str:
        return self.written

    def set_text(self, text: str) -> None:
        self.written = text

    def can_take(self, urls: list[str], has_image: bool) -> int:
        return len(urls) or int(has_image)

    def add_urls(self, urls: list[str]) -> None:
        self.calls.append(("add_urls", urls))

    def add_file(self, path: str) -> None:
        self.calls.append(("add_file", path))

    def add_bytes(self, data: bytes, name: str) -> None:
        self.calls.append(("add_bytes", data, name))

    def remove(self, key: int) -> None:
        self.calls.append(("remove", key))
        self.list = [draft for draft in self.list if draft.key != key]
        self.removed.emit(key)

    # ---- what the test says ----------------------------------------------------------------

    def put(self, shown: Picture | None, state: Any = "attached", progress: float = 0.0) -> DraftPicture:
        name = shown.name if shown is not None else "lake.png"
        draft = DraftPicture(len(self.list) + 1, name, shown, state, progress)
        self.list.append(draft)
        self.added.emit(draft)
        return draft

    def change(self, draft: DraftPicture, **fields: Any) -> DraftPicture:
        changed = draft._replace(**fields)
        self.list = [changed if old.key == draft.key else old for old in self.list]
        self.changed.emit(changed)
        return changed

    def open(self, text: str, *pictures: Picture) -> None:
        """What happens when another conversation is opened."""
        self.cleared.emit()
        self.written = text
        self.list = [DraftPicture(key, shown.name, shown, "attached") for key, shown in enumerate(pictures, 1)]
        self.text_changed.emit(text)
        for draft in self.list:
            self.added.emit(draft)


class FakePreviews(QObject):
    """Has a drawn preview of every picture, but of those in `missing`."""

    ready = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.missing: set[str] = set()
        self.drawn: dict[str, bytes] = {}

    def preview(self, sha256: str) -> bytes | None:
        self.calls.append(("preview", sha256))
        return None if sha256 in self.missing else self.drawn.setdefault(sha256, png(320, 240))

    def thumbnail(self, sha256: str) -> bytes | None:
        return None if sha256 in self.missing else self.drawn.setdefault(sha256, png(320, 240))

    def request(self, sha256: str) -> None:
        self.calls.append(("request", sha256))

    def arrive(self, sha256: str) -> None:
        self.missing.discard(sha256)
        self.ready.emit(sha256)


class FakeEngine(QObject):
    """An engine that is in whatever state the test says."""

    state_changed = Signal(str)
    model_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.now = "ready"

    def state(self) -> str:
        return self.now

    def info(self) -> ModelInfo:
        return ModelInfo("Eyebright tiny", "m.gguf", "p.gguf", 2048, "vicuna_v1", True, 64, "corrected", 2)

    def set_state(self, state: str) -> None:
        self.now = state
        self.state_changed.emit(state)


class FakePictureDetail(QObject):
    """There is nothing to choose unless the test says so."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.now: DetailOptions | None = None

    def options(self) -> DetailOptions | None:
        return self.now

    def choose(self, quick: bool) -> None:
        self.calls.append(("choose", quick))

    def show(self, options: DetailOptions | None) -> None:
        self.now = options
        self.changed.emit()


class FakeConversations(QObject):
    """One conversation is open."""

    def __init__(self) -> None:
        super().__init__()
        self.current = "one"

    def current_id(self) -> str:
        return self.current


@dataclass
class FakeServices:
    """The part of `assembly.Services` that transcript and composer use."""

    draft: FakeDraft = field(default_factory=FakeDraft)
    previews: FakePreviews = field(default_factory=FakePreviews)
    engine: FakeEngine = field(default_factory=FakeEngine)
    conversations: FakeConversations = field(default_factory=FakeConversations)
    picture_detail: FakePictureDetail = field(default_factory=FakePictureDetail)

    def __post_init__(self) -> None:
        self.chat = FakeChat(self.conversations.current_id)
        self.answers = self.chat.answers
