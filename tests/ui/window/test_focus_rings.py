"""What has the keyboard has one ring, everywhere."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump

_RING, _CORNER = 4, 12  # px at the edge of a control, within which its ring is


def drawn(widget: QWidget) -> QImage:
    pump(0)
    # As Qt notes of a Tab and forgets of all else; then the style draws frames of its own.
    widget.window().setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
    return widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def inside(image: QImage, widget: QWidget) -> QImage:
    room = widget.rect().adjusted(_CORNER, _RING, -_CORNER, -_RING)
    return image.copy(QRect(room))


def buttons(root: QWidget) -> list[QAbstractButton]:
    """Every button that Tab comes to."""
    found: list[QAbstractButton] = []
    for _ in range(60):
        QTest.keyClick(QApplication.focusWidget() or root, Qt.Key.Key_Tab)
        here = QApplication.focusWidget()
        if here in found:
            break
        if isinstance(here, QAbstractButton):
            found.append(here)
    return found


def doubly_framed(root: QWidget) -> list[str]:
    """Return the buttons in which something is drawn besides the ring, when they have the keyboard."""
    found = []
    for button in buttons(root):
        button.setFocus(Qt.FocusReason.TabFocusReason)
        with_keyboard = drawn(button)
        button.clearFocus()
        without = drawn(button)
        assert with_keyboard != without, f"{button.text() or button.accessibleName()} has no ring"
        if inside(with_keyboard, button) != inside(without, button):
            found.append(button.text() or button.accessibleName())
    return found


@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_button_of_the_window_has_one_ring(window: MainWindow, services: FakeServices, look: str) -> None:
    theme.set_preference(look)
    window.offer_models()
    assert doubly_framed(window) == []


def test_every_button_of_a_dialog_has_one_ring(window: MainWindow) -> None:
    window.dialogs.open_settings()
    pump(0)
    settings = window.findChildren(QWidget, "segments")[0].window()
    settings.activateWindow()
    pump(0)
    chosen = [each for each in buttons(settings) if each.isChecked()]
    assert chosen, "the choices of few are reached too"
    assert doubly_framed(settings) == []


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_picture_pane_has_a_ring(window: MainWindow, services: FakeServices, look: str) -> None:
    theme.set_preference(look)
    services.conversations.open(services.conversations.rows[0].id)
    window.resize(1280, 800)
    services.chat.show(question("What is this?", picture()), answer("A lake."))
    pump(0)
    beside = window.picture_beside
    assert beside is not None
    assert beside.pane is not None
    view = beside.pane.view
    without = drawn(view)
    while not view.hasFocus():
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_F6)
    with_ring = drawn(view)
    accent = theme.colour("accent").rgb()
    middle = view.width() // 2
    assert [with_ring.pixel(middle, y) for y in (0, 1)] == [accent, accent]
    assert with_ring.pixel(middle, view.height() - 1) == accent
    assert without.pixel(middle, 0) != accent
    view.clearFocus()
    assert drawn(view) == without
