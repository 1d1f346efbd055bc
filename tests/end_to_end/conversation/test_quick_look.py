"""The whole program looks quickly, and then at the whole: real window, real engine, a small LLaVA of 256 rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app.chat.conversation import LOOKS_KEY, Message, State
from desktop_app.paths import models_folder, settings_file
from desktop_app.settings import Settings
from desktop_app.ui.composer.detail_choice import DetailChoice
from desktop_app.ui.status import StatusLine
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.view import TranscriptView
from model_store.library.importing import import_files
from model_store.library.library import Library
from tests.cli.running import run_verb
from tests.end_to_end.test_main_job import Program
from tests.helpers.paths import REPOSITORY
from tests.helpers.waiting import wait_until
from tests.images.files import scene
from tests.random_models.llava import Sizes, write_language_model, write_projector

pytestmark = pytest.mark.timeout(240)
SIZES = Sizes(width=256, side=224, context=2048)
ROWS, QUICK = 256, 86


def files(folder: Path) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    return write_language_model(folder / "model.gguf", SIZES), write_projector(folder / "mmproj.gguf", SIZES)


@pytest.fixture
def program(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """The program with the small LLaVA; answers are short."""
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    (made,) = import_files(Library(models_folder("")), list(files(tmp_path / "files")), in_place=True)
    settings, _ = Settings.load(settings_file())
    for name, value in (("model", made.model), ("mmproj", made.projector), ("max_tokens", 16), ("temperature", 0.0)):
        settings.set(name, value if isinstance(value, int | float) else str(value))
    settings.save()
    program = Program()
    yield program
    program.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "scene.png"
    scene().save(path)
    return path


def document(path: Path) -> Path:
    """Save a page full of text."""
    picture = Image.new("RGB", (800, 1000), "white")
    font = ImageFont.truetype(str(REPOSITORY / "resources/fonts/eyebright-inter-regular.ttf"), 20)
    draw = ImageDraw.Draw(picture)
    for y in range(60, 900, 30):
        draw.text((60, y), "Two apples, 3 pears and one quince: 4.50 in all.", "black", font)
    picture.save(path)
    return path


def are_read(program: Program) -> bool:
    return {one.state for one in program.services.draft.pictures()} == {"read"}


def looks(program: Program) -> tuple[tuple[int, int], ...]:
    return program.services.chat.messages()[-1].looks


def buttons(program: Program) -> list[QPushButton]:
    view = program.window.findChild(TranscriptView)
    assert view is not None
    return [button for button in view.remedies.buttons if button.isVisible()]


class Closer:
    """Counts how often the whole was looked at in idle time, to its end, and what the status line said meanwhile."""

    def __init__(self, program: Program) -> None:
        self.times = 0
        self.said: list[str] = []
        status = program.window.findChild(StatusLine)
        assert status is not None
        self._model = status.model
        program.services.reading_ahead.looking_closely.connect(self._heard)

    def _heard(self, begun: bool) -> None:
        if begun:
            self.said.append(self._model.text())
        else:
            self.times += 1


def test_first_quickly_then_at_the_whole(program: Program, photo: Path) -> None:
    closer = Closer(program)
    services = program.services
    services.preferences.set("picture_look", "quick")  # no whole look before the first answer
    assert program.drop(photo)
    wait_until(lambda: are_read(program), 60)
    choice = program.window.findChild(DetailChoice)
    assert choice is not None
    assert choice.note.whole_text() == f"At least {QUICK} of {ROWS} tokens are read"
    answer = program.ask("what is the star")
    assert looks(program) == ((QUICK, ROWS),)
    assert f"Quick look: {QUICK} of {ROWS} tokens." in words.mark(answer)
    wait_until(lambda: closer.times == 1, 60, "the whole is looked at while nobody asks")
    assert closer.said[0].endswith("Looking closely")
    after = program.ask("which colour")
    assert looks(program) == (), "the whole was there"
    assert after.details["evaluated_tokens"] < 40, "sending cost the question only"
    assert after.details["image_encodes"] == 0


def test_look_closely_and_answer_again(program: Program, photo: Path) -> None:
    program.services.preferences.set("reading_ahead", False)
    assert program.drop(photo)
    wait_until(lambda: not program.services.draft.is_checking(), 60)
    answer = program.ask("what is the star")
    assert looks(program) == ((QUICK, ROWS),)
    [button] = buttons(program)
    assert button.text() == "Look closely and answer again"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def is_answered() -> bool:
        last = program.services.chat.messages()[-1]
        return last.id != answer.id and last.state is not State.STREAMING and not program.services.chat.is_busy()

    wait_until(is_answered, 60)
    assert looks(program) == ()
    assert buttons(program) == []
    program.services.chat.show_sibling(program.services.chat.messages()[-1].id, -1)
    wait_until(lambda: program.services.chat.messages()[-1].id == answer.id)
    assert looks(program) == ((QUICK, ROWS),), "kept in the history with its version"


def test_automatic_tells_documents_and_questions_for_text(program: Program, photo: Path, tmp_path: Path) -> None:
    program.services.preferences.set("reading_ahead", False)
    plain = tmp_path / "plain.png"
    Image.new("RGB", (400, 300), (90, 140, 60)).save(plain)
    for picture, question, told in (
        (photo, "what does it say", ()),
        (document(tmp_path / "page.png"), "is it red", ()),
        (plain, "is it red", ((QUICK, ROWS),)),
    ):
        program.services.conversations.new()
        assert program.drop(picture)
        wait_until(lambda: not program.services.draft.is_checking(), 60)
        assert program.ask(question).looks == told, question


def test_it_is_exported_and_imported_as_numbers(program: Program, photo: Path, tmp_path: Path) -> None:
    assert program.drop(photo)
    wait_until(lambda: not program.services.draft.is_checking(), 60)
    program.services.preferences.set("reading_ahead", False)
    program.ask("what is the star")
    target = tmp_path / "talk.json"
    program.services.exports.export(str(target))
    wait_until(target.exists, 30)
    written = json.loads(target.read_text("utf-8"))["messages"][-1]["details"]
    assert written[LOOKS_KEY] == [[QUICK, ROWS]]
    before = program.services.conversations.current_id()
    program.services.exports.import_file(str(target))
    wait_until(lambda: program.services.conversations.current_id() != before, 30)
    wait_until(lambda: len(program.services.chat.messages()) == 2, 30)
    messages: list[Message] = program.services.chat.messages()
    assert (messages[-1].looks, messages[0].details["look"]) == (((QUICK, ROWS),), "automatic")


def test_the_command_line_looks_as_it_is_told(
    tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    model, mmproj = files(tmp_path / "files")
    page = document(tmp_path / "page.png")
    ask = ("ask", "--model", str(model), "--mmproj", str(mmproj), "--json", "--greedy", "--max-tokens", "2")
    for picture, question, look, rows in (
        (photo, "is it red", (), ROWS),
        (photo, "is it red", ("--look", "quick"), QUICK),
        (photo, "is it red", ("--look", "automatic"), QUICK),
        (photo, "what does it say", ("--look", "automatic"), ROWS),
        (page, "is it red", ("--look", "automatic"), ROWS),
    ):
        assert run_verb(*ask, *look, str(picture), "-p", question) == 0
        told = json.loads(capsys.readouterr().out)["pictures"]
        assert [(one["rows"], one["of_rows"]) for one in told] == [(rows, ROWS)], (question, look)
    plain = [word for word in ask if word != "--json"]
    assert run_verb(*plain, "--look", "quick", str(photo), "-p", "is it red") == 0
    assert f"quick look: {QUICK} of {ROWS} tokens" in capsys.readouterr().err
