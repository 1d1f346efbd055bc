"""The history is copied once a day; a copy brings back what was lost, and nothing that was deleted for good."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from desktop_app.chat.conversation import Message, Picture, Role, State, new_id
from desktop_app.chat.database import Database
from desktop_app.chat.history import History
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
    assert history.restore(history.backups()[0]) == 60
    assert [row for row in history.summaries() if row.id != "since"] == rows
    assert {row.id: history.path(row.id) for row in rows} == paths
    assert history.draft("conversation 1")[0] == "unfinished"
    assert [one.summary.id for one in history.deleted()] == deleted
    assert [message.text for message in history.path("since")] == ["written since"]
    assert history.restore(history.backups()[0]) == 0  # nothing more is missing
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
    assert history.restore(history.backups()[0]) == 1
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
    assert history.purge(["gone"]) == {"c" * 64}
    for file in path.parent.rglob("*"):
        assert not file.is_file() or b"staple" not in file.read_bytes(), file.name
    [backup] = history.backups()
    assert history.restore(backup) == 0
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
    assert history.restore(history.backups()[0]) == 60
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
        history.purge(["conversation 0"])
    other.execute("ROLLBACK")
    assert other.execute("SELECT count(*) FROM messages").fetchone() == (20,)
    history.purge([])
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
