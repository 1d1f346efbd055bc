"""The database schema of the conversations, as numbered steps from an empty file to the current version.

A step is never changed once released: older files have already taken it. `user_version` counts
the steps taken. Each runs in one transaction, and an existing file is copied before it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from desktop_app.chat.backups import back_up
from desktop_app.chat.searching import fold
from desktop_app.errors import UserError


def create_conversations(connection: sqlite3.Connection) -> None:
    """Conversations hold a tree of messages; messages hold pictures in their order."""
    connection.execute(
        """CREATE TABLE conversations (
            id TEXT PRIMARY KEY,
            title TEXT NOT NULL DEFAULT '',
            created REAL NOT NULL,  -- times are seconds since 1970
            updated REAL NOT NULL,
            cover TEXT,             -- SHA-256 of its first picture
            deleted REAL            -- when the person deleted it; it is gone for good later
        )"""
    )
    # The message used last is the leaf: the path shown runs from the root to it. There is no
    # cascade from parent to child, which SQLite would follow only 1,000 levels deep.
    connection.execute(
        """CREATE TABLE messages (
            number INTEGER PRIMARY KEY,  -- parents have smaller numbers than their children
            id TEXT NOT NULL UNIQUE,
            conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            parent TEXT REFERENCES messages (id),
            role TEXT NOT NULL,
            text TEXT NOT NULL,
            state TEXT NOT NULL,
            created REAL NOT NULL,
            details TEXT NOT NULL,       -- JSON
            used INTEGER NOT NULL        -- grows each time a message becomes the leaf
        )"""
    )
    connection.execute("CREATE INDEX messages_by_parent ON messages (parent, conversation)")
    connection.execute("CREATE INDEX messages_by_use ON messages (conversation, used)")
    connection.execute(
        """CREATE TABLE pictures (
            message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            name TEXT NOT NULL,
            width INTEGER NOT NULL,  -- pixels, upright
            height INTEGER NOT NULL,
            PRIMARY KEY (message, position)
        )"""
    )
    connection.execute("CREATE INDEX pictures_by_sha256 ON pictures (sha256)")


def keep_drafts(connection: sqlite3.Connection) -> None:
    """A message not yet sent stays with its conversation; '' is the conversation not yet begun."""
    connection.execute("CREATE TABLE drafts (conversation TEXT PRIMARY KEY, text TEXT NOT NULL)")
    connection.execute(
        """CREATE TABLE draft_pictures (
            conversation TEXT NOT NULL REFERENCES drafts (conversation) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            name TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            PRIMARY KEY (conversation, position)
        )"""
    )


def fold_text_for_searching(connection: sqlite3.Connection) -> None:
    """Folded text lies apart from the messages, so that a search reads nothing else."""
    connection.execute(
        """CREATE TABLE folded_texts (
            message INTEGER PRIMARY KEY REFERENCES messages (number) ON DELETE CASCADE,
            text TEXT NOT NULL
        )"""
    )
    messages = connection.execute("SELECT number, text FROM messages WHERE role <> 'note'")
    connection.executemany(
        "INSERT INTO folded_texts VALUES (?, ?)", ((number, fold(text)) for number, text in messages)
    )


def note_unseen_answers(connection: sqlite3.Connection) -> None:
    """How an answer ended that the person has not seen, until its conversation is opened."""
    connection.execute(
        """CREATE TABLE unseen (
            conversation TEXT PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
            state TEXT NOT NULL
        )"""
    )


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    create_conversations,
    keep_drafts,
    fold_text_for_searching,
    note_unseen_answers,
)


def version_of(connection: sqlite3.Connection) -> int:
    """Return how many steps the file has taken; raises UserError if more than there are here."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(STEPS):
        raise UserError("history-newer")
    return version


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Take the steps the file at `path` has not taken yet. A step that fails changes nothing."""
    first = version_of(connection)
    for number, step in enumerate(STEPS[first:], start=first + 1):
        if first > 0:
            back_up(connection, path, f"-before-schema-{number}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            step(connection)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
