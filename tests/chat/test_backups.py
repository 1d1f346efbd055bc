"""The history is copied once a day; a copy brings back what was lost, and nothing that was deleted for good."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from desktop_app.chat.conversation import Message, Picture, Role, State, new_id
from desktop_app.chat.database import Database
from desktop_app.chat.history import History, Purged
from desktop_app.chat.salvage import Salvaged
from desktop_app.errors import UserError
from tests.chat.history_files import fill


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite"


def opened(path: Path) -> History:
    history, _ = History.open(path)
    return history


def on_day(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    real = time.strftime
    monkeypatch.setattr(time, "strftime", lambda form, *when: real(form, *when) if when else day)


def test_there_is_one_backup_for_each_day_and_seven_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 30)
    history = opened(path)
    for day in range(1, 11):
        on_day(monkeypatch, f"2026-03-{day:02}")
        assert history.back_up()
        assert not history.back_up()
    assert [backup.path.stem[-10:] for backup in history.backups()] == [f"2026-03-{day:02}" for day in range(10, 3, -1)]
    assert [time.localtime(backup.day)[:3] for backup in history.backups()[:1]] == [(2026, 3, 10)]
    for backup in history.backups():
        assert stat.S_IMODE(backup.path.stat().st_mode) == 0o600
    assert [entry.name for entry in (path.parent / "backups").iterdir() if entry.suffix != ".sqlite"] == []
    history.close()


def test_neither_an_empty_nor_a_damaged_history_is_backed_up(path: Path) -> None:
    database = Database(path)
    history = History(database)
    assert not history.back_up()
    history.add_message("c", Message(new_id(), Role.USER, "x" * 9000))
    database.read("UPDATE folded_texts SET text = 'something else'")
    assert not history.back_up()
    assert history.backups() == []
    history.close()


def test_a_lost_history_comes_back(path: Path) -> None:
    fill(path, 60, "x" * 900)
    history = opened(path)
    history.save_draft("conversation 1", "unfinished", [Picture("b" * 64, "b.png", 3, 4)])
    history.delete("conversation 2")
    assert history.back_up()
    rows, deleted = history.summaries(), [one.summary.id for one in history.deleted()]
    paths = {row.id: history.path(row.id) for row in rows}
    history.close()
    path.unlink()

    history = opened(path)
    assert history.pictures_in_use() is not None
    assert {f"{number:064x}" for number in range(60)} <= (history.pictures_in_use() or set())
    history.add_message("since", Message(new_id(), Role.USER, "written since"))
    assert history.restore(history.backups()[0]).added == 60
    assert [row for row in history.summaries() if row.id != "since"] == rows
    assert {row.id: history.path(row.id) for row in rows} == paths
    assert history.draft("conversation 1")[0] == "unfinished"
    assert [one.summary.id for one in history.deleted()] == deleted
    assert [message.text for message in history.path("since")] == ["written since"]
    assert history.restore(history.backups()[0]) == Salvaged()  # nothing more is missing
    assert history.problems() == []
    history.close()


def test_a_text_that_was_damaged_is_repaired_and_one_that_was_finished_since_stays(path: Path) -> None:
    database = Database(path)
    history = History(database)
    asked = Message(new_id(), Role.USER, "How many?")
    told = Message(new_id(), Role.ASSISTANT, "Th", parent=asked.id, state=State.STREAMING)
    for message in (asked, told):
        history.add_message("c", message)
    assert history.back_up()
    history.update_message(Message(told.id, Role.ASSISTANT, "Three.", parent=asked.id))
    database.read("UPDATE messages SET text = 'H\ufffd\ufffdmany?' WHERE id = ?", asked.id)
    assert history.restore(history.backups()[0]) == Salvaged(repaired=1)
    assert [message.text for message in history.path("c")] == ["How many?", "Three."]
    history.close()


def test_what_is_deleted_for_good_is_in_no_backup_and_in_no_log(path: Path) -> None:
    history = opened(path)
    history.add_message("kept", Message(new_id(), Role.USER, "an ordinary question"))
    secret = Message(new_id(), Role.USER, "correct horse battery staple", (Picture("c" * 64, "staple.png", 1, 1),))
    history.add_message("gone", secret)
    history.save_draft("gone", "and the staple again", [])
    assert history.back_up()
    history.delete("gone")
    assert history.purge(["gone"]).pictures == {"c" * 64}
    for file in path.parent.rglob("*"):
        assert not file.is_file() or b"staple" not in file.read_bytes(), file.name
    [backup] = history.backups()
    assert history.restore(backup) == Salvaged()
    copy = sqlite3.connect(backup.path)
    assert copy.execute("SELECT text FROM messages").fetchall() == [("an ordinary question",)]
    copy.close()
    history.close()


def test_only_what_was_deleted_is_removed_for_good(path: Path) -> None:
    fill(path, 20)
    history = opened(path)
    history.delete("conversation 0")
    history.purge(["conversation 0", "conversation 1"])
    assert [row.id for row in history.summaries()] == ["conversation 1"]
    assert history.deleted() == []
    history.close()


def test_a_backup_that_is_damaged_itself_gives_what_it_has(path: Path) -> None:
    fill(path, 60, "x" * 900)
    history = opened(path)
    history.back_up()
    [backup] = history.backups()
    with backup.path.open("r+b") as file:
        file.write(b"x" * 4096)
    history.close()
    path.unlink()
    history = opened(path)
    assert history.pictures_in_use() is None
    assert history.restore(history.backups()[0]).added == 60
    os.remove(backup.path)  # noqa: PTH107
    with pytest.raises(UserError, match="cannot be found"):
        history.restore(backup)
    history.close()


def test_a_backup_that_is_locked_stays_and_is_cleaned_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 20)
    history = opened(path)
    assert history.back_up()
    history.delete("conversation 0")
    [backup] = history.backups()
    connect = sqlite3.connect
    other = connect(backup.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **(named | {"timeout": 0})))
        assert history.purge(["conversation 0"]).still_in == (backup.path,)
        history.close()
        history = opened(path)
        assert history.purge([]).still_in == (backup.path,)
    other.execute("ROLLBACK")
    assert other.execute("SELECT count(*) FROM messages").fetchone() == (20,)
    assert history.purge([]) == Purged()
    assert other.execute("SELECT count(*) FROM messages").fetchone() == (10,)
    assert list(backup.path.parent.iterdir()) == [backup.path]
    other.close()
    history.close()


def test_a_backup_that_is_damaged_keeps_nothing_that_was_deleted(path: Path) -> None:
    fill(path, 20)
    history = opened(path)
    assert history.back_up()
    history.delete("conversation 0")
    [backup] = history.backups()
    with backup.path.open("r+b") as file:
        file.write(b"x" * 4096)
    history.purge(["conversation 0"])
    assert history.backups() == []
    history.close()


def test_a_backup_in_a_place_that_cannot_be_written_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 20)
    history = opened(path)
    assert history.back_up()
    [backup] = history.backups()
    connect = sqlite3.connect

    def read_only(file: Path, **named: Any) -> sqlite3.Connection:
        opened: sqlite3.Connection = connect(f"file:{file}?mode=ro", uri=True, **named)
        return opened

    history.delete("conversation 0")
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", read_only)  # what SQLite does where it may not write
        assert history.purge(["conversation 0"]).still_in == (backup.path,)
    history.close()
    history = opened(path)
    assert history.purge([]) == Purged()
    assert b"conversation 0" not in backup.path.read_bytes()
    history.close()


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_was_deleted_for_good_does_not_come_back_from_an_old_copy(path: Path, by_hand: bool) -> None:
    fill(path, 20)
    history = opened(path)
    history.save_draft("conversation 0", "not yet sent", [])
    assert history.back_up()
    [backup] = history.backups()
    old = backup.path.read_bytes()
    history.delete("conversation 0")
    history.purge(["conversation 0"])
    if by_hand:
        history.close()
        path.write_bytes(old)
        history = opened(path)
    else:
        backup.path.write_bytes(old)
        assert history.restore(backup) == Salvaged()
    assert [row.id for row in history.summaries()] == ["conversation 1"]
    assert history.draft("conversation 0") == ("", ())
    assert history.deleted() == []
    history.close()
    kept = json.loads((path.parent / "erased-conversations.json").read_bytes())
    assert kept == {
        "all": ["conversation 0"],
        "in_backups": [],
        "messages": [],
        "messages_in_backups": [],
        "in_caches": {"conversation 0": 0.0},  # until they are cleared
    }  # nothing else of it


def test_a_damaged_file_that_was_set_aside_is_named_when_it_holds_what_is_deleted(path: Path) -> None:
    fill(path, 20)
    path.write_bytes(b"x" * 512 + path.read_bytes()[512:])
    history = opened(path)
    [aside] = path.parent.glob("*damaged*")
    for name in ("conversation 0", "a new one"):
        if name == "a new one":
            history.add_message(name, Message(new_id(), Role.USER, "written since"))
        history.delete(name)
        assert history.purge([name]).kept_in == ((aside,) if name == "conversation 0" else ())
    history.close()


def test_what_is_whole_here_is_not_replaced_from_a_damaged_backup(path: Path) -> None:
    database = Database(path)
    history = History(database)
    for number, letter in enumerate("abc"):
        history.add_message(f"c{number}", Message(new_id(), Role.USER, letter * 9000))
    assert history.back_up()
    [backup] = history.backups()
    copy = sqlite3.connect(backup.path)
    copy.execute("UPDATE messages SET text = replace(text, 'aaaa', 'bbbb') WHERE conversation = 'c0'")
    copy.commit()
    copy.close()
    database.read("UPDATE messages SET text = replace(text, 'cccc', 'aaaa') WHERE conversation = 'c2'")
    assert history.restore(backup) == Salvaged(repaired=1, kept=1)
    assert [history.path(f"c{number}")[0].text for number in range(3)] == [letter * 9000 for letter in "abc"]
    assert history.problems() == []
    history.close()


def test_a_message_is_repaired_only_where_it_is_damaged(path: Path) -> None:
    """Its details are lost here, its text in the backup."""
    database = Database(path)
    history = History(database)
    history.add_message("c", Message(new_id(), Role.USER, "How many?", details={"model": "m"}))
    assert history.back_up()
    [backup] = history.backups()
    copy = sqlite3.connect(backup.path)
    copy.execute("UPDATE messages SET text = 'H\ufffdw many?'")
    copy.commit()
    copy.close()
    database.read("UPDATE messages SET details = '{'")
    assert history.restore(backup) == Salvaged(repaired=1)
    [message] = history.path("c")
    assert (message.text, message.details) == ("How many?", {"model": "m"})
    history.close()
