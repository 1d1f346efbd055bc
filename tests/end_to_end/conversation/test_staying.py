"""What people expect of a program that they stay in, in the real window with the real engine: nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app import cli
from desktop_app.ui.conversation_list import MARK
from tests.end_to_end.test_main_job import Program, close_program, open_program, programs  # noqa: F401 - a fixture
from tests.helpers.waiting import pump, wait_until

pytestmark = pytest.mark.timeout(240)
LEFT = Qt.MouseButton.LeftButton


def texts(program: Program) -> list[str]:
    return [message.text for message in program.services.chat.messages()]


def press(program: Program, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(QApplication.focusWidget() or program.window, key, modifiers)


def go_to_question(program: Program) -> None:
    """Put the keyboard on the first question."""
    page = program.window.transcript.page
    while not page.hasFocus():
        press(program, Qt.Key.Key_F6)
    press(program, Qt.Key.Key_Home)


def begin_to_edit(program: Program, more: str) -> None:
    go_to_question(program)
    press(program, Qt.Key.Key_F2)
    editor = program.window.transcript.editor
    assert editor.editor.hasFocus()
    QTest.keyClicks(editor.editor, more)


def undo_button(program: Program) -> QPushButton:
    return next(each for each in program.window.notices.buttons if each.text() == "Undo")


def test_what_was_changed_in_a_question_is_kept_until_it_is_sent(
    programs: list[Program],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = open_program(programs)
    program.window.activateWindow()
    program.ask("What can you do?")
    conversations = program.services.conversations
    first = conversations.current_id()
    begin_to_edit(program, " And what not?")
    editor = program.window.transcript.editor
    # Another conversation is looked at, and this one again.
    press(program, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    wait_until(lambda: program.services.chat.messages() == [])
    conversations.open(first)
    wait_until(editor.isVisible)
    assert editor.editor.toPlainText() == "What can you do? And what not?"
    assert not editor.editor.hasFocus(), "the keyboard is where a new question is written"
    # The program is killed: another finds what is on the disk now.
    wait_until(lambda: not program.services.unsent_edits.is_unsaved())
    program.services.history_thread.wait()
    shutil.copytree(tmp_path / "home", tmp_path / "left")
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "left"))
    close_program(programs, program)
    program = open_program(programs)
    wait_until(lambda: bool(program.services.conversations.summaries()))
    program.services.conversations.open(first)
    wait_until(lambda: program.window.pages.currentWidget() is not program.window.start_page)
    editor = program.window.transcript.editor
    wait_until(editor.isVisible)
    assert editor.editor.toPlainText() == "What can you do? And what not?"
    # Esc takes it away, and tells how to get it back.
    program.window.activateWindow()
    editor.editor.setFocus()
    press(program, Qt.Key.Key_Escape)
    assert not editor.isVisible()
    assert program.window.notices.words.text() == "Your changes were not sent."
    QTest.mouseClick(undo_button(program), LEFT)
    assert editor.isVisible()
    assert editor.editor.hasFocus()
    assert editor.editor.toPlainText() == "What can you do? And what not?"
    # Sent, it is kept no longer; unchanged, nothing is told.
    press(program, Qt.Key.Key_Return)
    wait_until(lambda: texts(program)[:1] == ["What can you do? And what not?"])
    wait_until(lambda: not program.services.chat.is_busy(), 60)
    program.services.conversations.reopen()
    pump(0)
    wait_until(lambda: len(texts(program)) == 2)
    assert not editor.isVisible()
    go_to_question(program)
    press(program, Qt.Key.Key_F2)
    press(program, Qt.Key.Key_Escape)
    assert not editor.isVisible()
    assert program.window.notices.current() is None


CONTROL = Qt.KeyboardModifier.ControlModifier


def test_what_was_deleted_last_comes_back_by_ctrl_z_after_its_notice_too(programs: list[Program]) -> None:  # noqa: F811
    program = open_program(programs)
    program.window.activateWindow()
    services, window = program.services, program.window
    for text in ("What can you do?", "Who are you?", "Can you count?"):
        program.ask(text)
    first, keyboard = services.conversations.current_id(), window.transcript.page.keyboard
    assert not window.menus.undo.isEnabled()
    go_to_question(program)
    press(program, Qt.Key.Key_Delete)
    wait_until(lambda: texts(program)[:1] == ["Who are you?"])
    assert window.transcript.page.hasFocus()
    assert keyboard.is_focus_shown()
    assert keyboard.focused() == 0, "on what takes the place of the question"
    wait_until(lambda: window.notices.current() is not None)
    window.notices.close_button.click()
    assert window.notices.current() is None
    # A text field with nothing of its own to undo leaves the keys to the window, another keeps them.
    window.composer.focus_editor()
    QTest.keyClicks(window.composer.editor, "And")
    press(program, Qt.Key.Key_Z, CONTROL)
    assert window.composer.editor.toPlainText() == ""
    assert len(texts(program)) == 4
    press(program, Qt.Key.Key_Z, CONTROL)
    wait_until(lambda: texts(program)[::2] == ["What can you do?", "Who are you?", "Can you count?"])
    assert not window.menus.undo.isEnabled()
    # The last pair goes: the keyboard is on the one before.
    go_to_question(program)
    press(program, Qt.Key.Key_End)
    press(program, Qt.Key.Key_Delete)
    wait_until(lambda: len(texts(program)) == 4)
    assert keyboard.focused() == 3
    # What was deleted after it is undone before it.
    press(program, Qt.Key.Key_N, CONTROL)
    program.ask("Can you read?")
    press(program, Qt.Key.Key_Backspace, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    wait_until(lambda: window.notices.words.text() == "“Can you read?” was deleted.")
    press(program, Qt.Key.Key_Z, CONTROL)
    wait_until(lambda: texts(program)[:1] == ["Can you read?"])
    press(program, Qt.Key.Key_Z, CONTROL)
    wait_until(lambda: services.conversations.current_id() == first and len(texts(program)) == 6)


def test_pictures_that_are_opened_from_outside_begin_a_conversation(programs: list[Program], tmp_path: Path) -> None:  # noqa: F811
    program = open_program(programs)
    services = program.services
    program.ask("What can you do?")
    first = services.conversations.current_id()
    picture = tmp_path / "blue.png"
    Image.new("RGB", (200, 200), "blue").save(picture)
    request = cli.parse([str(picture), str(tmp_path / "gone.png")])
    assert isinstance(request, cli.WindowRequest)
    services.add_pictures(request.pictures)
    wait_until(
        lambda: [each.name for each in services.draft.pictures() if each.picture is not None] == ["blue.png"], 20
    )
    wait_until(lambda: program.window.notices.current() is not None)
    assert "gone.png" in program.window.notices.words.text()
    assert services.conversations.current_id() == ""
    assert texts(program) == []
    services.conversations.open(first)
    wait_until(lambda: len(texts(program)) == 2)
    assert services.draft.pictures() == []
    services.add_pictures([])  # the program was started once more, without any
    assert services.conversations.current_id() == first


def marks(program: Program) -> dict[str, str]:
    model = program.window.sidebar.view.model()
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    return {str(index.data()): str(index.data(MARK)) for index in rows}


def test_what_was_not_seen_is_marked_after_a_restart_too(programs: list[Program]) -> None:  # noqa: F811
    program = open_program(programs)
    services, window = program.services, program.window
    program.type_and_send("What can you do?")
    wait_until(services.chat.is_busy)
    window.new_conversation()
    wait_until(lambda: bool(services.conversations.summaries()))
    wait_until(lambda: marks(program) == {"What can you do?": "unseen"}, 60)
    pid = services.engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        program.type_and_send("Who are you?")
        wait_until(lambda: len(services.conversations.summaries()) == 2)
        wait_until(services.engine.is_answering)
        services.answers.close()  # as the program does when it ends
    finally:
        os.kill(pid, signal.SIGCONT)
    close_program(programs, program)
    program = open_program(programs)
    wait_until(lambda: len(program.services.conversations.summaries()) == 2)
    unseen = {"What can you do?": "unseen", "Who are you?": "broken"}
    wait_until(lambda: marks(program) == unseen)
    for row in program.services.conversations.summaries():
        program.services.conversations.open(row.id)
    wait_until(lambda: set(marks(program).values()) == {""})
    close_program(programs, program)
    program = open_program(programs)
    wait_until(lambda: len(program.services.conversations.summaries()) == 2)
    program.services.history_thread.wait()
    pump(0)
    assert set(marks(program).values()) == {""}
