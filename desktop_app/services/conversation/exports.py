"""Exports the open conversation to a file, and imports conversations from such files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop_app.atomic_files import not_saved, write_whole
from desktop_app.chat.attachments import Attachments
from desktop_app.chat.conversation import Message, Role
from desktop_app.errors import UserError
from desktop_app.services.background import Background
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.history_thread import HistoryThread
from desktop_app.throttle import Throttle

if TYPE_CHECKING:
    from desktop_app.chat.importing import Imported


class Exports(QObject):
    """Writes and reads files on the files' thread. `exported(file name)` when one has been written."""

    exported = Signal(str)

    def __init__(
        self,
        attachments: Attachments,
        chat: Chat,
        conversations: Conversations,
        history_thread: HistoryThread,
        files: Background,
        throttle: Throttle,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._attachments = attachments
        self._chat = chat
        self._conversations = conversations
        self._history_thread = history_thread
        self._files = files
        self._throttle = throttle

    def export(self, target: str, speakers: Mapping[Role, str] | None = None) -> None:
        """Write the open conversation; the file name's suffix chooses between HTML, Markdown and JSON."""
        current = self._conversations.current_id()
        title = next((s.title for s in self._conversations.summaries() if s.id == current), "")
        job = partial(self._write, Path(target), title, self._chat.messages(), speakers)
        self._files.run(job, lambda _: self.exported.emit(target))

    def import_file(self, source: str) -> None:
        """Add the conversation of a JSON file that an Eyebright wrote, and open it."""
        self._files.run(partial(self._read, Path(source)), self._add)

    def _write(self, target: Path, title: str, messages: list[Message], speakers: Mapping[Role, str] | None) -> None:
        from desktop_app.chat.exporting import SPEAKERS, to_html, to_json, to_markdown

        if target.suffix == ".json":
            text = to_json(title, messages, self._original)
        elif target.suffix == ".md":
            text = to_markdown(title, messages, speakers or SPEAKERS)
        else:
            text = to_html(title, messages, self._preview, speakers or SPEAKERS)
        try:
            write_whole(target, text.encode())
        except OSError as error:
            raise not_saved(error, target.name) from error

    def _read(self, source: Path) -> Imported:
        from desktop_app.chat.importing import from_json

        try:
            data = source.read_bytes()
        except FileNotFoundError as error:
            raise UserError("file-missing", name=source.name) from error
        except OSError as error:
            raise UserError("file-unreadable", name=source.name) from error
        imported = from_json(data, source.name)
        for picture in imported.pictures.values():
            self._attachments.add_bytes(picture, source.name)
        return imported

    def _add(self, imported: Imported) -> None:
        self._history_thread.run(
            lambda history: history.add_conversation(imported.title, imported.messages), self._added
        )

    def _added(self, conversation: str) -> None:
        self._conversations.refresh()
        self._conversations.open(conversation)

    def _original(self, sha256: str) -> bytes | None:
        with self._throttle.turn():
            return _bytes_of(self._attachments.path(sha256))

    def _preview(self, sha256: str) -> bytes | None:
        # Browsers do not show every original, and an original may tell where a photo was taken.
        with self._throttle.turn():
            return _bytes_of(self._attachments.preview_path(sha256))


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
