"""Brings over what another conversation file holds and this one lacks: a damaged one, or a backup.

The rows are read page by page (`sqlite_pages`), so that a broken header or list of tables loses nothing.
Which table a row is of is told by its values.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_app.chat.conversation import Message, Picture, Role, State
from desktop_app.chat.rows import insert_message, picture_rows, replace_message
from desktop_app.chat.sqlite_pages import rows_of

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_ENDED = {State.COMPLETE, State.STOPPED}  # the text of such a message never changes any more
_Number = int | float  # SQLite stores 1.0 as 1
_MESSAGE = (None, str, str, str | None, str, str, str, _Number, str, int)
_CONVERSATION = (str, str, _Number, _Number, str | None, _Number | None)
_PICTURE = (int, int, str, str, int, int)
_DRAFT = (str, str)
_DRAFT_PICTURE = (str, int, str, str, int, int)


@dataclass
class _Found:
    """What a file holds, each by the number of its row where that orders it."""

    messages: dict[int, tuple[str, Message, int]] = field(default_factory=dict)  # (conversation, message, used)
    conversations: dict[str, list[Any]] = field(default_factory=dict)
    pictures: dict[Any, dict[int, Picture]] = field(default_factory=dict)  # by message's number or conversation
    drafts: dict[str, str] = field(default_factory=dict)


def salvage(source: Path, write: sqlite3.Connection) -> int:
    """Add what is not here and repair messages whose text was damaged here; return how many messages that were.

    A message whose parent is lost follows the one before it. Nothing is written to `source`. Raises OSError.
    """
    found = _find(source)
    belongs = dict(write.execute("SELECT id, conversation FROM messages").fetchall())  # message -> its conversation
    known = {row[0] for row in write.execute("SELECT id FROM conversations")}
    newest: dict[str, str] = {}  # conversation -> the last message of it that was read
    changed = 0
    for place, (conversation, message, used) in sorted(found.messages.items()):
        if message.id in belongs:
            changed += _repair(write, message)
        else:
            parent = message.parent
            if parent is not None and belongs.get(parent) != conversation:
                parent = newest.get(conversation)
            shown = _in_order(found.pictures.get(place))
            insert_message(write, conversation, _with(message, parent, shown))
            write.execute("UPDATE messages SET used = ? WHERE id = ?", (used, message.id))
            belongs[message.id] = conversation
            changed += 1
        newest[conversation] = message.id
    for name, (title, _created, updated, _cover, deleted) in found.conversations.items():
        if name not in known:
            write.execute(
                "UPDATE conversations SET title = ?, updated = ?, deleted = ? WHERE id = ?",
                (title, updated, deleted, name),
            )
    _bring_drafts(write, found, known)
    return changed


def _find(source: Path) -> _Found:
    found = _Found()
    for place, values in rows_of(source):
        if _are(values, _MESSAGE):
            message = _message(values)
            if message is not None:
                found.messages.setdefault(place, (values[2], message, values[9]))
        elif _are(values, _PICTURE) or _are(values, _DRAFT_PICTURE):
            owner, position, sha256, name, width, height = values
            if _SHA256.match(sha256):
                found.pictures.setdefault(owner, {})[position] = Picture(sha256, name, width, height)
        elif _are(values, _CONVERSATION):
            found.conversations.setdefault(values[0], values[1:])
        elif _are(values, _DRAFT):
            found.drafts.setdefault(*values)
    return found


def _are(values: list[Any], kinds: tuple[Any, ...]) -> bool:
    return len(values) == len(kinds) and all(
        value is None if kind is None else isinstance(value, kind) for value, kind in zip(values, kinds, strict=True)
    )


def _message(values: list[Any]) -> Message | None:
    _, name, _, parent, role, text, state, created, details, _ = values
    try:
        return Message(name, Role(role), text, (), parent, State(state), float(created), json.loads(details))
    except (ValueError, RecursionError):  # damaged within the row, or a row of another table
        return None


def _with(message: Message, parent: str | None, pictures: tuple[Picture, ...]) -> Message:
    return Message(
        message.id, message.role, message.text, pictures, parent, message.state, message.created, message.details
    )


def _repair(write: sqlite3.Connection, message: Message) -> bool:
    """Take a message's text from the other file where both say that it has ended, and differ: one is damaged."""
    text, state = write.execute("SELECT text, state FROM messages WHERE id = ?", (message.id,)).fetchone()
    damaged = message.state in _ENDED and state == message.state.value and text != message.text
    if damaged:
        replace_message(write, message)
    return damaged


def _bring_drafts(write: sqlite3.Connection, found: _Found, known: Iterable[str]) -> None:
    for owner, text in found.drafts.items():
        if owner in known or write.execute("SELECT 1 FROM drafts WHERE conversation = ?", (owner,)).fetchone():
            continue
        if owner and owner not in found.conversations:
            continue
        write.execute("INSERT INTO drafts VALUES (?, ?)", (owner, text))
        shown = _in_order(found.pictures.get(owner))
        write.executemany("INSERT INTO draft_pictures VALUES (?, ?, ?, ?, ?, ?)", picture_rows(owner, shown))


def _in_order(pictures: dict[int, Picture] | None) -> tuple[Picture, ...]:
    return tuple(picture for _, picture in sorted((pictures or {}).items()))
