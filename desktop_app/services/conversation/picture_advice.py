"""Says when the built-in model cannot make much of the attached pictures. The notice leaves with its cause."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject

from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.engine import Engine
from desktop_app.services.notices import Notice, Notices


class PictureAdvice(QObject):
    """Posts a notice about photographs for the built-in model. Of one that sees nothing the composer tells.

    It is withdrawn when another model is in use, another conversation is opened, or the photographs are sent or taken
    out. Once the person has closed it, it is not posted again.
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
        self._is_closed = False  # by the person
        for changed in (draft.added, draft.changed, draft.removed, draft.cleared, engine.model_changed):
            changed.connect(self._look)
        conversations.opened.connect(self._look)
        notices.dismissed.connect(self._dismissed)

    def _look(self, _what: object = None) -> None:
        """Say what is true of the draft now."""
        advice = self._advice()
        if advice is None:
            self._withdraw()
        elif self._posted is None or self._posted.parameters != advice.parameters:
            # With the same id it takes the place of what was said of fewer pictures.
            self._posted = advice if self._posted is None else replace(advice, id=self._posted.id)
            self._notices.post(self._posted)

    def _advice(self) -> Notice | None:
        info = self._engine.info()
        if info is None or not info.is_demo or self._is_closed:
            return None
        names = [picture.name for picture in self._draft.pictures() if picture.photographic]
        if not names:
            return None
        code, more = ("demo-photo", {}) if len(names) == 1 else ("demo-photos", {"count": len(names) - 1})
        return Notice(code, {"name": names[0], **more}, sticky=True, owner="draft")

    def _dismissed(self, notice_id: str) -> None:
        self._is_closed = self._is_closed or (self._posted is not None and self._posted.id == notice_id)

    def _withdraw(self) -> None:
        if self._posted is not None:
            self._notices.withdraw(self._posted.id)
            self._posted = None
