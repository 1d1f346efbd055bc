"""The whole program with nothing replaced, in a home that nobody has used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from tests.end_to_end.test_main_job import Program


@pytest.fixture
def program(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    opened = Program()
    yield opened
    opened.close()
