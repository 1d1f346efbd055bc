"""A stand-in for the web browser, which no test may start."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app.ui.widgets.question import Question
from tests.helpers.waiting import pump


def asked_to_open(choice: str = "Open") -> str:
    """Answer the question whether to open an address; return the address."""
    (question,) = _asked()
    address = question.text.text().replace("\u200b", "")  # where its lines may break
    next(button for button in question.findChildren(QPushButton) if button.text() == choice).click()
    pump(0)
    return address


def nothing_asked() -> bool:
    """Return whether no question is open."""
    return not _asked()


def _asked() -> list[Question]:
    return [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, Question) and widget.isVisible()]


class Browser:
    """Notes what it was asked to open. `times`: so often, and then there is none any more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int = 100) -> None:
        self.opened: list[str] = []
        self._times = times
        monkeypatch.setattr(QDesktopServices, "openUrl", self._open)

    def _open(self, url: QUrl) -> bool:
        self.opened.append(url.toString())
        return len(self.opened) <= self._times
