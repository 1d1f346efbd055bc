"""Exports a conversation to a file, and imports conversations from such files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from desktop_app.atomic_files import export_whole, not_saved
from desktop_app.chat.attachments import Attachments
from desktop_app.chat.conversation import Message, Role, storable
from desktop_app.errors import UserError
from desktop_app.file_addresses import existing
from desktop_app.services.background import Background
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices, action
from desktop_app.services.preferences import Preferences
from desktop_app.throttle import Throttle
from model_store.foreign_files import is_missing, open_file

if TYPE_CHECKING:
    from desktop_app.chat.importing import Imported


T = TypeVar("T")
_LONGEST_CLOSING_S = 2.0  # then the program ends without the file


class _StoppedError(Exception):
    """The program is closing."""


class Exports(QObject):
    """Writes and reads files on a thread of its own. `exported(file name)` when one has been written."""

    exported = Signal(str)

    def __init__(
        self,
        attachments: Attachments,
        chat: Chat,
        conversations: Conversations,
        history_thread: HistoryThread,
        thread: Background,
        throttle: Throttle,
        notices: Notices,
        preferences: Preferences,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._attachments = attachments
        self._chat = chat
        self._conversations = conversations
        self._history_thread = history_thread
        self._thread = thread
        self._stopped = Event()
        self._throttle = throttle
        self._notices = notices
        self._preferences = preferences

    def export(
        self,
        target: str,
        speakers: Mapping[Role, str] | None = None,
        conversation_id: str = "",
        remark: Callable[[Message], str] | None = None,
    ) -> None:
        """Write a conversation ("": the open one); the file name's suffix chooses between HTML, Markdown and JSON.

        JSON holds all versions of its messages, the others what is shown. `remark` returns what is said below a
        message, where all is to be told of how sure the model was.
        """
        remark = remark if self._preferences.value("certainty") == "full" else None
        current = self._conversations.current_id()
        wanted = conversation_id or current
        title = self._conversations.title(wanted)
        path, shown = Path(target), self._chat.messages() if wanted == current else []
        if path.suffix.lower() == ".json":
            live = {message.id: message for message in shown}  # an answer is saved every second only
            self._history_thread.run(
                lambda history: [(live.get(saved.id, saved), used) for saved, used in history.all_messages(wanted)],
                lambda messages: self._start(path, lambda: self._json(title, messages)),
            )
        elif wanted == current:
            self._start(path, lambda: self._text(path, title, shown, speakers, remark))
        else:
            self._history_thread.run(
                lambda history: history.path(wanted),
                lambda messages: self._start(path, lambda: self._text(path, title, messages, speakers, remark)),
            )

    def _start(self, target: Path, pieces: Callable[[], Iterable[str]]) -> None:
        self._thread.run(lambda: _write(target, self._until_stopped(pieces())), lambda _: self._done(target))

    def _done(self, target: Path) -> None:
        where = action("show-in-folder", str(target))
        self._notices.post(Notice("exported", {"name": target.name}, actions=(where,)))
        self.exported.emit(str(target))

    def import_file(self, source: str) -> None:
        """Add the conversation of a JSON file that an Eyebright wrote, and open it."""
        self._thread.run(partial(self._read, Path(existing(source))), self._add)

    def close(self) -> None:
        """Finish what takes a moment longer; whatever takes more leaves nothing behind."""
        patience = Timer(_LONGEST_CLOSING_S, self._stopped.set)
        patience.start()
        self._thread.close()
        patience.cancel()

    def _until_stopped(self, pieces: Iterable[T]) -> Iterator[T]:
        for piece in pieces:
            if self._stopped.is_set():
                raise _StoppedError
            yield piece

    def _json(self, title: str, messages: list[tuple[Message, int]]) -> Iterator[str]:
        from desktop_app.chat.exporting import to_json

        return to_json(title, messages, self._original)

    def _text(
        self,
        target: Path,
        title: str,
        messages: list[Message],
        speakers: Mapping[Role, str] | None,
        remark: Callable[[Message], str] | None,
    ) -> Iterable[str]:
        from desktop_app.chat.exporting import SPEAKERS, no_remark, to_markdown

        if target.suffix.lower() == ".md":
            return [to_markdown(title, messages, speakers or SPEAKERS, remark or no_remark)]
        from desktop_app.services.conversation.web_page import to_html

        return to_html(title, messages, self._preview, speakers or SPEAKERS, remark or no_remark)

    def _read(self, source: Path) -> Imported:
        from desktop_app.chat.importing import from_json

        def keep(pieces: Iterable[bytes]) -> str:
            return self._attachments.add_pieces(self._until_stopped(pieces), source.name)

        try:
            with open_file(source) as file:
                return from_json(file, source.name, keep)
        except OSError as error:
            raise UserError("file-missing" if is_missing(error) else "file-unreadable", name=source.name) from error

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


def _write(target: Path, pieces: Iterable[str]) -> None:
    try:
        # Half an emoji, or a name that is no UTF-8, must not end an export.
        export_whole(target, (storable(piece).encode() for piece in pieces))
    except OSError as error:
        raise not_saved(error, target.name) from error


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # missing, or on a disk that fails
        return None
