"""What went wrong with a model or a question is put right with the buttons that say so: real window, real engine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLabel, QWidget

from desktop_app.chat.conversation import State
from desktop_app.paths import demo_model
from model_store.library.importing import import_files
from tests.end_to_end.test_main_job import Program
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
_MODEL_S = 60.0
_SOON_S = 10.0


@pytest.fixture
def program(program: Program) -> Program:
    program.window.offer_models()  # as the program does a little after it is shown
    return program


@pytest.fixture
def circle(tmp_path: Path) -> Path:
    """A picture of a red circle."""
    path = tmp_path / "circle.png"
    picture = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(picture).ellipse((120, 70, 280, 230), fill=(220, 30, 30))
    picture.save(path)
    return path


def buttons(widget: QWidget, text: str) -> list[QAbstractButton]:
    """Return the buttons with these words that a person sees whole."""
    return [
        each
        for each in widget.findChildren(QAbstractButton)
        if each.text() == text and each.visibleRegion().boundingRect() == each.rect()
    ]


def press(widget: QWidget, text: str) -> None:
    """Press the button with these words as soon as it is seen."""
    wait_until(lambda: buttons(widget, text), _SOON_S, f"a button “{text}” is seen")
    QTest.mouseClick(buttons(widget, text)[0], Qt.MouseButton.LeftButton)


def said(widget: QWidget) -> str:
    """Return the words that are seen."""
    return "\n".join(each.text() for each in widget.findChildren(QLabel) if each.isVisible())


def test_a_model_without_its_projector_gets_it_where_it_is_missed(
    program: Program, circle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, window = program.services, program.window
    assert program.drop(circle)
    wait_until(lambda: not services.draft.is_checking())
    assert program.ask("What colour is the circle?").state is State.COMPLETE

    model_file, projector = demo_model()
    alone = Path(shutil.copy(model_file, tmp_path / "painter-F16.gguf"))
    (model,) = import_files(services.models.library(), [alone])
    services.models.refresh()
    wait_until(lambda: bool(services.models.installed()))
    services.models.use(model)
    wait_until(lambda: (info := services.engine.info()) is not None and not info.sees, _MODEL_S)

    # In the old conversation, which has a picture.
    failed = program.ask("And what shape is it?")
    assert failed.details["error"] == {"code": "projector-needed", "parameters": {"model": "painter-F16"}}
    page = window.transcript.page
    wait_until(lambda: buttons(page, "Add its projector…") and buttons(page, "Choose a model…"), _SOON_S)

    # On the page of a new one.
    services.conversations.new()
    start = window.start_page
    wait_until(lambda: "painter-F16 cannot see pictures" in said(start), _SOON_S)
    assert "Drop a picture here" not in said(start)
    assert "Or try one of these" not in said(start), "the examples are pictures"
    assert not any(card.isVisible() for card in start.cards)
    wait_until(lambda: "Talk about photos: " in said(start), _SOON_S, "a model that sees is offered")
    assert buttons(start, "Download")

    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(projector), ""))
    press(start, "Add its projector…")
    wait_until(lambda: (info := services.engine.info()) is not None and info.sees, _MODEL_S)
    wait_until(lambda: "Drop a picture here" in said(start), _SOON_S)
    assert all(card.isVisible() for card in start.cards)

    # The question that failed can now be asked again.
    services.conversations.open(services.conversations.summaries()[0].id)
    wait_until(lambda: len(services.chat.messages()) == 4 or len(services.chat.messages()) == 5)
    press(page, "Ask again")
    wait_until(lambda: not services.chat.is_busy() and services.chat.messages()[-1].state is State.COMPLETE, _MODEL_S)
    assert "circle" in services.chat.messages()[-1].text.lower()
    assert not buttons(page, "Add its projector…")


def test_a_question_that_does_not_fit_is_taken_back_and_sent_smaller(program: Program, circle: Path) -> None:
    services, window = program.services, program.window
    assert program.drop(circle, circle)
    wait_until(lambda: not services.draft.is_checking())
    window.composer.insert_text("How many words are there? " + "word " * 3000)
    QTest.keyClick(window.composer.editor, Qt.Key.Key_Return)
    wait_until(lambda: len(services.chat.messages()) == 2 and not services.chat.is_busy(), _MODEL_S)
    assert services.chat.messages()[-1].details["error"]["code"] == "context-too-small"

    page = window.transcript.page
    wait_until(lambda: buttons(page, "Open the settings…"), _SOON_S)
    press(page, "Edit the question")
    wait_until(lambda: len(services.draft.pictures()) == 2, _SOON_S)
    assert window.composer.editor.toPlainText().startswith("How many words are there?")
    assert window.composer.editor.hasFocus()
    strip = window.composer.strip
    wait_until(strip.isVisible, _SOON_S)
    strip.thumbnails()[0].setFocus()  # so its cross is there
    QTest.mouseClick(strip.thumbnails()[0].close_button, Qt.MouseButton.LeftButton)
    wait_until(lambda: len(services.draft.pictures()) == 1, _SOON_S)
    window.composer.editor.set_text("What colour is the circle?")
    QTest.keyClick(window.composer.editor, Qt.Key.Key_Return)
    wait_until(lambda: len(services.chat.messages()) == 2 and not services.chat.is_busy(), _MODEL_S)
    question, answer = services.chat.messages()
    assert (answer.state, len(question.pictures)) == (State.COMPLETE, 1)
    assert "red" in answer.text.lower()
    wait_until(lambda: services.chat.messages()[0].sibling == (1, 2), _SOON_S, "the first is kept beside it")


def test_pasted_files_that_are_refused_are_one_notice_until_the_question_is_sent(
    program: Program, tmp_path: Path
) -> None:
    services, window = program.services, program.window
    wait_until(lambda: services.engine.state() == "ready", _MODEL_S)
    files = []
    for number in range(4):
        picture, other = tmp_path / f"{number}.png", tmp_path / f"{number}.pdf"
        Image.new("RGB", (64 + number, 48), "white").save(picture)
        other.write_bytes(b"%PDF-1.7 no picture")
        files += [picture, other]
    pasted = QMimeData()
    pasted.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    QGuiApplication.clipboard().setMimeData(pasted)
    window.composer.focus_editor()
    QTest.keyClick(window.composer.editor, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    wait_until(lambda: window.notices.words.text() == "4 of 8 files could not be added.", 30)
    wait_until(lambda: len(services.draft.pictures()) == 4 and not services.draft.is_checking())
    assert not window.notices.next_button.isVisible(), "nothing else is behind it"
    QTest.mouseClick(window.notices.buttons[0], Qt.MouseButton.LeftButton)
    lines = window.notices.list
    assert lines is not None
    reason, names = lines.toPlainText().split("\n")
    assert reason.startswith("Each of these is not a picture that Eyebright can read."), "once for all of them"
    assert sorted(names.split(", ")) == [f"{number}.pdf" for number in range(4)]
    QTest.keyClicks(window.composer.editor, "What is this?")
    QTest.keyClick(window.composer.editor, Qt.Key.Key_Return)
    wait_until(lambda: len(services.chat.messages()) == 2)
    assert window.notices.current() is None
    services.chat.stop()
    wait_until(lambda: not services.chat.is_busy(), _MODEL_S)
