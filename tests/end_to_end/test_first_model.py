"""The way to a real model: real window, real engine, and real downloads from a Hub on this computer.

From a new home it takes three clicks, and no network before the first.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton

from desktop_app import paths
from desktop_app.chat.conversation import State
from desktop_app.ui.models.card import CatalogueCard
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.models.model_menu import ModelMenu
from desktop_app.ui.notices import NoticeBar
from desktop_app.ui.widgets.question import Question
from model_store.library.importing import import_files
from tests.end_to_end.test_main_job import Program
from tests.end_to_end.test_remedies import buttons, press, said
from tests.helpers.fake_hub import FakeHub
from tests.helpers.waiting import wait_until
from tests.helpers.watched_program import run_watched

pytestmark = pytest.mark.timeout(240)
_MODEL_S = 60.0
_OFFER = "Download LLaVA 1.5 7B"
OUT_OF_REACH = "I am a small demonstration model. I can only talk about simple drawn pictures."
_REPOSITORY = "second-state/Llava-v1.5-7B-GGUF"

# The program runs by itself, with a catalogue of one model; only the loop of Qt is watched, and what is seen clicked.
_WATCHED = """
import sys
from pathlib import Path
from PySide6.QtCore import QElapsedTimer, QTimer, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow, QPushButton
from desktop_app import paths

resources = Path(sys.argv.pop())
paths.resources_folder = lambda: resources
wanted = ["Download", "Accept and download", "Use it now"]
execute = QApplication.exec
waited = QElapsedTimer()
timer = QTimer(interval=50)

def watched(*_application):
    waited.start()
    timer.timeout.connect(look)
    timer.start()
    return execute()

def look():
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
    info = window.services.engine.info()
    buttons = [each for each in QApplication.allWidgets() if isinstance(each, QPushButton) and each.isEnabled()]
    seen = [each for each in buttons if each.text() in wanted[:1] and not each.visibleRegion().isEmpty()]
    if seen:
        print(wanted.pop(0))
        # Not from here: no timer fires again before its slot returns, and a question returns when it is answered.
        QTimer.singleShot(0, lambda: QTest.mouseClick(seen[0], Qt.MouseButton.LeftButton))
    elif (not wanted and info is not None and not info.is_demo) or waited.elapsed() > 20_000:
        timer.stop()
        print("in use" if info is not None and info.model.startswith(str(paths.models_folder(""))) else "not in use")
        window.close()

QApplication.exec = watched
from desktop_app.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    """The program's resources; in the catalogue LLaVA-1.5-7B alone, in its place the built-in model's files."""
    folder = tmp_path / "resources"
    folder.mkdir()
    for path in paths.resources_folder().iterdir():
        if path.name != "catalogue.toml":
            (folder / path.name).symlink_to(path)
    text = (paths.resources_folder() / "catalogue.toml").read_text("utf-8")
    _comment, first, *_others = text.split("[[model]]\n")
    assert "terms = true" in first
    entry = re.sub(r"^sha256 = .*\n", "", first.rsplit("[[model.variant]]", 1)[0], flags=re.MULTILINE)
    entry = re.sub(r"^(size|memory_\w+) = .*", r"\1 = 10_000_000", entry, flags=re.MULTILINE)
    model, projector = (path.name for path in paths.demo_model())
    entry = entry.replace("llava-v1.5-7b-mmproj-model-f16.gguf", projector).replace("llava-v1.5-7b-Q4_K_M.gguf", model)
    (folder / "catalogue.toml").write_text("[[model]]\n" + entry, "utf-8")
    return folder


@pytest.fixture
def hub(resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub with that model, which is the built-in one by another name."""
    files = {path.name: path.read_bytes() for path in paths.demo_model()}
    monkeypatch.setattr(paths, "resources_folder", lambda: resources)
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EYEBRIGHT_MEMORY_LIMIT", "8G")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with FakeHub() as made:
        made.publish(_REPOSITORY, files)
        monkeypatch.setenv("HF_ENDPOINT", made.endpoint)
        yield made


@pytest.fixture
def program(qapp: QApplication, hub: FakeHub) -> Iterator[Program]:
    """The program in a home of its own."""
    opened = Program()
    opened.window.offer_models()  # as the program does a little after it is shown
    yield opened
    opened.close()


@pytest.fixture
def accepting() -> Iterator[None]:
    """Press "Accept and download" in the question that is modal."""

    def accept() -> None:
        for question in QApplication.topLevelWidgets():
            if isinstance(question, Question) and question.isVisible():
                for button in question.findChildren(QPushButton):
                    if button.text() == "Accept and download":
                        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    timer = QTimer(interval=20)
    timer.timeout.connect(accept)
    timer.start()
    yield
    timer.stop()


def offers(program: Program) -> list[QPushButton]:
    """The buttons that are seen whole, and offer the model with its size and time."""
    found = program.window.findChildren(QPushButton)
    seen = [each for each in found if each.visibleRegion().boundingRect() == each.rect()]
    return [each for each in seen if each.accessibleName() == _OFFER]


def progress(program: Program) -> str:
    """What the status line says of a download, "" if nothing."""
    button = program.window.status.download
    return button.accessibleName() if button.visibleRegion().boundingRect() == button.rect() else ""


def test_what_the_built_in_model_cannot_answer_is_asked_again_with_the_model_that_was_downloaded(
    program: Program, hub: FakeHub, accepting: None
) -> None:
    services, window = program.services, program.window
    answer = program.ask("Who was Ada Lovelace?")
    assert answer.text == OUT_OF_REACH
    wait_until(lambda: len(offers(program)) == 1)
    (offer,) = offers(program)
    assert "20 MB · about 3 s at 50 Mbit/s" in said(window.transcript)
    assert window.transcript.isAncestorOf(offer)
    assert offer.property("kind") == "primary"

    hub.shared.pace = 0.05
    QTest.mouseClick(offer, Qt.MouseButton.LeftButton)
    wait_until(lambda: re.search(r"Download: \d+% · .*LLaVA 1.5 7B", progress(program)))
    assert not offers(program), "it comes already"
    wait_until(lambda: "LLaVA 1.5 7B is being downloaded." in said(window.transcript))
    wait_until(lambda: buttons(window.transcript, "Show download"))
    services.conversations.new()
    wait_until(lambda: progress(program) != "", what="it is told in every state of the window")
    services.conversations.open(services.conversations.summaries()[0].id)
    wait_until(lambda: len(services.chat.messages()) == 2)

    # A click leads to it, and it can be paused there.
    QTest.mouseClick(window.status.download, Qt.MouseButton.LeftButton)
    manager = window.findChild(ModelsDialog)
    assert manager is not None
    wait_until(lambda: any(isinstance(card, CatalogueCard) and card.job is not None for card in manager.cards()))
    wait_until(lambda: buttons(manager, "Pause"))
    press(manager, "Pause")
    wait_until(lambda: " · paused · " in progress(program))
    hub.shared.pace = 0.0
    press(manager, "Resume")
    manager.close()

    wait_until(lambda: buttons(window.notices, "Use it now"), _MODEL_S)
    assert progress(program) == ""
    press(window.notices, "Use it now")
    wait_until(lambda: (info := services.engine.info()) is not None and not info.is_demo, _MODEL_S)
    wait_until(lambda: services.chat.messages()[-1].sibling == (1, 2), _MODEL_S, "the earlier answer stays beside it")
    wait_until(lambda: services.chat.messages()[-1].state is State.COMPLETE, _MODEL_S)
    again = services.chat.messages()[-1]
    assert again.details["model"] != answer.details["model"]
    assert (again.parent, again.text) == (answer.parent, OUT_OF_REACH)


def test_nothing_is_asked_again_in_another_conversation(program: Program) -> None:
    services = program.services
    (model,) = import_files(services.models.library(), list(paths.demo_model()))
    services.models.refresh()
    wait_until(lambda: bool(services.models.installed()))
    program.ask("Who was Ada Lovelace?")
    services.models.use_now(model)
    services.conversations.new()
    wait_until(lambda: (info := services.engine.info()) is not None and not info.is_demo, _MODEL_S)
    assert not services.chat.is_busy()
    assert services.chat.messages() == []


def test_why_a_download_stopped_is_said_below_the_window(program: Program, hub: FakeHub, accepting: None) -> None:
    hub.shared.repositories.clear()  # nothing can be fetched
    press(program.window.start_page, "Download")
    why = f"{_REPOSITORY} was not found on 127.0.0.1"
    wait_until(lambda: progress(program).startswith(f"Download: 0% · {why}"))
    assert why in program.window.status.download.toolTip()
    answer = program.ask("Who was Ada Lovelace?")
    assert answer.text == OUT_OF_REACH
    wait_until(lambda: why in said(program.window.transcript), what="in place of the offer below the answer")
    press(program.window.transcript, "Show download")
    wait_until(lambda: bool(program.window.findChildren(ModelsDialog)))
    assert program.window.status.download.text().strip().startswith("0% · "), "shortened, but its beginning is there"


def test_a_photograph_offers_the_model_that_knows_photographs(
    program: Program, hub: FakeHub, accepting: None, tmp_path: Path
) -> None:
    photograph = tmp_path / "photo.jpg"
    noise = Image.effect_noise((640, 480), 90)
    Image.merge("RGB", (noise, noise.rotate(90), noise.rotate(180))).save(photograph, quality=92)
    assert program.drop(photograph)
    bar = program.window.notices
    wait_until(lambda: any(bar.isAncestorOf(each) for each in offers(program)), _MODEL_S)
    assert "photo.jpg looks like a photograph." in said(bar)
    assert "20 MB · about 3 s at 50 Mbit/s" in said(bar)
    hub.__exit__()  # the network is away
    press(bar, _OFFER)
    wait_until(lambda: "127.0.0.1 cannot be reached" in said(bar) and buttons(bar, "Show download"))
    assert "This looks like a photograph." in said(bar)


def test_a_model_is_changed_in_two_clicks_and_gets_its_projector_where_a_picture_waits(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, window = program.services, program.window
    alone = Path(shutil.copy(paths.demo_model()[0], tmp_path / "writer.gguf"))
    (writer,) = import_files(services.models.library(), [alone])
    services.models.refresh()
    wait_until(lambda: bool(services.models.installed()))
    QTest.mouseClick(window.composer.model, Qt.MouseButton.LeftButton)
    menu = window.composer.findChild(ModelMenu)
    assert menu is not None
    wait_until(lambda: "\ttext only · Fits this computer" in menu.actions()[1].text())
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(menu.actions()[1]).center())
    wait_until(lambda: (info := services.engine.info()) is not None and not info.sees, _MODEL_S)
    wait_until(lambda: "writer" in window.composer.model.text())

    picture = tmp_path / "red.png"
    Image.new("RGB", (300, 200), "red").save(picture)
    assert program.drop(picture)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(paths.demo_model()[1]), ""))
    press(window.composer, "Add its projector…")
    wait_until(lambda: (info := services.engine.info()) is not None and info.sees, _MODEL_S)
    wait_until(window.composer.send.isEnabled)
    assert not buttons(window.composer, "Add its projector…")
    assert [model.projector is not None for model in services.models.installed()] == [True]
    assert writer.projector is None


def test_the_manager_tells_what_it_did_while_it_is_open(program: Program) -> None:
    services, window = program.services, program.window
    (model,) = import_files(services.models.library(), list(paths.demo_model()))
    services.models.refresh()
    wait_until(lambda: bool(services.models.installed()))
    window.dialogs.open_models()
    manager = window.findChild(ModelsDialog)
    assert manager is not None
    inside = manager.findChild(NoticeBar)
    assert inside is not None
    services.model_tasks.verify(model)
    wait_until(lambda: "is complete and undamaged." in said(inside), _MODEL_S)
    assert "is complete and undamaged." not in said(window.notices)
    close = inside.close_button
    wait_until(lambda: close.visibleRegion().boundingRect() == close.rect())
    QTest.mouseClick(close, Qt.MouseButton.LeftButton)
    services.models.offer_to_use(model)
    wait_until(lambda: buttons(inside, "Use it now"))
    assert not buttons(window.notices, "Use it now")
    manager.close()
    wait_until(lambda: buttons(window.notices, "Use it now"), what="what stays is told in the window then")
    window.dialogs.open_models()
    wait_until(lambda: buttons(inside, "Use it now") and not buttons(window.notices, "Use it now"))


def test_three_clicks_and_a_downloaded_model_is_in_use(tmp_path: Path, resources: Path) -> None:
    with FakeHub() as hub:
        files = {path.name: path.read_bytes() for path in paths.demo_model()}
        hub.publish(_REPOSITORY, files)
        environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "EYEBRIGHT_MEMORY_LIMIT": "8G"}
        environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
        lines = run_watched(_WATCHED, str(resources), folder=tmp_path, environment=environment)
    assert lines == ["Download", "Accept and download", "Use it now", "in use"]
