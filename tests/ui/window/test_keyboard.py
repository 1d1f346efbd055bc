"""Every control can be reached by keyboard, has one ring then and a name, and the shortcuts work."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from desktop_app.errors import UserError
from desktop_app.services.conversation.picture_detail import TokenOptions, WholeCost
from desktop_app.services.conversation.queue.questions import QueuedQuestion
from desktop_app.services.notices import action
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump

_RING, _CORNER = 4, 12  # px at the edge of a control, within which its ring is
CONTROLS = (QAbstractButton, QLineEdit, QAbstractItemView, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


def controls(root: QWidget) -> list[QWidget]:
    """Every control of a window that can be used now, inner parts of other controls left out."""
    return [
        widget
        for widget in root.findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and widget.isVisible()
        and widget.isEnabled()
        and widget.window() is root
        and not isinstance(widget.parent(), (QAbstractSpinBox, QLineEdit))
        and not widget.objectName().startswith("qt_")
    ]


def told(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.accessibleName()!r} in {type(widget.parent()).__name__}"


def reached_by_tab(root: QWidget) -> set[QWidget]:
    seen: set[QWidget] = set()
    for _ in range(200):
        QTest.keyClick(QApplication.focusWidget() or root, Qt.Key.Key_Tab)
        widget = QApplication.focusWidget()
        if widget is None or widget in seen:
            break
        seen.add(widget)
    return seen


def walk(window: MainWindow, key: Qt.Key = Qt.Key.Key_Tab) -> list[QWidget]:
    """Return what the keyboard comes to until it is where it began, at the button that hides the sidebar."""
    first = window.sidebar.hide_button
    first.setFocus(Qt.FocusReason.TabFocusReason)
    way: list[QWidget] = []
    while (here := QApplication.focusWidget()) is not None and here not in way:
        way.append(here)
        modifiers = Qt.KeyboardModifier.ShiftModifier if key == Qt.Key.Key_Backtab else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(here, key, modifiers)
    assert here is first, f"from {told(way[-1])} it goes to {told(here) if here is not None else 'nothing'}"
    return way


def fill(services: FakeServices) -> None:
    """Bring the window into a state in which most controls are there."""
    services.draft.put(picture(), "read", 1.0)
    services.answers.tell(services.conversations.current_id(), 5.0, 1000, 4096)


@pytest.mark.parametrize("with_talk", [False, True])
def test_every_control_has_a_name(window: MainWindow, services: FakeServices, with_talk: bool) -> None:
    fill(services)
    if with_talk:
        services.chat.show(question("What is this?", picture()), answer("A lake."))
    pump(0)
    nameless = [
        told(widget)
        for widget in controls(window)
        if not (widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()))
    ]
    assert not nameless


def test_every_control_is_reached_by_tab(window: MainWindow, services: FakeServices) -> None:
    services.answers.tell(services.conversations.current_id(), 5.0, 1000, 4096)
    window.composer.focus_editor()
    window.composer.insert_text("so that it can be sent")
    services.notices.error(UserError("engine-died"), action("restart-engine"), sticky=True)
    pump(0)
    reached = reached_by_tab(window)
    missing = [told(widget) for widget in controls(window) if widget not in reached]
    assert not missing


def test_tab_goes_in_reading_order_though_much_is_made_later(window: MainWindow, services: FakeServices) -> None:
    window.offer_models()
    services.notices.error(UserError("engine-died"), action("restart-engine"), sticky=True)
    pump(0)
    way = walk(window)
    names = [widget.text() if isinstance(widget, QAbstractButton) else "" for widget in way]
    wanted = [
        "New conversation",
        "Settings",
        "Attach pictures…",
        "Download",
        "Use another model…",
        "Restart the engine",
    ]
    assert [name for name in names if name in wanted] == wanted
    assert [widget for widget in controls(window) if widget not in way] == []
    assert walk(window, Qt.Key.Key_Backtab)[1:] == way[:0:-1]


def test_tab_goes_in_reading_order_through_a_conversation(window: MainWindow, services: FakeServices) -> None:
    window.resize(1300, 800)
    services.conversations.open(services.conversations.rows[0].id)
    services.chat.show(question("What is this?", picture()), answer("A lake."), question("And?"), answer("A tree."))
    services.queue.add(services.conversations.current_id(), QueuedQuestion("And now?", (), {}))
    services.notices.error(UserError("engine-died"), action("restart-engine"), sticky=True)
    window.composer.insert_text("so that it can be sent")
    window.transcript.page.keyboard.focus_message(2)
    window.transcript.page.setFocus()
    QTest.keyClick(window.transcript.page, Qt.Key.Key_F2)
    pump(0)
    way = walk(window)
    pane = window.picture_beside.pane if window.picture_beside is not None else None
    assert pane is not None
    assert window.composer.queued.rows
    parts = (
        window.sidebar,
        window.header,
        window.transcript.page,
        window.transcript.editor,
        window.transcript.last_bar,
        pane,
        window.notices,
        window.composer.queued,
        window.composer.card,
        window.status,
    )
    first = [next(i for i, widget in enumerate(way) if widget is part or part.isAncestorOf(widget)) for part in parts]
    assert first == sorted(first)
    assert [widget for widget in controls(window) if widget not in way] == []
    assert walk(window, Qt.Key.Key_Backtab)[1:] == way[:0:-1]


def test_tab_goes_in_reading_order_through_a_question_with_pictures(window: MainWindow, services: FakeServices) -> None:
    costs = {70: WholeCost(1, 66, 3.2), 280: WholeCost(1, 264, 14.0)}
    services.engine.become("ready", LLAVA._replace(mmproj=None, image_tokens=0))
    services.draft.put(picture())
    services.picture_detail.show(None, costs[280], TokenOptions(costs, 280, 280))
    window.composer.insert_text("What is this?")
    pump(0)
    names = [
        each.text() or each.accessibleName() if isinstance(each, QAbstractButton) else each.accessibleName()
        for each in walk(window)
        if window.composer.isAncestorOf(each)
    ]
    model = window.composer.model.text()
    assert names == [
        "lake.png: attached",
        "280 tokens (as trained)",
        "Your question",
        "Attach pictures…",
        "Add its projector…",
        model,
    ]


def test_every_setting_is_reached_by_tab_and_named(window: MainWindow, services: FakeServices) -> None:
    window.dialogs.open_settings()
    pump(0)
    settings = window.findChildren(QWidget, "segments")[0].window()
    settings.activateWindow()
    pump(0)
    # The small buttons beside a number are for the mouse; its field has the arrow keys.
    # Of a choice of few, Tab goes to the one that is chosen; the arrow keys go to the others.
    wanted = [
        widget
        for widget in controls(settings)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not (isinstance(widget, QAbstractButton) and widget.group() is not None and not widget.isChecked())
    ]
    reached = reached_by_tab(settings)
    assert not [told(widget) for widget in wanted if widget not in reached]
    assert not [told(w) for w in wanted if not w.accessibleName() and not (isinstance(w, QAbstractButton) and w.text())]


def test_keys(window: MainWindow, services: FakeServices) -> None:
    services.conversations.open(services.conversations.rows[0].id)
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.focusWidget() is window.sidebar.search
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is window.composer.editor
    QTest.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert not window.sidebar.isVisible()
    QTest.keyClick(window, Qt.Key.Key_F2)
    assert window.sidebar.isVisible()
    title = QApplication.focusWidget()
    assert isinstance(title, QLineEdit)
    QTest.keyClick(title, Qt.Key.Key_Escape)
    services.calls.clear()
    QTest.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert services.calls == [("open", "")]
    QTest.keyClick(window, Qt.Key.Key_Equal, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(window, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert theme.zoom() > 100
    QTest.keyClick(window, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert theme.zoom() == 100


@pytest.mark.parametrize("place", ["conversation", "list", "composer"])
def test_shift_f10_opens_the_menu_of_what_has_the_keyboard(
    window: MainWindow, services: FakeServices, place: str
) -> None:
    services.chat.show(question("Where?"), answer("[There](https://example.org/there)."))
    pump(0)
    window.transcript.page.keyboard.focus_message(1)
    widget, wanted = {
        "conversation": (window.transcript.page, "Open https://example.org/there"),
        "list": (window.sidebar.view, "Rename…"),
        "composer": (window.composer.editor, "Select All"),
    }[place]
    widget.setFocus()
    QTest.keyClick(widget, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert wanted in [action.text().replace("&", "").partition("\t")[0] for action in menu.actions()]
    menu.close()
    pump(0)


def test_escape_stops_only_while_something_runs(window: MainWindow, services: FakeServices) -> None:
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert ("stop",) not in services.calls
    services.chat.set_busy(True)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert services.calls.count(("stop",)) == 1


def test_focus_is_seen(window: MainWindow, services: FakeServices) -> None:
    """A control looks different when the keyboard is on it."""
    services.engine.become("ready", LLAVA)
    pump(0)
    plain = [widget for widget in controls(window) if isinstance(widget, QAbstractButton)]
    assert plain
    for widget in plain:
        window.composer.focus_editor()
        pump(0)
        before = widget.grab().toImage()
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        pump(0)
        if widget.hasFocus():
            assert widget.grab().toImage() != before, told(widget)


CONTROL = Qt.KeyboardModifier.ControlModifier
ERASE = CONTROL | Qt.KeyboardModifier.ShiftModifier


def test_keys_that_delete_words_delete_no_conversation(window: MainWindow, services: FakeServices) -> None:
    services.conversations.open(services.conversations.rows[0].id)
    services.calls.clear()
    editor = window.composer.editor
    QTest.keyClicks(editor, "First")
    QTest.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(editor, "Second line")
    QTest.keyClick(editor, Qt.Key.Key_Left)
    QTest.keyClick(editor, Qt.Key.Key_Backspace, ERASE)
    assert editor.toPlainText() == "First\ne"
    editor.selectAll()
    QTest.keyClick(editor, Qt.Key.Key_Backspace, ERASE)
    assert editor.toPlainText() == ""
    QTest.keyClick(editor, Qt.Key.Key_Backspace, ERASE)  # once too often
    window.search()
    QTest.keyClicks(window.sidebar.search, "lake")
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_Backspace, ERASE)
    window.rename_current()
    title = QApplication.focusWidget()
    assert isinstance(title, QLineEdit)
    QTest.keyClick(title, Qt.Key.Key_Backspace, ERASE)
    assert not [call for call in services.calls if call[0] == "delete"]
    QTest.keyClick(title, Qt.Key.Key_Escape)
    window.sidebar.view.setFocus()
    QTest.keyClick(window.sidebar.view, Qt.Key.Key_Backspace, ERASE)
    assert [call for call in services.calls if call[0] == "delete"]


def test_they_delete_the_conversation_where_nothing_is_written(window: MainWindow, services: FakeServices) -> None:
    services.conversations.open(services.conversations.rows[0].id)
    QTest.keyClick(window.composer.editor, Qt.Key.Key_Backspace, ERASE)
    assert [call for call in services.calls if call[0] == "delete"]


def test_f2_renames_the_conversation_of_the_row(window: MainWindow, services: FakeServices) -> None:
    services.conversations.open(services.conversations.rows[0].id)
    view = window.sidebar.view
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_F2)
    title = QApplication.focusWidget()
    assert isinstance(title, QLineEdit)
    assert title.text() == "Two birds"


def test_pages_are_turned_from_an_empty_question(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(*(message for n in range(20) for message in (question(f"{n}?"), answer("A lake.\n\n" * 8))))
    pump(0)
    bar, editor = window.transcript.page.verticalScrollBar(), window.composer.editor
    end = bar.value()
    QTest.keyClick(editor, Qt.Key.Key_PageUp)
    above = bar.value()
    assert 0 < above < end
    QTest.keyClick(editor, Qt.Key.Key_PageDown)
    assert bar.value() > above
    QTest.keyClick(editor, Qt.Key.Key_Home, CONTROL)
    assert bar.value() == 0
    QTest.keyClick(editor, Qt.Key.Key_End, CONTROL)
    assert window.transcript.page.rows.is_at_end()
    assert editor.hasFocus()
    QTest.keyClicks(editor, "What")
    QTest.keyClick(editor, Qt.Key.Key_Home, CONTROL)
    assert window.transcript.page.rows.is_at_end(), "in a text that is for its cursor"
    assert editor.textCursor().atStart()


def test_figures_in_the_status_line_say_what_they_are(window: MainWindow, services: FakeServices) -> None:
    status = window.status
    for button in (status.memory, status.speed, status.context):
        assert len(button.toolTip().split()) > 3


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
