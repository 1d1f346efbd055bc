"""With larger text all that belongs to it grows at once: icons, buttons, thumbnails; and nothing is lost below."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from desktop_app.ui.widgets.controls import FloatingButton
from desktop_app.ui.widgets.setting_controls import Switch
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.widgets.thumbnails import Thumbnail
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump, wait_until
from tests.screens import model_states, update_states  # noqa: F401 - they register their states
from tests.screens.window_states import STATES, Stage

CONTROL = Qt.KeyboardModifier.ControlModifier


def icon_buttons() -> list[QAbstractButton]:
    """Every button with an icon, in every window."""
    return [
        widget
        for widget in QApplication.allWidgets()
        if isinstance(widget, QAbstractButton)
        and not widget.icon().isNull()
        and not widget.objectName().startswith("qt_")
    ]


@pytest.mark.parametrize("zoom", [80, 200])
def test_every_icon_grows_with_the_text(window: MainWindow, services: FakeServices, zoom: int) -> None:
    services.engine.become("ready", LLAVA)
    services.answers.tell(services.conversations.current_id(), 0.0, 1000, 4096)
    services.draft.put(picture(), "read", 1.0)
    services.chat.show(question("What is this?", picture()), answer("A lake."))
    window.dialogs.open_settings()
    window.dialogs.open_models()
    window.open_picture(picture().sha256)
    pump(100)
    before = {button: button.iconSize() for button in icon_buttons()}
    shown = [*window.findChildren(Thumbnail), *window.findChildren(Switch)]
    sizes = {widget: widget.size() for widget in shown}
    assert len(before) > 20
    assert shown
    theme.set_zoom(zoom)
    pump(0)
    wrong = [
        f"{type(button).__name__} {button.accessibleName()!r}: {button.iconSize()} of {size}"
        for button, size in before.items()
        if button.iconSize().height() != round(size.height() * zoom / 100)
    ]
    wrong += [
        f"{type(widget).__name__}: {widget.size()} of {size}"
        for widget, size in sizes.items()
        if widget.height() != round(size.height() * zoom / 100)
    ]
    assert not wrong


def test_the_picture_of_a_conversation_grows_with_the_text(window: MainWindow) -> None:
    view = window.sidebar.view
    before = view.visualRect(view.model().index(0, 0)).height()
    theme.set_zoom(200)
    pump(0)
    assert view.visualRect(view.model().index(0, 0)).height() >= 1.6 * before


def seen(window: MainWindow, part: QWidget) -> bool:
    """Whether all of a part of the start page can be seen without scrolling."""
    viewport = window.start_page.viewport()
    place = QRect(part.mapTo(viewport, QPoint(0, 0)), part.size())
    return viewport.rect().contains(place)


def test_the_examples_are_seen_with_the_largest_text(window: MainWindow) -> None:
    window.resize(1366, 728)  # a laptop's screen without the panel and the title bar
    for zoom in (100, 200):
        theme.set_zoom(zoom)
        pump(50)
        wait_until(lambda: not window.start_page.more.isVisible())
        assert [card.question for card in window.start_page.cards if not seen(window, card)] == []
        assert seen(window, window.start_page.place)
        assert not window.start_page.more.isVisible()


def test_what_is_offered_is_seen_and_what_is_below_is_said(window: MainWindow, services: FakeServices) -> None:
    window.resize(1366, 728)
    window.offer_models()
    pump(0)
    theme.set_zoom(200)
    page = window.start_page
    offer = page.findChild(QWidget, "model_card")
    assert offer is not None
    wait_until(lambda: seen(window, page.place) and seen(window, offer))
    window.resize(1000, 600)
    wait_until(lambda: page.more.isVisible() and not seen(window, page.cards[-1]))
    assert isinstance(page.more, FloatingButton)
    for _ in range(5):
        if page.more.isVisible():
            page.more.click()
    pump(0)
    assert not page.more.isVisible()
    assert seen(window, page.model_button)


def test_there_is_no_empty_row_above_the_start_page(window: MainWindow, services: FakeServices) -> None:
    assert not window.header.isVisible()
    window.toggle_sidebar()
    assert window.header.isVisible()
    window.toggle_sidebar()
    services.chat.show(question("What is this?"), answer("A lake."))
    assert window.header.isVisible()
    services.chat.show()
    assert not window.header.isVisible()


#: One state of each kind of window, which the first word of its name tells; the dialogs of the model manager are all
#: called "model_". Those left out have no keyboard of their own.
_KINDS = {
    name if name.startswith("model_") else name.partition("_")[0]: name
    for name in STATES
    if name not in ("explained", "help_menu", "model_menu")
}


@pytest.mark.parametrize("name", list(_KINDS.values()))
def test_the_keys_for_the_text_size_work_in_every_window(dressed: QApplication, name: str) -> None:
    stage = Stage()
    shown = STATES[name](stage) or stage.window
    shown.show()
    shown.activateWindow()
    pump(30)
    try:
        focused = QApplication.focusWidget() or shown
        assert focused.window() is shown
        QTest.keyClick(focused, Qt.Key.Key_Plus, CONTROL)
        QTest.keyClick(focused, Qt.Key.Key_Equal, CONTROL)
        assert theme.zoom() == 125
        QTest.keyClick(focused, Qt.Key.Key_Minus, CONTROL)
        assert theme.zoom() == 110
        QTest.keyClick(focused, Qt.Key.Key_0, CONTROL)
        assert theme.zoom() == 100
    finally:
        for window in QApplication.topLevelWidgets():
            window.close()
            window.deleteLater()
        pump(0)


def test_an_attached_picture_gives_way_in_a_low_window(dressed: QApplication) -> None:
    stage = Stage(700, 500)
    theme.set_zoom(200)
    STATES["demo_photo"](stage)
    pump(50)
    composer = stage.window.composer
    try:
        (thumbnail,) = composer.strip.thumbnails()
        assert not composer.strip.geometry().intersects(composer.editor.geometry())
        assert composer.strip.height() == thumbnail.height() >= 72
        stage.window.resize(1120, 780)
        stage.services.notices.withdraw(stage.services.notices.standing()[0].id)
        wait_until(lambda: thumbnail.height() == 144)
        assert thumbnail.width() == composer.strip.height() == 144
    finally:
        stage.window.close()
        stage.window.deleteLater()
        pump(0)
