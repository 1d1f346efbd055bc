"""The whole program with nothing replaced: real window, real engine process, the built-in model.

Drop a picture, ask, read the answer, ask again, stop one, lose the engine, which comes back,
restart the program, find everything again.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QPushButton, QTextEdit, QWidget

from desktop_app.assembly import Services, build
from desktop_app.chat.conversation import Message, State
from desktop_app.engine.messages import Phase
from desktop_app.paths import attachments_folder, demo_model, models_folder, settings_file
from desktop_app.services.notices import Notice
from desktop_app.settings import Settings
from desktop_app.ui.composer.composer import Composer
from desktop_app.ui.composer.detail_choice import DetailChoice
from desktop_app.ui.notices import NoticeBar
from desktop_app.ui.transcript.view import TranscriptView
from desktop_app.ui.window import MainWindow
from model_store.library.importing import import_files
from model_store.library.library import Library
from tests.helpers.strays import Expected
from tests.helpers.waiting import wait_until
from tests.images.files import SIZE, scene
from tests.images.patterns import patterned
from tests.random_models.qwen35 import write_qwen35
from tests.random_models.small_models import LFM2_VL, MINICPM_V46
from tests.random_models.talks import SmallModel

pytestmark = pytest.mark.timeout(240)
_MODEL_S = 60.0


class Program:
    """The program as `eyebright` opens it, in this process."""

    def __init__(self) -> None:
        self.services: Services = build()
        self.window = MainWindow(self.services)
        self.notices: list[Notice] = []
        self.services.notices.posted.connect(self.notices.append)
        self.services.start()
        self.window.show()
        wait_until(lambda: self.services.engine.state() == "ready", _MODEL_S)

    def drop(self, *files: Path) -> bool:
        """Drop files on the window; return whether it took them."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
        middle = self.window.rect().center()
        actions, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(middle, actions, data, buttons, keys)
        QApplication.sendEvent(self.window, enter)
        if not enter.isAccepted():
            return False
        drop = QDropEvent(QPointF(middle), actions, data, buttons, keys)
        QApplication.sendEvent(self.window, drop)
        return drop.isAccepted()

    def type_and_send(self, text: str) -> None:
        """Write into the composer and press Enter."""
        composer = self.window.findChild(Composer)
        assert composer is not None
        editors: list[QWidget] = [*composer.findChildren(QPlainTextEdit), *composer.findChildren(QTextEdit)]
        QTest.keyClicks(editors[0], text)
        QTest.keyClick(editors[0], Qt.Key.Key_Return)

    def ask(self, text: str) -> Message:
        """Ask and return the finished answer."""
        count = len(self.services.chat.messages())
        self.type_and_send(text)
        wait_until(lambda: len(self.services.chat.messages()) == count + 2, what="question and answer appear")
        wait_until(lambda: not self.services.chat.is_busy(), _MODEL_S)
        return self.services.chat.messages()[-1]

    def close(self) -> None:
        """Close the window and end the program."""
        self.window.close()
        self.services.close()
        self.window.deleteLater()


@pytest.fixture
def programs(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Program]]:
    """Programs that a test opened; what is still open afterwards is closed."""
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    opened: list[Program] = []
    yield opened
    for program in opened:
        program.close()


@pytest.fixture
def red_circle(tmp_path: Path) -> Path:
    path = tmp_path / "Un cercle – 圆 ☺.png"
    picture = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(picture).ellipse((120, 70, 280, 230), fill=(220, 30, 30))
    picture.save(path)
    return path


def open_program(programs: list[Program]) -> Program:
    program = Program()
    programs.append(program)
    return program


def close_program(programs: list[Program], program: Program) -> None:
    programs.remove(program)
    program.close()


def test_the_main_job(programs: list[Program], red_circle: Path, expected: Expected) -> None:
    expected.log("ended with exit code -9", logger="desktop_app.engine.engine_process")
    program = open_program(programs)
    services = program.services

    assert program.drop(red_circle)
    wait_until(lambda: [p.state for p in services.draft.pictures()] == ["read"], _MODEL_S, "the picture is read ahead")
    answer = program.ask("What colour is the circle?")
    assert "red" in answer.text.lower()
    assert answer.details["image_encodes"] == 0, "it had been read while the question was typed"
    assert answer.details["evaluated_tokens"] < 20, "sending costs the question only"

    follow_up = program.ask("What shape is it?")
    assert "circle" in follow_up.text.lower()
    assert follow_up.details["image_encodes"] == 0

    # Stop: with the engine held still, question and Stop both lie in its pipe when it goes on.
    pid = services.engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    program.type_and_send("Describe the picture.")
    wait_until(lambda: len(services.chat.messages()) == 6 and services.chat.is_busy())
    services.chat.stop()
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not services.chat.is_busy())
    assert services.chat.messages()[-1].state is State.STOPPED

    # Lose the engine in the middle of an answer.
    os.kill(pid, signal.SIGSTOP)
    program.type_and_send("How many shapes are there?")
    wait_until(lambda: len(services.chat.messages()) == 8 and services.engine.is_answering())
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not services.chat.is_busy(), _MODEL_S)
    assert services.chat.messages()[-1].state is State.COMPLETE, "it is asked again by itself"
    assert program.window.isVisible()

    # It came back by itself, and the conversation goes on.
    wait_until(lambda: services.engine.state() == "ready" and services.engine.pid() != pid, _MODEL_S)
    assert [n.text_code for n in program.notices] == []
    again = program.ask("What colour is the circle?")
    assert "red" in again.text.lower()

    shown = services.chat.messages()
    conversation = services.conversations.current_id()
    sha256 = shown[0].pictures[0].sha256
    red_circle.unlink()
    close_program(programs, program)

    # After a restart everything is there, the picture included, although its file is gone.
    program = open_program(programs)
    services = program.services
    wait_until(lambda: [s.id for s in services.conversations.summaries()] == [conversation])
    services.conversations.open(conversation)
    wait_until(lambda: len(services.chat.messages()) == len(shown))
    assert [(m.text, m.state) for m in services.chat.messages()] == [(m.text, m.state) for m in shown]
    assert services.previews.preview(sha256)
    answer = program.ask("What colour is the circle?")
    assert "red" in answer.text.lower()


def test_what_is_no_picture_is_refused_and_the_message_kept(programs: list[Program], tmp_path: Path) -> None:
    program = open_program(programs)
    services = program.services
    services.draft.set_text("What is in this picture?")
    false = tmp_path / "holiday.png"
    false.write_text("This is no picture.")
    damaged = tmp_path / "cut.png"
    Image.new("RGB", (400, 300), "white").save(damaged)
    damaged.write_bytes(damaged.read_bytes()[:200])
    assert program.drop(false, damaged)
    wait_until(lambda: bool(program.notices) and program.notices[-1].text_code == "files-refused")
    [bar] = program.window.findChildren(NoticeBar)
    wait_until(lambda: "2 of 2 files could not be added." in [label.text() for label in bar.findChildren(QLabel)])
    assert services.draft.pictures() == []
    assert services.draft.text() == "What is in this picture?"
    assert [path for path in attachments_folder().rglob("*") if path.is_file()] == [], "only what was seen is copied"


def test_a_picture_is_seen_after_a_question_that_was_too_long(programs: list[Program], red_circle: Path) -> None:
    program = open_program(programs)
    assert program.drop(red_circle)
    wait_until(lambda: bool(program.services.draft.pictures()) and not program.services.draft.is_checking())
    QApplication.clipboard().setText("word " * 20_000)
    composer = program.window.findChild(Composer)
    assert composer is not None
    QTest.keyClick(composer.editor, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert program.ask("").state is State.FAILED
    answer = program.ask("What is in this picture?")
    assert "red circle" in answer.text
    assert len(program.services.chat.messages()) == 4


def test_another_model_is_noted_when_it_answers(programs: list[Program], tmp_path: Path) -> None:
    program = open_program(programs)
    services = program.services
    program.ask("What can you do?")
    transcript = program.window.transcript
    for name in ("second", "third"):
        other = tmp_path / f"{name}.gguf"
        other.write_bytes(demo_model()[0].read_bytes())
        services.preferences.set("model", str(other))
        wait_until(lambda other=other: (i := services.engine.info()) is not None and i.model == str(other), _MODEL_S)  # type: ignore[misc]
    assert len(transcript.page.rows.messages()) == 2
    program.type_and_send("Who are you?")
    wait_until(lambda: len(services.chat.messages()) == 5 and not services.chat.is_busy(), _MODEL_S)
    info = services.engine.info()
    assert info is not None
    rows = transcript.page.rows.messages()
    assert [message.role.value for message in rows] == ["user", "assistant", "note", "user", "assistant"]
    assert rows[2].details["parameters"]["name"] == info.name == rows[4].details["model"]
    conversation, kept = services.conversations.current_id(), list(services.chat.messages())
    close_program(programs, program)
    program = open_program(programs)
    program.services.conversations.open(conversation)
    wait_until(lambda: program.services.chat.messages() == kept)


def test_a_chat_without_a_picture(programs: list[Program]) -> None:
    program = open_program(programs)
    answer = program.ask("What can you do?")
    assert answer.state is State.COMPLETE
    assert answer.text


def test_the_window_says_which_frame_it_shows(programs: list[Program], tmp_path: Path) -> None:
    """The first frame is white, and so was what one saw."""
    frames = [Image.new("RGB", SIZE, colour) for colour in ("white", "yellow")]
    path = tmp_path / "film.gif"
    frames[0].save(path, save_all=True, append_images=[scene(), frames[1]], duration=100)
    program = open_program(programs)
    assert program.drop(path)
    wait_until(lambda: bool(program.notices) and not program.services.draft.is_checking())
    said = "film.gif is an animation. The model sees frame 2 of 3."
    wait_until(lambda: said in [label.text() for label in program.window.findChildren(QLabel) if label.isVisible()])
    assert "red circle" in program.ask("What is in this picture?").text


def test_an_engine_that_stands_still_is_told_of_and_restarted(programs: list[Program]) -> None:
    program = open_program(programs)
    services = program.services
    pid = services.engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: services.engine.state() == "silent", 20)
    [notice] = program.window.findChildren(NoticeBar)
    assert any("does not answer" in label.text() for label in notice.findChildren(QLabel))
    program.type_and_send("What can you do?")
    wait_until(services.engine.is_answering)
    labels = [label.text() for label in program.window.findChildren(QLabel) if label.isVisible()]
    assert sum("does not answer" in text for text in labels) == 1, "once, where the button is"
    [restart] = [button for button in notice.findChildren(QPushButton) if button.text() == "Restart the engine"]
    QTest.mouseClick(restart, Qt.MouseButton.LeftButton)
    wait_until(lambda: services.engine.state() == "ready" and not services.chat.is_busy(), _MODEL_S)
    assert services.chat.messages()[-1].state is State.COMPLETE, "it was asked again, since it had no words yet"

    # One that goes on by itself needs no restart.
    pid = services.engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: services.engine.state() == "silent", 20)
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: services.engine.state() == "ready", 20)
    assert program.ask("What can you do?").state is State.COMPLETE


def test_a_model_that_ends_the_engine_does_not_end_the_next_start(
    programs: list[Program], tmp_path: Path, expected: Expected
) -> None:
    expected.log("ended with exit code -6", logger="desktop_app.engine.engine_process")
    program = open_program(programs)
    services = program.services
    assert program.ask("What can you do?").state is State.COMPLETE
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(demo_model()[0].read_bytes())
    services.preferences.set("model", str(bad))
    wait_until(lambda: (info := services.engine.info()) is not None and info.model == str(bad), _MODEL_S)
    pid = services.engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    program.type_and_send("What can you do?")
    os.kill(pid, signal.SIGABRT)
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: (info := services.engine.info()) is not None and info.is_demo, _MODEL_S)
    assert [notice.text_code for notice in program.notices] == ["model-ends-engine-built-in"]
    wait_until(lambda: not services.chat.is_busy())
    close_program(programs, program)
    program = open_program(programs)
    info = program.services.engine.info()
    assert info is not None
    assert info.is_demo


def test_two_conversations_are_answered_one_after_the_other(programs: list[Program]) -> None:
    program = open_program(programs)
    services = program.services
    pid = services.engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # so that both are asked before the first is answered
    program.type_and_send("What can you do?")
    wait_until(services.engine.is_answering)
    first = services.conversations.current_id()
    services.conversations.new()
    program.type_and_send("Who are you?")
    wait_until(lambda: services.chat.is_busy() and services.conversations.current_id() not in ("", first))
    transcript = program.window.findChild(TranscriptView)
    assert transcript is not None
    # The title comes with the list, a moment after the question.
    wait_until(lambda: transcript.waiting.sentence() == "Waits for the answer in “What can you do?”")
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not services.chat.is_busy() and not services.engine.is_answering(), _MODEL_S)
    assert services.chat.messages()[-1].state is State.COMPLETE
    services.conversations.open(first)
    wait_until(lambda: [message.text for message in services.chat.messages()][:1] == ["What can you do?"])
    answer = services.chat.messages()[-1]
    assert answer.state is State.COMPLETE
    assert answer.text


# ---- a small random model that sees pictures in pieces ------------------------------


@pytest.fixture(params=[LFM2_VL, MINICPM_V46], ids=lambda small: small.name)
def small(
    request: pytest.FixtureRequest, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallModel:
    """A model that is in the library and chosen, before the program starts."""
    found: SmallModel = request.param
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "disk"
    folder.mkdir()
    (made,) = import_files(Library(models_folder("")), list(found.write(folder)), in_place=True)
    settings, _ = Settings.load(settings_file())
    settings.set("model", str(made.model))
    settings.set("mmproj", str(made.projector))
    settings.set("max_tokens", 32)
    settings.save()
    return found


def offered(program: Program) -> str:
    """Return what is said of the picture's detail before it is sent."""
    choice = program.window.findChild(DetailChoice)
    assert choice is not None
    if not choice.isVisible():
        return ""
    texts = [button.text() for button in choice.choice.buttons.values()] if choice.choice.isVisible() else []
    return " | ".join([*texts, choice.note.whole_text()])


def test_a_conversation_about_a_picture_in_pieces(programs: list[Program], small: SmallModel, tmp_path: Path) -> None:
    divided, whole = tmp_path / "divided.png", tmp_path / "whole.png"
    patterned(*small.shapes[1]).save(divided)
    patterned(*small.shapes[0]).save(whole)
    program = open_program(programs)
    services = program.services
    info = services.engine.info()
    assert info is not None
    assert info.family == small.family

    assert program.drop(divided)
    wait_until(lambda: [p.state for p in services.draft.pictures()] == ["read"], _MODEL_S, "the picture is read ahead")
    assert "Whole (3 parts)" in offered(program)
    assert "Quick" in offered(program)
    answer = program.ask("What is in it?")
    assert answer.state is State.COMPLETE, answer
    assert answer.details["image_encodes"] == 0, "it had been read while the question was typed"
    follow_up = program.ask("And behind it?")
    assert follow_up.details["image_encodes"] == 0
    assert follow_up.details["evaluated_tokens"] < 120, "it costs itself, and the answer read again"

    close_program(programs, program)
    program = open_program(programs)
    services = program.services
    assert program.drop(whole)
    wait_until(lambda: [p.state for p in services.draft.pictures()] == ["read"], _MODEL_S, "the picture is read ahead")
    assert "The picture is read" in offered(program)
    assert program.ask("And this?").details["image_encodes"] == 0


def test_it_thinks_when_the_switch_is_on(programs: list[Program], tmp_path: Path) -> None:
    program = open_program(programs)
    services = program.services
    composer = program.window.findChild(Composer)
    assert composer is not None
    assert not composer.think.isVisible(), "the built-in model cannot think"
    path = write_qwen35(tmp_path / "thinker.gguf")
    for name, value in (("seed", 1), ("temperature", 0.0), ("max_tokens", 80), ("model", str(path)), ("mmproj", "")):
        services.preferences.set(name, value)
    wait_until(lambda: (info := services.engine.info()) is not None and info.can_think, _MODEL_S)
    assert composer.think.isVisible()
    read_again: list[int] = []
    services.reading_ahead.context.connect(lambda used, _size: read_again.append(used))
    plain = program.ask("What is a star?")
    assert plain.thought == ""
    wait_until(lambda: bool(read_again), _MODEL_S, "the answer is read again, as the template writes it")
    QTest.mouseClick(composer.think, Qt.MouseButton.LeftButton)
    assert composer.think.isChecked()
    phases: list[Phase | None] = []
    services.answers.phase.connect(lambda _id, phase, _details: phases.append(phase))
    thoughtful = program.ask("And the moon?")
    assert Phase.THINKING in phases
    own = len("And the moon?") + 40  # a token for each letter, and what stands around them
    assert thoughtful.details["evaluated_tokens"] < own
    assert plain.details["answer_tokens"] > 25, "which it would have evaluated as well"
    assert thoughtful.thought.strip()
    rows = program.window.transcript.page.rows
    row = rows.row(rows.index_of(thoughtful.id))
    assert not row.thought_head.isNull()
    assert row.thought.isNull()
    assert thoughtful.thought not in row.document.toPlainText()
    # Stop works meanwhile.
    services.preferences.set("max_tokens", 2000)
    services.preferences.set("temperature", 1.0)
    for seed in range(8):  # a model of random numbers may end its thought by chance before it is stopped
        services.preferences.set("seed", seed)
        phases.clear()
        program.type_and_send("Why?")
        wait_until(lambda: Phase.THINKING in phases, _MODEL_S)
        QTest.mouseClick(composer.send, Qt.MouseButton.LeftButton)
        wait_until(lambda: not services.chat.is_busy())
        if services.chat.messages()[-1].state is State.STOPPED:
            break
    assert services.chat.messages()[-1].state is State.STOPPED
