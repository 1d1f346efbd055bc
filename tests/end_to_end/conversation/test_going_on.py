"""Real window, real engine: answers go on, pairs are deleted, conversations copied, questions get other pictures."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from desktop_app.chat.conversation import Message, State
from desktop_app.settings import SETTINGS
from tests.end_to_end.test_main_job import Program, close_program, open_program, programs
from tests.helpers.strays import Expected
from tests.helpers.waiting import pump, wait_until

__all__ = ["programs"]
pytestmark = pytest.mark.timeout(240)
_MODEL_S = 60.0
_ASKED = "What colour is the shape?"


def draw(path: Path, colour: str) -> Path:
    picture = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(picture).ellipse((120, 70, 280, 230), fill=colour)
    picture.save(path)
    return path


@pytest.fixture
def red(tmp_path: Path) -> Path:
    return draw(tmp_path / "red.png", "red")


@pytest.fixture(autouse=True)
def _short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let answers be cut earlier than a person would: those of the built-in model are short."""
    monkeypatch.setitem(SETTINGS, "max_tokens", SETTINGS["max_tokens"]._replace(low=1))


def ask_about(program: Program, picture: Path, most: int = 1024) -> Message:
    """Drop a picture and ask; the answer has at most so many tokens."""
    program.services.preferences.set("max_tokens", most)
    assert program.drop(picture)
    wait_until(lambda: [p.state for p in program.services.draft.pictures()] == ["read"], _MODEL_S)
    return program.ask(_ASKED)


def click_continue(program: Program) -> Message:
    """Press the button under the last message and return the whole answer."""
    program.services.preferences.set("max_tokens", 1024)
    bar = program.window.transcript.last_bar
    assert bar.go_on.isVisible()
    QTest.mouseClick(bar.go_on, Qt.MouseButton.LeftButton)
    assert program.services.chat.is_busy()
    wait_until(lambda: not program.services.chat.is_busy(), _MODEL_S)
    return program.services.chat.messages()[-1]


def assert_nothing_was_read_again(before: Message, after: Message) -> None:
    assert after.details["evaluated_tokens"] - before.details["evaluated_tokens"] <= 2
    assert after.details["image_encodes"] == before.details["image_encodes"]


def choose(menu: QMenu, text: str) -> None:
    [action] = [action for action in menu.actions() if action.text() == text]
    action.trigger()
    menu.close()
    menu.deleteLater()
    pump(0)


def texts(program: Program) -> list[str]:
    return [message.text for message in program.services.chat.messages()]


def test_an_answer_that_was_cut_goes_on_in_the_same_cells(programs: list[Program], red: Path) -> None:
    program = open_program(programs)
    part = ask_about(program, red, most=2)
    assert part.details["finish_reason"] == "length"
    whole = click_continue(program)
    assert whole.id == part.id
    assert whole.text.startswith(part.text)
    assert "red" in whole.text
    assert (whole.state, whole.details["finish_reason"]) == (State.COMPLETE, "stop")
    assert whole.details["answer_tokens"] > 2
    assert_nothing_was_read_again(part, whole)
    assert not program.window.transcript.last_bar.go_on.isVisible()
    assert program.window.transcript.page.rows.messages()[-1].text == whole.text


def test_it_goes_on_after_the_program_was_started_again(programs: list[Program], red: Path) -> None:
    program = open_program(programs)
    part = ask_about(program, red, most=2)
    conversation = program.services.conversations.current_id()
    close_program(programs, program)
    program = open_program(programs)
    program.services.preferences.set("reading_ahead", False)
    program.services.conversations.open(conversation)
    wait_until(lambda: len(program.services.chat.messages()) == 2)
    wait_until(program.window.transcript.last_bar.go_on.isVisible)
    whole = click_continue(program)
    assert "red" in whole.text
    assert_nothing_was_read_again(part, whole)


def test_it_goes_on_after_the_engine_died(programs: list[Program], red: Path, expected: Expected) -> None:
    expected.log("ended with exit code -9", logger="desktop_app.engine.engine_process")
    program = open_program(programs)
    part = ask_about(program, red, most=2)
    pid = program.services.engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    QTest.mouseClick(program.window.transcript.last_bar.go_on, Qt.MouseButton.LeftButton)
    wait_until(lambda: program.services.chat.messages()[-1].state is State.STREAMING)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not program.services.chat.is_busy(), _MODEL_S)
    longer = program.services.chat.messages()[-1]
    assert (longer.id, longer.text[: len(part.text)]) == (part.id, part.text), "it goes on by itself"
    assert len(longer.text) > len(part.text)
    whole = click_continue(program)
    assert whole.id == part.id
    assert "red" in whole.text


def test_a_pair_is_deleted_and_comes_back_by_the_notice(programs: list[Program], red: Path) -> None:
    program = open_program(programs)
    ask_about(program, red)
    program.ask("What shape is it?")
    before = texts(program)
    page = program.window.transcript.page
    page.setFocus()
    page.keyboard.focus_message(0)
    QTest.keyClick(page, Qt.Key.Key_Delete)
    wait_until(lambda: texts(program) == before[2:])
    notices = program.window.notices
    wait_until(lambda: [button.text() for button in notices.buttons] == ["Undo"])
    QTest.mouseClick(notices.buttons[0], Qt.MouseButton.LeftButton)
    wait_until(lambda: texts(program) == before)
    shown, kept = page.rows.messages(), program.services.chat.messages()
    assert [(one.id, one.text, one.state) for one in shown] == [(one.id, one.text, one.state) for one in kept]


def test_a_new_conversation_begins_from_a_message_with_what_was_read(programs: list[Program], red: Path) -> None:
    program = open_program(programs)
    ask_about(program, red)
    program.ask("What shape is it?")
    first, before = program.services.conversations.current_id(), texts(program)
    choose(program.window.transcript.page.menu.of_more(1), "New conversation from here")
    wait_until(lambda: texts(program) == before[:2])
    assert program.services.conversations.current_id() != first
    wait_until(lambda: program.services.conversations.summaries()[0].title == f"{_ASKED} (2)")
    answer = program.ask("Is it a circle?")
    assert answer.details["image_encodes"] == 0
    assert answer.details["evaluated_tokens"] < 25, "the common beginning is there already"


def test_a_question_that_is_edited_gets_another_picture(programs: list[Program], red: Path, tmp_path: Path) -> None:
    program = open_program(programs)
    assert "red" in ask_about(program, red).text
    transcript = program.window.transcript
    transcript.page.setFocus()
    transcript.page.keyboard.focus_message(0)
    QTest.keyClick(transcript.page, Qt.Key.Key_F2)
    editor = transcript.editor
    [thumbnail] = editor.strip.thumbnails()
    thumbnail.setFocus()
    QTest.keyClick(thumbnail, Qt.Key.Key_Delete)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(draw(tmp_path / "blue.png", "blue")))])
    actions, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(editor.rect().center(), actions, data, buttons, keys)
    QApplication.sendEvent(editor, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(editor, QDropEvent(QPointF(editor.rect().center()), actions, data, buttons, keys))
    wait_until(lambda: bool(program.services.edited_pictures.checked()))
    QTest.keyClick(editor.editor, Qt.Key.Key_Return)
    wait_until(program.services.chat.is_busy)
    wait_until(lambda: not program.services.chat.is_busy(), _MODEL_S)
    asked, answer = program.services.chat.messages()
    assert [picture.name for picture in asked.pictures] == ["blue.png"]
    assert asked.sibling == (1, 2)
    assert "blue" in answer.text
