"""Asks the last question again: with a model that was just put to use, or with an engine that was restarted.

The earlier answer stays beside the new one.
"""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.engine.messages import ModelInfo
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.engine import Engine
from desktop_app.services.notices import Notices


class AskingAgain(QObject):
    """Waits for a model to be loaded; it asks nothing if the person has gone on meanwhile."""

    def __init__(
        self,
        engine: Engine,
        chat: Chat,
        conversations: Conversations,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._chat = chat
        self._conversations = conversations
        self._model = ""  # the file of the model that is awaited
        engine.model_changed.connect(self._model_changed)
        conversations.opened.connect(self._another_opened)
        notices.register("restart-engine", self.with_restarted_engine)

    def with_model(self, model: str) -> None:
        """Ask the last question of the open conversation again as soon as the model with this file is loaded."""
        info = self._engine.info()
        if info is not None and info.model == model:
            self._ask(info.name)
        elif self._conversations.current_id():
            self._model = model

    def with_restarted_engine(self) -> None:
        """Restart an engine that is gone; ask again what it was asked, unless there are words of its answer."""
        self._engine.restart()
        last = self._last()
        if last is not None and last.state is State.INTERRUPTED and not last.text:
            self._chat.regenerate(last.id)

    def _another_opened(self, _conversation: str) -> None:
        self._model = ""

    def _model_changed(self, info: ModelInfo | None) -> None:
        if info is None or not self._model:
            return  # it is being loaded
        wanted, self._model = self._model, ""
        if info.model == wanted:
            self._ask(info.name)

    def _ask(self, name: str) -> None:
        last = self._last()
        if last is not None and last.details.get("model") != name:
            self._chat.regenerate(last.id)

    def _last(self) -> Message | None:
        """Return the answer at the end of the open conversation."""
        said = (message for message in reversed(self._chat.messages()) if message.role is not Role.NOTE)
        last = next(said, None)
        return last if last is not None and last.role is Role.ASSISTANT else None
