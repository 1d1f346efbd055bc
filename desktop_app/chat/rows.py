"""Between values of a conversation and rows of the database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from desktop_app.chat.conversation import Message, Picture, Role, State

# From file names that are not UTF-8, or half an emoji: no text for SQLite.
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """Return text that SQLite takes: what is no Unicode text becomes a replacement character."""
    return _LONE_SURROGATES.sub("\ufffd", text)


def message_from(row: Any, pictures: Iterable[Picture], sibling: tuple[int, int]) -> Message:
    """Return the message of a row of `messages`."""
    return Message(
        id=row["id"],
        role=Role(row["role"]),
        text=row["text"],
        pictures=tuple(pictures),
        parent=row["parent"],
        state=State(row["state"]),
        created=row["created"],
        details=json.loads(row["details"]),
        sibling=sibling,
    )


def row_of(message: Message) -> dict[str, Any]:
    """Return the values of a message by the columns of `messages`."""
    return {
        "id": message.id,
        "parent": message.parent,
        "role": message.role.value,
        "text": storable(message.text),
        "state": message.state.value,
        "created": message.created,
        # Escaped to ASCII, so that no lone surrogate reaches SQLite.
        "details": json.dumps(message.details),
    }


def picture_rows(owner: int | str, pictures: Iterable[Picture]) -> list[tuple[Any, ...]]:
    """Return rows of `pictures` or `draft_pictures`, in order."""
    return [(owner, position, p.sha256, storable(p.name), p.width, p.height) for position, p in enumerate(pictures)]
