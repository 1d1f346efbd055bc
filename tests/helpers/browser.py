"""A stand-in for the web browser, which no test may start."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices


class Browser:
    """Notes what it was asked to open. `times`: so often, and then there is none any more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int = 100) -> None:
        self.opened: list[str] = []
        self._times = times
        monkeypatch.setattr(QDesktopServices, "openUrl", self._open)

    def _open(self, url: QUrl) -> bool:
        self.opened.append(url.toString())
        return len(self.opened) <= self._times
