"""Says when the built-in model cannot make much of the attached pictures. The notice leaves with its cause."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import Draft, DraftPicture
from desktop_app.services.engine import Engine
from desktop_app.services.notices import Notice, Notices


class PictureAdvice(QObject):
    """Posts a notice about a photograph for the built-in model. Of one that sees nothing the composer tells.

    It is withdrawn when another model is in use, another conversation is opened, or the pictures are taken out.
    """

    def __init__(
        self,
        engine: Engine,
        draft: Draft,
        conversations: Conversations,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._draft = draft
        self._notices = notices
        self._posted: Notice | None = None
        self._keys: set[int] = set()  # of the pictures about which it was posted
        draft.added.connect(self._look)
        draft.changed.connect(self._look)
        draft.removed.connect(self._removed)
        engine.model_changed.connect(self._model_changed)
        conversations.opened.connect(self._withdraw)

    def _look(self, picture: DraftPicture) -> None:
        notice = self._advice(picture)
        if notice is None or picture.key in self._keys:
            return  # said once; the person may have closed it
        if self._posted is None or self._posted.text_code != notice.text_code:
            self._withdraw()
            self._posted = notice
            self._notices.post(notice)
        self._keys.add(picture.key)

    def _advice(self, picture: DraftPicture) -> Notice | None:
        info = self._engine.info()
        if info is None or picture.picture is None:
            return None
        if info.is_demo and picture.photographic:
            return Notice("demo-photo", sticky=True, owner="draft")
        return None

    def _removed(self, key: int) -> None:
        self._keys.discard(key)
        if not self._keys:
            self._withdraw()

    def _model_changed(self, _info: object) -> None:
        if self._engine.info() is not None:  # None: it is being loaded
            self._withdraw()
            for picture in self._draft.pictures():
                self._look(picture)

    def _withdraw(self, _conversation: str = "") -> None:
        self._keys.clear()
        if self._posted is not None:
            self._notices.withdraw(self._posted.id)
            self._posted = None
