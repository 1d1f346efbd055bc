"""Questions that wait, in the real window with the real engine: nothing is lost, and each is asked in its turn."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.chat.conversation import State
from desktop_app.ui.conversation_list import MARK
from tests.end_to_end.test_main_job import Program, open_program, programs  # noqa: F401 - a fixture
from tests.helpers.strays import Expected
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
_MODEL_S = 60.0
LEFT = Qt.MouseButton.LeftButton


def engine_of(program: Program) -> int:
    pid = program.services.engine.pid()
    assert pid is not None
    return pid


@contextmanager
def held(program: Program) -> Iterator[int]:
    """Let the engine stand still meanwhile; gives its process id."""
    pid = engine_of(program)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGCONT)


def texts(program: Program) -> list[str]:
    return [message.text for message in program.services.chat.messages()]


def seen(program: Program, text: str) -> list[QPushButton]:
    return [
        button for button in program.window.findChildren(QPushButton) if button.text() == text and button.isVisible()
    ]


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, LEFT)


def marks(program: Program) -> dict[str, str]:
    model = program.window.sidebar.view.model()
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    return {index.data(): index.data(MARK) for index in rows}


def ask_in_a_new_conversation(program: Program, text: str) -> str:
    services = program.services
    click(program.window.sidebar.new_button)
    program.type_and_send(text)
    wait_until(lambda: any(row.title == text for row in services.conversations.summaries()))
    return services.conversations.current_id()


def test_what_waits_says_for_what_and_comes_back_when_it_is_cancelled(
    programs: list[Program],  # noqa: F811
    tmp_path: Path,
) -> None:
    program = open_program(programs)
    services, window = program.services, program.window
    picture = tmp_path / "blue.png"
    Image.new("RGB", (200, 200), "blue").save(picture)
    with held(program):
        first = ask_in_a_new_conversation(program, "What can you do?")
        wait_until(services.engine.is_answering)
        click(window.sidebar.new_button)
        program.drop(picture)
        wait_until(lambda: [p.state for p in services.draft.pictures()] == ["attached"], 20)
        program.type_and_send("What colour is it?")
        wait_until(lambda: len(services.conversations.summaries()) == 2)
        assert window.transcript.waiting.sentence() == "Waits for the answer in “What can you do?”"
        assert marks(program) == {"What can you do?": "writing", "What colour is it?": "waiting"}
        assert window.status.elsewhere.place.text().strip() == "Writing in “What can you do?”"
        wait_until(lambda: len(seen(program, "Cancel")) == 1)
        click(seen(program, "Cancel")[0])
        wait_until(lambda: services.chat.messages() == [] and not services.chat.is_busy())
        assert window.composer.editor.toPlainText() == "What colour is it?"
        assert [p.name for p in services.draft.pictures()] == ["blue.png"]
        assert window.composer.editor.hasFocus()
        wait_until(lambda: marks(program) == {"What can you do?": "writing"})
        assert services.engine.is_answering(), "the other is still being answered"
    wait_until(lambda: marks(program) == {"What can you do?": "unseen"}, _MODEL_S)
    assert not window.status.elsewhere.isVisible()
    services.conversations.open(first)
    wait_until(lambda: len(texts(program)) == 2)
    assert services.chat.messages()[-1].state is State.COMPLETE
    assert marks(program) == {"What can you do?": ""}


def test_the_status_line_goes_there_and_stops_it_from_elsewhere(programs: list[Program]) -> None:  # noqa: F811
    program = open_program(programs)
    services, window = program.services, program.window
    with held(program):
        first = ask_in_a_new_conversation(program, "What can you do?")
        wait_until(services.engine.is_answering)
        second = ask_in_a_new_conversation(program, "Who are you?")
        click(window.status.elsewhere.place)
        assert services.conversations.current_id() == first
        assert not window.status.elsewhere.isVisible()
        services.conversations.open(second)
        click(window.status.elsewhere.stop)
    wait_until(lambda: not services.engine.is_answering() and not services.chat.is_busy(), _MODEL_S)
    wait_until(lambda: len(texts(program)) == 2)
    assert services.chat.messages()[-1].state is State.COMPLETE, "what waited was asked then"
    services.conversations.open(first)
    wait_until(lambda: texts(program)[:1] == ["What can you do?"])
    assert services.chat.messages()[-1].state is State.STOPPED


def test_enter_during_an_answer_queues_and_escape_holds_the_queue(programs: list[Program]) -> None:  # noqa: F811
    program = open_program(programs)
    services, window = program.services, program.window
    program.ask("What can you do?")
    with held(program):
        program.type_and_send("Who are you?")
        wait_until(services.engine.is_answering)
        program.type_and_send("Can you count?")
        QTest.keyClicks(window.composer.editor, "Can you read?")
        assert "Enter sends this" in window.composer.hint.text()
        click(window.composer.queue_up)
        queued = window.composer.queued
        assert [row.words.whole_text() for row in queued.rows] == ["Can you count?", "Can you read?"]
        assert queued.isVisible()
        assert window.composer.editor.toPlainText() == ""
        assert texts(program)[2:] == ["Who are you?", ""]
        QTest.keyClick(window.composer.editor, Qt.Key.Key_Escape)
    wait_until(lambda: not services.chat.is_busy(), _MODEL_S)
    assert services.chat.messages()[-1].state is State.STOPPED
    assert queued.sentence.text() == "2 questions wait."
    QTest.keyClicks(window.composer.editor, "A draft")
    click(queued.rows[0].edit)
    line = queued.rows[0].editor
    assert line is not None
    wait_until(line.hasFocus)
    QTest.keyClicks(line, " Really?")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert [row.words.whole_text() for row in queued.rows] == ["Can you count? Really?", "Can you read?"]
    assert window.composer.editor.toPlainText() == "A draft"
    assert window.composer.editor.hasFocus()
    click(queued.send)
    wait_until(lambda: len(texts(program)) == 8 and not services.chat.is_busy(), _MODEL_S)
    assert texts(program)[4::2] == ["Can you count? Really?", "Can you read?"]
    assert services.chat.messages()[-1].state is State.COMPLETE
    assert not queued.isVisible()


def test_the_engine_dies_and_comes_back_and_what_waits_is_kept(
    programs: list[Program],  # noqa: F811
    expected: Expected,
) -> None:
    expected.log("ended with exit code -9", logger="desktop_app.engine.engine_process")
    program = open_program(programs)
    services = program.services
    program.ask("What can you do?")
    pid = engine_of(program)
    os.kill(pid, signal.SIGSTOP)
    program.type_and_send("Who are you?")
    wait_until(services.engine.is_answering)
    program.type_and_send("Can you count?")
    os.kill(pid, signal.SIGKILL)
    queued = program.window.composer.queued
    # The first question has no word of an answer: it is asked again by itself, and then what was asked after it.
    wait_until(lambda: len(texts(program)) == 6 and not services.chat.is_busy(), _MODEL_S)
    assert services.engine.pid() != pid
    assert not queued.isVisible()
    assert [message.state for message in services.chat.messages()[1::2]] == [State.COMPLETE] * 3
    assert program.notices == []
