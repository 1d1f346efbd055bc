"""The list of conversations: opening, renaming, deleting, searching."""

from __future__ import annotations

import random
from dataclasses import replace

from PySide6.QtCore import QPersistentModelIndex, QPoint, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu

from desktop_app.ui.conversation_list import OPENED
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.waiting import pump, wait_until

LEFT = Qt.MouseButton.LeftButton


def titles(window: MainWindow) -> list[str]:
    model = window.sidebar.view.model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def middle(window: MainWindow, row: int) -> QPoint:
    view = window.sidebar.view
    return view.visualRect(view.model().index(row, 0)).center()


def rename(window: MainWindow, title: str) -> None:
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, title)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    pump(0)


def test_it_lists_what_there_is(window: MainWindow) -> None:
    assert titles(window) == ["A lake", "Two birds"]
    assert not window.sidebar.nothing.isVisible()


def test_a_click_opens_and_marks(window: MainWindow, services: FakeServices) -> None:
    view = window.sidebar.view
    QTest.mouseClick(view.viewport(), LEFT, pos=middle(window, 1))
    assert services.calls == [("open", services.conversations.rows[1].id)]
    assert [view.model().index(row, 0).data(OPENED) for row in (0, 1)] == [False, True]
    assert window.windowTitle() == "Two birds"
    assert window.header.title.whole_text() == "Two birds"


def test_the_keyboard_opens_renames_and_deletes(window: MainWindow, services: FakeServices) -> None:
    view = window.sidebar.view
    first, second = (row.id for row in services.conversations.rows)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Return)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Up)
    QTest.keyClick(view, Qt.Key.Key_Delete)
    pump(0)
    assert services.calls == [("open", second), ("delete", first)]
    assert titles(window) == ["Two birds"]


def test_renaming_in_place(window: MainWindow, services: FakeServices) -> None:
    first = services.conversations.rows[0].id
    services.conversations.open(first)
    window.rename_current()
    rename(window, "  The lake   at night ")
    assert services.calls[-1] == ("rename", first, "The lake at night")
    assert titles(window)[0] == "The lake at night"


def test_an_empty_title_changes_nothing(window: MainWindow, services: FakeServices) -> None:
    services.conversations.open(services.conversations.rows[0].id)
    services.calls.clear()
    window.rename_current()
    rename(window, "   ")
    assert services.calls == []
    assert titles(window)[0] == "A lake"


def test_what_is_being_typed_survives_a_new_list(window: MainWindow, services: FakeServices) -> None:
    """An answer that ends elsewhere reorders the list while a title is being written."""
    services.conversations.open(services.conversations.rows[1].id)
    window.rename_current()
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, "Three bi")
    services.conversations.rows.reverse()
    services.conversations.rows[0] = replace(services.conversations.rows[0], updated=1.0)
    services.conversations.listed.emit()
    pump(0)
    assert QApplication.focusWidget() is editor
    assert editor.text() == "Three bi"
    rename(window, "Three birds")
    assert services.calls[-1] == ("rename", services.conversations.rows[0].id, "Three birds")


def test_deleting_can_be_undone_from_the_notice(window: MainWindow, services: FakeServices) -> None:
    services.conversations.open(services.conversations.rows[0].id)
    window.delete_current()
    pump(0)
    assert titles(window) == ["Two birds"]
    assert window.notices.words.text() == "“A lake” was deleted."
    assert window.pages.currentWidget() is window.start_page
    [undo] = window.notices.buttons
    undo.click()
    pump(0)
    assert titles(window) == ["A lake", "Two birds"]
    assert not window.notices.isVisible()


def test_searching_and_giving_up(window: MainWindow, services: FakeServices) -> None:
    services.conversations.hits = [replace(services.conversations.rows[1], snippet="… two birds on …")]
    window.search()
    QTest.keyClicks(window.sidebar.search, "birds")
    wait_until(lambda: titles(window) == ["Two birds"])
    assert ("search", "birds") in services.calls
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_Down)
    assert QApplication.focusWidget() is window.sidebar.view
    window.search()
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_Escape)
    assert titles(window) == ["A lake", "Two birds"]


def test_what_a_search_found_is_in_sight(window: MainWindow, services: FakeServices) -> None:
    hit = services.conversations.rows[0]
    services.conversations.hits = [hit]
    long = [question(f"Question {number}") for number in range(60)]
    long[20] = question("Where was the Café?")
    window.search()
    QTest.keyClicks(window.sidebar.search, "cafe")
    wait_until(lambda: ("search", "cafe") in services.calls)
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_Down)
    QTest.keyClick(window.sidebar.view, Qt.Key.Key_Return)
    services.chat.show(*long)
    assert services.conversations.current_id() == hit.id
    assert 20 in window.transcript.page.rows.seen()
    assert 59 not in window.transcript.page.rows.seen()
    window.transcript.page.rows.scroll_to_end()
    QTest.keyClick(window.sidebar.view, Qt.Key.Key_Return)
    assert 20 in window.transcript.page.rows.seen(), "also where it is open already"


def test_the_search_is_cleared_by_a_click(window: MainWindow, services: FakeServices) -> None:
    window.sidebar.search.setText("lake")
    services.conversations.found.emit("lake", [])
    window.sidebar.search.clear_button.click()
    assert window.sidebar.search.text() == ""
    assert titles(window) == ["A lake", "Two birds"]


def test_a_late_answer_to_an_earlier_search_is_not_shown(window: MainWindow, services: FakeServices) -> None:
    window.sidebar.search.setText("lake")
    services.conversations.found.emit("la", [])
    assert titles(window) == ["A lake", "Two birds"]
    services.conversations.found.emit("lake", [])
    assert titles(window) == []
    assert window.sidebar.nothing.text() == "Nothing found for “lake”."


def test_without_conversations_it_says_what_will_be_there(window: MainWindow, services: FakeServices) -> None:
    services.conversations.rows.clear()
    services.conversations.listed.emit()
    assert window.sidebar.nothing.isVisible()
    assert "only on this computer" in window.sidebar.nothing.text()


def test_the_menu_of_a_row(window: MainWindow, services: FakeServices) -> None:
    chosen = services.conversations.rows[1].id
    window.sidebar.view.menu_wanted.emit(chosen, window.mapToGlobal(QPoint(50, 200)))
    [menu] = [menu for menu in window.sidebar.findChildren(QMenu) if menu.isVisible()]
    assert [action.text() for action in menu.actions() if action.text()] == ["Open", "Rename…", "Export…", "Delete"]
    services.calls.clear()
    menu.actions()[-1].trigger()
    menu.close()
    assert services.calls == [("delete", chosen)]


def test_long_and_odd_titles_stay_in_their_row(window: MainWindow, services: FakeServices) -> None:
    services.add_conversation("Donaudampfschifffahrtsgesellschaft " * 9)
    services.add_conversation("<b>bold</b>\nsecond line")
    services.add_conversation("")
    pump(0)
    view = window.sidebar.view
    heights = {view.visualRect(view.model().index(row, 0)).height() for row in range(5)}
    assert len(heights) == 1
    assert view.horizontalScrollBar().maximum() == 0
    assert titles(window)[-1] == "Untitled"


def test_the_list_becomes_any_other_list_step_by_step(window: MainWindow, services: FakeServices) -> None:
    """Qt's own checker watches the signals while rows come, go and move."""
    view = window.sidebar.view
    checker = QAbstractItemModelTester(view.model(), QAbstractItemModelTester.FailureReportingMode.Warning)
    for number in range(12):
        services.add_conversation(f"Conversation {number}")
    everything = list(services.conversations.rows)
    chance = random.Random(8)
    for _ in range(60):
        before = {title: QPersistentModelIndex(view.model().index(row, 0)) for row, title in enumerate(titles(window))}
        services.conversations.rows = chance.sample(everything, chance.randint(0, len(everything)))
        services.conversations.listed.emit()
        assert titles(window) == [row.title for row in services.conversations.rows]
        assert all(index.data() == title for title, index in before.items() if index.isValid())
    checker.deleteLater()


def test_a_new_conversation_ends_the_search(window: MainWindow, services: FakeServices) -> None:
    services.conversations.hits = [services.conversations.rows[1]]

    def press_keys() -> None:
        QTest.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)

    for begin in (press_keys, window.sidebar.new_button.click, window.header.new_button.click):
        window.search()
        QTest.keyClicks(window.sidebar.search, "birds")
        wait_until(lambda: titles(window) == ["Two birds"])
        begin()
        assert window.sidebar.search.text() == ""
        assert titles(window) == ["A lake", "Two birds"]
        assert window.composer.editor.hasFocus()


def yellow_lines(window: MainWindow) -> int:
    """How many lines of pixels on the page have the colour of the hit that one has gone to."""
    image = window.transcript.page.viewport().grab().toImage()
    wanted = theme.colour("eye").rgb()
    lines = [any(image.pixel(x, y) == wanted for x in range(image.width())) for y in range(image.height())]
    return sum(lines)


def test_hits_are_marked_and_gone_through(window: MainWindow, services: FakeServices) -> None:
    services.conversations.hits = [services.conversations.rows[0]]
    window.search()
    QTest.keyClicks(window.sidebar.search, "lake")
    wait_until(lambda: ("search", "lake") in services.calls)
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_Down)
    QTest.keyClick(window.sidebar.view, Qt.Key.Key_Return)
    far = "No water. " * 900
    services.chat.show(
        question("Where?"),
        answer(f"🦊 A **LAKE**, and {far} again a lake."),
        question("What?"),
        answer("Nothing."),
        question("Which lake?"),
    )
    page = window.transcript.page
    went: list[tuple[int, str]] = []

    def note() -> None:
        [(index, hit)] = [(i, page.look_of(i)) for i in range(5) if page.look_of(i).hit >= 0]
        cursor = QTextCursor(page.rows.row(index).document)
        cursor.setPosition(hit.hits[hit.hit][0])
        cursor.setPosition(hit.hits[hit.hit][1], QTextCursor.MoveMode.KeepAnchor)
        went.append((index, cursor.selectedText()))
        assert yellow_lines(window) > 8, "it is in sight"

    note()
    for key in (Qt.Key.Key_F3,) * 3:
        QTest.keyClick(window, key)
        note()
    assert went == [(1, "LAKE"), (1, "lake"), (4, "lake"), (1, "LAKE")]
    QTest.keyClick(window, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    note()
    window.search()
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    note()
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_Return)
    note()
    assert went[4:] == [(4, "lake"), (1, "lake"), (4, "lake")]
    QTest.keyClick(window.sidebar.search, Qt.Key.Key_Escape)
    assert yellow_lines(window) == 0
    QTest.keyClick(window, Qt.Key.Key_F3)
    assert window.sidebar.search.hasFocus(), "without a search, to the search"


def test_rows_are_marked_where_something_happens(window: MainWindow, services: FakeServices) -> None:
    view = window.sidebar.view
    lake, birds = (row.id for row in services.conversations.rows)
    plain = view.grab().toImage()
    services.activity.set_mark(lake, "writing")
    services.activity.set_mark(birds, "unseen")
    pump(0)
    model = view.model()
    spoken = [model.index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole) for row in (0, 1)]
    assert spoken == ["A lake, its answer is being written", "Two birds, has a new answer"]
    assert view.grab().toImage() != plain


def test_the_mark_of_what_is_written_moves_only_while_it_is_seen(window: MainWindow, services: FakeServices) -> None:
    marks = window.sidebar.view.itemDelegate().marks  # type: ignore[attr-defined]
    services.activity.set_mark(services.conversations.rows[0].id, "writing")
    assert not marks.is_moving(), "motion is reduced"
    theme.set_still(False)
    window.toggle_sidebar()
    window.toggle_sidebar()
    assert marks.is_moving()
    window.toggle_sidebar()
    assert not marks.is_moving()
    window.toggle_sidebar()
    services.activity.set_mark(services.conversations.rows[0].id, "waiting")
    assert not marks.is_moving()


def test_the_status_line_says_where_an_answer_is_written(window: MainWindow, services: FakeServices) -> None:
    elsewhere = window.status.elsewhere
    assert not elsewhere.isVisible()
    services.activity.set_elsewhere(services.conversations.rows[1].id)
    assert elsewhere.isVisible()
    assert elsewhere.place.text().strip() == "Writing in “Two birds”"
    services.conversations.rename(services.conversations.rows[1].id, "Three & birds")
    assert elsewhere.place.text().strip() == "Writing in “Three && birds”"
    services.calls.clear()
    QTest.mouseClick(elsewhere.place, LEFT)
    QTest.mouseClick(elsewhere.stop, LEFT)
    assert services.calls == [("open", services.conversations.rows[1].id), ("stop_elsewhere",)]
    services.activity.set_elsewhere("")
    assert not elsewhere.isVisible()


def keyboard_row(window: MainWindow) -> str:
    """Return the title of the row to which F6 brings the keyboard."""
    QTest.keyClick(window.composer.editor, Qt.Key.Key_F6)
    while not window.sidebar.view.hasFocus():
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_F6)
    title = str(window.sidebar.view.currentIndex().data())
    window.composer.focus_editor()
    return title


def test_the_keyboard_comes_to_the_open_conversation(window: MainWindow, services: FakeServices) -> None:
    conversations = services.conversations
    lake, birds = (row.id for row in conversations.rows)
    conversations.open(birds)
    assert keyboard_row(window) == "Two birds"
    # A copy is opened before the list has it.
    conversations.open("copy")
    copy = replace(conversations.rows[1], id="copy", title="Two birds (2)")
    conversations.rows.insert(0, copy)
    conversations.listed.emit()
    assert keyboard_row(window) == "Two birds (2)"
    # A new one gets its row with its first question, and is not opened then.
    conversations.new()
    conversations.current = "new"
    conversations.rows.insert(0, replace(copy, id="new", title="A new one"))
    conversations.listed.emit()
    assert keyboard_row(window) == "A new one"
    # A search leaves it out for a while.
    window.sidebar.search.setText("lake")
    conversations.found.emit("lake", [row for row in conversations.rows if row.id == lake])
    assert keyboard_row(window) == "A lake"
    window.sidebar.end_search()
    assert keyboard_row(window) == "A new one"


def test_where_the_person_walks_in_the_list_stays(window: MainWindow, services: FakeServices) -> None:
    conversations, view = services.conversations, window.sidebar.view
    conversations.open(conversations.rows[0].id)
    keyboard_row(window)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Down)
    conversations.rows[1] = replace(conversations.rows[1], updated=conversations.rows[1].updated + 1)
    conversations.listed.emit()
    assert view.currentIndex().data() == "Two birds"
