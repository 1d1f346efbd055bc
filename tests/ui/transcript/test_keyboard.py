"""Pointing, selecting, copying and moving through a conversation by mouse and keyboard."""

from __future__ import annotations

from typing import cast

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QGuiApplication, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.ui.transcript.view import TranscriptView
from tests.helpers.browser import Browser, asked_to_open, nothing_asked
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump

LEFT = Qt.MouseButton.LeftButton


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


def place_of(view: TranscriptView, index: int, words: str) -> QPoint:
    """The middle of some words of a message, in the viewport."""
    row, rect = view.page.rows.row(index), view.page.rows.rect(index)
    assert rect is not None
    start = row.document.toPlainText().index(words) + len(words) // 2
    block = row.document.findBlock(start)
    line = block.layout().lineForTextPosition(start - block.position())
    along: object = line.cursorToX(start - block.position())
    x = cast(float, along[0] if isinstance(along, tuple) else along)  # a pair in PySide6, whatever its stubs say
    top = row.document.documentLayout().blockBoundingRect(block).topLeft()
    inside = QPoint(round(top.x() + x), round(top.y() + line.y() + 8))
    return rect.topLeft() + row.text.topLeft() + inside


def key(view: TranscriptView, which: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    QTest.keyClick(view.page, which, modifier or Qt.KeyboardModifier.NoModifier)


@pytest.fixture
def read(transcript: TranscriptView, fakes: FakeServices) -> TranscriptView:
    fakes.chat.show(
        question("What is on the lake?", picture("lake.png", 300, 200)),
        answer("Two **boats** and a [hut](https://example.org/hut)."),
        question("Compare", picture("a.png"), picture("b.png")),
        answer("They differ. " * 200),
    )
    transcript.page.rows.scroll_to_start()
    return transcript


def test_words_are_selected_by_dragging_and_copied(read: TranscriptView) -> None:
    viewport = read.page.viewport()
    QTest.mousePress(viewport, LEFT, pos=place_of(read, 1, "Two") - QPoint(18, 0))
    QTest.mouseMove(viewport, place_of(read, 1, "s and"))
    QTest.mouseRelease(viewport, LEFT, pos=place_of(read, 1, "s and"))
    assert read.page.selection.text().startswith("Two boats")
    key(read, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard() == read.page.selection.text()


def test_a_double_click_selects_a_word_and_a_third_the_paragraph(read: TranscriptView) -> None:
    viewport, place = read.page.viewport(), place_of(read, 1, "boats")
    QTest.mouseClick(viewport, LEFT, pos=place)
    QTest.mouseDClick(viewport, LEFT, pos=place)
    assert read.page.selection.text() == "boats"
    QTest.mousePress(viewport, LEFT, pos=place)
    QTest.mouseRelease(viewport, LEFT, pos=place)
    assert read.page.selection.text() == "Two boats and a hut."


def test_ctrl_a_selects_the_focused_message(read: TranscriptView) -> None:
    read.page.keyboard.focus_message(1)
    key(read, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert read.page.selection.text() == "Two boats and a hut."
    cursor = QTextCursor(read.page.rows.row(1).document)
    assert read.page.look_of(1).selection == (0, cursor.document().characterCount() - 1)


def test_ctrl_c_without_a_selection_copies_the_focused_message_as_written(read: TranscriptView) -> None:
    read.page.keyboard.focus_message(1)
    key(read, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard() == "Two **boats** and a [hut](https://example.org/hut)."


def test_a_click_on_a_picture_opens_it(read: TranscriptView) -> None:
    opened: list[str] = []
    read.picture_opened.connect(opened.append)
    rect = read.page.rows.rect(0)
    assert rect is not None
    place = read.page.rows.row(0).pictures[0].center() + rect.topLeft()
    QTest.mouseClick(read.page.viewport(), LEFT, pos=place)
    assert opened == [picture("lake.png").sha256]


def test_a_press_on_a_picture_that_is_released_elsewhere_opens_nothing(read: TranscriptView) -> None:
    opened: list[str] = []
    read.picture_opened.connect(opened.append)
    rect = read.page.rows.rect(0)
    assert rect is not None
    place = read.page.rows.row(0).pictures[0].center() + rect.topLeft()
    for pressed, released in ((place, place_of(read, 1, "Two")), (place_of(read, 0, "lake"), place)):
        QTest.mousePress(read.page.viewport(), LEFT, pos=pressed)
        QTest.mouseRelease(read.page.viewport(), LEFT, pos=released)
    assert opened == []


def test_a_click_on_a_link_asks_before_it_opens_and_dragging_over_it_does_not(
    read: TranscriptView, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(monkeypatch)
    viewport, link = read.page.viewport(), place_of(read, 1, "hut")
    QTest.mousePress(viewport, LEFT, pos=place_of(read, 1, "Two"))
    QTest.mouseMove(viewport, link)
    QTest.mouseRelease(viewport, LEFT, pos=link)
    assert nothing_asked()
    QTest.mouseClick(viewport, LEFT, pos=link)
    assert asked_to_open("Cancel") == "https://example.org/hut"
    assert browser.opened == []
    QTest.mouseClick(viewport, LEFT, pos=link)
    assert asked_to_open() == "https://example.org/hut"
    assert browser.opened == ["https://example.org/hut"]
    QTest.mouseClick(viewport, LEFT, pos=link)
    asked_to_open("Copy address")
    assert (clipboard(), len(browser.opened)) == ("https://example.org/hut", 1)


def test_arrow_keys_walk_through_messages_and_say_them(read: TranscriptView) -> None:
    read.page.keyboard.focus_message(0)
    key(read, Qt.Key.Key_Down)
    assert read.page.keyboard.focused() == 1
    assert read.page.accessibleDescription().startswith("Answer: Two **boats**")
    key(read, Qt.Key.Key_Up)
    assert read.page.keyboard.focused() == 0
    assert "lake.png" in read.page.accessibleDescription()
    key(read, Qt.Key.Key_Up)
    assert read.page.keyboard.focused() == 0


def test_arrow_keys_scroll_through_a_message_higher_than_the_window(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.show(question("Long?"), answer("A line.\n\n" * 100), question("Short?"))
    transcript.page.keyboard.focus_message(1)
    presses = 0
    while transcript.page.keyboard.focused() == 1:
        key(transcript, Qt.Key.Key_Down)
        presses += 1
        assert presses < 200
    assert presses > 10
    assert transcript.page.keyboard.focused() == 2
    key(transcript, Qt.Key.Key_Home)
    assert (transcript.page.keyboard.focused(), transcript.page.rows.seen()[0]) == (0, 0)
    key(transcript, Qt.Key.Key_End)
    assert transcript.page.keyboard.focused() == 2
    assert transcript.page.rows.is_at_end()


def test_page_keys_scroll_by_a_window(read: TranscriptView) -> None:
    bar = read.page.verticalScrollBar()
    key(read, Qt.Key.Key_PageDown)
    assert bar.value() > 300
    key(read, Qt.Key.Key_PageUp)
    assert bar.value() == 0


def test_enter_opens_the_picture_chosen_by_the_arrows(read: TranscriptView) -> None:
    opened: list[str] = []
    read.picture_opened.connect(opened.append)
    read.page.keyboard.focus_message(2)
    key(read, Qt.Key.Key_Return)
    key(read, Qt.Key.Key_Right)
    key(read, Qt.Key.Key_Return)
    assert opened == [picture("a.png").sha256, picture("b.png").sha256]


def test_escape_stops_the_answer(read: TranscriptView, fakes: FakeServices) -> None:
    key(read, Qt.Key.Key_Escape)
    assert fakes.chat.calls == [("stop",)]


def test_other_keys_are_left_to_the_window(read: TranscriptView) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent

    for which, modifier in ((Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier), (Qt.Key.Key_F5, None)):
        event = QKeyEvent(QEvent.Type.KeyPress, which, modifier or Qt.KeyboardModifier.NoModifier)
        read.page.keyPressEvent(event)
        assert not event.isAccepted()


def test_a_picture_is_copied_and_saved_from_its_menu(
    read: TranscriptView, fakes: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.chat.show(question("Which?", picture("a.png"), picture("b.png")), answer("Both."))
    pump(0)
    row = read.page.rows.row(0)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/tmp/saved.png", ""))
    read.page.keyboard.focus_message(0)
    for menu, name in (
        (read.page.menu.at(0, row.pictures[1].center()), "b.png"),
        (read.page.menu.with_links(0), "a.png"),
    ):
        actions = {action.text(): action for action in menu.actions()}
        QGuiApplication.clipboard().clear()
        actions["Copy picture"].trigger()
        assert not QGuiApplication.clipboard().image().isNull()
        actions["Save picture…"].trigger()
        assert fakes.previews.calls[-1] == ("save_original", picture(name).sha256, "/tmp/saved.png")
        menu.close()
        menu.deleteLater()


def test_the_menu_offers_what_is_under_the_pointer(read: TranscriptView, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(monkeypatch)
    rect = read.page.rows.rect(1)
    assert rect is not None
    inside = place_of(read, 1, "hut") - rect.topLeft()
    menu = read.page.menu.at(1, inside)
    actions = {action.text(): action for action in menu.actions()}
    changes = ["", "New conversation from here", "Delete question and answer"]
    assert list(actions) == ["Open link", "Copy link address", "Copy message", "Select message", *changes]
    actions["Open link"].trigger()
    asked_to_open()
    assert browser.opened == ["https://example.org/hut"]
    actions["Copy link address"].trigger()
    assert clipboard() == "https://example.org/hut"
    actions["Select message"].trigger()
    assert read.page.selection.text() == "Two boats and a hut."
    menu.close()
    menu.deleteLater()
    pump(0)


def test_the_keyboard_reaches_the_links_of_a_message(
    read: TranscriptView, fakes: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(monkeypatch)
    long = "https://example.org/" + "forest/" * 40
    fakes.chat.show(
        question("Where?"),
        answer(
            f"1. [Lake](https://example.org/?a=1&b=2), the [*same*](https://example.org/?a=1&b=2)\n"
            f"2. [far]({long}), [here](file:///etc/passwd)"
        ),
    )
    menu = read.page.menu.with_links(1)
    labels = [action.text() for action in menu.actions()]
    assert labels[:2] == ["Copy message", "Select message"]
    assert labels[5:7] == ["", "Open https://example.org/?a=1&&b=2"]
    assert labels[7].startswith("Open https://example.org/forest/")
    assert labels[7].endswith("…")
    for action in menu.actions()[6:]:
        action.trigger()
        asked_to_open()
    assert browser.opened == ["https://example.org/?a=1&b=2", long]
    menu.close()
    menu.deleteLater()
    pump(0)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (answer("Half", State.STOPPED), "You stopped this answer."),
        (answer("", State.STOPPED), "You stopped this answer before it began."),
        (answer("", State.INTERRUPTED), "This answer was interrupted before it began."),
        (answer("Half", State.INTERRUPTED), "This answer was interrupted. The text so far is kept."),
        (
            answer("", State.FAILED, details={"error": {"code": "file-missing", "parameters": {"name": "a.png"}}}),
            "a.png cannot be found. It may have been moved or deleted.",
        ),
        (answer("", State.FAILED, details={"error": {"code": "from-the-future"}}), "This answer failed."),
        (answer("Long", details={"finish_reason": "length"}), "The answer was cut off at the maximum length."),
        (answer("Well", details={"finish_reason": "stop"}), ""),
    ],
)
def test_how_an_answer_ended_is_said_below_it(
    transcript: TranscriptView, fakes: FakeServices, message: Message, sentence: str
) -> None:
    from desktop_app.ui.transcript import phrases

    fakes.chat.show(question("What?"), message)
    transcript.repaint()
    assert phrases.mark(message) == sentence
    assert transcript.page.rows.row(1).mark.isNull() is not bool(sentence)


def test_notes_are_quiet_lines_without_buttons(transcript: TranscriptView, fakes: FakeServices) -> None:
    note = Message("n", Role.NOTE, "", details={"note": "model-changed", "parameters": {"name": "LLaVA"}})
    fakes.chat.show(question("What?"), note)
    transcript.page.keyboard.focus_message(1)
    assert transcript.page.accessibleDescription() == "From here on, the answers are by LLaVA."
    assert transcript.bar.isHidden()


def test_seen_messages_are_described_to_screen_readers(transcript: TranscriptView, fakes: FakeServices) -> None:
    QAccessible.setActive(True)
    try:
        fakes.chat.show(*(question(f"Question {i}") for i in range(100)))
        labels = transcript.spoken.labels()
        assert len(labels) == len(transcript.page.rows.seen()) < 20
        described = QAccessible.queryAccessibleInterface(labels[-1])
        assert described.role() is QAccessible.Role.StaticText
        assert described.text(QAccessible.Text.Name) == "You: Question 99"
    finally:
        QAccessible.setActive(False)
