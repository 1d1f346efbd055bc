"""What people expect of every window: where the keyboard is, what Enter, Esc, Tab and typing do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import SIGNAL, QPoint, QRect, QStandardPaths, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMenu,
    QScrollArea,
    QWidget,
)

from desktop_app.chat.backups import Backup
from desktop_app.chat.conversation import DeletedConversation
from desktop_app.errors import SENTENCES as ERRORS
from desktop_app.services.notices import SENTENCES as NOTICES
from desktop_app.services.notices import Notice
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.pictures.viewer import PictureViewer
from desktop_app.ui.recovery import RecoveryDialog
from desktop_app.ui.sentences import notice_text
from desktop_app.ui.settings.dialog import SettingsDialog
from desktop_app.ui.window import MainWindow
from model_store.errors import SENTENCES as STORE_ERRORS
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump
from tests.screens import model_states, update_states  # noqa: F401 - they register their states
from tests.screens.window_states import STATES, Stage

# The others are states of the main window, or of what is no dialog.
_DIALOGS = [name for name, state in STATES.items() if state.__annotations__["return"] != "None"]
_DIALOGS = [name for name in _DIALOGS if name not in ("explained", "help_menu", "model_menu", "models_sizes", "viewer")]


@pytest.fixture(params=_DIALOGS)
def opened(dressed: QApplication, request: pytest.FixtureRequest) -> Iterator[QDialog]:
    """Every dialog, as it is after it was opened."""
    stage = Stage()
    shown = STATES[request.param](stage)
    assert isinstance(shown, QDialog)
    shown.show()
    shown.activateWindow()
    pump(80)
    yield shown
    for window in QApplication.topLevelWidgets():
        window.close()
        window.deleteLater()
    pump(0)


def focus() -> QWidget:
    """What has the keyboard."""
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def place(widget: QWidget) -> QRect:
    return QRect(widget.mapTo(widget.window(), QPoint(0, 0)), widget.size())


def told(widget: QWidget) -> str:
    words = widget.text() if isinstance(widget, QAbstractButton) else ""
    return f"{type(widget).__name__} {widget.accessibleName() or words!r} at {place(widget).getRect()}"


def walk(window: QWidget) -> list[QWidget]:
    """What Tab comes to, from the first to the last of a window."""
    seen: list[QWidget] = []
    for _ in range(300):
        widget = focus()
        if widget in seen:
            break
        seen.append(widget)
        QTest.keyClick(widget, Qt.Key.Key_Tab)
    return seen


def scrolled_in(widget: QWidget) -> QScrollArea | None:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QScrollArea):
        parent = parent.parentWidget()
    return parent


def is_before(first: QWidget, second: QWidget) -> bool:
    """Whether one reads `first` before `second`: it is above, or in the same row further left."""
    areas = scrolled_in(first), scrolled_in(second)
    if areas[0] is not areas[1]:  # what is in a list comes where the list is
        first, second = areas[0] or first, areas[1] or second
    one, other = place(first), place(second)
    if one.bottom() <= other.top():
        return True
    return one.top() < other.bottom() and one.left() < other.left()


def test_tab_goes_through_every_dialog_as_it_is_read(opened: QDialog) -> None:
    seen = walk(opened)
    # Where it begins is another matter: turn to what is read first.
    [begin] = [i for i, one in enumerate(seen) if all(one is other or is_before(one, other) for other in seen)]
    seen = seen[begin:] + seen[:begin]
    wrong = [f"{told(one)} before {told(other)}" for one, other in pairwise(seen) if not is_before(one, other)]
    assert not wrong


def test_the_keyboard_is_where_it_is_expected_and_esc_closes(opened: QDialog) -> None:
    widget = focus()
    assert widget.window() is opened
    fields = [
        field
        for field in opened.findChildren(QLineEdit)
        if field.isVisible() and field.isEnabled() and not isinstance(field.parent(), QAbstractSpinBox)
    ]
    if fields:
        assert widget is fields[0]
    else:
        assert isinstance(widget, QAbstractButton) or widget.objectName() == "rows"
    QTest.keyClick(widget, Qt.Key.Key_Escape)
    assert not opened.isVisible()


def test_enter_presses_what_has_the_keyboard(opened: QDialog) -> None:
    pressed: list[QAbstractButton] = []
    buttons = [widget for widget in walk(opened) if isinstance(widget, QAbstractButton)]
    buttons = [button for button in buttons if not button.isCheckable()]
    for button in buttons:
        if button.receivers(SIGNAL("clicked(bool)")):
            button.clicked.disconnect()  # what they do is tried elsewhere
        button.clicked.connect(partial(pressed.append, button))
        button.setFocus()
        QTest.keyClick(button, Qt.Key.Key_Return)
    assert pressed == buttons


def test_typing_anywhere_writes_into_the_question(window: MainWindow, services: FakeServices) -> None:
    services.chat.show(question("What is this?", picture()), answer("A lake."))
    services.draft.put(picture("b.png"), "read", 1.0)
    services.engine.become("ready", LLAVA)
    pump(0)
    places = [
        window.transcript.page,
        window.sidebar.view,
        window.sidebar.new_button,
        window.status.model,
        window.composer.send,
        window.composer.strip.thumbnails()[0],
    ]
    for widget in places:
        window.composer.editor.clear()
        widget.setFocus()
        assert widget.hasFocus()
        for letter in "Hm?":
            QTest.keyClicks(focus(), letter)
        assert window.composer.editor.hasFocus()
        assert window.composer.editor.toPlainText() == "Hm?", told(widget)


def test_typing_in_another_field_stays_there(window: MainWindow) -> None:
    window.search()
    QTest.keyClicks(focus(), "lake")
    assert window.sidebar.search.text() == "lake"
    assert window.composer.editor.toPlainText() == ""
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_S, Qt.KeyboardModifier.AltModifier)
    assert window.composer.editor.toPlainText() == ""


def test_tab_comes_to_the_pictures_before_the_words(window: MainWindow, services: FakeServices) -> None:
    services.engine.become("ready", LLAVA)
    for name in ("a.png", "b.png"):
        services.draft.put(picture(name), "read", 1.0)
    window.composer.insert_text("What is this?")
    pump(0)
    window.composer.focus_editor()
    order = walk(window)
    order = [*order, order[0]]
    first, second = window.composer.strip.thumbnails()
    found = [w for w in order[1:] if window.composer.isAncestorOf(w)]
    composer = window.composer
    wanted = [composer.attach, composer.model, composer.send, first, second, composer.editor]
    assert [told(w) for w in found] == [told(w) for w in wanted]
    beside = order.index(first)
    assert not window.status.isAncestorOf(order[beside - 1])


def test_settings_open_at_the_top_each_time(window: MainWindow) -> None:
    for opening, kind in ((window.dialogs.open_settings, SettingsDialog), (window.dialogs.open_models, ModelsDialog)):
        opening()
        pump(80)
        dialog = window.findChild(kind)
        assert dialog is not None
        dialog.resize(700, 300)
        pump(0)
        area = dialog.findChild(QScrollArea)
        assert area is not None
        bar = area.verticalScrollBar()
        bar.setValue(bar.maximum())
        assert bar.value() > 0
        dialog.close()
        opening()
        pump(80)
        assert bar.value() == 0


def test_enter_restores_what_is_chosen(window: MainWindow, services: FakeServices) -> None:
    row = services.conversations.rows[0]
    services.recovery.rows = [DeletedConversation(row, 0.0)]
    services.recovery.copies = [Backup(Path("/backups/one"), 0.0, 1000)]
    window.dialogs.open_recovery()
    pump(0)
    dialog = window.findChild(RecoveryDialog)
    assert dialog is not None
    QTest.keyClick(focus(), Qt.Key.Key_Return)
    assert services.calls[-1] == ("undelete", row.id)
    dialog.backups.setFocus()
    QTest.keyClick(dialog.backups, Qt.Key.Key_Return)
    assert ("restore", Path("/backups/one")) in [tuple(call) for call in services.calls]


def test_a_conversation_is_exported_from_its_menu(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    suggested: list[str] = []

    def choose(_parent: object, _title: str, name: str, kinds: str, _kind: str) -> tuple[str, str]:
        suggested.append(Path(name).name)
        return str(tmp_path / "lake"), kinds.split(";;")[1]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    row = next(row for row in services.conversations.rows if row.title == "Two birds")
    assert row.id != services.conversations.current_id()
    view = window.sidebar.view
    view.setFocus()
    view.setCurrentIndex(view.model().index(1, 0))
    QTest.keyClick(view, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    next(action for action in menu.actions() if action.text() == "Export…").trigger()
    menu.close()
    assert suggested == ["Two birds"]
    assert services.calls[-1] == ("export", str(tmp_path / "lake.md"), row.id)


def test_the_keys_turn_the_pictures(window: MainWindow, services: FakeServices) -> None:
    names = ["a.png", "b.png", "c.png"]
    services.chat.show(question("?", *(picture(name) for name in names)), answer("!"))
    window.open_picture(picture("a.png").sha256)
    pump(0)
    viewer = window.findChild(PictureViewer)
    assert viewer is not None
    for key, name in (
        (Qt.Key.Key_Right, "b.png"),
        (Qt.Key.Key_Down, "c.png"),
        (Qt.Key.Key_Right, "c.png"),
        (Qt.Key.Key_Left, "b.png"),
        (Qt.Key.Key_Up, "a.png"),
        (Qt.Key.Key_PageDown, "b.png"),
        (Qt.Key.Key_PageUp, "a.png"),
        (Qt.Key.Key_End, "c.png"),
        (Qt.Key.Key_Home, "a.png"),
    ):
        QTest.keyClick(viewer.view, key)
        assert viewer.windowTitle() == name
    for _ in range(30):
        viewer.larger.click()  # now the arrow keys move the picture
    before = viewer.view.horizontalScrollBar().value()
    QTest.keyClick(viewer.view, Qt.Key.Key_Right)
    assert viewer.windowTitle() == "a.png"
    assert viewer.view.horizontalScrollBar().value() != before


SENTENCES = {**ERRORS, **STORE_ERRORS, **NOTICES}
HOSTILE = "lake\n\nEyebright was deleted.\r\x1b[31m\x07 \u202egnp.exe\u2028" + "x" * 100_000


@pytest.mark.parametrize("code", list(SENTENCES))
def test_a_name_in_a_notice_stays_in_one_line(code: str) -> None:
    from string import Formatter

    fields = {name for _, name, _, _ in Formatter().parse(SENTENCES[code]) if name}
    text = notice_text(Notice(code, dict.fromkeys(fields, HOSTILE)))
    assert text.isprintable()
    assert "\u202e" not in text
    assert len(text) <= len(SENTENCES[code]) + 1000 * len(fields)


def test_one_thing_has_one_name(window: MainWindow) -> None:
    """The button, the menu and the start page say the same, and so do the shortcuts."""
    menu = [action.text().replace("&", "") for action in window.menus.actions]
    words = window.composer.attach.accessibleName()
    assert words in menu
    assert window.start_page.place.choose.text() == words


def test_file_dialogs_begin_where_one_was(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from desktop_app.ui.files.chosen_folders import folder_for, remember

    own = {kind: tmp_path / kind for kind in ("Pictures", "Downloads", "Documents")}
    for folder in own.values():
        folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    began: list[str] = []
    chosen = tmp_path / "camera"
    chosen.mkdir()

    def choose(_parent: object, _title: str, folder: str, *_: object, **__: object) -> tuple[list[str], str]:
        began.append(folder)
        return [str(chosen / "a.png")], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", choose)
    window.choose_files()
    window.choose_files()
    assert began == [QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation), str(chosen)]
    again = MainWindow(services)
    again.choose_files()
    assert began[-1] == str(chosen)
    again.deleteLater()
    assert folder_for("models") != str(chosen)
    assert folder_for("conversations") != str(chosen)
    chosen.rmdir()
    assert folder_for("pictures") == began[0]
    remember("models", str(own["Documents"]))
    assert folder_for("models") == str(own["Documents"])
