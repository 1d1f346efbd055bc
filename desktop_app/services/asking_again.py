"""Asks the last question again with a model that was just put to use: the earlier answer stays beside the new one."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop_app.chat.conversation import Role
from desktop_app.engine.messages import ModelInfo
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.engine import Engine


class AskingAgain(QObject):
    """Waits for a model to be loaded; it asks nothing if the person has gone on meanwhile."""

    def __init__(self, engine: Engine, chat: Chat, conversations: Conversations, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._chat = chat
        self._conversations = conversations
        self._model = ""  # the file of the model that is awaited
        engine.model_changed.connect(self._model_changed)
        conversations.opened.connect(self._another_opened)

    def with_model(self, model: str) -> None:
        """Ask the last question of the open conversation again as soon as the model with this file is loaded."""
        info = self._engine.info()
        if info is not None and info.model == model:
            self._ask(info.name)
        elif self._conversations.current_id():
            self._model = model

    def _another_opened(self, _conversation: str) -> None:
        self._model = ""

    def _model_changed(self, info: ModelInfo | None) -> None:
        if info is None or not self._model:
            return  # it is being loaded
        wanted, self._model = self._model, ""
        if info.model == wanted:
            self._ask(info.name)

    def _ask(self, name: str) -> None:
        said = (message for message in reversed(self._chat.messages()) if message.role is not Role.NOTE)
        last = next(said, None)
        if last is not None and last.role is Role.ASSISTANT and last.details.get("model") != name:
            self._chat.regenerate(last.id)
