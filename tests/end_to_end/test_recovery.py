"""Deleted conversations and backups, in the real window with the real engine."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app import logs, paths
from desktop_app.ui.recovery import RecoveryDialog
from desktop_app.ui.widgets.question import Question
from tests.end_to_end.test_main_job import Program
from tests.engine.questions import draw
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def home(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def program(home: Path) -> Iterator[Program]:
    opened = Program()
    yield opened
    opened.close()


def dialog_of(program: Program) -> RecoveryDialog:
    """Open the dialog by its menu."""
    action = next(a for a in program.window.menus.actions if "backups" in a.text())
    action.trigger()
    return program.window.findChildren(RecoveryDialog)[-1]


def click(button: QPushButton) -> None:
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def texts(program: Program) -> list[str]:
    return [message.text for message in program.services.chat.messages()]


def delete_open_conversation(program: Program) -> None:
    program.window.delete_current()
    wait_until(lambda: program.services.conversations.summaries() == [])


def test_a_deleted_conversation_comes_back_when_the_notice_is_gone(program: Program) -> None:
    program.ask("Hello?")
    before = texts(program)
    delete_open_conversation(program)
    program.window.notices.close_button.click()
    dialog = dialog_of(program)
    wait_until(dialog.restore.isEnabled)
    assert "Hello?" in dialog.deleted.item(0).text()
    click(dialog.restore)
    wait_until(lambda: texts(program) == before)
    wait_until(lambda: not dialog.restore.isEnabled())
    assert [row.title for row in program.services.conversations.summaries()] == ["Hello?"]
    dialog.close()


def test_delete_now_leaves_no_trace(home: Path, tmp_path: Path) -> None:
    program = Program()
    picture = Path(draw(tmp_path / "star.png", "red").path)
    assert program.drop(picture)
    wait_until(lambda: [p.state for p in program.services.draft.pictures()] == ["read"], 60.0)
    answer = program.ask("Which colour is the marzipan star?")
    cached = [home / "cache" / name for name in ("answers", "contexts", "embeddings")]
    wait_until(lambda: all(any(folder.iterdir()) for folder in cached), 60.0, "the caches are written")
    program.services.history_thread.run(lambda history: history.back_up())
    delete_open_conversation(program)
    dialog = dialog_of(program)
    wait_until(dialog.delete_now.isEnabled)
    click(dialog.delete_now)
    [question] = dialog.findChildren(Question)
    click(question.yes)
    wait_until(lambda: not dialog.delete_all.isEnabled())
    wait_until(program.services.engine.is_idle)
    dialog.close()
    program.close()
    left = [file for folder in cached for file in folder.iterdir()]
    assert left == []
    original = picture.read_bytes()
    for file in home.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert data != original, file
            assert b"marzipan" not in data, file
            assert answer.text.encode() not in data, file


def test_a_backup_is_made_and_brings_everything_back(home: Path) -> None:
    first = Program()
    first.ask("Hello?")
    first.close()
    second = Program()  # the backup is of what is there when it starts
    wait_until(lambda: any((home / "data" / "backups").glob("*.sqlite")))
    second.close()
    paths.history_file().unlink()

    third = Program()
    assert third.services.conversations.summaries() == []
    dialog = dialog_of(third)
    wait_until(dialog.restore_backup.isEnabled)
    click(dialog.restore_backup)
    wait_until(lambda: [row.title for row in third.services.conversations.summaries()] == ["Hello?"])
    wait_until(lambda: [n.text_code for n in third.notices] == ["backup-restored"])
    dialog.close()
    third.close()


def test_damage_is_repaired_and_the_notice_leads_to_the_backups(home: Path) -> None:
    first = Program()
    first.ask("Hello?")
    first.close()
    with paths.history_file().open("r+b") as file:
        file.write(b"\0" * 4096)
    second = Program()
    wait_until(lambda: [row.title for row in second.services.conversations.summaries()] == ["Hello?"])
    current = second.window.notices.current()
    assert current is not None
    assert current.text_code == "history-salvaged"
    click(second.window.notices.buttons[0])
    [dialog] = second.window.findChildren(RecoveryDialog)
    assert dialog.isVisible()
    dialog.close()
    second.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the profile private by itself")
def test_nobody_else_can_read_what_is_kept(home: Path) -> None:
    for name in ("config", "data", "cache", "log"):
        (home / name).mkdir(parents=True, mode=0o755)  # as earlier versions made them
    (home / "log" / "eyebright.log").touch(mode=0o644)
    paths.make_folders()
    logs.start(paths.log_folder())
    program = Program()
    program.window.prefer("reading_ahead", False)
    program.ask("Hello?")
    program.close()
    for name in ("config", "data", "cache", "log"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o700, name
    kinds = ("*.sqlite*", "*.toml", "*.ini", "*.log", "*.key")
    files = [file for kind in kinds for file in home.rglob(kind)]
    assert {"conversations.sqlite", "settings.toml", "eyebright.log"} <= {file.name for file in files}
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_caches_may_be_deleted_at_any_time(program: Program, home: Path, tmp_path: Path) -> None:
    assert program.drop(Path(draw(tmp_path / "disc.png", "red").path))
    wait_until(lambda: [p.state for p in program.services.draft.pictures()] == ["read"], 60.0)
    assert "red" in program.ask("What colour is the circle?").text
    wait_until(lambda: any((home / "cache" / "contexts").iterdir()), 60.0, "the caches are written")
    shutil.rmtree(home / "cache")
    assert "circle" in program.ask("What shape is it?").text
    wait_until(lambda: any((home / "cache" / "contexts").glob("*")), 30.0, "they are written again")
    assert [notice.text_code for notice in program.notices] == []
