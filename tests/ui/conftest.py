"""Fixtures for tests of the window's parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.helpers.waiting import pump

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from desktop_app.ui.composer.composer import Composer
    from desktop_app.ui.transcript.view import TranscriptView
    from tests.helpers.fake_services import FakeServices

Show = Callable[["QWidget"], "QWidget"]


@pytest.fixture
def dressed(qapp: QApplication) -> Iterator[QApplication]:
    """The application in its light look, without motion."""
    from desktop_app.ui.widgets.theme import theme

    theme.install(qapp, "light")
    theme.set_still(True)
    yield qapp
    theme.set_still(None)
    theme.set_zoom(100)
    theme.set_typeface("inter")


@pytest.fixture
def fakes(dressed: QApplication) -> FakeServices:
    """All services, scripted, with one conversation open."""
    from tests.helpers.fake_services import FakeServices

    made = FakeServices()
    made.conversations.current = "one"
    return made


@pytest.fixture
def transcript(fakes: FakeServices, show_widget: Show) -> TranscriptView:
    """A transcript 1000 px wide and 600 px high, with the keyboard."""
    from PySide6.QtCore import QPoint
    from PySide6.QtTest import QTest

    from desktop_app.ui.transcript.view import TranscriptView

    view = TranscriptView(fakes)
    view.resize(1000, 600)
    show_widget(view)
    QTest.mouseMove(view, QPoint(-100, -100))  # not where the test before left it
    view.activateWindow()
    view.setFocus()
    pump(0)
    return view


@pytest.fixture
def composer(fakes: FakeServices, show_widget: Show) -> Composer:
    """A composer 800 px wide, with the keyboard."""
    from desktop_app.ui.composer.composer import Composer

    view = Composer(fakes)
    view.resize(800, 200)
    show_widget(view)
    view.activateWindow()
    view.focus_editor()
    pump(0)
    return view
