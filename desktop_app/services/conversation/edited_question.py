"""A question that is being edited: its pictures, and what of it was changed and not sent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.chat.conversation import Picture
from desktop_app.errors import UserError
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import SAVE_AFTER_MS, DraftPicture, local_files, refusals_of
from desktop_app.services.conversation.picture_check import Checked, Inquiry, PictureCheck, name_of
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices, action
from desktop_app.services.troubles import Troubles

if TYPE_CHECKING:  # imported on the history's thread
    from desktop_app.chat.history import History


class EditedPictures(QObject):
    """They are checked as those of a draft, and shown in the same way; see `Draft` for the signals.

    The question as it was stays until the new one is asked.
    """

    added = Signal(object)
    changed = Signal(object)
    removed = Signal(int)
    cleared = Signal()
    settled = Signal()

    def __init__(self, check: PictureCheck, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._check = check
        self._notices = notices
        self._pictures: list[DraftPicture] = []
        self._last_key = 0

    def pictures(self) -> list[DraftPicture]:
        """Return them in order, also those that are still being checked."""
        return list(self._pictures)

    def checked(self) -> tuple[Picture, ...]:
        """Return those that have been checked."""
        return tuple(each.picture for each in self._pictures if each.picture is not None)

    def in_hand(self) -> set[str]:
        """Return the SHA-256 of those that have been checked."""
        return {picture.sha256 for picture in self.checked()}

    def is_checking(self) -> bool:
        """Return whether a picture is still being checked."""
        return any(each.picture is None for each in self._pictures)

    def begin(self, pictures: Iterable[Picture]) -> None:
        """Begin with the pictures of a question; with none, to end."""
        self._pictures = []
        self._notices.leave("draft")
        self.cleared.emit()
        for picture in pictures:
            self._append(DraftPicture(self._next_key(), picture.name, picture, "attached"))

    def add_urls(self, urls: list[str]) -> None:
        """Add dropped or pasted addresses; what is no file is refused with a notice."""
        refusals = self._refusals_of(max(1, len(urls)))
        for path in local_files(urls, refusals):
            self._add_file(path, refusals)

    def add_files(self, paths: list[str]) -> None:
        """Add picture files; they are copied, so they may be deleted afterwards."""
        refusals = self._refusals_of(len(paths))
        for path in paths:
            self._add_file(path, refusals)

    def add_file(self, path: str) -> None:
        """Add a picture file."""
        self.add_files([path])

    def add_bytes(self, data: bytes, name: str) -> None:
        """Add a picture from the clipboard or a drag without a file."""
        picture = DraftPicture(self._next_key(), name)
        self._append(picture)
        self._check.data(data, name, self._inquiry(picture, self._refusals_of(1)))

    def remove(self, key: int) -> None:
        """Take a picture out."""
        if self._has(key):
            self._pictures = [each for each in self._pictures if each.key != key]
            self.removed.emit(key)
            self._announce_settled()

    def _refusals_of(self, count: int) -> Troubles:
        self._notices.leave("draft")
        return refusals_of(count, self._notices)

    def _add_file(self, path: str, refusals: Troubles) -> None:
        picture = DraftPicture(self._next_key(), name_of(path))
        self._append(picture)
        self._check.file(path, self._inquiry(picture, refusals))

    def _next_key(self) -> int:
        self._last_key += 1
        return self._last_key

    def _append(self, picture: DraftPicture) -> None:
        self._pictures.append(picture)
        self.added.emit(picture)

    def _has(self, key: int) -> bool:
        return any(each.key == key for each in self._pictures)

    def _inquiry(self, picture: DraftPicture, refusals: Troubles) -> Inquiry:
        key = picture.key
        return Inquiry(partial(self._has, key), partial(self._checked, key), partial(self._refuse, picture, refusals))

    def _checked(self, key: int, checked: Checked) -> None:
        if not self._has(key):
            return
        changed = DraftPicture(key, checked.picture.name, checked.picture, "attached", 0.0, *checked.kinds)
        self._pictures = [changed if each.key == key else each for each in self._pictures]
        self.changed.emit(changed)
        for note in checked.notes:
            self._notices.post(Notice(note.code, note.parameters, owner="draft"))
        self._announce_settled()

    def _refuse(self, picture: DraftPicture, refusals: Troubles, error: Exception) -> None:
        wanted = self._has(picture.key)
        self.remove(picture.key)
        if not isinstance(error, UserError):
            raise error
        if wanted:
            refusals.put(str(picture.key), picture.name, error)

    def _announce_settled(self) -> None:
        if not self.is_checking():
            self.settled.emit()


class UnsentEdit(NamedTuple):
    """A question as it was changed, and not sent yet."""

    text: str
    pictures: tuple[Picture, ...]


class UnsentEdits(QObject):
    """Keeps them like drafts, each under the id of its question. `found(id)`: one is there again, to be gone on with.

    The id is "" for those that come with a conversation that is opened.
    """

    found = Signal(str)

    def __init__(
        self,
        conversations: Conversations,
        history_thread: HistoryThread,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._conversations = conversations
        self._history_thread = history_thread
        self._notices = notices
        self._edits: dict[str, UnsentEdit] = {}
        self._read: set[str] = set()  # conversations whose edits were read
        self._unsaved: set[str] = set()
        self._discarded: tuple[str, str, UnsentEdit, str] | None = None  # (conversation, question, ., its notice)
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(SAVE_AFTER_MS)
        self._saving.timeout.connect(self.save)
        conversations.opened.connect(self._opened)
        notices.register("undo-edit", self.undo)

    def of(self, message_id: str) -> UnsentEdit | None:
        """Return what of a question was changed; None: nothing."""
        return self._edits.get(message_id)

    def write(self, message_id: str, text: str, pictures: tuple[Picture, ...]) -> None:
        """Keep a question as it is now."""
        self._edits[message_id] = UnsentEdit(text, pictures)
        self._save_soon(message_id)

    def forget(self, message_id: str) -> None:
        """Keep nothing of a question any more: it was sent, or is as before."""
        if self._edits.pop(message_id, None) is not None:
            self._save_soon(message_id)

    def discard(self, message_id: str) -> None:
        """Forget what the person does not want to send; a notice offers to undo it."""
        edit = self._edits.get(message_id)
        if edit is not None:
            self.forget(message_id)
            if self._discarded is not None:
                self._notices.expire(self._discarded[3])
            notice = Notice("edit-discarded", actions=(action("undo-edit"),))
            self._discarded = (self._conversations.current_id(), message_id, edit, notice.id)
            self._notices.post(notice)

    def undo(self) -> None:
        """Go on with what was discarded last."""
        if self._discarded is None:
            return
        (conversation, message_id, edit, notice_id), self._discarded = self._discarded, None
        self._notices.expire(notice_id)
        self.write(message_id, *edit)
        if conversation == self._conversations.current_id():
            self.found.emit(message_id)
        else:
            self._conversations.open(conversation)

    def is_unsaved(self) -> bool:
        """Return whether something is not yet given to the history."""
        return bool(self._unsaved)

    def save(self) -> None:
        """Write to the history now what has changed."""
        self._saving.stop()
        unsaved, self._unsaved = self._unsaved, set()
        for message_id in unsaved:
            edit = self._edits.get(message_id, UnsentEdit("", ()))
            self._history_thread.keep(f"edit {message_id}", partial(_keep, message_id, edit))

    def _save_soon(self, message_id: str) -> None:
        self._unsaved.add(message_id)
        self._saving.start()

    def _opened(self, conversation_id: str) -> None:
        self.save()
        if conversation_id and conversation_id not in self._read:
            self._read.add(conversation_id)
            self._history_thread.run(lambda history: history.edits(conversation_id), self._restored)

    def _restored(self, kept: dict[str, tuple[str, tuple[Picture, ...]]]) -> None:
        for message_id, (text, pictures) in kept.items():
            self._edits.setdefault(message_id, UnsentEdit(text, pictures))
        if kept:
            self.found.emit("")


def _keep(message_id: str, edit: UnsentEdit, history: History) -> None:
    history.keep_edit(message_id, *edit)
