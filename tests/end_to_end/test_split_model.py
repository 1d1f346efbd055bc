"""A model in several files, added in the real window and asked: from the disk, and from a Hub on 127.0.0.1."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from desktop_app.paths import demo_model
from desktop_app.ui.models.add_dialogs import AddModelDialog
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.notices import NoticeBar
from desktop_app.ui.widgets.question import Question
from tests.end_to_end.test_main_job import Program, open_program, programs, red_circle
from tests.helpers.cards import button, words_of
from tests.helpers.fake_hub import FakeHub
from tests.helpers.waiting import wait_until
from tests.random_models.splitting import split_gguf

__all__ = ["programs", "red_circle"]  # fixtures

pytestmark = pytest.mark.timeout(240)
_SOME_S = 60.0
STEM = "tiny-llava-F16"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The built-in model in three files, and its projector."""
    model, projector = demo_model()
    folder = tmp_path / "downloads"
    parts = split_gguf(model, folder, STEM, tensors=15)
    return [*parts, Path(shutil.copy(projector, folder / "mmproj-tiny-llava-f16.gguf"))]


@contextmanager
def pressing(text: str) -> Iterator[list[str]]:
    """Press a button of the next question that is shown; give what it said."""
    said: list[str] = []

    def look() -> None:
        question = QApplication.activeModalWidget()
        if isinstance(question, Question):
            watch.stop()
            said.append(words_of(question))
            QTest.mouseClick(button(question, text), Qt.MouseButton.LeftButton)

    watch = QTimer(interval=20)
    watch.timeout.connect(look)
    watch.start()
    yield said
    wait_until(lambda: bool(said), _SOME_S)


def _dialog(program: Program) -> ModelsDialog:
    found = program.window.findChild(ModelsDialog)
    assert found is not None
    return found


def _press(within: Callable[[], QWidget | None], text: str) -> None:
    """Press a button as soon as it is there."""

    def there() -> QPushButton | None:
        widget = within()
        buttons = widget.findChildren(QPushButton) if widget is not None else []
        return next((one for one in buttons if one.text() == text and one.isVisible() and one.isEnabled()), None)

    wait_until(lambda: there() is not None, _SOME_S, f"the button {text}")
    found = there()
    assert found is not None
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def _use_and_ask(program: Program, red_circle: Path, count: int) -> None:
    """Use the model that is ready, and ask about a picture."""
    wait_until(lambda: len(program.services.models.installed()) == 1, _SOME_S)
    (model,) = program.services.models.installed()
    _press(lambda: _dialog(program).findChild(NoticeBar), "Use it now")  # the manager is open
    assert len(model.files) == count
    wait_until(lambda: (info := program.services.engine.info()) is not None and info.model == str(model.model), _SOME_S)
    _dialog(program).close()
    assert program.drop(red_circle)
    wait_until(lambda: [picture.state for picture in program.services.draft.pictures()] == ["read"], _SOME_S)
    assert "red circle" in program.ask("What is in the picture?").text
    info = program.services.engine.info()
    assert info is not None
    assert (info.name, info.is_demo) == (model.title, False)


def test_one_part_dropped_on_the_window_brings_the_others(
    programs: list[Program], files: list[Path], red_circle: Path
) -> None:
    program = open_program(programs)
    aside = files[2].rename(files[2].with_suffix(".aside"))
    with pressing("Close") as said:
        assert program.drop(files[1])
    assert f"{STEM} is a model in 3 files, and its folder lacks {files[2].name}." in said[0]
    aside.rename(files[2])
    with pressing("Copy") as said:
        assert program.drop(files[1])
    assert f"{STEM}, 11 MB in 3 files, with {files[3].name}" in said[0]
    _use_and_ask(program, red_circle, 4)


def test_a_split_model_of_a_repository_is_looked_up_and_downloaded(
    programs: list[Program], files: list[Path], red_circle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with FakeHub() as hub:
        hub.publish("someone/tiny", {f"F16/{path.name}": path.read_bytes() for path in files})
        program = open_program(programs)
        program.services.preferences.set("proxy", "none")
        program.services.preferences.set("hub_address", hub.endpoint)
        program.window.dialogs.open_models()
        _press(lambda: _dialog(program), "Add from Hugging Face…")
        adding = _dialog(program).findChild(AddModelDialog)
        assert adding is not None
        QTest.keyClicks(adding.name, "someone/tiny")
        QTest.keyClick(adding.name, Qt.Key.Key_Return)
        wait_until(lambda: bool(adding.cards), _SOME_S)
        (card,) = adding.cards
        said = words_of(card)
        assert STEM in said
        assert f"11 MB in 3 files with {files[3].name}" in said
        with pressing("Accept and download"):
            _press(lambda: card, "Download")
        _use_and_ask(program, red_circle, 4)
