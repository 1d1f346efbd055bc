"""The picture stays in sight: the pane beside the conversation, and the thumbnail in the header."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QGuiApplication, QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QMenu, QWidget

from desktop_app.chat.conversation import Message, Picture
from desktop_app.ui.pictures.beside import PictureBeside
from desktop_app.ui.pictures.pane import PicturePane
from desktop_app.ui.pictures.viewer import PictureViewer
from desktop_app.ui.widgets.theme import contrast, theme
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.pictures import painted_size, picture, png, with_ends
from tests.helpers.waiting import pump, wait_until

Show = Callable[[QWidget], QWidget]
LAKE, FIELD, BIRD = (picture(f"{name}.png", 1280, 853) for name in ("lake", "field", "bird"))


@pytest.fixture(autouse=True)
def a_wide_window(window: MainWindow) -> None:
    window.resize(1280, 800)


def talk(*pictures: Picture) -> list[Message]:
    """A conversation about several pictures, each answered by more than fits the window."""
    messages = []
    for shown in pictures:
        messages += [question(f"What is on {shown.name}?", shown), answer("It is a **picture**. " * 300)]
    return messages


def beside(window: MainWindow) -> PictureBeside:
    assert window.picture_beside is not None
    return window.picture_beside


def pane(window: MainWindow) -> PicturePane:
    shown = beside(window).pane
    assert shown is not None
    return shown


def is_open(window: MainWindow) -> bool:
    return bool(window.findChildren(PicturePane)) and pane(window).isVisible()


def focused(window: MainWindow) -> QWidget | None:
    return window.focusWidget()


def press(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(focused(window) or window, key, modifiers)


def turn_wheel(widget: QWidget, steps: int, modifiers: Qt.KeyboardModifier) -> None:
    centre = QPointF(widget.rect().center())
    event = QWheelEvent(
        centre,
        widget.mapToGlobal(centre),
        QPoint(0, 0),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


# ---- when it is there ----------------------------------------------------------------------


def test_the_pane_is_there_from_1100_px_on_and_the_thumbnail_below(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE))
    for width in (1280, 1099, 1100, 700, 1600, 1000):
        window.resize(width, 760)
        pump(0)
        assert is_open(window) == (width >= 1100), width
        assert beside(window).thumbnail.isVisible() == (width < 1100), width
        assert window.width() == width
    assert beside(window).thumbnail.accessibleName() == "Open lake.png large"
    QTest.mouseClick(beside(window).thumbnail, Qt.MouseButton.LeftButton)
    viewer = window.findChild(PictureViewer)
    assert viewer is not None
    assert viewer.isVisible()
    assert viewer.windowTitle() == "lake.png"


def test_there_is_no_pane_without_a_picture(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(question("Hello?"), answer("Yes."))
    assert not is_open(window)
    assert not beside(window).button.isVisible()
    assert not window.menus.pane.isEnabled()
    services.chat.add(question("And this?", LAKE))
    assert is_open(window)
    assert window.menus.pane.isEnabled()
    services.chat.show()
    assert not is_open(window)
    assert not beside(window).thumbnail.isVisible()
    services.draft.put(FIELD)
    assert not is_open(window)


def test_nothing_of_the_pane_is_made_while_it_is_not_seen(window: MainWindow, services: FakeServices) -> None:
    window.resize(1000, 700)
    services.chat.show(*talk(LAKE, FIELD))
    pump(50)
    assert window.findChildren(PicturePane) == []
    window.resize(1280, 700)
    wait_until(pane(window).view.is_sharp)
    beside(window).toggle()
    assert pane(window).view.picture() is None, "its memory is given back"


@pytest.mark.parametrize("way", ["header", "menu", "key", "pane"])
def test_it_is_closed_and_opened_again_and_remembered(
    window: MainWindow, services: FakeServices, show_widget: Show, way: str
) -> None:
    services.chat.show(*talk(LAKE))
    assert is_open(window)
    assert window.menus.pane.isChecked()
    assert "Ctrl+Shift+B" in beside(window).button.toolTip()
    column = window.transcript.width()

    def change() -> None:
        if way == "header":
            QTest.mouseClick(beside(window).button, Qt.MouseButton.LeftButton)
        elif way == "menu":
            window.menus.pane.trigger()
        elif way == "key":
            press(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        else:
            QTest.mouseClick(pane(window).close_button, Qt.MouseButton.LeftButton)

    change()
    assert not is_open(window)
    assert not window.menus.pane.isChecked()
    assert beside(window).thumbnail.isVisible()
    pump(0)
    assert window.transcript.width() > column
    window.close()
    again = MainWindow(services)
    again.resize(1280, 800)
    show_widget(again)
    assert not is_open(again)
    assert beside(again).thumbnail.isVisible()
    if way != "pane":
        window = again
        window.activateWindow()
        change()
        assert is_open(again)


def test_its_width_is_dragged_and_remembered(window: MainWindow, services: FakeServices, show_widget: Show) -> None:
    services.chat.show(*talk(LAKE))
    pump(0)
    before, handle = pane(window).width(), window.splitter.handle(1)
    centre = handle.rect().center()
    QTest.mousePress(handle, Qt.MouseButton.LeftButton, pos=centre)
    QTest.mouseMove(handle, centre - QPoint(120, 0))
    QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=centre)
    wider = pane(window).width()
    assert wider == pytest.approx(before + 120, abs=4)
    window.close()
    again = MainWindow(services)
    again.resize(1280, 800)
    show_widget(again)
    assert pane(again).width() == pytest.approx(wider, abs=2)
    again.resize(1900, 800)
    pump(0)
    assert pane(again).width() > wider + 100, "it keeps its share of a wider window"


# ---- which picture -------------------------------------------------------------------------


def test_it_follows_what_is_read(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE, FIELD, BIRD))
    rows, bar = window.transcript.page.rows, window.transcript.page.verticalScrollBar()
    shown = pane(window)
    assert shown.name.whole_text() == "bird.png"
    rows.scroll_to_start()
    assert shown.name.whole_text() == "lake.png"
    height = window.transcript.page.viewport().height()
    while bar.value() < bar.maximum():
        bar.setValue(bar.value() + 40)
        tops = [(i, y) for i, y in rows.placed() if y <= height / 2 and rows.messages()[i].pictures]
        if tops and bar.value() + height / 2 < bar.maximum():
            assert shown.name.whole_text() == rows.messages()[tops[-1][0]].pictures[0].name
    assert shown.name.whole_text() == "bird.png"


def test_at_the_end_it_is_the_newest_although_all_is_seen_at_once(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(question("?", LAKE), answer("A lake."))
    services.chat.add(question("And this?", FIELD))
    assert pane(window).name.whole_text() == "field.png"
    services.chat.begin_answer()
    services.chat.stream("It is")
    assert pane(window).name.whole_text() == "field.png"


def test_25_pictures_are_turned_by_buttons_and_keys(window: MainWindow, services: FakeServices) -> None:
    many = [picture(f"{number}.png", 1280, 853) for number in range(25)]
    services.chat.show(question("What?", *many[:20]), answer("Pictures. " * 500), *talk(*many[20:]))
    shown = pane(window)
    assert shown.count.text() == "25 of 25"
    shown.view.setFocus()
    press(window, Qt.Key.Key_Home)
    assert (shown.count.text(), shown.previous.isEnabled()) == ("1 of 25", False)
    for number in range(2, 26):
        if number % 2:
            QTest.mouseClick(shown.next, Qt.MouseButton.LeftButton)
        else:
            press(window, Qt.Key.Key_PageDown)
        assert shown.count.text() == f"{number} of 25"
        assert shown.name.whole_text() == many[number - 1].name
    assert not shown.next.isEnabled()
    press(window, Qt.Key.Key_PageUp)
    assert shown.view.accessibleName() == "23.png, 1280 × 853 pixels, picture 24 of 25"
    services.chat.changed.emit(services.chat.path[1])  # nothing that is read
    assert shown.count.text() == "24 of 25", "what was chosen stays"
    window.transcript.page.rows.scroll_to_start()
    assert shown.count.text() == "1 of 25", "until another question is read"


def test_only_the_picture_that_is_looked_at_is_decoded(window: MainWindow, services: FakeServices) -> None:
    many = [picture(f"{number}.png", 1280, 853) for number in range(25)]
    services.chat.show(question("What?", *many))
    window.transcript.hide()  # it decodes its own small ones
    wait_until(pane(window).view.is_sharp)
    services.previews.calls.clear()
    for _ in range(24):
        pane(window).next.click()
    wait_until(lambda: pane(window).view.is_sharp() and pane(window).view.picture() == many[24])
    decoded = [sha256 for called, sha256, *_ in services.previews.calls if called == "preview"]
    assert len(decoded) <= 4


# ---- zoom ----------------------------------------------------------------------------------


def test_it_is_shown_whole_and_zoomed_in_every_way(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE))
    pump(0)
    view = pane(window).view
    whole = view.scale_now()
    assert view.is_fitted()
    assert whole == pytest.approx((view.viewport().width() - 2) / 1280, rel=0.01)
    view.setFocus()
    for change in (
        lambda: press(window, Qt.Key.Key_Plus),
        lambda: QTest.mouseClick(pane(window).larger, Qt.MouseButton.LeftButton),
        lambda: turn_wheel(view.viewport(), 1, Qt.KeyboardModifier.ControlModifier),
        lambda: turn_wheel(view.viewport(), 1, Qt.KeyboardModifier.NoModifier),
        lambda: QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.rect().center()),
        lambda: QApplication.sendEvent(view.viewport(), pinch(view.viewport())),
    ):
        change()
        assert view.scale_now() > whole * 1.1
        press(window, Qt.Key.Key_0)
        assert view.scale_now() == pytest.approx(whole)
    window.resize(1400, 800)
    pump(0)
    assert view.scale_now() > whole, "it fits a wider pane"


def test_the_middle_stays_when_one_zooms_by_buttons(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE))
    pump(0)
    view = pane(window).view

    def middle() -> tuple[float, float]:
        point = view.mapToScene(view.viewport().rect().center())
        return point.x(), point.y()

    for _ in range(6):
        QTest.mouseClick(pane(window).larger, Qt.MouseButton.LeftButton)
    assert middle() == pytest.approx((640, 426), abs=6)
    view.setFocus()
    press(window, Qt.Key.Key_Right)
    before = middle()
    QTest.mouseClick(pane(window).larger, Qt.MouseButton.LeftButton)
    assert middle() == pytest.approx(before, abs=6)


def pinch(widget: QWidget) -> QNativeGestureEvent:
    centre = QPointF(widget.rect().center())
    kind, device = Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice()
    return QNativeGestureEvent(kind, device, 2, centre, centre, widget.mapToGlobal(centre), 0.5, QPointF())


def test_it_is_moved_by_arrow_keys_and_dragging(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE))
    pump(0)
    view = pane(window).view
    view.setFocus()
    for _ in range(8):
        press(window, Qt.Key.Key_Plus)
    across, along = view.horizontalScrollBar(), view.verticalScrollBar()
    for key, bar, sign in (
        (Qt.Key.Key_Right, across, 1),
        (Qt.Key.Key_Left, across, -1),
        (Qt.Key.Key_Down, along, 1),
        (Qt.Key.Key_Up, along, -1),
    ):
        before = bar.value()
        press(window, key)
        assert (bar.value() - before) * sign > 0
    before, centre = across.value(), view.viewport().rect().center()
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    QTest.mouseMove(view.viewport(), centre - QPoint(50, 0))
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=centre - QPoint(50, 0))
    assert across.value() == before + 50


# ---- keyboard ------------------------------------------------------------------------------


def test_f6_goes_through_the_window(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE))
    pump(0)
    window.composer.focus_editor()
    stations = [window.sidebar.view, window.transcript.page, pane(window).view, window.composer.editor]
    for station in stations:
        press(window, Qt.Key.Key_F6)
        assert station.hasFocus()
    for station in [*reversed(stations[:-1]), stations[-1]]:
        press(window, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
        assert station.hasFocus()
    beside(window).toggle()
    for station in [stations[0], stations[1], stations[3]]:
        press(window, Qt.Key.Key_F6)
        assert station.hasFocus()


def test_tab_comes_to_the_pane_between_conversation_and_question(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE, FIELD))
    pump(0)
    window.transcript.page.setFocus()
    passed = []
    for _ in range(20):
        press(window, Qt.Key.Key_Tab)
        passed.append(focused(window))
        if passed[-1] is window.composer.editor:
            break
    assert pane(window).view in passed
    assert pane(window).close_button in passed
    assert passed[-1] is window.composer.editor


def test_escape_goes_back_to_the_question(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE))
    pump(0)
    pane(window).view.setFocus()
    press(window, Qt.Key.Key_Escape)
    assert window.composer.editor.hasFocus()
    pane(window).view.setFocus()
    beside(window).toggle()
    assert window.composer.editor.hasFocus(), "nor is the keyboard lost when the pane is closed"


def test_typing_and_enter_in_the_pane(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE))
    pump(0)
    pane(window).view.setFocus()
    QTest.keyClick(pane(window).view, Qt.Key.Key_W)
    assert window.composer.editor.toPlainText() == "w"
    pane(window).view.setFocus()
    press(window, Qt.Key.Key_Return)
    viewer = window.findChild(PictureViewer)
    assert viewer is not None
    assert viewer.isVisible()


@pytest.mark.parametrize("way", ["pointer", "menu key", "keys"])
def test_the_picture_is_copied_and_saved(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/tmp/lake.png", ""))
    services.chat.show(*talk(LAKE))
    pump(0)
    view = pane(window).view
    view.setFocus()

    def choose(name: str) -> None:
        if way == "pointer":
            centre = view.viewport().rect().center()
            wish = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, centre, view.viewport().mapToGlobal(centre))
            QApplication.sendEvent(view.viewport(), wish)
        else:
            press(window, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        next(action for action in menu.actions() if action.text() == name).trigger()
        menu.close()

    QGuiApplication.clipboard().clear()
    if way == "keys":
        press(window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        press(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    else:
        choose("Copy picture")
        choose("Save picture…")
    assert not QGuiApplication.clipboard().image().isNull()
    assert services.previews.calls[-1] == ("save_original", LAKE.sha256, "/tmp/lake.png")


def test_everything_has_a_name_for_screen_readers(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE, FIELD))
    pump(0)
    buttons = pane(window).findChildren(QAbstractButton)
    assert len(buttons) == 6
    for control in (*buttons, pane(window), pane(window).view, beside(window).button, beside(window).thumbnail):
        assert control.accessibleName(), control


# ---- shapes, and the reader's place --------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(4000, 100), (100, 4000), (900, 1200)])
def test_a_picture_of_any_shape_is_seen_whole(
    window: MainWindow, services: FakeServices, width: int, height: int
) -> None:
    shown = picture("panorama.png", width, height)
    small = min(1, 2048 / max(width, height))
    services.previews.drawn[shown.sha256] = with_ends(round(width * small), round(height * small))
    services.chat.show(question("?", shown), answer("A street."))
    pump(0)
    view = pane(window).view
    wait_until(view.is_sharp)
    place = view.mapFromScene(view.sceneRect()).boundingRect()
    assert view.viewport().rect().contains(place.adjusted(1, 1, -1, -1))
    assert abs(place.width() - place.height() * width / height) <= max(2, 1.5 * width / height)
    large = view.viewport().grab().toImage()
    assert not painted_size(large, "red").isEmpty()
    assert not painted_size(large, "blue").isEmpty()
    beside(window).toggle()
    pump(0)
    small_one = beside(window).thumbnail.grab().toImage()
    assert not painted_size(small_one, "red").isEmpty()
    assert not painted_size(small_one, "blue").isEmpty()


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_picture_in_the_colour_of_the_pane_has_an_edge(window: MainWindow, services: FakeServices, look: str) -> None:
    services.preferences.set("theme", look)
    ground = theme.colour("surface")
    services.previews.drawn[LAKE.sha256] = png(1280, 853, ground.name(), ground.name(), plain=True)
    services.chat.show(question("?", LAKE))
    pump(0)
    view = pane(window).view
    wait_until(view.is_sharp)
    place, image = view.mapFromScene(view.sceneRect()).boundingRect(), view.grab().toImage()
    near = QRect(place.left() - 1, place.center().y(), 4, 1)
    colours = [QColor(image.pixelColor(x, near.y())) for x in range(max(near.left(), 0), near.right() + 1)]
    assert max(contrast(colour, ground) for colour in colours) > 1.4


def test_opening_and_closing_keeps_the_readers_place(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE, FIELD))
    rows = window.transcript.page.rows
    rows.show_from(1)
    rows.scroll_by(500)
    pump(0)

    def line() -> int:
        rect = rows.rect(1)
        assert rect is not None
        return rect.top() + rows.row(1).line_top(position)

    rect = rows.rect(1)
    assert rect is not None
    position = rows.row(1).position_at(QPoint(rows.row(1).text.left(), -rect.top()))
    before = line()
    for _ in range(3):
        beside(window).toggle()
        pump(0)
        assert line() == before
        beside(window).toggle()
        pump(0)
        assert line() == before
    for width in (*range(1280, 800, -40), *range(800, 1280, 40)):
        window.resize(width, 800)
        pump(0)
        assert line() == before


def test_a_conversation_opens_at_its_end_beside_the_pane(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*talk(LAKE, FIELD))
    assert window.transcript.page.rows.is_at_end()
    window.resize(1000, 700)
    pump(0)
    assert window.transcript.page.rows.is_at_end()
