"""A model whose disk was away is started again from inside the program: real window, real engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.assembly import build
from desktop_app.chat.conversation import State
from desktop_app.paths import demo_model, models_folder, settings_file
from desktop_app.settings import Settings
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.window import MainWindow
from model_store.library.importing import import_files
from model_store.library.installed import InstalledModel
from model_store.library.library import Library
from tests.end_to_end.test_main_job import Program
from tests.end_to_end.test_remedies import buttons, press, said
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
_MODEL_S = 60.0
_SOON_S = 10.0


class AwayProgram(Program):
    """The program whose model cannot be loaded at the start."""

    def __init__(self) -> None:
        self.services = build()
        self.window = MainWindow(self.services)
        self.notices = []
        self.services.start()
        self.window.show()
        wait_until(lambda: self.services.engine.state() == "failed", _MODEL_S)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder with the files of a model."""
    disk = tmp_path / "disk"
    disk.mkdir()
    model, projector = demo_model()
    shutil.copy(model, disk / "painter-F16.gguf")
    shutil.copy(projector, disk / "mmproj-painter-F16.gguf")
    return disk


@pytest.fixture
def model(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstalledModel:
    """That model, used where it is, and chosen; then its disk was taken away."""
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    (made,) = import_files(Library(models_folder("")), sorted(disk.iterdir()), in_place=True)
    settings, _ = Settings.load(settings_file())
    settings.set("model", str(made.model))
    settings.set("mmproj", str(made.projector))
    settings.save()
    disk.rename(tmp_path / "unplugged")
    return made


@pytest.fixture
def program(qapp: QApplication, model: InstalledModel) -> Iterator[Program]:
    opened = AwayProgram()
    yield opened
    opened.close()


def says(widget: QWidget, *words: str) -> bool:
    return all(word in said(widget) for word in words)


def plug_in(disk: Path) -> None:
    (disk.parent / "unplugged").rename(disk)


def test_it_is_named_with_the_reason_and_tried_again(program: Program, disk: Path) -> None:
    window, engine = program.window, program.services.engine
    wait_until(partial(says, window.notices, "painter-F16", "Connect the disk", str(disk)), _SOON_S)
    words = window.start_page.model.whole_text()
    assert all(each in words for each in ("painter-F16", "Connect the disk", str(disk)))
    assert "ownload" not in said(window.notices), "it was never downloaded"
    assert "painter-F16" in window.status.model.text()
    press(window.start_page, "Try again")
    wait_until(lambda: engine.state() == "failed", _MODEL_S)
    plug_in(disk)
    press(window.notices, "Try again")
    wait_until(lambda: engine.state() == "ready", _MODEL_S)
    wait_until(lambda: "painter-F16 runs on this computer" in said(window.start_page), _SOON_S)
    assert not buttons(window.start_page, "Try again")
    assert "Connect the disk" not in said(window.notices)


def test_the_manager_uses_it_again(program: Program, disk: Path) -> None:
    window, engine = program.window, program.services.engine
    window.dialogs.open_models()
    dialog = window.findChild(ModelsDialog)
    assert dialog is not None
    dialog.show_part("installed")
    wait_until(lambda: "Connect the disk" in said(dialog), _SOON_S)
    plug_in(disk)
    dialog.close()
    window.dialogs.open_models()

    def fitting() -> list[QWidget]:
        cards = [card for card in dialog.cards() if card.accessibleName() == "painter-F16"]
        return [card for card in cards if "Fits this computer" in said(card)]

    wait_until(fitting, _SOON_S)
    [card] = fitting()
    assert "Not loaded" in said(card)
    press(card, "Use")
    wait_until(lambda: engine.state() == "ready", _MODEL_S)
    wait_until(
        lambda: any("In use" in said(card) for card in dialog.cards() if card.accessibleName() == "painter-F16"),
        _SOON_S,
    )


def test_sending_and_asking_again_try_to_load_it(program: Program, disk: Path) -> None:
    services, window = program.services, program.window
    QTest.mouseClick(window.start_page.cards[0], Qt.MouseButton.LeftButton)
    wait_until(lambda: len(services.chat.messages()) == 2 and not services.chat.is_busy(), _MODEL_S)
    failed = services.chat.messages()[-1]
    assert failed.state is State.FAILED
    assert failed.details["error"]["code"] == "model-away"
    page = window.transcript.page
    wait_until(lambda: buttons(page, "Ask again") and buttons(page, "Choose a model…"), _SOON_S)
    assert window.composer.send.isEnabled() is False, "nothing is written"
    window.composer.insert_text("What shape is it?")
    assert window.composer.send.isEnabled()
    plug_in(disk)
    press(page, "Ask again")
    wait_until(lambda: not services.chat.is_busy() and services.chat.messages()[-1].state is State.COMPLETE, _MODEL_S)
    QTest.mouseClick(window.composer.send, Qt.MouseButton.LeftButton)
    wait_until(
        lambda: len(services.chat.messages()) == 4 and services.chat.messages()[-1].state is State.COMPLETE, _MODEL_S
    )


def test_the_arrow_of_a_failed_answer_loads_it(program: Program, disk: Path) -> None:
    services, window = program.services, program.window
    QTest.mouseClick(window.start_page.cards[0], Qt.MouseButton.LeftButton)
    wait_until(lambda: len(services.chat.messages()) == 2 and not services.chat.is_busy(), _MODEL_S)
    plug_in(disk)
    page = window.transcript.page
    window.activateWindow()
    wait_until(lambda: buttons(page, "Ask again"), _SOON_S)
    page.setFocus(Qt.FocusReason.TabFocusReason)
    page.keyboard.focus_message(1)
    again = window.transcript.last_bar.regenerate
    wait_until(again.isVisible, _SOON_S)
    QTest.mouseClick(again, Qt.MouseButton.LeftButton)
    wait_until(lambda: not services.chat.is_busy() and services.chat.messages()[-1].state is State.COMPLETE, _MODEL_S)
