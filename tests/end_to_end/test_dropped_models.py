"""A model on a USB stick is dropped on the real window, taken, used, and sees."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from desktop_app.paths import demo_model
from desktop_app.ui.widgets.question import Question
from model_store.library.installed import InstalledModel
from tests.end_to_end.test_main_job import Program
from tests.engine.questions import draw
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A folder as "Copy to a folder..." leaves it on a stick, as far as its files go."""
    folder = tmp_path / "stick" / "Tiny – 小"
    folder.mkdir(parents=True)
    for path in demo_model():
        copyfile(path, folder / path.name)
    return folder


def _taken(program: Program, dropped: Path, button: str) -> InstalledModel:
    """Drop a model, press a button of the question that follows, and return the model."""
    pressed: list[str] = []

    def press() -> None:
        for question in program.window.findChildren(Question):
            for one in question.findChildren(QPushButton):
                if question.isVisible() and one.text() == button and not pressed:
                    pressed.append(one.text())
                    QTest.mouseClick(one, Qt.MouseButton.LeftButton)

    timer = QTimer(interval=20)  # the question is modal
    timer.timeout.connect(press)
    timer.start()
    assert program.drop(dropped)
    wait_until(lambda: bool(program.services.models.installed()), 60, "the model is in the library")
    timer.stop()
    assert pressed == [button]
    (model,) = program.services.models.installed()
    return model


def test_a_folder_from_a_stick_is_copied_and_used(program: Program, stick: Path, tmp_path: Path) -> None:
    model = _taken(program, stick, "Copy")
    assert not model.in_place
    assert tmp_path / "home" in model.model.parents
    for path in stick.iterdir():
        path.unlink()  # the stick is pulled out
    program.services.models.use(model)
    wait_until(lambda: (info := program.services.engine.info()) is not None and info.model == str(model.model), 60)
    assert program.drop(Path(draw(tmp_path / "disc.png", "red").path))
    assert "red" in program.ask("What colour is the circle?").text


def test_files_are_used_where_they_are(program: Program, stick: Path) -> None:
    """One of the pair is dropped; the other lies beside it."""
    before = {path: path.read_bytes() for path in stick.iterdir()}
    model = _taken(program, stick / demo_model()[0].name, "Use it where it is")
    assert model.in_place
    assert model.model == stick / demo_model()[0].name
    assert model.projector == stick / demo_model()[1].name
    program.services.models.use(model)
    wait_until(lambda: (info := program.services.engine.info()) is not None and info.model == str(model.model), 60)
    program.services.models.remove(model)
    wait_until(lambda: program.services.models.installed() == [])
    assert {path: path.read_bytes() for path in stick.iterdir()} == before, "nothing of the person's is changed"
