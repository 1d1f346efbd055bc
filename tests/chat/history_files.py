"""Helpers for tests of the history's file."""

import sqlite3
from pathlib import Path

from desktop_app.chat.conversation import Message, Picture, Role, new_id
from desktop_app.chat.history import History

#: What each step of the schema added, with rows in it, as the releases of its time wrote them. Never to be changed.
SCHEMAS = (
    """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL,
    updated REAL NOT NULL,
    cover TEXT,
    deleted REAL
);
CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent TEXT REFERENCES messages (id),
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    details TEXT NOT NULL,
    used INTEGER NOT NULL
);
CREATE INDEX messages_by_parent ON messages (parent, conversation);
CREATE INDEX messages_by_use ON messages (conversation, used);
CREATE TABLE pictures (
    message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    PRIMARY KEY (message, position)
);
CREATE INDEX pictures_by_sha256 ON pictures (sha256);
INSERT INTO conversations VALUES ('c', 'Ein Zebra?', 1.0, 2.0, 'abc', NULL);
INSERT INTO messages VALUES (1, 'q', 'c', NULL, 'user', 'Ein Zebra?', 'complete', 1.0, '{}', 1);
INSERT INTO messages VALUES (2, 'a', 'c', 'q', 'assistant', 'Ja, größer.', 'complete', 2.0, '{"model": "m"}', 2);
INSERT INTO pictures VALUES (1, 0, 'abc', 'zebra.png', 3, 4);
""",
    """
CREATE TABLE drafts (conversation TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE draft_pictures (
    conversation TEXT NOT NULL REFERENCES drafts (conversation) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    PRIMARY KEY (conversation, position)
);
INSERT INTO drafts VALUES ('c', 'Und wie viele Strei');
INSERT INTO draft_pictures VALUES ('c', 0, 'def', 'streifen.png', 5, 6);
""",
    """
CREATE TABLE folded_texts (
    message INTEGER PRIMARY KEY REFERENCES messages (number) ON DELETE CASCADE,
    text TEXT NOT NULL
);
INSERT INTO folded_texts VALUES (1, 'ein zebra?');
INSERT INTO folded_texts VALUES (2, 'ja, grosser.');
""",
    """
CREATE TABLE unseen (
    conversation TEXT PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    state TEXT NOT NULL
);
INSERT INTO unseen VALUES ('c', 'interrupted');
""",
)


def file_of_schema(path: Path, number: int) -> None:
    """Write a file that has taken so many steps."""
    connection = sqlite3.connect(path)
    for script in SCHEMAS[:number]:
        connection.executescript(script)
    connection.execute("PRAGMA application_id = 1165583714")
    connection.execute(f"PRAGMA user_version = {number}")
    connection.commit()
    connection.close()


def fill(path: Path, messages: int = 1, text: str = "hello") -> None:
    """Add messages one below the other, in conversations of ten."""
    history, damage = History.open(path)
    assert damage is None
    parent = None
    for number in range(messages):
        if number % 10 == 0:
            name, parent = f"conversation {number // 10}", None
        picture = Picture(f"{number:064x}", f"{number}.png", number + 1, 7)
        message = Message(new_id(), Role.USER, f"{number}: {text}", (picture,), parent, details={"number": number})
        history.add_message(name, message)
        parent = message.id
    history.close()


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.glob("conversations*")}
