"""Saves and finds conversations on disk. A change is safely stored when its method returns.

A history belongs to the thread that opened it. Where a conversation's path ends is not stored by
itself: it is the message used last, and so is the branch to follow at every fork.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from desktop_app.atomic_files import were_set_aside
from desktop_app.chat.backups import Backup, backups_of, forget_in_backups, pictures_in
from desktop_app.chat.conversation import (
    ConversationSummary,
    DeletedConversation,
    Message,
    Picture,
    Role,
    State,
    new_id,
    next_title,
    storable,
    title_of_question,
)
from desktop_app.chat.damaged_files import naming, remove_damaged
from desktop_app.chat.database import Database, open_database
from desktop_app.chat.drafts import erase_orphans, joined, write_draft
from desktop_app.chat.erased import Erased, erased_of, remember
from desktop_app.chat.rows import (
    COLUMNS,
    TakenOut,
    closest,
    erase_drafts,
    erase_messages,
    insert_message,
    message_from,
    newest_place,
    put_back,
    replace_message,
    show_begun_with,
    take_out,
)
from desktop_app.chat.salvage import Salvaged, salvage
from desktop_app.chat.searching import snippet, terms
from desktop_app.chat.tree import Tree
from desktop_app.errors import UserError

_log = logging.getLogger(__name__)
_MOST_FOUND = 200
_LONGEST_TITLE = 200
_NUMBER, _LINKS = itemgetter("number"), itemgetter("id", "parent", "used")  # of a row of `COLUMNS`


class Purged(NamedTuple):
    """What became of conversations that were deleted for good."""

    pictures: Set[str] = frozenset()  # SHA-256 of those that nothing refers to any more
    still_in: tuple[Path, ...] = ()  # backups that could not be changed, which is tried again
    kept_in: tuple[Path, ...] = ()  # damaged files, set aside for the person
    conversations: Set[str] = frozenset()  # the caches are still to be cleared of them; see `caches_cleared`


class Removed(NamedTuple):
    """A message that was removed, with what went with it."""

    path: list[Message]  # what is shown now
    taken: TakenOut
    leaf: str | None  # where the path ended before
    purged: Purged  # the pictures may be needed again, if it is put back
    is_version: bool  # another version of it stays


class History:
    """All conversations. Methods raise UserError when the disk is full or cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path) -> tuple[History, UserError | None]:
        """Open the history; the second value says that a damaged file was set aside.

        Raises UserError: history-newer, history-in-use, history-unavailable, disk-full.
        """
        database, damage = open_database(path)
        history = cls(database)
        with suppress(UserError):  # a full disk, say: at the next start, then
            erased = erased_of(path)
            history._erase(history._known(erased.all))  # an old copy was put in its place by hand
            if erased.messages:
                with database.writing() as write:
                    erase_drafts(write, erased.messages)
                    erase_messages(write, erased.messages)
            with database.writing() as write:
                erase_orphans(write)
        return history, damage

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Do all changes of the body or, if it raises or the program is killed, none of them."""
        with self._database.writing():
            yield

    def problems(self) -> list[str]:
        """Return what an integrity check finds: an empty list for a sound file."""
        return self._database.problems()

    # The list of conversations

    def summaries(self) -> list[ConversationSummary]:
        """Return all conversations, newest first."""
        rows = self._database.read(
            """SELECT id, title, updated, cover FROM conversations
            WHERE deleted IS NULL ORDER BY updated DESC, rowid DESC"""
        )
        return [_summary(row) for row in rows]

    def search(self, text: str) -> list[ConversationSummary]:
        """Return conversations of which a message or the title holds all terms, newest first.

        `snippet` shows the newest such message; it is empty when only the title matches.
        Without any term these are all conversations.
        """
        wanted = terms(storable(text))
        if not wanted:
            return self.summaries()
        in_text = " AND ".join(["instr(folded_texts.text, ?)"] * len(wanted))
        in_title = " AND ".join(["instr(fold(title), ?)"] * len(wanted))
        rows = self._database.read(
            f"""WITH hits AS (
                SELECT conversation, max(number) AS number
                FROM folded_texts JOIN messages ON number = message
                WHERE {in_text} GROUP BY conversation
            )
            SELECT conversations.id, title, updated, cover, coalesce(messages.text, '') AS text
            FROM conversations LEFT JOIN hits ON hits.conversation = conversations.id
            LEFT JOIN messages ON messages.number = hits.number
            WHERE deleted IS NULL AND (hits.number IS NOT NULL OR ({in_title}))
            ORDER BY updated DESC, conversations.rowid DESC LIMIT {_MOST_FOUND}""",
            *wanted,
            *wanted,
        )
        return [_summary(row, snippet(row["text"], wanted)) for row in rows]

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a title; an empty one brings back that of the first question."""
        title = _one_line(title)
        with self._database.writing() as write:
            if not title:
                question = write.execute(
                    """SELECT number, text FROM messages WHERE conversation = ? AND role = ?
                    ORDER BY number LIMIT 1""",
                    (conversation_id, Role.USER.value),
                ).fetchone()
                title = title_of_question(question["text"], _names(write, question["number"])) if question else ""
            write.execute("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation_id))

    def delete(self, conversation_id: str) -> str:
        """Delete a conversation and return what `undelete` takes to bring it back."""
        with self._database.writing() as write:
            write.execute("UPDATE conversations SET deleted = ? WHERE id = ?", (time.time(), conversation_id))
        return conversation_id

    def undelete(self, token: str) -> None:
        """Bring back a deleted conversation, if it was not purged."""
        with self._database.writing() as write:
            write.execute("UPDATE conversations SET deleted = NULL WHERE id = ?", (token,))

    def deleted(self) -> list[DeletedConversation]:
        """Return the conversations that can be undeleted, those deleted last first."""
        rows = self._database.read(
            """SELECT id, title, updated, cover, deleted FROM conversations
            WHERE deleted IS NOT NULL ORDER BY deleted DESC, rowid DESC"""
        )
        return [DeletedConversation(_summary(row), row["deleted"]) for row in rows]

    def purge_deleted(self, before: float | None = None) -> Purged:
        """Remove for good what was deleted before that time (seconds since 1970; None: all); see `purge`."""
        return self.purge([one.summary.id for one in self.deleted() if before is None or one.deleted < before])

    def purge(self, conversations: Collection[str]) -> Purged:
        """Remove deleted conversations for good, from the backups too, and what could not be removed from those before.

        Their ids are kept, so that no copy brings them back.
        """
        path = self._database.path
        doomed = {one.summary.id for one in self.deleted()} & {*conversations}
        erased = erased_of(path).with_more(doomed)
        if not erased.is_in_backups:
            return Purged()
        still_in = self._remembered(erased)
        shown = self._erase(doomed)
        in_use = self._pictures_in_sound_files()
        unused = set() if in_use is None else shown - in_use
        unused.difference_update(*naming(path, unused).values())
        return Purged(unused, still_in, tuple(naming(path, doomed)), doomed)

    def remove_damaged(self, aside: Path) -> set[str]:
        """Remove a damaged file that was set aside; return the SHA-256 of pictures that only it referred to.

        Raises UserError (damaged-file-stays).
        """
        try:
            named = remove_damaged(self._database.path, aside)
        except OSError as error:
            raise UserError("damaged-file-stays", name=aside.name) from error
        in_use = self.pictures_in_use()
        return set() if in_use is None else named - in_use

    def _remembered(self, erased: Erased) -> tuple[Path, ...]:
        """Keep the ids, and remove what they name from the backups; return those that cannot be changed."""
        path, still_in = self._database.path, list[Path]()
        try:
            remember(path, erased)  # first: then it goes on from here if the program is ended meanwhile
            still_in = forget_in_backups(path, erased.in_backups, erased.messages_in_backups)
            if not still_in:
                remember(path, erased._replace(in_backups=frozenset(), messages_in_backups=frozenset()))
        except OSError as error:  # a full disk, say
            _log.warning("what was deleted may still be in a backup: %s", type(error).__name__)
        return tuple(still_in)

    def _erase(self, conversations: Collection[str]) -> set[str]:
        """Remove conversations from the file; return the SHA-256 of the pictures that they showed."""
        shown: set[str] = set()
        if not conversations:
            return shown
        with self._database.writing() as write:
            for one in conversations:
                shown.update(
                    row["sha256"]
                    for row in write.execute(
                        """SELECT sha256 FROM pictures JOIN messages ON number = message WHERE conversation = ?1
                        UNION SELECT sha256 FROM draft_pictures WHERE conversation = ?1 OR conversation IN
                        (SELECT id FROM messages WHERE conversation = ?1)""",
                        (one,),
                    )
                )
                erase_drafts(write, (one,))
                write.execute("DELETE FROM conversations WHERE id = ?", (one,))
        self._database.shed_log()
        return shown

    def _known(self, conversations: Collection[str]) -> set[str]:
        """Return those of these conversations that are in the file."""
        found = (self._database.read("SELECT id FROM conversations WHERE id = ?", one) for one in conversations)
        return {row["id"] for rows in found for row in rows}

    # Backups

    def back_up(self) -> bool:
        """Make today's backup, unless there is one; return whether it was made. What goes wrong is logged."""
        try:
            return self._database.back_up()
        except (sqlite3.Error, OSError, UserError) as error:  # a full disk, say
            _log.warning("there is no backup of today: %s", type(error).__name__)
            return False

    def backups(self) -> list[Backup]:
        """Return the backups, newest first."""
        return backups_of(self._database.path)

    def restore(self, backup: Backup) -> Salvaged:
        """Bring back what a backup has and this history lacks, but nothing that was deleted for good.

        What is here and whole stays. Raises UserError (file-missing, file-unreadable).
        """
        erased = erased_of(self._database.path)
        try:
            with self._database.writing() as write:
                return salvage(backup.path, write, without=erased.all | erased.messages)
        except FileNotFoundError as error:
            raise UserError("file-missing", name=backup.path.name) from error
        except OSError as error:
            raise UserError("file-unreadable", name=backup.path.name) from error

    # The messages of a conversation

    def path(self, conversation_id: str) -> list[Message]:
        """Return the messages from the first one to the leaf; none for an unknown conversation."""
        rows, tree = self._read(conversation_id)
        return self._messages(conversation_id, rows, tree, tree.path_to(tree.leaf))

    def all_messages(self, conversation_id: str) -> list[tuple[Message, int]]:
        """Return every version of every message, parents before their children, each with its use.

        The larger that number, the later the message was the leaf.
        """
        rows, tree = self._read(conversation_id)
        messages = self._messages(conversation_id, rows, tree, {row["id"] for row in rows})
        return [(message, row["used"]) for message, row in zip(messages, rows, strict=True)]

    def add_message(self, conversation_id: str, message: Message) -> tuple[int, int]:
        """Add a message, which becomes the leaf; return its place among its siblings.

        The first one makes the conversation. Raises KeyError for a parent that is not in it.
        """
        with self._database.writing() as write:
            insert_message(write, conversation_id, message)
            return newest_place(write, conversation_id, message)

    def add_conversation(self, title: str, messages: Iterable[tuple[Message, int]]) -> str:
        """Add a whole conversation or, if that fails, nothing of it; return its id.

        The messages are as `all_messages` returns them. Without a title it gets that of the first question.
        """
        conversation_id = new_id()
        with self._database.writing() as write:
            for message, used in messages:
                insert_message(write, conversation_id, message)
                write.execute("UPDATE messages SET used = ? WHERE id = ?", (used, message.id))
            if title := _one_line(title):
                write.execute("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation_id))
        return conversation_id

    def update_message(self, message: Message) -> None:
        """Replace a message's text, state and details. Raises KeyError if it is not here."""
        with self._database.writing() as write:
            replace_message(write, message)

    def take_out(
        self, conversation_id: str, messages: Collection[str], text: str = "", pictures: tuple[Picture, ...] = ()
    ) -> bool:
        """Remove messages that nothing follows but themselves, as if they had never been added.

        `text` and `pictures` go into the draft, before what it has. Return whether nothing is left: then the
        conversation is gone too, and its draft goes into that of the conversation not yet begun.
        """
        with self._database.writing() as write:
            draft = joined((text, pictures), self.draft(conversation_id))
            for message in reversed([*messages]):
                write.execute("DELETE FROM messages WHERE id = ? AND conversation = ?", (message, conversation_id))
            if write.execute("SELECT 1 FROM messages WHERE conversation = ?", (conversation_id,)).fetchone() is None:
                erase_drafts(write, (conversation_id,))
                write.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
                self.save_draft("", *joined(draft, self.draft("")))
                return True
            self.save_draft(conversation_id, *draft)
            write.execute(
                """UPDATE conversations SET
                updated = (SELECT max(created) FROM messages WHERE conversation = ?1),
                cover = (SELECT sha256 FROM pictures JOIN messages ON messages.number = message
                    WHERE conversation = ?1 ORDER BY message, position LIMIT 1)
                WHERE id = ?1""",
                (conversation_id,),
            )
            return False

    def set_leaf(self, conversation_id: str, message_id: str) -> list[Message]:
        """End the path at a message; return the new path. Raises KeyError if it is not here."""
        rows, tree = self._read(conversation_id)
        return self._use(conversation_id, rows, tree, message_id)

    def switch_sibling(self, conversation_id: str, message_id: str, step: int) -> list[Message]:
        """Take the sibling `step` places further and all that followed it last; return the path.

        At the first and the last sibling there is no further. Raises KeyError.
        """
        rows, tree = self._read(conversation_id)
        end = tree.end_of(tree.neighbour(message_id, step))
        return self._use(conversation_id, rows, tree, end)

    def is_all(self, conversation_id: str, message_id: str) -> bool:
        """Return whether nothing is left of a conversation when this message is removed; see `Tree.removal`."""
        rows, tree = self._read(conversation_id)
        gone = {*tree.removal(message_id, _answers(rows))[0]}
        return all(row["id"] in gone or row["role"] == Role.NOTE.value for row in rows)

    def remove_message(self, conversation_id: str, message_id: str) -> Removed:
        """Remove a message with what goes with it (see `Tree.removal`), from the backups too. Raises KeyError."""
        path = self._database.path
        rows, tree = self._read(conversation_id)
        doomed, shown = tree.removal(message_id, _answers(rows))
        is_version = tree.sibling(doomed[0])[1] > 1
        written = {row["id"]: _time(row["created"]) for row in rows}
        still_in = self._remembered(erased_of(path).with_more(messages={one: written[one] for one in doomed}))
        with self._database.writing() as write:
            taken = take_out(write, conversation_id, doomed)
        self._database.shed_log()
        pictures = frozenset(picture.sha256 for message in taken.messages for picture in message.pictures)
        purged = Purged(pictures, still_in, tuple(naming(path, doomed)))
        return Removed(self._shown(conversation_id, shown), taken, tree.leaf, purged, is_version)

    def put_back(self, removed: Removed, shows: bool = True) -> list[Message]:
        """Bring back what was removed, unless its conversation was, too; return the path.

        `shows`: whether that is the path as it was before.
        """
        path, conversation = self._database.path, removed.taken.conversation
        if self._known([conversation]):
            with self._database.writing() as write:
                put_back(write, removed.taken)
            with suppress(OSError):  # a full disk, say: then no backup can bring it back, but it is here
                remember(path, erased_of(path).without(message.id for message in removed.taken.messages))
        rows, tree = self._read(conversation)
        if not (shows and removed.leaf and removed.leaf in tree):
            return self.path(conversation)
        return self._use(conversation, rows, tree, removed.leaf)

    def in_caches(self) -> Mapping[str, float]:
        """Return the messages and conversations that are gone for good, but not yet from the caches.

        Each comes with when it was written (in seconds since 1970).
        """
        return erased_of(self._database.path).in_caches

    def caches_cleared(self, gone: Iterable[str]) -> None:
        """Note that the caches hold nothing of these messages and conversations any more."""
        path = self._database.path
        with suppress(OSError):  # a full disk, say: then they are cleared once more at the next start
            remember(path, erased_of(path).cleared(gone))

    def unused(self, pictures: Collection[str]) -> set[str]:
        """Return those of these pictures, by their SHA-256, that nothing refers to any more."""
        in_use = self.pictures_in_use() if pictures else None
        return {*pictures} - in_use if in_use is not None else set()

    def fork(self, conversation_id: str, message_id: str) -> str:
        """Copy the path up to a message into a conversation of its own, a question with its answer; return its id.

        Raises KeyError.
        """
        messages = self.path(conversation_id)
        end = next((place for place, message in enumerate(messages, 1) if message.id == message_id), 0)
        if not end:
            raise KeyError(message_id)
        if messages[end - 1].role is Role.USER and end < len(messages) and messages[end].role is Role.ASSISTANT:
            end += 1
        copies: list[tuple[Message, int]] = []
        parent: str | None = None
        for used, message in enumerate(messages[:end], 1):
            copies.append((replace(message, id=new_id(), parent=parent), used))
            parent = copies[-1][0].id
        titles = [row["title"] for row in self._database.read("SELECT title FROM conversations WHERE deleted IS NULL")]
        [row] = self._database.read("SELECT title FROM conversations WHERE id = ?", conversation_id)
        fork = self.add_conversation(next_title(row["title"], titles), copies)
        with self._database.writing() as write:  # it is the newest, whenever its messages were written
            write.execute("UPDATE conversations SET updated = ? WHERE id = ?", (time.time(), fork))
        return fork

    def mark_interrupted(self) -> int:
        """Mark answers still being written when the program ended, which nobody has seen end; return how many.

        To be called once, at the start. What was received of them stays.
        """
        with self._database.writing() as write:
            write.execute(
                "INSERT OR REPLACE INTO unseen SELECT DISTINCT conversation, ? FROM messages WHERE state = ?",
                (State.INTERRUPTED.value, State.STREAMING.value),
            )
            return write.execute(
                "UPDATE messages SET state = ? WHERE state = ?",
                (State.INTERRUPTED.value, State.STREAMING.value),
            ).rowcount

    def set_unseen(self, conversation_id: str, state: State | None) -> None:
        """Note how an answer ended that the person has not seen; None: it is seen now."""
        with self._database.writing() as write:
            write.execute("DELETE FROM unseen WHERE conversation = ?", (conversation_id,))
            if state is not None:
                write.execute(
                    "INSERT INTO unseen SELECT id, ? FROM conversations WHERE id = ?", (state.value, conversation_id)
                )

    def unseen(self) -> dict[str, State]:
        """Return the conversations with an answer that was not seen, and how it ended."""
        rows = self._database.read("SELECT conversation, state FROM unseen")
        return {row["conversation"]: closest(State, row["state"]) for row in rows}

    def _read(self, conversation_id: str) -> tuple[list[sqlite3.Row], Tree]:
        rows = self._database.read(f"SELECT {COLUMNS} FROM messages WHERE conversation = ?", conversation_id)
        rows.sort(key=_NUMBER)  # sooner than SQLite, which moves all texts to do so
        return rows, Tree(map(_LINKS, rows))

    def _shown(self, conversation_id: str, through: str | None) -> list[Message]:
        """Return the path through a message, used last from now on; None: the one that was used last."""
        rows, tree = self._read(conversation_id)
        end = tree.end_of(through) if through is not None else tree.leaf
        return self._use(conversation_id, rows, tree, end) if end is not None else []

    def _use(self, conversation_id: str, rows: list[sqlite3.Row], tree: Tree, leaf: str) -> list[Message]:
        messages = self._messages(conversation_id, rows, tree, tree.path_to(leaf))
        with self._database.writing() as write:
            write.execute(
                """UPDATE messages SET used =
                (SELECT max(used) + 1 FROM messages WHERE conversation = ?) WHERE id = ?""",
                (conversation_id, leaf),
            )
            if messages and messages[0].role is Role.USER and messages[0].sibling[1] > 1:
                show_begun_with(write, conversation_id, messages)
        return messages

    def _messages(
        self, conversation_id: str, rows: list[sqlite3.Row], tree: Tree, wanted: Iterable[str]
    ) -> list[Message]:
        path = set(wanted)
        pictures: dict[int, list[Picture]] = {}
        for row in self._database.read(
            """SELECT message, sha256, name, width, height FROM pictures JOIN messages ON number = message
            WHERE conversation = ? ORDER BY message, position""",
            conversation_id,
        ):
            pictures.setdefault(row["message"], []).append(Picture(*row[1:]))
        return [
            message_from(row, pictures.get(row["number"], ()), tree.sibling(row["id"]))
            for row in rows  # in the order of the path: parents come before their children
            if row["id"] in path
        ]

    # Drafts

    def save_draft(self, conversation_id: str, text: str, pictures: Iterable[Picture]) -> None:
        """Keep a message not yet sent; "" is the conversation not yet begun. Of one that is not here, nothing is."""
        with self._database.writing() as write:
            write_draft(write, conversation_id, text, tuple(pictures))

    def draft(self, conversation_id: str) -> tuple[str, tuple[Picture, ...]]:
        """Return the text and pictures of the message not yet sent, if any."""
        text = self._database.read("SELECT text FROM drafts WHERE conversation = ?", conversation_id)
        pictures = self._database.read(
            """SELECT sha256, name, width, height FROM draft_pictures
            WHERE conversation = ? ORDER BY position""",
            conversation_id,
        )
        return (text[0]["text"] if text else ""), tuple(Picture(*row) for row in pictures)

    def keep_edit(self, message_id: str, text: str, pictures: Iterable[Picture]) -> None:
        """Keep a question as it was changed and not sent yet, unless it is gone; with nothing, no longer."""
        if self._database.read("SELECT 1 FROM messages WHERE id = ?", message_id):
            self.save_draft(message_id, text, pictures)

    def edits(self, conversation_id: str) -> dict[str, tuple[str, tuple[Picture, ...]]]:
        """Return what `keep_edit` keeps of the questions of a conversation, by their ids."""
        kept = self._database.read(
            "SELECT id FROM messages JOIN drafts ON drafts.conversation = id WHERE messages.conversation = ?",
            conversation_id,
        )
        return {row["id"]: self.draft(row["id"]) for row in kept}

    # Pictures

    def pictures_in_use(self) -> set[str] | None:
        """Return the SHA-256 of every picture in a message or a draft, of this history or of a backup.

        None means any picture: a damaged file lies beside, and what it shows must not be lost too.
        """
        return None if were_set_aside(self._database.path) else self._pictures_in_sound_files()

    def _pictures_in_sound_files(self) -> set[str] | None:
        backed_up = pictures_in(self._database.path)
        if backed_up is None:
            return None
        rows = self._database.read("SELECT sha256 FROM pictures UNION SELECT sha256 FROM draft_pictures")
        return backed_up | {row["sha256"] for row in rows}


def _summary(row: sqlite3.Row, around: str = "") -> ConversationSummary:
    return ConversationSummary(row["id"], row["title"], row["updated"], row["cover"], around)


def _names(database: sqlite3.Connection, message: int) -> list[str]:
    rows = database.execute("SELECT name FROM pictures WHERE message = ? ORDER BY position", (message,))
    return [row["name"] for row in rows]


def _answers(rows: Iterable[sqlite3.Row]) -> set[str]:
    return {row["id"] for row in rows if row["role"] == Role.ASSISTANT.value}


def _time(created: object) -> float:
    """Return when a message was written; a damaged file may hold anything there."""
    return created if isinstance(created, float) else 0.0


def _one_line(title: str) -> str:
    return " ".join(storable(title).split())[:_LONGEST_TITLE]
