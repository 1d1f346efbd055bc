"""Unloads the model when it was not used for a while, and loads it again shortly before it is needed."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.engine import Engine
from desktop_app.services.preferences import Preferences

_MINUTE_MS = 60_000


class IdleUnload(QObject):
    """Counts the minutes since the person did something that needs the model."""

    def __init__(
        self,
        engine: Engine,
        preferences: Preferences,
        chat: Chat,
        draft: Draft,
        conversations: Conversations,
        minute_ms: int = _MINUTE_MS,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._minute_ms = minute_ms
        self._engine = engine
        self._preferences = preferences
        self._chat = chat
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._time_is_up)
        engine.state_changed.connect(self._restart_timer)
        preferences.changed.connect(self._preference_changed)
        chat.busy_changed.connect(self._used)
        draft.edited.connect(self._used)
        draft.added.connect(self._used)
        conversations.opened.connect(self._used)

    def close(self) -> None:
        """Stop counting: the program ends."""
        self._timer.stop()

    def _used(self, _what: object = None) -> None:
        """The person will want the model soon."""
        self._engine.reload()
        self._restart_timer()

    def _restart_timer(self, _state: object = None) -> None:
        minutes = self._preferences.value("unload_after")
        if minutes and self._engine.state() == "ready":
            self._timer.start(minutes * self._minute_ms)
        else:
            self._timer.stop()

    def _preference_changed(self, name: str) -> None:
        if name == "unload_after":
            self._restart_timer()

    def _time_is_up(self) -> None:
        if self._chat.is_busy():
            self._restart_timer()
        else:
            self._engine.unload()
