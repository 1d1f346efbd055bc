"""The list of models as a person meets it: same models, same names, changes from the command line. Real window."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from desktop_app.paths import demo_model
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.widgets.question import Question
from model_store.library.installed import InstalledModel
from tests.cli.running import run_verb
from tests.end_to_end.test_main_job import Program
from tests.end_to_end.test_model_away import says
from tests.end_to_end.test_remedies import press, said
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
_SOON_S = 15.0


@pytest.fixture
def add(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question about adding is answered with a copy."""
    monkeypatch.setattr(Question, "exec", lambda _question: 1)


def copy(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    return Path(shutil.copy(demo_model()[0], folder / name))


def models_of(program: Program) -> list[InstalledModel]:
    return program.services.models.installed()


def opened(program: Program) -> ModelsDialog:
    program.window.dialogs.open_models()
    dialog = program.window.findChild(ModelsDialog)
    assert dialog is not None
    return dialog


def add_files(program: Program, monkeypatch: pytest.MonkeyPatch, *files: Path) -> ModelsDialog:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: ([str(file) for file in files], ""))
    dialog = opened(program)
    press(dialog, "Add files…")
    return dialog


@pytest.mark.usefixtures("add")
def test_a_model_that_is_here_under_another_name_is_called_by_both(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = copy(tmp_path / "a", "painter-F16.gguf"), copy(tmp_path / "b", "sketcher-F16.gguf")
    dialog = add_files(program, monkeypatch, first)
    wait_until(lambda: says(dialog, "painter-F16 is ready to use."), _SOON_S)
    add_files(program, monkeypatch, second)
    wait_until(lambda: says(dialog, "sketcher-F16 is here already, as painter-F16."), _SOON_S)
    add_files(program, monkeypatch, first)
    wait_until(lambda: says(dialog, "painter-F16 is here already."), _SOON_S)
    assert len(models_of(program)) == 1


@pytest.mark.usefixtures("add")
def test_a_model_is_judged_by_its_contents_not_by_its_name(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = add_files(program, monkeypatch, copy(tmp_path / "a", "llava-phi-3-mini-Q4.gguf"))
    wait_until(lambda: says(dialog, "llava-phi-3-mini-Q4 is ready to use."), _SOON_S)
    dialog.show_part("installed")
    wait_until(lambda: says(dialog, "cannot see pictures"), _SOON_S)


def test_what_the_command_line_does_shows_in_the_open_window(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine, dialog = program.services.engine, opened(program)
    dialog.show_part("installed")
    wait_until(lambda: says(dialog, "Eyebright tiny (built-in)"), _SOON_S)
    file = copy(tmp_path / "a", "painter-F16.gguf")
    assert run_verb("models", "import", str(file)) == 0
    wait_until(lambda: says(dialog, "painter-F16"), _SOON_S)
    card = next(card for card in dialog.cards() if card.accessibleName() == "painter-F16")
    press(card, "Use")
    wait_until(lambda: (info := engine.info()) is not None and info.name == "painter-F16", 60)
    assert run_verb("models", "remove", models_of(program)[0].id) == 0
    assert "An open window changes to the built-in model" in capsys.readouterr().err
    wait_until(lambda: "painter-F16" not in [card.accessibleName() for card in dialog.cards()], _SOON_S)
    wait_until(lambda: (info := engine.info()) is not None and info.is_demo, 60)
    assert any(notice.text_code == "model-gone" for notice in program.notices)


def test_models_of_the_same_name_are_told_apart(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, change in (("first", b""), ("second", b"\0")):
        file = copy(tmp_path / folder, "painter-F16.gguf")
        file.write_bytes(file.read_bytes() + change)
        assert run_verb("models", "import", "--in-place", str(file)) == 0
    dialog = opened(program)
    folders = ("first", "second")
    wait_until(lambda: says(dialog, *(f"painter-F16 ({folder})" for folder in folders)), _SOON_S)
    capsys.readouterr()
    assert run_verb("models", "list") == 0
    listed = capsys.readouterr().out
    assert all(f"painter-F16 ({folder})" in listed for folder in folders)
    program.window.offer_models()  # as the program does soon after its window is there
    for model in models_of(program):
        program.services.models.use(model)
        called = f"painter-F16 ({model.model.parent.name})"
        wait_until(partial(in_use_as, program, model, called), 60)


def in_use_as(program: Program, model: InstalledModel, called: str) -> bool:
    info, window = program.services.engine.info(), program.window
    loaded = info is not None and info.model == str(model.model)
    return loaded and called in window.status.model.text() and called == window.composer.model.text()


def test_it_opens_on_what_is_installed(program: Program, tmp_path: Path) -> None:
    dialog = opened(program)
    dialog.activateWindow()
    wait_until(dialog.search.hasFocus, _SOON_S)
    assert dialog.parts.buttons["catalogue"].isChecked(), "nothing is installed"
    dialog.close()
    assert run_verb("models", "import", str(copy(tmp_path / "a", "painter-F16.gguf"))) == 0
    opened(program).activateWindow()
    wait_until(lambda: "painter-F16" in said(dialog), _SOON_S)
    wait_until(dialog.search.hasFocus, _SOON_S)
    assert dialog.parts.buttons["installed"].isChecked()
    QTest.mouseClick(dialog.parts.buttons["catalogue"], Qt.MouseButton.LeftButton)
    assert dialog.parts.buttons["catalogue"].hasFocus()
