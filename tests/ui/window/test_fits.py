"""Every window and dialog fits a small screen with large text: a walk over all of them finds each control whole."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress

import pytest
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QWidget,
)

from desktop_app.ui.widgets.controls import ElidedLabel
from desktop_app.ui.widgets.status_button import StatusButton
from desktop_app.ui.widgets.theme import theme
from tests.helpers.waiting import pump, wait_until
from tests.screens import model_states, update_states  # noqa: F401 - they register their states
from tests.screens.window_states import STATES, Stage

SCREEN = QSize(700, 500)
_NEARLY = 2  # px that a font's line is higher than its letters
_CONTROLS = (QAbstractButton, QLineEdit, QAbstractSpinBox, QPlainTextEdit, QLabel)


def _viewport(control: QWidget, window: QWidget) -> QWidget | None:
    """Return what a control is scrolled in, None where it is not."""
    parent = control.parentWidget()
    while parent is not None and parent is not window:
        above = parent.parentWidget()
        if isinstance(above, QScrollArea) and parent is above.viewport():
            return parent
        parent = above
    return None


def _is_cut(control: QWidget) -> bool:
    """Return whether words of a control are not to be seen."""
    if isinstance(control, ElidedLabel | StatusButton):
        return False  # a tool tip or a click shows the whole text
    if isinstance(control, QLabel) and control.text():
        if not control.wordWrap():
            return control.width() < control.sizeHint().width()
        room = QRect(0, 0, control.width(), 1 << 16)
        words = QFontMetrics(control.font()).boundingRect(room, int(Qt.TextFlag.TextWordWrap), control.text())
        return control.width() < words.width() - _NEARLY or control.height() < words.height() - _NEARLY
    if isinstance(control, QAbstractButton) and control.text():
        least = control.minimumSizeHint() if control.minimumSizeHint().isValid() else control.sizeHint()
        return control.width() < least.width() or control.height() < least.height()
    return False


def _visible_parts(layout: QBoxLayout, window: QWidget) -> list[QWidget]:
    parts = [item.widget() for item in map(layout.itemAt, range(layout.count())) if item is not None]
    return [part for part in parts if part is not None and part.isVisibleTo(window)]


def _layouts(window: QWidget) -> Iterator[QBoxLayout]:
    """Yield the layouts of a window, but none around a scroll bar: PySide6 lets go of the bar with the layout."""
    for part in (window, *window.findChildren(QWidget)):
        layout = None if _holds_bar(part) else part.layout()
        if layout is not None:
            yield from (each for each in (layout, *layout.findChildren(QBoxLayout)) if isinstance(each, QBoxLayout))


def _holds_bar(part: QWidget) -> bool:
    return part.metaObject().className() == "QAbstractScrollAreaScrollBarContainer"


def _problems(window: QWidget, room: QSize) -> Iterator[str]:
    if window.width() > room.width() or window.height() > room.height():
        yield f"the window is {window.width()} x {window.height()}"
    for layout in _layouts(window):
        for one, other in itertools.pairwise(_visible_parts(layout, window)):
            if one.geometry().intersects(other.geometry()):
                yield f"{type(one).__name__} and {type(other).__name__} overlap"
    for control in window.findChildren(QWidget):
        inner = isinstance(control.parentWidget(), QAbstractSpinBox | QLineEdit)
        if (
            not isinstance(control, _CONTROLS)
            or not control.isVisibleTo(window)
            or control.window() is not window
            or inner
        ):
            continue
        viewport = _viewport(control, window)
        if viewport is None:
            place = QRect(control.mapTo(window, control.rect().topLeft()), control.size())
            inside = window.rect().contains(place)
        else:  # what is below is scrolled to, what is beside is not
            left = control.mapTo(viewport, control.rect().topLeft()).x()
            inside = left >= 0 and left + control.width() <= viewport.width()
        if not inside or _is_cut(control):
            words = control.text() if isinstance(control, QLabel | QAbstractButton) else ""
            name = words or control.accessibleName() or control.objectName()
            yield f"{type(control).__name__} {name!r} is {'cut' if inside else 'outside'}"


def _lasting_problems(window: QWidget, room: QSize) -> list[str]:
    """Return the problems that are still there when all layouts have come to rest."""
    with suppress(AssertionError):
        wait_until(lambda: not list(_problems(window, room)), 1.0)
    return list(_problems(window, room))


@pytest.mark.parametrize("zoom", [100, 150, 200])
@pytest.mark.parametrize("name", list(STATES))
def test_everything_fits(dressed: QApplication, name: str, zoom: int) -> None:
    stage = Stage(SCREEN.width(), SCREEN.height())
    theme.set_zoom(zoom)
    shown = STATES[name](stage) or stage.window
    shown.show()
    pump(30)
    try:
        # The size that it takes by itself; and a small one.
        assert _lasting_problems(shown, shown.screen().availableGeometry().size()) == []
        if shown.windowType() != Qt.WindowType.Popup:
            shown.resize(SCREEN)
            pump(30)
            assert _lasting_problems(shown, SCREEN) == []
    finally:
        for window in QApplication.topLevelWidgets():
            window.close()
            window.deleteLater()
        pump(0)


def test_the_first_window_leaves_a_margin_on_its_screen(dressed: QApplication) -> None:
    window = Stage().window
    try:
        window = type(window)(window.services)  # nobody has given it a size yet
        screen = window.screen().availableGeometry()
        assert window.height() <= 0.9 * screen.height() < 780
        assert window.width() <= 0.9 * screen.width() < 1120
    finally:
        for each in QApplication.topLevelWidgets():
            each.close()
            each.deleteLater()
        pump(0)
