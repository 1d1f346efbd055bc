"""The message being written: its text and its pictures, kept for each conversation."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, QTimer, QUrl, Signal

from desktop_app.chat.attachments import Attachments
from desktop_app.chat.conversation import Picture
from desktop_app.engine.messages import Died, Event, Failed, Inspect, Inspected, PictureRef
from desktop_app.errors import UserError
from desktop_app.services.background import Background
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.previews import Previews
from desktop_app.services.engine import Engine
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices, action

PictureState = Literal["checking", "attached", "reading", "read"]
# Names only: what a file is, its bytes tell later.
PICTURE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib"),
        *("tif", "tiff", "heic", "heif", "hif", "avif"),
    )
)
_SAVE_AFTER_MS = 400


class DraftPicture(NamedTuple):
    """A picture of the message being written. `picture` is None while it is being looked at."""

    key: int
    name: str
    picture: Picture | None = None
    state: PictureState = "checking"
    progress: float = 0.0  # 0 to 1 while it is read ahead
    photographic: bool = False


@dataclass
class _Written:
    """What is written in one conversation and not sent."""

    text: str = ""
    pictures: list[DraftPicture] = field(default_factory=list)
    quick: bool | None = None

    def kept(self) -> tuple[Picture, ...]:
        """Return the pictures that have been checked."""
        return tuple(picture.picture for picture in self.pictures if picture.picture is not None)


class Draft(QObject):
    """Takes pictures in, refuses what is none, and forgets nothing when another conversation is opened.

    `added(DraftPicture)`, `changed(DraftPicture)`, `removed(key)`, `cleared()`: the open conversation's
    pictures. `settled()`: no picture is being checked any more. `text_changed(str)`: another text is to be shown.
    `written()`: the person wrote on.
    """

    added = Signal(object)
    changed = Signal(object)
    removed = Signal(int)
    cleared = Signal()
    settled = Signal()
    text_changed = Signal(str)
    written = Signal()

    def __init__(
        self,
        engine: Engine,
        attachments: Attachments,
        previews: Previews,
        files: Background,
        conversations: Conversations,
        history_thread: HistoryThread,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._attachments = attachments
        self._previews = previews
        self._files = files
        self._history_thread = history_thread
        self._notices = notices
        self._last_key = 0
        self._conversation = ""
        self._drafts: dict[str, _Written] = {"": _Written()}
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(_SAVE_AFTER_MS)
        self._saving.timeout.connect(self.save)
        self._unseen: list[tuple[int, PictureRef, Callable[[], str]]] = []  # the engine died before it saw them
        conversations.opened.connect(self._open)
        engine.state_changed.connect(self._look_again)

    # ---- what is written -------------------------------------------------------------------

    def pictures(self) -> list[DraftPicture]:
        """Return the open conversation's draft pictures in order."""
        return list(self._written.pictures)

    def text(self) -> str:
        """Return the open conversation's draft text."""
        return self._written.text

    def set_text(self, text: str) -> None:
        """Remember what is written so far."""
        if text != self._written.text:
            self._written.text = text
            self._saving.start()
            self.written.emit()

    def quick(self) -> bool | None:
        """Return whether its pictures are to be seen as a whole only; None: nobody has chosen."""
        return self._written.quick

    def set_quick(self, quick: bool) -> None:
        """Remember how its pictures are to be seen."""
        self._written.quick = quick

    def is_checking(self) -> bool:
        """Return whether a picture is still being looked at."""
        return any(picture.picture is None for picture in self._written.pictures)

    def take(self, text: str, keys: Collection[int]) -> tuple[Picture, ...]:
        """Return the pictures for a message that is sent. What was written and added since stays in the draft."""
        written = self._written
        taken = _Written(text, [picture for picture in written.pictures if picture.key in keys])
        written.pictures = [picture for picture in written.pictures if picture.key not in keys]
        written.text = written.text.removeprefix(text).lstrip()
        written.quick = None
        self.cleared.emit()
        self._show()
        self.save()
        return taken.kept()

    def give_back(self, conversation_id: str, text: str, pictures: tuple[Picture, ...]) -> None:
        """Put a message that could not be sent back into its draft, before what was written since."""
        self._put_before(conversation_id, text, [self._attached(picture) for picture in pictures])

    def disown(self, conversation_id: str) -> None:
        """Make the draft of a conversation that could not begin that of the new one: undoes `adopt`."""
        lost = self._drafts.pop(conversation_id)
        if self._conversation == conversation_id:
            self._conversation = ""
        self._put_before("", lost.text, lost.pictures)

    def adopt(self, conversation_id: str) -> None:
        """Move the draft of the new conversation to the id that it was given."""
        self._drafts[conversation_id] = self._drafts.pop("")
        self._drafts[""] = _Written()
        self._conversation = conversation_id
        self._history_thread.run(lambda history: history.save_draft("", "", ()))

    def save(self) -> None:
        """Write the draft to the history now."""
        self._saving.stop()
        self._save(self._conversation)

    # ---- taking pictures in ----------------------------------------------------------------

    def can_take(self, urls: list[str], has_image: bool) -> int:
        """Return how many of dragged things may be pictures, by a look at their names; 0: refuse."""
        files = sum(1 for url in urls if _is_picture_name(url))
        return files or int(has_image and not any(_is_local(url) for url in urls))

    def add_urls(self, urls: list[str]) -> None:
        """Add dropped or pasted addresses: local files are taken, web addresses kindly refused."""
        if not urls:
            self._notices.error(UserError("nothing-to-drop"))
        for url in urls:
            if _is_local(url):
                self.add_file(_local_path(url))
            else:
                self._notices.error(UserError("web-address"))

    def add_files(self, paths: list[str]) -> None:
        """Add picture files."""
        for path in paths:
            self.add_file(path)

    def add_file(self, path: str) -> None:
        """Add a picture file; it is copied, so it may be deleted afterwards."""
        name = Path(path).name or path
        draft = DraftPicture(self._next_key(), name)
        self._append(draft)
        self._inspect(draft.key, PictureRef("", path, name), partial(self._attachments.add_file, path, name))

    def add_bytes(self, data: bytes, name: str) -> None:
        """Add a picture from the clipboard or a drag without a file."""
        draft = DraftPicture(self._next_key(), name)
        self._append(draft)
        self._files.run(
            partial(self._attachments.add_bytes, data),
            partial(self._inspect_stored, draft.key, name),
            partial(self._refuse, draft.key),
        )

    def remove(self, key: int) -> None:
        """Take a picture out of the message."""
        conversation = self._owner(key)
        if conversation is None:
            return
        written = self._drafts[conversation]
        written.pictures = [picture for picture in written.pictures if picture.key != key]
        if conversation == self._conversation:
            self.removed.emit(key)
        self._changed(conversation)

    def mark(self, sha256: str, state: PictureState, progress: float) -> None:
        """Note how far the engine has read a picture ahead."""
        for picture in self._written.pictures:
            if picture.picture is not None and picture.picture.sha256 == sha256:
                self._replace(picture._replace(state=state, progress=progress))

    # ---- inside ----------------------------------------------------------------------------

    @property
    def _written(self) -> _Written:
        return self._drafts[self._conversation]

    def _next_key(self) -> int:
        self._last_key += 1
        return self._last_key

    def _append(self, picture: DraftPicture) -> None:
        self._written.pictures.append(picture)
        self.added.emit(picture)

    def _attached(self, picture: Picture) -> DraftPicture:
        return DraftPicture(self._next_key(), picture.name, picture, "attached")

    def _owner(self, key: int) -> str | None:
        """Return the conversation that a picture was put in; None when it has been removed meanwhile."""
        owners = (c for c, written in self._drafts.items() if any(p.key == key for p in written.pictures))
        return next(owners, None)

    def _replace(self, changed: DraftPicture) -> None:
        conversation = self._owner(changed.key)
        if conversation is None:
            return
        pictures = self._drafts[conversation].pictures
        pictures[:] = [changed if picture.key == changed.key else picture for picture in pictures]
        if conversation == self._conversation:
            self.changed.emit(changed)

    def _put_before(self, conversation_id: str, text: str, pictures: list[DraftPicture]) -> None:
        written = self._drafts.setdefault(conversation_id, _Written())
        written.text = "\n".join(words for words in (text, written.text) if words)
        written.pictures[:0] = pictures
        if conversation_id == self._conversation:
            self.cleared.emit()
            self._show()
        self._save(conversation_id)

    def _save(self, conversation: str) -> None:
        written = self._drafts[conversation]
        text, pictures = written.text, written.kept()
        self._history_thread.run(lambda history: history.save_draft(conversation, text, pictures))

    def _changed(self, conversation: str) -> None:
        """Save what became of a picture, soon; one whose conversation was left has nobody who writes on."""
        if conversation == self._conversation:
            self._saving.start()
            self._announce_settled()
        else:
            self._save(conversation)

    def _inspect_stored(self, key: int, name: str, sha256: str) -> None:
        # Should it be no picture after all, the next start removes what nothing refers to.
        self._inspect(key, self._previews.reference(sha256, name), lambda: sha256)

    def _inspect(self, key: int, picture: PictureRef, store: Callable[[], str], again: bool = False) -> None:
        self._engine.send(
            lambda request: Inspect(request, picture),
            partial(self._inspected, key, picture, store, again),
        )

    def _look_again(self, state: str) -> None:
        if state == "loading":  # the engine is back
            unseen, self._unseen = self._unseen, []
            for key, picture, store in unseen:
                if self._owner(key) is not None:
                    self._inspect(key, picture, store, again=True)

    def _inspected(self, key: int, picture: PictureRef, store: Callable[[], str], again: bool, event: Event) -> None:
        name = picture.name
        if isinstance(event, Inspected):
            self._files.run(
                partial(self._keep, event, store),
                partial(self._kept, key, name, event),
                partial(self._refuse, key),
            )
        elif isinstance(event, Failed):
            self._refuse(key, UserError(event.code, **event.parameters))
        elif isinstance(event, Died) and not again:
            self._unseen.append((key, picture, store))
        else:  # it may be this picture that ends the engine every time
            self._refuse(key, UserError("picture-damaged", name=name))

    def _keep(self, event: Inspected, store: Callable[[], str]) -> str:
        sha256 = store()
        self._previews.keep(event, sha256)
        return sha256

    def _kept(self, key: int, name: str, event: Inspected, sha256: str) -> None:
        picture = Picture(sha256, name, event.width, event.height)
        conversation = self._owner(key)
        if conversation is None:
            return
        self._replace(DraftPicture(key, name, picture, "attached", 0.0, event.looks_photographic))
        info = self._engine.info()
        if event.looks_photographic and info is not None and info.is_demo:
            self._notices.post(Notice("demo-photo", actions=(action("choose-model"),), sticky=True))
        self._changed(conversation)

    def _refuse(self, key: int, error: Exception) -> None:
        self.remove(key)
        if not isinstance(error, UserError):
            raise error
        self._notices.error(error)

    def _announce_settled(self) -> None:
        if not self.is_checking():
            self.settled.emit()

    def _open(self, conversation_id: str) -> None:
        if self._saving.isActive():
            self.save()
        known = conversation_id in self._drafts
        self._drafts.setdefault(conversation_id, _Written())
        self._conversation = conversation_id
        self.cleared.emit()
        self._show()
        if not known:
            self.restore(conversation_id)

    def restore(self, conversation_id: str) -> None:
        """Bring back what was written in a conversation before the program ended."""
        self._history_thread.run(
            lambda history: history.draft(conversation_id), partial(self._restored, conversation_id)
        )

    def _restored(self, conversation_id: str, saved: tuple[str, tuple[Picture, ...]]) -> None:
        text, pictures = saved
        if text or pictures:  # what was added meanwhile, by a person or on the command line, comes after
            self._put_before(conversation_id, text, [self._attached(picture) for picture in pictures])

    def _show(self) -> None:
        self.text_changed.emit(self._written.text)
        for picture in self._written.pictures:
            self.added.emit(picture)
        self._announce_settled()


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("", "file") or len(parts.scheme) == 1  # "C:\..." is a path


def _local_path(url: str) -> str:
    return QUrl(url).toLocalFile() if url.startswith("file:") else url


def _is_picture_name(url: str) -> bool:
    # A file without a suffix may well be a picture; whoever drags one meant it.
    return _is_local(url) and Path(_local_path(url)).suffix.lower() in PICTURE_SUFFIXES | {""}
