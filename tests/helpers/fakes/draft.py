"""A fake draft: the message that is being written, with its pictures and how closely they are looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import Picture
from desktop_app.look_choice import Wish
from desktop_app.services.conversation.draft import Draft, DraftPicture, PictureState
from desktop_app.services.conversation.edited_question import UnsentEdit
from desktop_app.services.conversation.picture_detail import DetailOptions, TokenOptions, WholeCost
from tests.helpers.fakes import Call


class FakeDraft(QObject):
    """Pictures are added as attached at once, unless the test changes them."""

    added = Signal(object)
    changed = Signal(object)
    removed = Signal(int)
    cleared = Signal()
    text_changed = Signal(str)

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.list: list[DraftPicture] = []
        self.written = ""

    def pictures(self) -> list[DraftPicture]:
        return list(self.list)

    def text(self) -> str:
        return self.written

    def set_text(self, text: str) -> None:
        self.written = text

    def can_take(self, urls: list[str], has_image: bool) -> int:
        return Draft.can_take(urls, has_image)

    def add_urls(self, urls: list[str]) -> None:
        self.calls.append(("add_urls", urls))

    def add_file(self, path: str) -> None:
        self.calls.append(("add_file", path))

    def add_files(self, paths: list[str]) -> None:
        self.calls.append(("add_files", paths))

    def add_bytes(self, data: bytes, name: str) -> None:
        self.calls.append(("add_bytes", data, name))

    def remove(self, key: int) -> None:
        self.calls.append(("remove", key))
        self.list = [draft for draft in self.list if draft.key != key]
        self.removed.emit(key)

    # ---- what the test says ----------------------------------------------------------------

    def put(self, shown: Picture | None, state: PictureState = "attached", progress: float = 0.0) -> DraftPicture:
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


class FakeEditedPictures(FakeDraft):
    """The same for a question that is being edited."""

    settled = Signal()

    def checked(self) -> tuple[Picture, ...]:
        return tuple(draft.picture for draft in self.list if draft.picture is not None)

    def is_checking(self) -> bool:
        return any(draft.picture is None for draft in self.list)

    def begin(self, pictures: Iterable[Picture]) -> None:
        self.list = []
        self.cleared.emit()
        for shown in pictures:
            self.put(shown)


class FakeUnsentEdits(QObject):
    """Keeps them as long as the test runs, and discards without a notice."""

    found = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, UnsentEdit] = {}

    def of(self, message_id: str) -> UnsentEdit | None:
        return self.kept.get(message_id)

    def write(self, message_id: str, text: str, pictures: tuple[Picture, ...]) -> None:
        self.kept[message_id] = UnsentEdit(text, pictures)

    def forget(self, message_id: str) -> None:
        self.kept.pop(message_id, None)

    discard = forget


class FakePictureDetail(QObject):
    """There is nothing to choose unless the test says so."""

    changed = Signal()

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.now: DetailOptions | None = None
        self.whole: WholeCost | None = None
        self.tokens: TokenOptions | None = None

    def options(self) -> DetailOptions | None:
        return self.now

    def whole_cost(self) -> WholeCost | None:
        return self.whole

    def token_options(self) -> TokenOptions | None:
        return self.tokens

    def choose_tokens(self, tokens: int) -> None:
        self.calls.append(("choose_tokens", tokens))

    def choose(self, wish: Wish) -> None:
        self.calls.append(("choose", wish))

    def show(
        self, options: DetailOptions | None, whole: WholeCost | None = None, tokens: TokenOptions | None = None
    ) -> None:
        self.now, self.whole, self.tokens = options, whole, tokens
        self.changed.emit()
