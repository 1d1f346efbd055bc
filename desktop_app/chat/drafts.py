"""Messages not yet sent, in the database: of a conversation, of the one not yet begun (""), or a changed question."""

from __future__ import annotations

import sqlite3
from itertools import chain

from desktop_app.chat.conversation import Picture, storable
from desktop_app.chat.rows import picture_rows


def write_draft(write: sqlite3.Connection, owner: str, text: str, pictures: tuple[Picture, ...]) -> None:
    """Replace the draft of a conversation or question by this one; of an owner that is not here, nothing is kept."""
    write.execute("DELETE FROM drafts WHERE conversation = ?", (owner,))
    is_here = write.execute(
        """SELECT 1 WHERE ?1 = '' UNION SELECT 1 FROM conversations WHERE id = ?1
        UNION SELECT 1 FROM messages WHERE id = ?1""",
        (owner,),
    ).fetchone()
    if is_here and (text or pictures):
        write.execute("INSERT INTO drafts VALUES (?, ?)", (owner, storable(text)))
        write.executemany("INSERT INTO draft_pictures VALUES (?, ?, ?, ?, ?, ?)", picture_rows(owner, pictures))


def erase_orphans(write: sqlite3.Connection) -> None:
    """Remove drafts whose owner is not here, as earlier versions left them: nobody could find them there."""
    write.execute(
        """DELETE FROM drafts WHERE conversation NOT IN
        (SELECT '' UNION SELECT id FROM conversations UNION SELECT id FROM messages)"""
    )


def joined(*drafts: tuple[str, tuple[Picture, ...]]) -> tuple[str, tuple[Picture, ...]]:
    """Return several drafts as one."""
    return "\n".join(text for text, _ in drafts if text), tuple(chain.from_iterable(shown for _, shown in drafts))
