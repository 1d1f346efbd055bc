"""If a folder cannot be created, one sentence says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app import paths
from desktop_app.errors import UserError


def test_all_folders_lie_below_the_home_that_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    paths.make_folders()
    assert {folder.name for folder in (tmp_path / "home").iterdir()} == {"config", "data", "cache", "log"}


def test_an_unpacked_program_may_have_its_data_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EYEBRIGHT_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "usual"))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "stick" / "eyebright"))
    beside = tmp_path / "stick" / "eyebright-data"
    if sys.platform == "linux":
        assert paths.history_file().is_relative_to(tmp_path / "usual")
    beside.mkdir(parents=True)
    assert paths.history_file() == beside / "data" / "conversations.sqlite"
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "asked"))
    assert paths.history_file().is_relative_to(tmp_path / "asked")
    monkeypatch.delenv("EYEBRIGHT_HOME")
    monkeypatch.setattr(sys, "frozen", False)
    assert not paths.models_folder().is_relative_to(beside)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("a file is in the way")
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    with pytest.raises(UserError) as error:
        paths.make_folders()
    assert error.value.code == "folder-unusable"
    assert str(tmp_path / "home") in str(error.value)


def test_the_window_says_so_and_does_not_open(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file is in the way")
    # The box waits for a click; here a timer gives it.
    program = (
        "from PySide6.QtCore import QTimer; from PySide6.QtWidgets import QMessageBox;"
        "show = QMessageBox.exec;"
        "QMessageBox.exec = lambda box: (print(box.text()), QTimer.singleShot(0, box.accept), show(box));"
        "import sys; from desktop_app.assembly import run_window; sys.exit(run_window())"
    )
    environment = {**os.environ, "EYEBRIGHT_HOME": str(tmp_path / "home")}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert str(tmp_path / "home") in result.stdout
    assert result.stdout.strip() in result.stderr.splitlines()
