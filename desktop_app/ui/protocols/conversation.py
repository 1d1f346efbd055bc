"""Protocols of the services for conversations: the list, the open one, its draft and its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # only for annotations, so the window does not wait for them
    from collections.abc import Callable, Mapping

    from PySide6.QtCore import SignalInstance

    from desktop_app.chat.backups import Backup
    from desktop_app.chat.conversation import ConversationSummary, DeletedConversation, Message, Role
    from desktop_app.services.conversation.draft import DraftPicture
    from desktop_app.services.conversation.picture_detail import DetailOptions


class Conversations(Protocol):
    """See `desktop_app.services.conversation.conversation_list`."""

    listed: SignalInstance
    opened: SignalInstance
    found: SignalInstance

    def summaries(self) -> list[ConversationSummary]: ...
    def current_id(self) -> str: ...
    def new(self) -> None: ...
    def open(self, conversation_id: str) -> None: ...
    def rename(self, conversation_id: str, title: str) -> None: ...
    def delete(self, conversation_id: str) -> None: ...
    def search(self, text: str) -> None: ...


class Previews(Protocol):
    """See `desktop_app.services.conversation.previews`."""

    ready: SignalInstance

    def thumbnail(self, sha256: str) -> bytes | None: ...
    def preview(self, sha256: str) -> bytes | None: ...
    def request(self, sha256: str) -> None: ...
    def ending(self, sha256: str) -> str: ...
    def save_original(
        self, sha256: str, target: str, on_error: Callable[[Exception], object] | None = None
    ) -> None: ...


class Draft(Protocol):
    """See `desktop_app.services.conversation.draft`."""

    added: SignalInstance
    changed: SignalInstance
    removed: SignalInstance
    cleared: SignalInstance
    text_changed: SignalInstance

    def pictures(self) -> list[DraftPicture]: ...
    def text(self) -> str: ...
    def set_text(self, text: str) -> None: ...
    def can_take(self, urls: list[str], has_image: bool) -> int: ...
    def add_urls(self, urls: list[str]) -> None: ...
    def add_file(self, path: str) -> None: ...
    def add_bytes(self, data: bytes, name: str) -> None: ...
    def remove(self, key: int) -> None: ...


class Answers(Protocol):
    """See `desktop_app.services.conversation.answers`."""

    phase: SignalInstance
    streaming: SignalInstance
    speed: SignalInstance
    context: SignalInstance


class DroppedMessages(Protocol):
    """See `desktop_app.services.conversation.dropped_messages`."""

    changed: SignalInstance

    def ids(self) -> frozenset[str]: ...
    def last(self) -> str: ...
    def is_all_above(self) -> bool: ...


class Chat(Protocol):
    """See `desktop_app.services.conversation.chat`."""

    reset: SignalInstance
    added: SignalInstance
    changed: SignalInstance
    truncated: SignalInstance
    busy_changed: SignalInstance

    @property
    def dropped(self) -> DroppedMessages: ...

    def messages(self) -> list[Message]: ...
    def is_busy(self) -> bool: ...
    def is_waiting_for_pictures(self) -> bool: ...
    def send(self, text: str) -> None: ...
    def stop(self) -> None: ...
    def regenerate(self, message_id: str) -> None: ...
    def edit(self, message_id: str, text: str) -> None: ...
    def show_sibling(self, message_id: str, step: int) -> None: ...


class Exports(Protocol):
    """See `desktop_app.services.conversation.exports`."""

    def export(self, target: str, speakers: Mapping[Role, str] | None = None) -> None: ...
    def import_file(self, source: str) -> None: ...


class ReadingAhead(Protocol):
    """See `desktop_app.services.conversation.read_ahead`."""

    context: SignalInstance


class PictureDetail(Protocol):
    """See `desktop_app.services.conversation.picture_detail`."""

    changed: SignalInstance

    def options(self) -> DetailOptions | None: ...
    def choose(self, quick: bool) -> None: ...


class Recovery(Protocol):
    """See `desktop_app.services.conversation.recovery`."""

    changed: SignalInstance

    def deleted(self) -> list[DeletedConversation]: ...
    def backups(self) -> list[Backup]: ...
    def refresh(self) -> None: ...
    def undelete(self, conversation_id: str) -> None: ...
    def delete_now(self, *conversation_ids: str) -> None: ...
    def restore(self, backup: Backup) -> None: ...
