"""Gives the model's memory back when nobody has used it for a while, and fetches it before it is needed again."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.engine import Engine
from desktop_app.services.preferences import Preferences

_MINUTE_MS = 60_000


class IdleUnload(QObject):
    """Counts the minutes since the person did something that the model is for."""

    def __init__(
        self,
        engine: Engine,
        preferences: Preferences,
        chat: Chat,
        draft: Draft,
        conversations: Conversations,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._preferences = preferences
        self._chat = chat
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._over)
        engine.state_changed.connect(self._count)
        preferences.changed.connect(self._preference_changed)
        chat.busy_changed.connect(self._active)
        draft.edited.connect(self._active)
        draft.added.connect(self._active)
        conversations.opened.connect(self._active)

    def close(self) -> None:
        """Count no more."""
        self._timer.stop()

    def _active(self, _what: object = None) -> None:
        """The person will want the model soon."""
        self._engine.reload()
        self._count()

    def _count(self, _state: object = None) -> None:
        minutes = self._preferences.value("unload_after")
        if minutes and self._engine.state() == "ready":
            self._timer.start(minutes * _MINUTE_MS)
        else:
            self._timer.stop()

    def _preference_changed(self, name: str) -> None:
        if name == "unload_after":
            self._count()

    def _over(self) -> None:
        if self._chat.is_busy():
            self._count()
        else:
            self._engine.unload()
