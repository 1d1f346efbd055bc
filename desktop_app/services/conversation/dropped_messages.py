"""The messages of the open conversation that the model no longer sees, because its context is full."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import Message, Role
from desktop_app.services.conversation.turns import messages_of_turns


class DroppedMessages(QObject):
    """Ids of the messages that are shown, but not given to the model. `changed()`: there are more, or fewer."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ids: frozenset[str] = frozenset()
        self._last = ""
        self._is_all_above = True

    def ids(self) -> frozenset[str]:
        """Return the ids of the messages."""
        return self._ids

    def last(self) -> str:
        """Return the id of the last of them, "" when the model sees everything."""
        return self._last

    def is_all_above(self) -> bool:
        """Return whether all messages above the last of them are dropped as well."""
        return self._is_all_above

    def set(self, messages: Sequence[Message], dropped_turns: Collection[int]) -> None:
        """Set which are dropped: `dropped_turns` are indices of the turns that `messages` make."""
        turns = messages_of_turns(messages)
        ids = frozenset(message_id for index in dropped_turns if index < len(turns) for message_id in turns[index])
        if ids == self._ids:
            return
        self._ids = ids
        shown = [message.id for message in messages if message.role is not Role.NOTE]
        indices = [index for index, message_id in enumerate(shown) if message_id in ids]
        self._last = shown[indices[-1]] if indices else ""
        self._is_all_above = not indices or len(indices) == indices[-1] + 1
        self.changed.emit()
