"""The check for updates in the window's menu and notices."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from desktop_app.services.notices import Notice, action
from desktop_app.ui.widgets.question import Question
from desktop_app.ui.window import MainWindow
from tests.helpers.browser import Browser
from tests.helpers.cards import button as button_of
from tests.helpers.cards import words_of
from tests.helpers.fake_services import FakeServices

PAGE = "https://releases.test/tag/v0.2.0"


def press(window: MainWindow) -> None:
    """Take the entry of the Help menu."""
    menu = next(menu for menu in window.menuBar().findChildren(QMenu) if menu.title() == "&Help")
    [entry] = [entry for entry in menu.actions() if entry.text() == "&Check for updates"]
    entry.trigger()


def test_nothing_is_asked_before_it_is_pressed(window: MainWindow, services: FakeServices) -> None:
    assert services.calls == []
    press(window)
    assert services.calls == [("check_for_updates",)]


def test_the_release_page_is_one_click_away(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(monkeypatch, times=1)
    press(window)
    versions = {"newest": "0.2.0", "version": "0.1.0"}
    for _ in range(2):
        services.notices.post(Notice("updates-found", versions, actions=(action("open-releases"),), sticky=True))
        assert window.notices.words.text() == "Eyebright 0.2.0 is available. You have 0.1.0."
        [button] = window.notices.buttons
        assert button.text() == "Open the release page"
        button.click()
    assert browser.opened == [PAGE, PAGE]
    [told] = window.findChildren(Question)  # the second time
    assert told.isVisible()
    assert "The browser could not be opened" in words_of(told)
    QTest.mouseClick(button_of(told, "Copy"), Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == PAGE
