"""Converts messages to rows of the database and back."""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from desktop_app.chat.conversation import Message, Picture, Role, State, is_wordless, storable, title_of_question
from desktop_app.chat.searching import fold

#: Versions of the first question whose words the title may be: a file may hold thousands, each put in after another.
_MOST_VERSIONS = 20
COLUMNS = "number, id, parent, role, text, state, created, details, used"
"""Of `messages`, in the order that `message_from` takes them."""

_LAST_TIME = 250_000_000_000.0  # in the year 9892: later ones are no dates to Python
_ROLES: dict[Any, Role] = {one.value: one for one in Role}
_STATES: dict[Any, State] = {one.value: one for one in State}
_Kind = TypeVar("_Kind", bound=Enum)


def lenient(text: bytes) -> str:
    """Read text of which a byte is damaged rather than nothing at all."""
    return text.decode("utf-8", "replace")


def closest(kind: type[_Kind], value: Any) -> _Kind:
    """Return the role or state of a name, or what a damaged one must have been."""
    try:
        return kind(value)
    except ValueError:  # searching takes a hundred times longer
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
    """Return the message of a row of `COLUMNS`. A damaged byte in it keeps nobody from reading the others.

    Thousands are read when a long conversation is opened: the usual values take the short way.
    """
    _number, its_id, parent, role, text, state, created, details, _used = row
    return Message(
        its_id,
        _ROLES.get(role) or closest(Role, role),
        text if isinstance(text, str) else lenient(bytes(text)),
        tuple(pictures),
        parent,
        _STATES.get(state) or closest(State, state),
        time_from(created) or 0.0,
        {} if details == "{}" else details_from(details) or {},
        sibling,
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


def insert_message(write: sqlite3.Connection, conversation_id: str, message: Message, place: int | None = None) -> None:
    """Insert a message as the leaf and, if need be, its conversation. `place`: the number of its row, None: the next.

    Raises KeyError for a parent that is not in the conversation.
    """
    if message.parent is not None and not _holds(write, conversation_id, message.parent):
        raise KeyError(message.parent)
    write.execute(
        "INSERT OR IGNORE INTO conversations (id, created, updated) VALUES (?, ?, ?)",
        (conversation_id, message.created, message.created),
    )
    number = write.execute(
        """INSERT INTO messages (number, id, conversation, parent, role, text, state, created, details, used)
        VALUES (:number, :id, :conversation, :parent, :role, :text, :state, :created, :details,
            (SELECT coalesce(max(used), 0) + 1 FROM messages WHERE conversation = :conversation))""",
        row_of(message) | {"conversation": conversation_id, "number": place},
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


class TakenOut(NamedTuple):
    """Messages that were taken out of a conversation, with all that `put_back` needs."""

    conversation: str
    title: str
    title_without: str  # what it was called after they had gone
    cover: str | None
    messages: tuple[Message, ...]  # parents before their children
    numbers: tuple[int, ...]  # of their rows
    used: tuple[int, ...]
    followed: dict[str, str]  # messages that stay -> the one of these that they followed


def take_out(write: sqlite3.Connection, conversation_id: str, ids: Iterable[str]) -> TakenOut:
    """Remove messages for good and return them; what followed one follows the message before it."""
    rows = sorted(
        (write.execute(f"SELECT {COLUMNS} FROM messages WHERE id = ?", (one,)).fetchone() for one in ids),
        key=lambda row: int(row["number"]),
    )
    gone = {row["id"] for row in rows}
    summary = write.execute("SELECT title, cover FROM conversations WHERE id = ?", (conversation_id,)).fetchone()
    followed = {
        child[0]: parent
        for parent in gone
        for child in write.execute("SELECT id FROM messages WHERE parent = ?", (parent,))
        if child[0] not in gone
    }
    messages = tuple(message_from(row, _pictures_of(write, row["number"]), (0, 1)) for row in rows)
    taken = TakenOut(
        conversation_id,
        summary["title"],
        "",
        summary["cover"],
        messages,
        tuple(row["number"] for row in rows),
        tuple(row["used"] for row in rows),
        followed,
    )
    erase_drafts(write, gone)
    erase_messages(write, gone)
    (title,) = write.execute("SELECT title FROM conversations WHERE id = ?", (conversation_id,)).fetchone()
    return taken._replace(title_without=title)


def erase_drafts(write: sqlite3.Connection, owners: Iterable[str]) -> None:
    """Remove what was not sent: of conversations, with the edits of their questions, or of messages."""
    for one in owners:
        write.execute(
            """DELETE FROM drafts WHERE conversation = ?1
            OR conversation IN (SELECT id FROM messages WHERE messages.conversation = ?1)""",
            (one,),
        )


def erase_messages(write: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Remove messages, as far as they are here; their conversation is no longer called by them."""
    titles: dict[str, set[str]] = {}  # conversation -> titles that its removed questions gave it
    for one in ids:
        row = write.execute(
            "SELECT conversation, role, text, parent, number FROM messages WHERE id = ?", (one,)
        ).fetchone()
        if row is None:
            continue
        conversation, role, text, parent, number = row
        is_question = role == Role.USER.value and isinstance(text, str)  # a damaged one may be anything
        given = {_title_given_by(write, number, text)} if is_question else set[str]()
        titles.setdefault(conversation, set()).update(given)
        write.execute("UPDATE messages SET parent = ? WHERE parent = ?", (parent, one))
        write.execute("DELETE FROM messages WHERE id = ?", (one,))
    for conversation, given in titles.items():
        (title,) = write.execute("SELECT title FROM conversations WHERE id = ?", (conversation,)).fetchone()
        first = write.execute(
            "SELECT number, text FROM messages WHERE conversation = ? AND role = ? ORDER BY number LIMIT 1",
            (conversation, Role.USER.value),
        ).fetchone()
        if title in given:
            title = _title_given_by(write, *first) if first is not None else ""
        write.execute(
            """UPDATE conversations SET title = ?1, cover = (
                SELECT sha256 FROM pictures JOIN messages ON number = message
                WHERE conversation = ?2 ORDER BY number, position LIMIT 1
            ) WHERE id = ?2""",
            (title, conversation),
        )


def _title_given_by(database: sqlite3.Connection, number: int, question: str) -> str:
    return title_of_question(question, (picture.name for picture in _pictures_of(database, number)))


def put_back(write: sqlite3.Connection, taken: TakenOut) -> None:
    """Put back what was taken out, each message where it was; a title that was given meanwhile stays."""
    (title,) = write.execute("SELECT title FROM conversations WHERE id = ?", (taken.conversation,)).fetchone()
    is_free = True
    for message, number, used in zip(taken.messages, taken.numbers, taken.used, strict=True):
        # What was written meanwhile may have taken the numbers of those at the end, which nothing else follows.
        is_free = is_free and not write.execute("SELECT 1 FROM messages WHERE number = ?", (number,)).fetchone()
        insert_message(write, taken.conversation, message, number if is_free else None)
        write.execute("UPDATE messages SET used = ? WHERE id = ?", (used, message.id))
    for child, parent in taken.followed.items():
        write.execute("UPDATE messages SET parent = ? WHERE id = ?", (parent, child))
    title = taken.title if title == taken.title_without else title
    write.execute(
        "UPDATE conversations SET title = ?, cover = ? WHERE id = ?", (title, taken.cover, taken.conversation)
    )


def _pictures_of(database: sqlite3.Connection, number: int) -> list[Picture]:
    rows = database.execute(
        "SELECT sha256, name, width, height FROM pictures WHERE message = ? ORDER BY position", (number,)
    )
    return [Picture(*row) for row in rows]


def _holds(write: sqlite3.Connection, conversation_id: str, message_id: str) -> bool:
    found = write.execute("SELECT 1 FROM messages WHERE id = ? AND conversation = ?", (message_id, conversation_id))
    return found.fetchone() is not None


def _touch(write: sqlite3.Connection, conversation_id: str, message: Message) -> None:
    """Let the conversation show its newest message's time, and its first picture and question."""
    title = ""
    if message.role is Role.USER:
        title = title_of_question(storable(message.text), (storable(picture.name) for picture in message.pictures))
        if message.parent is None or not is_wordless(message.text, bool(message.pictures)):
            show_begun_with(write, conversation_id, [message])
    cover = message.pictures[0].sha256 if message.pictures else None
    write.execute(
        """UPDATE conversations SET updated = max(updated, ?), cover = coalesce(cover, ?),
        title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?""",
        (message.created, cover, title, conversation_id),
    )


def show_begun_with(write: sqlite3.Connection, conversation_id: str, path: Sequence[Message]) -> None:
    """Let a conversation show how its `path` begins: with a version of its first question, or the first with words.

    A title that the person gave stays; so does that of a question with words when another follows it.
    """
    question, is_first = path[0], path[0].parent is None
    shown = write.execute("SELECT title FROM conversations WHERE id = ?", (conversation_id,)).fetchone()
    firsts = write.execute(
        f"""SELECT number, text FROM messages
        WHERE conversation = ? AND role = ? AND id != ? {"AND parent IS NULL" if is_first else ""}
        ORDER BY number {f"DESC LIMIT {_MOST_VERSIONS}" if is_first else "LIMIT 1"}""",
        (conversation_id, Role.USER.value, question.id),
    ).fetchall()
    given = {
        _title_given_by(write, *first): is_wordless(first["text"], True) for first in firsts if _is_text(first["text"])
    }
    if shown["title"] in given and (is_first or given[shown["title"]]):
        title = title_of_question(storable(question.text), (storable(picture.name) for picture in question.pictures))
        write.execute("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation_id))
    if is_first and firsts:
        cover = next((picture.sha256 for message in path for picture in message.pictures), None)
        write.execute("UPDATE conversations SET cover = ? WHERE id = ?", (cover, conversation_id))


def _is_text(value: object) -> bool:
    return isinstance(value, str)  # a damaged one may be anything


def _fold(write: sqlite3.Connection, number: int, message: Message) -> None:
    if message.role is not Role.NOTE:
        write.execute("INSERT OR REPLACE INTO folded_texts VALUES (?, ?)", (number, fold(storable(message.text))))
