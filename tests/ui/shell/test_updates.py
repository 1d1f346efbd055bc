"""Looking for updates, as the window offers and tells it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu

from desktop_app.services.notices import Notice, action
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices

PAGE = "https://releases.test/tag/v0.2.0"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was asked to open; only the first time is there one."""
    addresses: list[str] = []

    def open_url(url: QUrl) -> bool:
        addresses.append(url.toString())
        return len(addresses) == 1

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    return addresses


def press(window: MainWindow) -> None:
    """Take the entry of the Help menu."""
    menu = next(menu for menu in window.menuBar().findChildren(QMenu) if menu.title() == "&Help")
    [entry] = [entry for entry in menu.actions() if entry.text() == "&Check for updates"]
    entry.trigger()


def test_nothing_is_asked_before_it_is_pressed(window: MainWindow, services: FakeServices) -> None:
    assert services.calls == []
    press(window)
    assert services.calls == [("check_for_updates",)]


def test_the_release_page_is_one_click_away(window: MainWindow, services: FakeServices, opened: list[str]) -> None:
    press(window)
    versions = {"newest": "0.2.0", "version": "0.1.0"}
    for _ in range(2):
        services.notices.post(Notice("updates-found", versions, actions=(action("open-releases"),), sticky=True))
        assert window.notices.words.text() == "Eyebright 0.2.0 is out. You have 0.1.0."
        [button] = window.notices.buttons
        assert button.text() == "Open the release page"
        button.click()
    assert opened == [PAGE, PAGE]
    assert window.notices.words.text() == f"No browser could be opened. The page is {PAGE}"
