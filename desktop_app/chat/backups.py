"""Copies of the conversation file: one for each day on which it is opened, and one before each migration.

Only a file that has been checked is copied, and only one with conversations: so neither damage nor an empty file
takes the place of what is worth keeping. The last seven copies stay.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from desktop_app.chat.rows import erase_drafts, erase_messages
from desktop_app.chat.sqlite_errors import EXPECTED

_KEPT = 7
_FOLDER = "backups"
_WAIT_FOR_LOCK_S = 0.5  # for each copy: what other program uses one?
_DAY = re.compile(r"-(\d{4}-\d\d-\d\d)(-before-schema-\d+)?\Z")


class Backup(NamedTuple):
    """A copy of the conversation file."""

    path: Path
    day: float  # seconds since 1970, of its beginning
    size: int  # bytes


def backups_of(path: Path) -> list[Backup]:
    """Return the copies of the file at `path`, newest first."""
    found = []
    for copy in (path.parent / _FOLDER).glob(f"{path.stem}-*{path.suffix}"):
        named = _DAY.search(copy.stem)
        if named:
            found.append(Backup(copy, time.mktime(time.strptime(named[1], "%Y-%m-%d")), copy.stat().st_size))
    return sorted(found, key=lambda backup: (backup.day, backup.path.name), reverse=True)


def is_due(path: Path) -> bool:
    """Return whether the file at `path` has no copy of today."""
    return not _target(path, "").exists()


def back_up(connection: sqlite3.Connection, path: Path, before: str = "") -> bool:
    """Copy the open file at `path`, unless there is nothing to keep; return whether it was copied.

    `before` names what is about to happen to it: then there is a copy of its own. Raises sqlite3.Error, OSError.
    """
    target = _target(path, before)
    if not connection.execute("SELECT 1 FROM conversations").fetchone():
        return False
    target.parent.mkdir(mode=0o700, exist_ok=True)
    incoming = target.with_name(target.name + ".incoming")
    incoming.unlink(missing_ok=True)
    incoming.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(incoming)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole by itself
        incoming.replace(target)
    finally:
        incoming.unlink(missing_ok=True)
    for old in backups_of(path)[_KEPT:]:
        old.path.unlink(missing_ok=True)
    return True


def pictures_in(path: Path) -> set[str] | None:
    """Return the SHA-256 of every picture that the copies of `path` show; None if one cannot be read."""
    found: set[str] = set()
    for backup in backups_of(path):
        try:
            with _open(backup) as copy:
                for table in _tables(copy) & {"pictures", "draft_pictures"}:
                    found.update(row[0] for row in copy.execute(f"SELECT DISTINCT sha256 FROM {table}"))
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return None
    return found


def forget_in_backups(path: Path, conversations: Collection[str], messages: Collection[str] = ()) -> list[Path]:
    """Delete conversations and messages from the copies too; return those copies that cannot be changed just now.

    A damaged copy is removed itself.
    """
    unchanged = []
    for backup in backups_of(path) if conversations or messages else ():
        try:
            with _open(backup) as copy:
                copy.execute("PRAGMA foreign_keys = ON")
                copy.execute("PRAGMA secure_delete = ON")
                if "drafts" in _tables(copy):
                    erase_drafts(copy, (*conversations, *messages))
                if "conversations" in _tables(copy):
                    copy.executemany("DELETE FROM conversations WHERE id = ?", ((one,) for one in conversations))
                erase_messages(copy, messages)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if str(error) in EXPECTED or not _removed(backup.path):  # it is locked, say
                unchanged.append(backup.path)
    return unchanged


def _removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _target(path: Path, before: str) -> Path:
    return path.parent / _FOLDER / f"{path.stem}-{time.strftime('%Y-%m-%d')}{before}{path.suffix}"


def _tables(copy: sqlite3.Connection) -> set[str]:
    return {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextmanager
def _open(backup: Backup) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(backup.path, timeout=_WAIT_FOR_LOCK_S, isolation_level=None)) as copy:
        yield copy
