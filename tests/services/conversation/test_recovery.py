"""What was deleted goes for good after some days or when the person says so, whatever else is under way."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from desktop_app import paths
from desktop_app.engine.messages import Ask, Forget
from desktop_app.services import history_thread
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk, open_desk
from tests.services.conversation.test_exports import converse

_DAY_S = 86_400


def test_after_days_it_goes_with_its_pictures_and_its_caches(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    [picture] = desk.services.chat.messages()[0].pictures
    current = desk.services.conversations.current_id()
    deleted = time.time() - 8 * _DAY_S
    desk.services.conversations.delete(current)
    desk.services.close()
    with closing(sqlite3.connect(paths.history_file())) as connection, connection:
        connection.execute("UPDATE conversations SET deleted = ?", (deleted,))
    answers = paths.cache_folder() / "answers"
    answers.mkdir(parents=True, exist_ok=True)
    for name, used in (("of it", deleted - 60), ("of another", deleted + _DAY_S)):
        (answers / name).touch()
        os.utime(answers / name, (used, used))
    original = paths.attachments_folder() / picture.sha256[:2] / picture.sha256[2:4] / picture.sha256
    assert original.exists()

    again = open_desk(tmp_path)
    try:
        wait_until(lambda: not original.exists())
        wait_until(lambda: [file.name for file in answers.iterdir()] == ["of another"])
        found: list[object] = []
        again.services.history_thread.run(lambda history: history.deleted(), found.append)
        wait_until(lambda: found == [[]])
    finally:
        again.services.close()


def test_a_conversation_can_go_for_good_while_it_is_answered(desk: Desk) -> None:
    converse(desk)
    current = desk.services.conversations.current_id()
    desk.services.chat.send("And?")
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    desk.services.conversations.delete(current)
    desk.services.recovery.delete_now(current)
    wait_until(lambda: bool(desk.client.of(Forget)))
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Too late."))
    wait_until(lambda: not desk.services.engine.is_answering())
    kept: list[object] = []
    desk.services.history_thread.run(lambda history: (history.summaries(), history.deleted()), kept.append)
    wait_until(lambda: kept == [([], [])])


@pytest.mark.usefixtures("qapp")
def test_a_window_that_stays_open_for_days_makes_backups_and_tidies_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_thread, "_TIDY_EVERY_MS", 50)  # an hour
    desk = open_desk(tmp_path)
    try:
        converse(desk)
        backups = paths.history_file().parent / "backups"
        wait_until(lambda: any(backups.glob("*.sqlite")))
        (today,) = backups.glob("*.sqlite")
        earlier = today.with_name(today.name.replace(f"{date.today():%Y-%m-%d}", "2026-01-31"))
        desk.services.history_thread.run(lambda _history: today.rename(earlier))  # a day has passed
        wait_until(lambda: len(list(backups.glob("*.sqlite"))) == 2)

        current = desk.services.conversations.current_id()
        desk.services.conversations.delete(current)
        monkeypatch.setattr(history_thread, "_KEEP_DELETED_S", -1.0)  # more than seven days later
        left: list[object] = []

        def look() -> bool:
            desk.services.history_thread.run(lambda history: (history.summaries(), history.deleted()), left.append)
            return left[-1:] == [([], [])]

        wait_until(look)
    finally:
        desk.services.close()


def test_a_backup_that_still_holds_what_was_deleted_is_named_until_it_is_cleaned(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    current = desk.services.conversations.current_id()
    desk.services.history_thread.run(lambda history: history.back_up())
    desk.services.conversations.delete(current)
    desk.services.history_thread.wait()
    [backup] = (paths.history_file().parent / "backups").glob("*.sqlite")
    with closing(sqlite3.connect(backup, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        desk.services.recovery.delete_now(current)
        wait_until(lambda: "backup-not-cleaned" in [notice.text_code for notice in desk.notices])
        [notice] = [notice for notice in desk.notices if notice.text_code == "backup-not-cleaned"]
        assert notice.parameters == {"names": backup.name}
        desk.services.close()
        again = open_desk(tmp_path)
        try:
            wait_until(lambda: "backup-not-cleaned" in [notice.text_code for notice in again.notices])
        finally:
            again.services.close()
        other.execute("ROLLBACK")
    last = open_desk(tmp_path)
    try:
        wait_until(lambda: current.encode() not in backup.read_bytes())
        last.services.history_thread.wait()
        assert "backup-not-cleaned" not in [notice.text_code for notice in last.notices]
    finally:
        last.services.close()
