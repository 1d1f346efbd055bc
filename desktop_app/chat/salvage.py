"""Brings over what another conversation file holds and this one lacks: a damaged one, or a backup.

The rows are read page by page (`sqlite_pages`), so that a broken header or list of tables loses nothing.
Which table a row is of is told by its values.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from desktop_app.chat.conversation import Message, Picture, Role, State
from desktop_app.chat.rows import (
    closest,
    details_from,
    insert_message,
    is_sound,
    lenient,
    picture_rows,
    replace_message,
    time_from,
)
from desktop_app.chat.searching import fold
from desktop_app.chat.sqlite_pages import rows_of

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_ENDED = {State.COMPLETE, State.STOPPED}  # the text of such a message never changes, unless the answer goes on
_Number = int | float  # SQLite stores 1.0 as 1
_MESSAGE = (None, str, str, str | None, str, str, str, _Number, str, int)
_CONVERSATION = (str, str, _Number, _Number, str | None, _Number | None)
_PICTURE = (int, int, str, str, int, int)
_FOLDED = (None, str)
_DRAFT = (str, str)
_DRAFT_PICTURE = (str, int, str, str, int, int)


class Salvaged(NamedTuple):
    """How many messages were brought over, and what was done where both files have a message, but not the same."""

    added: int = 0
    repaired: int = 0  # what was damaged here
    kept: int = 0  # as they are here: the other file's are the damaged ones


@dataclass
class _Found:
    """What a file holds, each by the number of its row where that orders it."""

    messages: dict[int, tuple[str, Message, int]] = field(default_factory=dict)  # (conversation, message, used)
    conversations: dict[str, list[Any]] = field(default_factory=dict)
    pictures: dict[Any, dict[int, Picture]] = field(default_factory=dict)  # by message's number or conversation
    folded: dict[int, str] = field(default_factory=dict)  # the texts as they are searched
    drafts: dict[str, str] = field(default_factory=dict)


def salvage(source: Path, write: sqlite3.Connection, without: Collection[str] = ()) -> Salvaged:
    """Add what is not here, and repair messages of which the other file has the better text.

    A message whose parent is lost follows the one before it. Conversations and messages of the ids `without` stay away.
    Nothing is written to `source`. Raises OSError.
    """
    found = _find(source, without)
    belongs = dict(write.execute("SELECT id, conversation FROM messages").fetchall())  # message -> its conversation
    known = {row[0] for row in write.execute("SELECT id FROM conversations")}
    newest: dict[str, str] = {}  # conversation -> the last message of it that was read
    added = repaired = kept = 0
    for place, (conversation, message, used) in sorted(found.messages.items()):
        with _by_itself(write):
            if message.id in belongs:
                done = _repair(write, message, found.folded.get(place))
                repaired, kept = repaired + done.repaired, kept + done.kept
            else:
                parent = message.parent
                if parent is not None and belongs.get(parent) != conversation:
                    parent = newest.get(conversation)
                shown = _in_order(found.pictures.get(place))
                insert_message(write, conversation, replace(message, parent=parent, pictures=shown))
                write.execute("UPDATE messages SET used = ? WHERE id = ?", (used, message.id))
                belongs[message.id] = conversation
                added += 1
            newest[conversation] = message.id
    for name, (title, _created, updated, _cover, deleted) in found.conversations.items():
        if name not in known:
            with _by_itself(write):
                write.execute(
                    "UPDATE conversations SET title = ?, updated = coalesce(?, updated), deleted = ? WHERE id = ?",
                    (title, time_from(updated), time_from(deleted), name),
                )
    _bring_drafts(write, found, known)
    return Salvaged(added, repaired, kept)


@contextmanager
def _by_itself(write: sqlite3.Connection) -> Iterator[None]:
    """Let a row that cannot be stored stop none of the others."""
    write.execute("SAVEPOINT row")
    try:
        yield
    except sqlite3.IntegrityError:
        write.execute("ROLLBACK TO row")
    write.execute("RELEASE row")


def _find(source: Path, without: Collection[str]) -> _Found:
    found = _Found()
    for place, values in rows_of(source):
        if _are(values, _MESSAGE):
            if values[1] not in without and values[2] not in without:
                found.messages.setdefault(place, (values[2], _message(values), values[9]))
        elif _are(values, _PICTURE) or _are(values, _DRAFT_PICTURE):
            owner, position, sha256, name, width, height = values
            if _SHA256.match(sha256):
                found.pictures.setdefault(owner, {})[position] = Picture(sha256, name, width, height)
        elif _are(values, _FOLDED):
            found.folded.setdefault(place, values[1])
        elif _are(values, _CONVERSATION):
            found.conversations.setdefault(values[0], values[1:])
        elif _are(values, _DRAFT) and values[0] not in without:
            found.drafts.setdefault(*values)
    return found


def _are(values: list[Any], kinds: tuple[Any, ...]) -> bool:
    return len(values) == len(kinds) and all(
        value is None if kind is None else isinstance(value, kind) for value, kind in zip(values, kinds, strict=True)
    )


def _message(values: list[Any]) -> Message:
    _, name, _, parent, role, text, state, created, details, _ = values
    return Message(
        name,
        closest(Role, role),
        text,
        (),
        parent,
        closest(State, state),
        time_from(created) or 0.0,
        details_from(details) or {},
    )


def _repair(write: sqlite3.Connection, there: Message, folded_there: str | None) -> Salvaged:
    """Take what is damaged here from the other file, unless that is the damaged one.

    Where the texts of a message that has ended differ, the right one is that which is the same as what is searched,
    which is stored apart from it.
    """
    row = write.execute(
        """SELECT role, messages.text AS text, state, details, folded_texts.text AS folded
        FROM messages LEFT JOIN folded_texts ON number = message WHERE id = ?""",
        (there.id,),
    ).fetchone()
    state = closest(State, row["state"])
    text = row["text"] if isinstance(row["text"], str) else lenient(bytes(row["text"]))
    role, details = row["role"], details_from(row["details"])
    differs = there.state in _ENDED and there.state is state and text != there.text
    right = _is_right(there.text, folded_there)
    better = differs and right and not _is_right(text, row["folded"])
    if is_sound(row) and not better:
        return Salvaged(kept=int(differs and not right))
    known = role in {one.value for one in Role}
    message = replace(
        there,
        role=closest(Role, role) if known else there.role,
        text=there.text if better else text,
        state=state,
        details=there.details if details is None else details,
    )
    write.execute("UPDATE messages SET role = ? WHERE id = ?", (message.role.value, message.id))
    replace_message(write, message)
    return Salvaged(repaired=1)


def _is_right(text: str, folded: str | None) -> bool:
    return fold(text) == folded if folded is not None else "\ufffd" not in text


def _bring_drafts(write: sqlite3.Connection, found: _Found, known: Iterable[str]) -> None:
    for owner, text in found.drafts.items():
        if owner in known or write.execute("SELECT 1 FROM drafts WHERE conversation = ?", (owner,)).fetchone():
            continue
        if owner and owner not in found.conversations:
            continue
        with _by_itself(write):
            write.execute("INSERT INTO drafts VALUES (?, ?)", (owner, text))
            shown = _in_order(found.pictures.get(owner))
            write.executemany("INSERT INTO draft_pictures VALUES (?, ?, ?, ?, ?, ?)", picture_rows(owner, shown))


def _in_order(pictures: dict[int, Picture] | None) -> tuple[Picture, ...]:
    return tuple(picture for _, picture in sorted((pictures or {}).items()))
