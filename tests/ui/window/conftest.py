"""Fixtures for tests of the whole window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.helpers.waiting import pump

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from desktop_app.ui.models.dialog import ModelsDialog
    from desktop_app.ui.window import MainWindow
    from tests.helpers.fake_services import FakeServices

Show = Callable[["QWidget"], "QWidget"]


@pytest.fixture
def services(dressed: QApplication) -> FakeServices:
    """All services, scripted, with two conversations."""
    from tests.helpers.fake_services import FakeServices

    fakes = FakeServices()
    fakes.add_conversation("A lake")
    fakes.add_conversation("Two birds", days_ago=1)
    fakes.calls.clear()
    return fakes


@pytest.fixture
def window(services: FakeServices, show_widget: Show) -> MainWindow:
    """The window, 1100 px wide and 760 px high, with the keyboard."""
    from PySide6.QtCore import QPoint
    from PySide6.QtTest import QTest

    from desktop_app.ui.window import MainWindow

    made = MainWindow(services)
    made.resize(1100, 760)
    show_widget(made)
    QTest.mouseMove(made, QPoint(-100, -100))  # not where the test before left it
    made.activateWindow()
    pump(0)
    return made


@pytest.fixture
def dialog(window: MainWindow) -> ModelsDialog:
    """The model manager of that window."""
    from desktop_app.ui.models.dialog import ModelsDialog

    window.dialogs.open_models()
    manager = window.findChild(ModelsDialog)
    assert manager is not None
    return manager
