"""Converts messages to rows of the database and back."""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections.abc import Iterable
from enum import Enum
from typing import Any, TypeVar

from desktop_app.chat.conversation import Message, Picture, Role, State, storable, title_of_question
from desktop_app.chat.searching import fold

_LAST_TIME = 250_000_000_000.0  # in the year 9892: later ones are no dates to Python
_Kind = TypeVar("_Kind", bound=Enum)


def lenient(text: bytes) -> str:
    """Read text of which a byte is damaged rather than nothing at all."""
    return text.decode("utf-8", "replace")


def closest(kind: type[_Kind], value: Any) -> _Kind:
    """Return what a damaged name of a role or a state must have been."""
    [name] = difflib.get_close_matches(str(value), [one.value for one in kind], n=1, cutoff=0.0)
    return kind(name)


def details_from(text: Any) -> dict[str, Any] | None:
    """Return the details of a message, or None if they are damaged."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def time_from(value: Any) -> float | None:
    """Return a time in seconds since 1970, or None if it is damaged."""
    return float(value) if isinstance(value, (int, float)) and 0 <= value < _LAST_TIME else None


def is_sound(row: Any) -> bool:
    """Return whether the role, state and details of a row of `messages` can be read as they are."""
    known = row["role"] in {one.value for one in Role} and row["state"] in {one.value for one in State}
    return known and details_from(row["details"]) is not None


def message_from(row: Any, pictures: Iterable[Picture], sibling: tuple[int, int]) -> Message:
    """Return the message of a row of `messages`. A damaged byte in it keeps nobody from reading the others."""
    return Message(
        id=row["id"],
        role=closest(Role, row["role"]),
        text=row["text"] if isinstance(row["text"], str) else lenient(bytes(row["text"])),
        pictures=tuple(pictures),
        parent=row["parent"],
        state=closest(State, row["state"]),
        created=time_from(row["created"]) or 0.0,
        details=details_from(row["details"]) or {},
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


def insert_message(write: sqlite3.Connection, conversation_id: str, message: Message) -> None:
    """Insert a message as the leaf and, if need be, its conversation.

    Raises KeyError for a parent that is not in the conversation.
    """
    if message.parent is not None and not _holds(write, conversation_id, message.parent):
        raise KeyError(message.parent)
    write.execute(
        "INSERT OR IGNORE INTO conversations (id, created, updated) VALUES (?, ?, ?)",
        (conversation_id, message.created, message.created),
    )
    number = write.execute(
        """INSERT INTO messages (id, conversation, parent, role, text, state, created, details, used)
        VALUES (:id, :conversation, :parent, :role, :text, :state, :created, :details,
            (SELECT coalesce(max(used), 0) + 1 FROM messages WHERE conversation = :conversation))""",
        row_of(message) | {"conversation": conversation_id},
    ).lastrowid
    assert number is not None  # only where nothing was inserted
    write.executemany("INSERT INTO pictures VALUES (?, ?, ?, ?, ?, ?)", picture_rows(number, message.pictures))
    _fold(write, number, message)
    _touch(write, conversation_id, message)


def newest_place(write: sqlite3.Connection, conversation_id: str, message: Message) -> tuple[int, int]:
    """Return the place among its siblings of the message inserted last. It looks at all of them."""
    siblings: int = write.execute(
        "SELECT count(*) FROM messages WHERE parent IS ? AND conversation = ?", (message.parent, conversation_id)
    ).fetchone()[0]
    return siblings - 1, siblings


def replace_message(write: sqlite3.Connection, message: Message) -> None:
    """Replace a message's text, state and details. Raises KeyError if it is not here."""
    row = write.execute("SELECT number FROM messages WHERE id = ?", (message.id,)).fetchone()
    if row is None:
        raise KeyError(message.id)
    write.execute(
        "UPDATE messages SET text = :text, state = :state, details = :details WHERE id = :id", row_of(message)
    )
    _fold(write, row["number"], message)


def _holds(write: sqlite3.Connection, conversation_id: str, message_id: str) -> bool:
    found = write.execute("SELECT 1 FROM messages WHERE id = ? AND conversation = ?", (message_id, conversation_id))
    return found.fetchone() is not None


def _touch(write: sqlite3.Connection, conversation_id: str, message: Message) -> None:
    """Let the conversation show its newest message's time, and its first picture and question."""
    names = (storable(picture.name) for picture in message.pictures)
    title = title_of_question(storable(message.text), names) if message.role is Role.USER else ""
    cover = message.pictures[0].sha256 if message.pictures else None
    write.execute(
        """UPDATE conversations SET updated = max(updated, ?), cover = coalesce(cover, ?),
        title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?""",
        (message.created, cover, title, conversation_id),
    )


def _fold(write: sqlite3.Connection, number: int, message: Message) -> None:
    if message.role is not Role.NOTE:
        write.execute("INSERT OR REPLACE INTO folded_texts VALUES (?, ?)", (number, fold(storable(message.text))))
