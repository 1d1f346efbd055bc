"""What the model no longer sees of the open conversation, because its context is full."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import Message, Role
from desktop_app.services.conversation.turns import messages_of_turns


class DroppedMessages(QObject):
    """Messages that are shown, but not given to the model. `changed()` when they are others."""

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
        """Return whether the model sees nothing above the end of the last of them."""
        return self._is_all_above

    def mark(self, messages: Sequence[Message], left: Collection[int]) -> None:
        """Take note that of the turns that `messages` make, those with the indices `left` are not seen."""
        turns = messages_of_turns(messages)
        ids = frozenset(message_id for index in left if index < len(turns) for message_id in turns[index])
        if ids == self._ids:
            return
        self._ids = ids
        spoken = [message.id for message in messages if message.role is not Role.NOTE]
        places = [place for place, message_id in enumerate(spoken) if message_id in ids]
        self._last = spoken[places[-1]] if places else ""
        self._is_all_above = not places or len(places) == places[-1] + 1
        self.changed.emit()
