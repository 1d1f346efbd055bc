"""The message that is being written: a text and pictures, one draft for each conversation."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.chat.conversation import Picture
from desktop_app.errors import UserError
from desktop_app.file_addresses import is_local, local_path
from desktop_app.look_choice import Wish
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.picture_check import Checked, Inquiry, PictureCheck, name_of
from desktop_app.services.conversation.picture_files import count_pictures
from desktop_app.services.conversation.queue.questions import QuestionQueue, QueuedQuestion
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices
from desktop_app.services.troubles import Troubles

if TYPE_CHECKING:  # imported on the history's thread
    from desktop_app.chat.history import History

_Saved = tuple[str, str, tuple[Picture, ...]]  # (conversation, text, pictures)
PictureState = Literal["checking", "attached", "reading", "read"]
SAVE_AFTER_MS = 400


class DraftPicture(NamedTuple):
    """A picture of the message being written. `picture` is None while it is being checked."""

    key: int
    name: str
    picture: Picture | None = None
    state: PictureState = "checking"
    progress: float = 0.0  # 0 to 1 while it is read ahead
    photographic: bool = False
    fine: bool = False  # it has much fine structure
    storing: Callable[[], str] | None = None  # stores it before it is checked, and returns its SHA-256
    unchecked: Picture | None = None  # as it was stored then, without a size: it is checked at the next start


@dataclass
class _Content:
    """The draft of one conversation."""

    text: str = ""
    pictures: list[DraftPicture] = field(default_factory=list)
    look: Wish | None = None
    picture_tokens: int | None = None
    refusals: Troubles | None = None  # of what came last
    is_read: bool = False  # what the history has of it is in it; until then that is not written over
    is_reading: bool = False

    def checked_pictures(self) -> tuple[Picture, ...]:
        """Return the pictures that have been checked."""
        return tuple(picture.picture for picture in self.pictures if picture.picture is not None)

    def stored_pictures(self) -> tuple[Picture, ...]:
        """Return the pictures that are stored, also those that are still to be checked."""
        return tuple(stored for each in self.pictures if (stored := each.picture or each.unchecked) is not None)


def refusals_of(count: int, notices: Notices) -> Troubles:
    """Return where it is gathered what of `count` files that come together cannot be added."""
    return Troubles(notices, "draft", "files-refused", count=count)


def local_files(urls: list[str], refusals: Troubles) -> list[str]:
    """Return the files among dropped or pasted addresses; what is none is refused."""
    if not urls:
        refusals.put("", "", UserError("nothing-to-drop"))
    files = []
    for place, url in enumerate(urls):
        if not is_local(url):
            refusals.put(f"{place} {url}", url, UserError("web-address"))
        elif local_path(url):
            files.append(local_path(url))
        else:  # "file://" names nothing
            refusals.put(f"{place} {url}", url, UserError("nothing-to-drop"))
    return files


class Draft(QObject):
    """Takes text and pictures, and refuses files that are no pictures. Opening another conversation loses nothing.

    `added(DraftPicture)`, `changed(DraftPicture)`, `removed(key)`, `cleared()`: the open conversation's
    pictures. `settled()`: no picture is being checked any more. `text_changed(str)`: another text is to be shown.
    `edited()`: the person changed the text.
    """

    added = Signal(object)
    changed = Signal(object)
    removed = Signal(int)
    cleared = Signal()
    settled = Signal()
    text_changed = Signal(str)
    edited = Signal()

    def __init__(
        self,
        check: PictureCheck,
        conversations: Conversations,
        history_thread: HistoryThread,
        notices: Notices,
        queue: QuestionQueue,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._check = check
        self._history_thread = history_thread
        self._notices = notices
        self._queue = queue
        self._last_key = 0
        self._conversation = ""
        self._drafts: dict[str, _Content] = {"": _Content()}
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(SAVE_AFTER_MS)
        self._saving.timeout.connect(self.save)
        conversations.opened.connect(self._open)
        conversations.erased.connect(self._forget)

    # ---- the open conversation's draft -------------------------------------------------------------------

    def pictures(self) -> list[DraftPicture]:
        """Return the open conversation's draft pictures in order."""
        return list(self._current.pictures)

    def text(self) -> str:
        """Return the open conversation's draft text."""
        return self._current.text

    def set_text(self, text: str) -> None:
        """Remember the text as it is now."""
        if text != self._current.text:
            self._current.text = text
            self._saving.start()
            self.edited.emit()

    def look(self) -> Wish | None:
        """Return how closely its pictures are to be looked at; None: the person has not chosen."""
        return self._current.look

    def set_look(self, look: Wish) -> None:
        """Remember how closely its pictures are to be looked at."""
        self._current.look = look

    def picture_tokens(self) -> int | None:
        """Return how many tokens each of its pictures may take; None: the person has not chosen."""
        return self._current.picture_tokens

    def set_picture_tokens(self, tokens: int) -> None:
        """Remember how many tokens each of its pictures may take."""
        self._current.picture_tokens = tokens

    def is_checking(self) -> bool:
        """Return whether a picture is still being checked."""
        return any(picture.picture is None for picture in self._current.pictures)

    def take(self, text: str, keys: Collection[int]) -> tuple[Picture, ...]:
        """Remove `text` and the pictures `keys` from the draft; return the pictures.

        What sends them also saves the draft; see `saving`.
        """
        return self._take(text, keys)

    def queue_up(self, text: str, keys: Collection[int], details: dict[str, Any]) -> None:
        """Move `text` and the pictures `keys` from the draft into the queue."""
        self._queue.add(self._conversation, QueuedQuestion(text.strip(), self._take(text, keys), details))
        self.save()

    def _take(self, text: str, keys: Collection[int]) -> tuple[Picture, ...]:
        content = self._current
        taken = _Content(text, [picture for picture in content.pictures if picture.key in keys])
        content.pictures = [picture for picture in content.pictures if picture.key not in keys]
        content.text = content.text.removeprefix(text).lstrip()
        content.look = content.picture_tokens = None
        content.refusals = None
        self._notices.leave("draft")
        self.cleared.emit()
        self._show()
        return taken.checked_pictures()

    def in_hand(self) -> set[str]:
        """Return the SHA-256 of the pictures in all drafts and queues, on the disk or not yet."""
        drafted = {picture.sha256 for draft in self._drafts.values() for picture in draft.stored_pictures()}
        return drafted | self._queue.pictures()

    def give_back(self, conversation_id: str, text: str, pictures: tuple[Picture, ...]) -> None:
        """Put a message that could not be sent back into its draft, before what was added since."""
        self._prepend(conversation_id, text, [self._attached(picture) for picture in pictures])

    def unassign_id(self, conversation_id: str) -> None:
        """Undo `assign_id`: the conversation could not be saved, so its draft is the new conversation's again."""
        lost, queued = self._drafts.pop(conversation_id, _Content()), self._queue.questions(conversation_id)
        self._queue.forget(conversation_id)
        if self._conversation == conversation_id:
            self._conversation = ""
        pictures = [*(self._attached(picture) for each in queued for picture in each.pictures), *lost.pictures]
        self._prepend("", _joined(*(each.text for each in queued), lost.text), pictures)

    def assign_id(self, conversation_id: str) -> None:
        """Make the draft of the new conversation that of `conversation_id`, the id it was given."""
        before = self._drafts[""]
        self._drafts[""] = _Content(is_read=before.is_read, is_reading=before.is_reading)
        self._drafts[conversation_id] = replace(before, is_read=True)  # the history has nothing of it
        self._conversation = conversation_id

    def save(self) -> None:
        """Write the draft to the history now."""
        self._saving.stop()
        self.save_of(self._conversation)

    def save_all(self) -> None:
        """Write what is not written yet, with the pictures that are still being checked: that is done once more later.

        It returns when they are stored.
        """
        changed = {self._conversation}
        for conversation, content in self._drafts.items():
            for picture in content.pictures:
                if picture.storing is not None and picture.unchecked is None:
                    changed.add(conversation)
                    self._check.store(picture.storing, partial(self._stored, content, picture))
        self._check.wait()
        self._saving.stop()
        for conversation in changed:
            self.save_of(conversation)

    def save_of(self, conversation: str) -> None:
        """Write the draft of a conversation to the history now, and the questions in its queue before it."""
        content = self._drafts.get(conversation)
        if content is not None and content.is_read:
            self._history_thread.keep(_key(conversation), partial(_save, [self._whole(conversation)]))
        elif content is not None and not content.is_reading:
            self.restore(conversation)  # it could not be read before

    def saving(self, conversation: str) -> Callable[[History], object]:
        """Return what writes the draft of a conversation as it is now, and that of the conversation not yet begun.

        It is for those who move something between drafts and messages, and is done together with that.
        """
        changed = [one for one in (conversation, "") if one in self._drafts and self._drafts[one].is_read]
        for one in changed:
            self._history_thread.keep_no_more(_key(one))
        return partial(_save, [self._whole(one) for one in changed])

    def _whole(self, conversation: str) -> _Saved:
        content, queued = self._drafts[conversation], self._queue.questions(conversation)
        text = _joined(*(question.text for question in queued), content.text)
        pictures = tuple(picture for question in queued for picture in question.pictures) + content.stored_pictures()
        return conversation, text, pictures

    # ---- adding pictures ------------------------------------------------------------------

    @staticmethod
    def can_take(urls: list[str], has_image: bool) -> int:
        """Return how many of the dragged things may be pictures; 0: refuse them."""
        return count_pictures(urls) or int(has_image and not any(is_local(url) for url in urls))

    def add_urls(self, urls: list[str]) -> None:
        """Add dropped or pasted addresses: local files are taken, web addresses refused with a notice."""
        refusals = self._begin(max(1, len(urls)))
        for path in local_files(urls, refusals):
            self._add_file(path, refusals)

    def add_files(self, paths: list[str]) -> None:
        """Add picture files; they are copied, so they may be deleted afterwards."""
        refusals = self._begin(len(paths))
        for path in paths:
            self._add_file(path, refusals)

    def add_file(self, path: str) -> None:
        """Add a picture file."""
        self.add_files([path])

    def _begin(self, count: int) -> Troubles:
        """Forget what was refused before: something else is added."""
        self._notices.leave("draft")
        self._current.refusals = refusals_of(count, self._notices)
        return self._current.refusals

    def _add_file(self, path: str, refusals: Troubles) -> None:
        draft = DraftPicture(self._next_key(), name_of(path), storing=self._check.storing_file(path))
        self._append(draft)
        self._check.file(path, self._inquiry(draft, refusals))

    def add_bytes(self, data: bytes, name: str) -> None:
        """Add a picture from the clipboard or a drag without a file."""
        draft = DraftPicture(self._next_key(), name, storing=self._check.storing_data(data, name))
        refusals = self._begin(1)
        self._append(draft)
        self._check.data(data, name, self._inquiry(draft, refusals))

    def remove(self, key: int) -> None:
        """Remove a picture."""
        conversation = self._conversation_of(key)
        if conversation is None:
            return
        content = self._drafts[conversation]
        content.pictures = [picture for picture in content.pictures if picture.key != key]
        if conversation == self._conversation:
            self.removed.emit(key)
        self._changed(conversation)

    def set_picture_state(self, sha256: str, state: PictureState, progress: float) -> None:
        """Note whether and how far the engine has read a picture ahead; `progress` is 0 to 1."""
        for picture in self._current.pictures:
            if picture.picture is not None and picture.picture.sha256 == sha256:
                self._replace(picture._replace(state=state, progress=progress))

    # ---- inside ----------------------------------------------------------------------------

    @property
    def _current(self) -> _Content:
        return self._drafts[self._conversation]

    def _next_key(self) -> int:
        self._last_key += 1
        return self._last_key

    def _append(self, picture: DraftPicture) -> None:
        self._current.pictures.append(picture)
        self.added.emit(picture)

    def _attached(self, picture: Picture) -> DraftPicture:
        return DraftPicture(self._next_key(), picture.name, picture, "attached")

    def _conversation_of(self, key: int) -> str | None:
        """Return the conversation whose draft has the picture; None: it has been removed."""
        conversations = (c for c, content in self._drafts.items() if any(p.key == key for p in content.pictures))
        return next(conversations, None)

    def _replace(self, changed: DraftPicture) -> None:
        conversation = self._conversation_of(changed.key)
        if conversation is None:
            return
        pictures = self._drafts[conversation].pictures
        pictures[:] = [changed if picture.key == changed.key else picture for picture in pictures]
        if conversation == self._conversation:
            self.changed.emit(changed)

    def _prepend(self, conversation_id: str, text: str, pictures: list[DraftPicture]) -> None:
        if conversation_id not in self._drafts:
            self.restore(conversation_id)
        content = self._drafts[conversation_id]
        content.text = _joined(text, content.text)
        content.pictures[:0] = pictures
        if conversation_id == self._conversation:
            self.cleared.emit()
            self._show()
        self.save_of(conversation_id)

    def _changed(self, conversation: str) -> None:
        """Save a changed draft: soon when it is the open one, for it may change again; else now."""
        if conversation == self._conversation:
            self._saving.start()
            self._announce_settled()
        else:
            self.save_of(conversation)

    def _inquiry(self, draft: DraftPicture, refusals: Troubles) -> Inquiry:
        return Inquiry(
            lambda: self._conversation_of(draft.key) is not None,
            partial(self._checked, draft.key),
            partial(self._refuse, draft, refusals),
        )

    def _checked(self, key: int, checked: Checked) -> None:
        conversation = self._conversation_of(key)
        if conversation is None:
            return
        self._replace(DraftPicture(key, checked.picture.name, checked.picture, "attached", 0.0, *checked.kinds))
        if conversation == self._conversation:
            for note in checked.notes:
                self._notices.post(Notice(note.code, note.parameters, owner="draft"))
        self._changed(conversation)

    def _refuse(self, draft: DraftPicture, refusals: Troubles, error: Exception) -> None:
        conversation = self._conversation_of(draft.key)
        self.remove(draft.key)
        if not isinstance(error, UserError):
            raise error
        if conversation is not None:  # else it was removed meanwhile
            refusals.put(str(draft.key), draft.name, error, seen=conversation == self._conversation)

    def _announce_settled(self) -> None:
        if not self.is_checking():
            self.settled.emit()

    def _forget(self, conversations: list[str]) -> None:
        """Drop the drafts of conversations that go for good; their pictures are still being checked, perhaps."""
        for conversation in conversations:
            self._drafts.pop(conversation, None)
            self._queue.forget(conversation)

    def _open(self, conversation_id: str) -> None:
        if self._saving.isActive():
            self.save()
        content = self._drafts.setdefault(conversation_id, _Content())
        self._conversation = conversation_id
        self.cleared.emit()
        self._show()
        if self._current.refusals is not None:
            self._current.refusals.show()
        if not content.is_read and not content.is_reading:
            self.restore(conversation_id)

    def restore(self, conversation_id: str) -> None:
        """Bring back the draft of a conversation from the history."""
        self._drafts.setdefault(conversation_id, _Content()).is_reading = True
        self._history_thread.run(
            lambda history: history.draft(conversation_id),
            partial(self._restored, conversation_id),
            partial(self._not_restored, conversation_id),
        )

    def _restored(self, conversation_id: str, saved: tuple[str, tuple[Picture, ...]]) -> None:
        content = self._drafts.get(conversation_id)
        if content is None or content.is_read:
            return
        content.is_read = True
        text, pictures = saved
        if text or pictures:  # pictures of the person or the command line may have been added meanwhile
            self._bring_back(conversation_id, text, pictures)
        elif content.text or content.pictures or self._queue.questions(conversation_id):
            self.save_of(conversation_id)

    def _bring_back(self, conversation_id: str, text: str, pictures: tuple[Picture, ...]) -> None:
        drafts = [
            self._attached(each) if each.width else DraftPicture(self._next_key(), each.name, unchecked=each)
            for each in pictures
        ]
        self._prepend(conversation_id, text, drafts)
        refusals = refusals_of(len(drafts), self._notices)
        for draft in drafts:
            if draft.unchecked is not None:
                self._check.stored(draft.unchecked, self._inquiry(draft, refusals))

    @staticmethod
    def _stored(content: _Content, draft: DraftPicture, sha256: str) -> None:
        stored = draft._replace(unchecked=Picture(sha256, draft.name, 0, 0))
        content.pictures[:] = [stored if each == draft else each for each in content.pictures]

    def _not_restored(self, conversation_id: str, error: Exception) -> None:
        if conversation_id in self._drafts:
            self._drafts[conversation_id].is_reading = False
        self._history_thread.failed(error)

    def _show(self) -> None:
        self.text_changed.emit(self._current.text)
        for picture in self._current.pictures:
            self.added.emit(picture)
        self._announce_settled()


def _key(conversation: str) -> str:
    """Return under which key the history's thread keeps the draft of a conversation."""
    return f"draft {conversation}"


def _save(drafts: list[_Saved], history: History) -> None:
    for draft in drafts:
        history.save_draft(*draft)


def _joined(*texts: str) -> str:
    return "\n".join(text for text in texts if text)
