"""Files that are no pictures are pasted among pictures: one notice tells it, and leaves with the question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.end_to_end.test_main_job import Program
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
_MODEL_S = 60.0


@pytest.fixture
def program(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """The program in a home of its own."""
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    opened = Program()
    yield opened
    opened.close()


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
    assert sorted(lines.item(row).text().split(" ")[0] for row in range(lines.count())) == [
        f"{number}.pdf" for number in range(4)
    ]
    QTest.keyClicks(window.composer.editor, "What is this?")
    QTest.keyClick(window.composer.editor, Qt.Key.Key_Return)
    wait_until(lambda: len(services.chat.messages()) == 2)
    assert window.notices.current() is None
    services.chat.stop()
    wait_until(lambda: not services.chat.is_busy(), _MODEL_S)
