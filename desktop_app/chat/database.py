"""Opens and checks the SQLite file that holds the conversations, and writes to it in transactions.

One connection on one thread. The lock is exclusive, so no second connection can exist: SQLite
3.7.0 to 3.51.2 may lose commits in WAL mode when two connections reset the log at the same moment.
With `synchronous = FULL`, what a transaction wrote is on the disk when it ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from desktop_app.atomic_files import INCOMING, set_aside, sync_folder, were_set_aside
from desktop_app.chat.backups import back_up, is_due
from desktop_app.chat.migrations import migrate, version_of
from desktop_app.chat.rows import lenient
from desktop_app.chat.salvage import salvage
from desktop_app.chat.searching import fold
from desktop_app.chat.sqlite_errors import EXPECTED
from desktop_app.errors import UserError

_APPLICATION_ID = 0x45796562  # "Eyeb": tells our file from any other SQLite file
_WAIT_FOR_LOCK_S = 2.0  # an Eyebright that is just closing
_ON_ONE_PAGE = 3500  # bytes: no shorter text is spread over several pages
_UNREADABLE_TEXT = "Could not decode"  # how Python's sqlite3 begins to say so
_COMPANIONS = ("-wal", "-shm", "-journal")  # SQLite would take an old one for the new file's own


class Database:
    """An open database of conversations. sqlite3 raises ProgrammingError on any other thread."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; raises sqlite3.DatabaseError if it is damaged, or UserError."""
        self.path = path
        with _expected_errors(path):
            _make_private(path)
            self._connection = sqlite3.connect(path, timeout=_WAIT_FOR_LOCK_S, isolation_level=None)
            try:
                with _damage():
                    self._prepare()
                try:
                    migrate(self._connection, path)
                except sqlite3.OperationalError as error:
                    if "already exists" in str(error):  # it has taken more steps than it says
                        raise sqlite3.DatabaseError(str(error)) from error
                    raise
                except OSError as error:  # of the backup before it
                    raise UserError("history-unavailable", name=path.name) from error
                with _damage():  # SQLite may stumble over what it is to check
                    if found := self.problems():
                        raise sqlite3.DatabaseError(found[0])
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        connection = self._connection
        # The lock comes before the first reading: then WAL needs no shared memory either.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        version_of(connection)  # a newer file is left exactly as it is
        self._refuse_foreign_file()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted does not linger
        connection.execute("PRAGMA trusted_schema = OFF")
        if (found := self.read("PRAGMA quick_check(1)")[0][0]) != "ok":  # before anything is written
            raise sqlite3.DatabaseError(found)
        connection.row_factory = sqlite3.Row
        connection.create_function("fold", 1, fold, deterministic=True)

    def _refuse_foreign_file(self) -> None:
        if self.read("PRAGMA application_id")[0][0] == _APPLICATION_ID:
            return
        if self.read("SELECT 1 FROM sqlite_master"):
            raise sqlite3.DatabaseError("another program's database")
        self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")

    def read(self, sql: str, *parameters: Any) -> list[Any]:
        """Return all rows."""
        with _expected_errors(self.path):
            try:
                self._connection.text_factory = str  # much quicker, but it raises where a byte is damaged
                return self._connection.execute(sql, parameters).fetchall()
            except sqlite3.OperationalError as error:
                if not str(error).startswith(_UNREADABLE_TEXT):
                    raise
                self._connection.text_factory = lenient
                return self._connection.execute(sql, parameters).fetchall()
            finally:
                self._connection.text_factory = lenient

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of the body's statements or, if it raises, none of them; inside another one, with that."""
        is_inside = self._connection.in_transaction
        if is_inside:
            yield self._connection
            return
        with _expected_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself ends it on some failures
                    self._connection.execute("ROLLBACK")
                raise

    def problems(self) -> list[str]:
        """Return what is wrong with the file: an empty list for a sound one."""
        found = [row[0] for row in self.read("PRAGMA integrity_check") if row[0] != "ok"]
        broken = self.read("PRAGMA foreign_key_check")
        found += [f"{row[0]}: row {row[1]} refers to nothing in {row[2]}" for row in broken]
        # SQLite does not see it when the pages of two long texts were exchanged. Each text is there twice.
        long = self.read(
            """SELECT number, messages.text, folded_texts.text FROM messages JOIN folded_texts ON number = message
            WHERE length(CAST(messages.text AS BLOB)) > ?""",
            _ON_ONE_PAGE,
        )
        return found + [f"message {number} is not what it was" for number, text, folded in long if fold(text) != folded]

    def close(self) -> None:
        """Close the file. It is whole without this too."""
        self._connection.close()

    def shed_log(self) -> None:
        """Empty the write-ahead log: what was deleted must not linger in it."""
        self.read("PRAGMA wal_checkpoint(TRUNCATE)")

    def back_up(self) -> bool:
        """Copy the file, once a day. Raises sqlite3.Error, OSError, UserError."""
        return is_due(self.path) and not self.problems() and back_up(self._connection, self.path)


def open_database(path: Path) -> tuple[Database, UserError | None]:
    """Open the file, or set a damaged one aside and start a new one with what could be read.

    The error says so: history-damaged, or history-salvaged where messages could be read.

    Raises UserError: history-newer, history-in-use, history-unavailable, disk-full.
    """
    whole = path.with_name(path.name + ".salvaged")
    if not whole.exists():  # else the program was ended before it took its place
        try:
            return Database(path), None
        except sqlite3.OperationalError:
            raise  # a bug of ours, no damage
        except sqlite3.DatabaseError:
            _salvage(path, whole)
    aside = _replace(path, whole)
    database = Database(path)
    messages = database.read("SELECT count(*) FROM messages")[0][0]
    if messages:
        return database, UserError("history-salvaged", name=aside.name, messages=messages)
    return database, UserError("history-damaged", name=aside.name)


def _salvage(damaged: Path, whole: Path) -> None:
    """Write what can be read of a damaged file to a new one, which is there only when it is whole."""
    incoming = damaged.with_name(INCOMING + damaged.name)
    try:
        _remove(incoming)
        with closing(Database(incoming)) as database:
            try:
                with database.writing() as write:
                    salvage(damaged, write)
            except OSError:  # its disk is failing
                pass
        incoming.replace(whole)
        sync_folder(whole.parent)
    except OSError as error:
        raise UserError("history-unavailable", name=damaged.name) from error
    except UserError as error:  # of the file that the person does not know
        raise UserError(error.code, name=damaged.name) from error
    finally:
        with suppress(OSError):
            _remove(incoming)


def _remove(path: Path) -> None:
    for ending in ("", *_COMPANIONS):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _replace(path: Path, whole: Path) -> Path:
    """Set the damaged file aside, as far as that was not done yet, and put the whole one in its place."""
    try:
        aside = set_aside(path) if path.exists() else _set_aside_last(path)
        for ending in _COMPANIONS:
            companion = path.with_name(path.name + ending)
            if companion.exists():
                companion.rename(aside.with_name(aside.name + ending))
        whole.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise UserError("history-unavailable", name=path.name) from error
    return aside


def _set_aside_last(path: Path) -> Path:
    return max(were_set_aside(path), key=lambda aside: aside.stat().st_ctime_ns, default=path)


def _make_private(path: Path) -> None:
    """Let nobody else read the file: what SQLite makes beside it gets the same permissions."""
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError:
        pass  # SQLite tells what is wrong, if anything is


@contextmanager
def _damage() -> Iterator[None]:
    """Tell a damaged file, by a plain DatabaseError, from one that cannot be used just now."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite quotes the damaged schema
        raise sqlite3.DatabaseError("malformed schema") from error
    except sqlite3.OperationalError as error:
        if str(error) in EXPECTED:
            raise
        raise sqlite3.DatabaseError(str(error)) from error


@contextmanager
def _expected_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        code = EXPECTED.get(str(error))
        if code is None:
            raise
        raise UserError(code, name=path.name) from error
