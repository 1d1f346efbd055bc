"""Recovers what can still be read from a damaged conversation database, message by message."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from desktop_app.chat.conversation import Message, Picture, Role, State
from desktop_app.chat.rows import insert_message, lenient

_SMALLEST_ROW = 100  # bytes, with its entries in the indexes: bounds the numbers a file can hold
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
# Only what the first schema had: a damaged file may not have taken the later steps.
_PICTURES = {"message": int, "position": int, "sha256": str, "name": str, "width": int, "height": int}
_MESSAGES = {
    "conversation": str,
    "id": str,
    "parent": str | None,
    "role": str,
    "text": str,
    "state": str,
    "created": float,
    "details": str,
    "used": int,
}
_CONVERSATIONS = {"id": str, "title": str, "updated": float, "deleted": float | None}


def salvage(damaged: Path, write: sqlite3.Connection) -> int:
    """Copy the messages that can be read into a new, empty history; return how many.

    A message whose parent is lost follows the one before it. Nothing is written to `damaged`.
    """
    last = damaged.stat().st_size // _SMALLEST_ROW
    with closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as source:
        source.row_factory = sqlite3.Row
        source.text_factory = lenient
        source.execute("PRAGMA writable_schema = ON")  # or a file that was cut off is refused as a whole
        pictures = _pictures(source, last)
        belongs: dict[str, str] = {}  # message saved -> its conversation
        newest: dict[str, str] = {}  # conversation -> the last message saved of it
        for row in _rows(source, "messages", _MESSAGES, last):
            conversation = row["conversation"]
            parent = row["parent"]
            if parent is not None and belongs.get(parent) != conversation:
                parent = newest.get(conversation)
            message = _message(row, parent, pictures.get(row["place"], {}))
            if message is None or message.id in belongs:
                continue
            insert_message(write, conversation, message)
            write.execute("UPDATE messages SET used = ? WHERE id = ?", (row["used"], message.id))
            belongs[message.id], newest[conversation] = conversation, message.id
        for row in _rows(source, "conversations", _CONVERSATIONS, last):
            write.execute(
                "UPDATE conversations SET title = :title, updated = :updated, deleted = :deleted WHERE id = :id",
                dict(row),
            )
    return len(belongs)


def _pictures(source: sqlite3.Connection, last: int) -> dict[int, dict[int, Picture]]:
    pictures: dict[int, dict[int, Picture]] = {}
    for row in _rows(source, "pictures", _PICTURES, last):
        if _SHA256.match(row["sha256"]):
            picture = Picture(row["sha256"], row["name"], row["width"], row["height"])
            pictures.setdefault(row["message"], {})[row["position"]] = picture
    return pictures


def _message(row: Any, parent: str | None, pictures: dict[int, Picture]) -> Message | None:
    shown = tuple(picture for _, picture in sorted(pictures.items()))
    try:
        role, state, details = Role(row["role"]), State(row["state"]), json.loads(row["details"])
    except ValueError:  # damaged within the row
        return None
    return Message(row["id"], role, row["text"], shown, parent, state, row["created"], details)


def _rows(source: sqlite3.Connection, table: str, columns: dict[str, Any], last: int) -> Iterator[Any]:
    """Yield the rows that can be read and hold the right types, going on behind each that cannot."""
    select = f"SELECT rowid AS place, {', '.join(columns)} FROM {table}"
    try:
        source.execute(f"{select} LIMIT 0")
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return  # no such table, or nothing that SQLite takes for a database
    number = 0
    while number <= last:
        try:
            for row in source.execute(f"{select} WHERE rowid >= ? ORDER BY rowid", (number,)):
                if row["place"] < number:  # damaged pages may lead in a circle
                    raise sqlite3.DatabaseError("rows out of order")
                number = row["place"] + 1
                if all(isinstance(row[name], kind) for name, kind in columns.items()):
                    yield row
            return
        except sqlite3.DatabaseError:
            number += 1
