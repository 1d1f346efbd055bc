"""What was deleted goes for good after some days or when the person says so, whatever else is under way."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from desktop_app import paths
from desktop_app.engine.messages import Ask, Forget
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
