"""What the export dialog asks and chooses."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton

from desktop_app.services.notices import Notice, action
from desktop_app.ui.widgets.question import Question
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question

PAGE, MARKDOWN, JSON = range(3)


class Dialog:
    """The person's choices, one for each time that the dialog is shown: a name, and the place of a format."""

    def __init__(self, *choices: tuple[str, int]) -> None:
        self.choices = list(choices)
        self.suggested: list[str] = []

    def __call__(self, _parent: object, _title: str, suggested: str, kinds: str, _kind: str) -> tuple[str, str]:
        self.suggested.append(suggested)
        name, kind = self.choices.pop(0)
        return name, kinds.split(";;")[kind]


def press(words: str) -> None:
    """Press a button of the question as soon as it is asked."""

    def pressing() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, Question)
        next(button for button in box.findChildren(QPushButton) if button.text().replace("&", "") == words).click()

    QTimer.singleShot(0, pressing)


@pytest.mark.parametrize(
    ("name", "kind", "written"),
    [
        ("lake", PAGE, "lake.html"),
        ("lake", MARKDOWN, "lake.md"),
        ("lake", JSON, "lake.json"),
        ("lake.JSON", PAGE, "lake.JSON"),
        ("lake.MD", PAGE, "lake.MD"),
        ("3.5 metres", JSON, "3.5 metres.json"),
        ("lake.png", JSON, "lake.png.json"),
    ],
)
def test_the_format_is_the_one_chosen(
    window: MainWindow,
    services: FakeServices,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    kind: int,
    written: str,
) -> None:
    services.chat.show(question("?"), answer("!"))
    dialog = Dialog((str(tmp_path / name), kind))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)
    window.dialogs.export_current()
    assert services.calls[-1] == ("export", str(tmp_path / written), services.conversations.current)
    assert Path(dialog.suggested[0]).suffix == ""  # an ending of ours would win over the format chosen


def test_a_file_is_replaced_only_when_that_was_asked(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    services.chat.show(question("?"), answer("!"))
    (tmp_path / "lake.json").touch()
    chosen = (str(tmp_path / "lake"), JSON)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", Dialog(chosen, ("", JSON)))
    press("Cancel")
    window.dialogs.export_current()
    assert [call for call in services.calls if call[0] == "export"] == []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", Dialog(chosen))
    press("Replace")
    window.dialogs.export_current()
    assert services.calls[-1] == ("export", str(tmp_path / "lake.json"), services.conversations.current)


def test_the_notice_opens_the_folder(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[str] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url.toLocalFile())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    file = tmp_path / "lake.html"
    services.notices.post(Notice("exported", {"name": file.name}, actions=(action("show-in-folder", str(file)),)))
    window.notices.buttons[0].click()
    assert opened == [str(tmp_path)]
