"""What was deleted goes for good after some days or when the person says so, whatever else is under way."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import date
from pathlib import Path
from threading import Event

import pytest

from desktop_app import paths
from desktop_app.chat.erased import erased_of
from desktop_app.engine.messages import Ask, Forget, Forgotten, Inspect, Stop
from desktop_app.services import history_thread
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk, open_desk
from tests.services.conversation.test_drafts_and_lists import conversation
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


def test_what_was_deleted_for_good_when_the_program_was_killed_is_not_in_the_caches_after_the_next_start(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converse(desk)
    [picture] = desk.services.chat.messages()[0].pictures
    current = desk.services.conversations.current_id()
    for name in ("contexts", "embeddings"):
        (paths.cache_folder() / name).mkdir(parents=True, exist_ok=True)
        (paths.cache_folder() / name / "of it").touch()
    desk.services.conversations.delete(current)
    copied = Event()
    desk.services.files.run(lambda: copied.wait(30))  # its thread removes pictures and clears the caches
    desk.services.recovery.delete_now(current)
    desk.services.history_thread.wait()  # it is out of the history; what follows is still to be done
    shutil.copytree(tmp_path / "home", tmp_path / "as it was then")
    copied.set()
    wait_until(lambda: bool(desk.client.of(Forget)))
    assert erased_of(paths.history_file()).in_caches  # the engine may still write
    desk.client.emit(Forgotten(desk.client.of(Forget)[-1].request))
    wait_until(lambda: not cached())
    wait_until(lambda: not erased_of(paths.history_file()).in_caches)  # nothing is left to be done

    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "as it was then"))
    assert len(cached()) == 2
    for path in paths.attachments_folder().rglob("*"):
        os.utime(path, (time.time() - 60, time.time() - 60))  # it took a while until the next start
    again = open_desk(tmp_path)
    try:
        again.services.history_thread.run(lambda _history: None)
        wait_until(lambda: not cached())
        wait_until(lambda: not any(picture.sha256 in path.name for path in paths.attachments_folder().rglob("*")))
        assert not erased_of(paths.history_file()).in_caches
    finally:
        again.services.close()


def cached() -> list[str]:
    return [path.name for path in paths.cache_folder().glob("*/of it")]


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


def test_what_goes_for_good_is_not_written_again_by_a_picture_that_was_being_checked(desk: Desk) -> None:
    desk.ready()
    current = conversation(desk, "Apples?")
    desk.services.draft.set_text("A secret")
    desk.services.draft.add_file(str(desk.picture_file()))
    wait_until(lambda: bool(desk.client.of(Inspect)))
    desk.services.conversations.delete(current)
    desk.services.recovery.delete_now(current)
    wait_until(lambda: bool(desk.client.of(Forget)))
    desk.inspected()
    settle(desk)
    kept: list[object] = []
    desk.services.history_thread.run(lambda history: history.draft(current), kept.append)
    wait_until(lambda: kept == [("", ())])
    assert not [file for file in paths.attachments_folder().rglob("*") if file.is_file()]
    desk.services.close()
    assert b"A secret" not in paths.history_file().read_bytes()


def test_the_answer_of_what_goes_for_good_is_stopped_and_its_undo_is_gone(desk: Desk) -> None:
    desk.ready()
    current = conversation(desk, "Apples?")
    desk.services.chat.send("Red ones?")
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    desk.services.conversations.delete(current)
    wait_until(lambda: [notice.text_code.partition("-")[2] for notice in desk.notices] == ["deleted"])
    desk.services.recovery.delete_now(current)
    wait_until(lambda: [stop.request for stop in desk.client.of(Stop)] == [desk.client.of(Ask)[-1].request])
    assert desk.notices[-1].id in desk.withdrawn


def test_a_question_that_waits_for_its_picture_is_sent_though_a_backup_is_restored(desk: Desk) -> None:
    desk.ready()
    conversation(desk, "Apples?")
    desk.services.history_thread.run(lambda history: history.back_up())
    desk.services.draft.add_file(str(desk.picture_file()))
    wait_until(lambda: bool(desk.client.of(Inspect)))
    desk.services.draft.set_text("What is it?")
    desk.services.chat.send("What is it?")
    desk.services.recovery.refresh()
    wait_until(lambda: bool(desk.services.recovery.backups()))
    desk.services.recovery.restore(desk.services.recovery.backups()[0])
    wait_until(lambda: "backup-has-nothing" in [notice.text_code for notice in desk.notices])
    settle(desk)
    assert desk.services.chat.is_busy()
    desk.inspected()
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    assert desk.client.of(Ask)[-1].turns[-1].text == "What is it?"


def settle(desk: Desk) -> None:
    """Wait until the threads have done what was accepted, and what they told has arrived."""
    done: list[bool] = []
    desk.services.files.run(lambda: True, done.append)
    wait_until(lambda: len(done) == 1)
    desk.services.history_thread.run(lambda _: True, done.append)
    wait_until(lambda: len(done) == 2)


def test_a_damaged_file_that_holds_what_was_deleted_can_be_deleted_with_its_pictures(
    desk: Desk, tmp_path: Path
) -> None:
    converse(desk)
    desk.services.close()
    history = paths.history_file()
    history.write_bytes(b"x" * 512 + history.read_bytes()[512:])
    again = open_desk(tmp_path)
    try:
        wait_until(lambda: len(again.services.conversations.summaries()) == 1)
        [summary] = again.services.conversations.summaries()
        again.services.conversations.delete(summary.id)
        again.services.recovery.delete_now(summary.id)
        wait_until(lambda: "damaged-file-not-cleaned" in [notice.text_code for notice in again.notices])
        [notice] = [notice for notice in again.notices if notice.text_code == "damaged-file-not-cleaned"]
        [aside] = history.parent.glob("*damaged*.sqlite")
        assert [button.code for button in notice.buttons] == ["remove-damaged", "show-in-folder"]
        again.services.notices.act(notice.id, "remove-damaged", notice.buttons[0].argument)
        wait_until(lambda: not aside.exists())
        wait_until(lambda: not [file for file in paths.attachments_folder().rglob("*") if file.is_file()])
    finally:
        again.services.close()
    files = [file for file in (tmp_path / "home").rglob("*") if file.is_file()]
    assert not [file for file in files if b"What is <it>?" in file.read_bytes()]


def test_what_the_engine_wrote_before_it_forgot_goes_too(desk: Desk) -> None:
    converse(desk)
    current = desk.services.conversations.current_id()
    desk.services.conversations.delete(current)
    desk.services.recovery.delete_now(current)
    wait_until(lambda: bool(desk.client.of(Forget)))
    late = paths.cache_folder() / "contexts" / "late"
    late.parent.mkdir(parents=True, exist_ok=True)
    late.write_bytes(b"block")
    desk.client.emit(Forgotten(desk.client.of(Forget)[-1].request))
    wait_until(lambda: not late.exists())
