"""Fixtures for tests that need Qt. It is imported only when a test asks for one of them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.helpers import guards
from tests.helpers.waiting import pump

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    Widget = TypeVar("Widget", bound=QWidget)


@pytest.fixture(scope="session")
def qapp() -> "Iterator[QApplication]":
    """The one QApplication of the test run, on the offscreen platform."""
    from PySide6.QtWidgets import QApplication

    guards.watch_qt_if_loaded()
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(["eyebright-tests", "-style", "Fusion"])
    app.setQuitOnLastWindowClosed(False)  # a closed window must not end the next test's loop
    yield app
    # What a test has made in Python and put there would be deleted by Qt after the interpreter has ended.
    app.clipboard().clear()


@pytest.fixture
def show_widget(qapp: "QApplication") -> "Iterator[Callable[[Widget], Widget]]":
    """Show a widget and return it; it is closed and deleted after the test."""
    shown: list[QWidget] = []

    def show(widget: "Widget") -> "Widget":
        shown.append(widget)
        widget.show()
        pump(0)
        return widget

    yield show
    import shiboken6

    for widget in shown:
        if shiboken6.isValid(widget):
            widget.close()
            widget.deleteLater()
    pump(0)
