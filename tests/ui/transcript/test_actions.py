"""The buttons under a message, and changing a question."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QToolButton, QWidget

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.ui.transcript.actions import ActionBar
from desktop_app.ui.transcript.view import TranscriptView
from desktop_app.ui.widgets.theme import GRID, theme
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.waiting import pump, wait_until

CODE = "Run:\n\n```python\nprint(1)\n```\n\nand\n\n```sh\nls\n```\n"


@pytest.fixture
def asked(transcript: TranscriptView, fakes: FakeServices) -> TranscriptView:
    fakes.chat.show(
        question("First?"),
        answer("One.", sibling=(1, 3), details={"model": "LLaVA", "tokens_per_second": 5.84}),
        question("Second?", sibling=(0, 2)),
        answer(CODE),
    )
    return transcript


def point_at(view: TranscriptView, index: int) -> None:
    rect = view.page.rows.rect(index)
    assert rect is not None
    QTest.mouseMove(view.page.viewport(), rect.center())
    pump(0)


def shown(bar: ActionBar) -> set[str]:
    buttons = bar.findChildren(QWidget)
    return {b.property("action") for b in buttons if b.property("action") and b.isVisibleTo(bar)}


def test_buttons_appear_under_the_message_pointed_at(asked: TranscriptView) -> None:
    assert asked.bar.isHidden()
    point_at(asked, 1)
    rect = asked.page.rows.rect(1)
    assert rect is not None
    assert rect.contains(asked.bar.geometry().center())
    assert shown(asked.bar) == {"copy", "regenerate", "previous", "next", "more"}
    assert asked.bar.version.text() == "2/3"
    assert asked.bar.figures.text() == "LLaVA · 5.8 tokens per second"
    point_at(asked, 2)
    assert shown(asked.bar) == {"copy", "edit", "previous", "next", "more"}
    point_at(asked, 3)
    assert asked.bar.isHidden(), "the last message has its own"
    QTest.mouseMove(asked.page.viewport(), QPoint(2, 590))
    pump(0)
    assert asked.bar.isHidden()


@pytest.mark.parametrize("speed", ["fast", None, [], -1, float("nan"), float("inf"), {"a": 1}])
def test_figures_that_are_none_are_not_shown(transcript: TranscriptView, fakes: FakeServices, speed: object) -> None:
    """A history may hold what was imported from somebody else."""
    fakes.chat.show(question("?"), answer("Yes.", details={"model": "m" * 1_000_000, "tokens_per_second": speed}))
    assert transcript.last_bar.figures.text().startswith("mmm")
    assert len(transcript.last_bar.figures.text()) <= 100


def test_buttons_are_reached_by_keyboard(asked: TranscriptView, fakes: FakeServices) -> None:
    asked.page.keyboard.focus_message(1)
    assert not asked.bar.isHidden()
    names = []
    for _ in range(5):
        QTest.keyClick(QApplication.focusWidget() or asked, Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        assert focused is not None
        assert asked.bar.isAncestorOf(focused)
        assert not asked.bar.isHidden(), "they stay while they are used"
        names.append(focused.accessibleName())
    assert names == ["Copy message", "Answer again", "Previous version", "Next version", "More"]
    QTest.keyClick(QApplication.focusWidget() or asked, Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(QApplication.focusWidget() or asked, Qt.Key.Key_Space)
    assert fakes.chat.calls == [("show_sibling", fakes.chat.path[1].id, 1)]


def test_every_button_does_what_it_says(asked: TranscriptView, fakes: FakeServices) -> None:
    path = fakes.chat.path
    point_at(asked, 1)
    asked.bar.regenerate.click()
    asked.bar.previous.click()
    asked.bar.copy.click()
    assert QGuiApplication.clipboard().text() == "One."
    assert fakes.chat.calls == [("regenerate", path[1].id), ("show_sibling", path[1].id, -1)]
    asked.last_bar.copy_code.click()
    assert QGuiApplication.clipboard().text() == "print(1)\n\nls"


def test_the_first_and_the_last_version_have_no_further_one(asked: TranscriptView, fakes: FakeServices) -> None:
    point_at(asked, 2)
    assert (asked.bar.previous.isEnabled(), asked.bar.next.isEnabled()) == (False, True)
    fakes.chat.change(replace(fakes.chat.path[2], sibling=(1, 2)))
    point_at(asked, 2)
    assert (asked.bar.previous.isEnabled(), asked.bar.next.isEnabled()) == (True, False)


def test_while_an_answer_is_written_only_copying_is_possible(asked: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.begin_answer()
    asked.page.rows.scroll_to_start()
    point_at(asked, 1)
    bar = asked.bar
    assert [b.isEnabled() for b in (bar.copy, bar.regenerate, bar.previous, bar.next)] == [True, False, False, False]
    fakes.chat.end_answer(State.STOPPED)
    point_at(asked, 1)
    assert bar.regenerate.isEnabled()


def test_each_block_of_code_has_its_own_button_that_is_always_there(asked: TranscriptView) -> None:
    pump(0)
    rect = asked.page.rows.rect(3)
    assert rect is not None
    panels, buttons = asked.page.rows.row(3).panels, asked.copy_buttons.shown()
    assert len(buttons) == len(panels) == 2
    for panel, button in zip(panels, buttons, strict=True):
        assert panel.rect.translated(rect.topLeft()).contains(button.geometry())
    QTest.mouseClick(buttons[1], Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "ls"
    QTest.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "print(1)"


def test_a_question_is_changed_in_its_place(asked: TranscriptView, fakes: FakeServices) -> None:
    asked.page.keyboard.focus_message(2)
    QTest.keyClick(asked.page, Qt.Key.Key_F2)
    editor = asked.editor.editor
    assert editor.toPlainText() == "Second?"
    assert QApplication.focusWidget() is editor
    rect = asked.page.rows.rect(2)
    assert rect is not None
    assert rect.contains(asked.editor.geometry())
    editor.set_text("Third?")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert fakes.chat.calls == [("edit", fakes.chat.path[2].id, "Third?", ())]
    assert asked.editor.isHidden()


def test_the_editor_grows_and_pushes_what_is_below(asked: TranscriptView) -> None:
    point_at(asked, 0)
    asked.bar.edit.click()
    before = asked.page.rows.rect(0)
    asked.editor.editor.set_text("line\n" * 6)
    pump(20)
    after, below = asked.page.rows.rect(0), asked.page.rows.rect(1)
    assert before is not None
    assert after is not None
    assert after.height() > before.height() + 80
    assert below is not None
    assert below.top() == after.bottom() + 1
    assert asked.editor.height() >= asked.editor.sizeHint().height()


def test_escape_leaves_the_question_as_it_was(asked: TranscriptView, fakes: FakeServices) -> None:
    asked.page.keyboard.focus_message(0)
    before = asked.page.rows.row(0).height
    QTest.keyClick(asked.page, Qt.Key.Key_F2)
    asked.editor.editor.set_text("Other")
    QTest.keyClick(asked.editor.editor, Qt.Key.Key_Escape)
    assert fakes.chat.calls == []
    assert asked.editor.isHidden()
    assert asked.page.rows.row(0).height == before
    assert asked.page.hasFocus()


def test_an_empty_question_is_not_asked(asked: TranscriptView, fakes: FakeServices) -> None:
    asked.page.keyboard.focus_message(0)
    QTest.keyClick(asked.page, Qt.Key.Key_F2)
    asked.editor.editor.set_text("  ")
    QTest.keyClick(asked.editor.editor, Qt.Key.Key_Return)
    assert fakes.chat.calls == []
    assert not asked.editor.isHidden()


def test_answers_are_not_edited(asked: TranscriptView) -> None:
    asked.page.keyboard.focus_message(1)
    QTest.keyClick(asked.page, Qt.Key.Key_F2)
    assert asked.editor.isHidden()


def test_the_editor_keeps_its_words_while_the_question_is_out_of_sight(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.show(*(message for i in range(30) for message in (question(f"Q{i}"), answer("A " * 300))))
    transcript.page.keyboard.focus_message(0)
    QTest.keyClick(transcript.page, Qt.Key.Key_F2)
    transcript.editor.editor.set_text("Changed")
    transcript.page.rows.scroll_to_end()
    assert transcript.editor.geometry().bottom() < 0
    transcript.page.rows.scroll_to_start()
    rect = transcript.page.rows.rect(0)
    assert rect is not None
    assert rect.contains(transcript.editor.geometry())
    assert transcript.editor.editor.toPlainText() == "Changed"


def test_another_conversation_closes_the_editor(asked: TranscriptView, fakes: FakeServices) -> None:
    asked.page.keyboard.focus_message(0)
    QTest.keyClick(asked.page, Qt.Key.Key_F2)
    fakes.conversations.current = "two"
    fakes.chat.show(question("Elsewhere"))
    assert asked.editor.isHidden()
    assert asked.bar.isHidden()


def test_copying_is_confirmed_for_a_moment(asked: TranscriptView) -> None:
    point_at(asked, 1)
    usual = asked.bar.copy.icon().cacheKey()
    asked.bar.copy.click()
    confirmed = asked.bar.copy.icon().cacheKey()
    assert confirmed != usual
    wait_until(lambda: asked.bar.copy.icon().cacheKey() != confirmed)


def test_another_version_leaves_its_arrows_where_they_are(transcript: TranscriptView, fakes: FakeServices) -> None:
    start = [question("Q"), answer("Before. " * 100), question("And?")]
    one, two = answer("Short.", sibling=(0, 2)), answer("Long. " * 150, sibling=(1, 2))
    rest = [message for i in range(10) for message in (question(f"Q{i}"), answer("After. " * 50))]
    other = [message for i in range(10) for message in (question(f"O{i}"), answer("Else. " * 30))]
    fakes.chat.show(*start, one, *rest)
    transcript.page.rows.scroll_to_start()
    transcript.page.rows.ensure_seen(3)
    point_at(transcript, 3)
    place = transcript.bar.geometry()
    fakes.chat.show(*start, two, *other)
    assert transcript.page.rows.row(3).message is two
    rect = transcript.page.rows.rect(3)
    assert rect is not None
    assert abs(rect.bottom() - place.bottom()) < 8
    fakes.chat.show(*start, one, *rest)
    point_at(transcript, 3)
    assert transcript.bar.geometry() == place


def test_the_keyboard_stays_on_the_arrows(transcript: TranscriptView, fakes: FakeServices) -> None:
    asked, one, two = question("Q"), answer("One.", sibling=(0, 2)), answer("Two.", sibling=(1, 2))
    fakes.chat.show(asked, one)
    transcript.page.keyboard.focus_message(1)
    transcript.last_bar.next.setFocus(Qt.FocusReason.TabFocusReason)
    fakes.chat.show(asked, two)
    assert transcript.last_bar.message_id() == two.id
    assert transcript.last_bar.previous.hasFocus(), "there is no next one"
    assert transcript.page.keyboard.focused() == 1


def test_the_keyboard_goes_back_to_the_page_when_its_button_goes(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    asked = question("Q")
    fakes.chat.show(asked, answer("One."))
    elsewhere = QLineEdit(transcript)
    elsewhere.show()
    transcript.page.keyboard.focus_message(1)
    transcript.last_bar.copy.setFocus(Qt.FocusReason.TabFocusReason)
    fakes.chat.truncated.emit(asked.id)
    assert transcript.page.hasFocus()


def test_what_is_asked_without_an_engine_brings_it_back(asked: TranscriptView, fakes: FakeServices) -> None:
    fakes.engine.set_state("dead")
    point_at(asked, 1)
    assert asked.bar.regenerate.isEnabled()
    assert asked.bar.next.isEnabled()
    point_at(asked, 0)
    assert asked.bar.edit.isEnabled()


def test_the_editor_keeps_its_words_when_the_conversation_is_read_again(
    asked: TranscriptView, fakes: FakeServices
) -> None:
    """A backup was restored, say."""
    asked.page.keyboard.focus_message(2)
    QTest.keyClick(asked.page, Qt.Key.Key_F2)
    asked.editor.editor.set_text("Changed")
    fakes.chat.show(*fakes.chat.path)
    assert not asked.editor.isHidden()
    assert asked.editor.editor.toPlainText() == "Changed"
    rect = asked.page.rows.rect(2)
    assert rect is not None
    assert rect.contains(asked.editor.geometry())
    fakes.chat.show(*fakes.chat.path[:2])
    assert asked.editor.isHidden()


# ---- the last message --------------------------------------------------------------------------


def named(bar: ActionBar) -> list[str]:
    """The words on the buttons."""
    beside = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    return [b.text() for b in bar.findChildren(QToolButton) if b.isVisibleTo(bar) and b.toolButtonStyle() == beside]


def test_the_actions_of_the_last_message_are_always_there_with_words(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    stopped = answer("One", State.STOPPED)
    fakes.chat.show(question("First?"), answer("One."), question("Second?"), stopped)
    bar = transcript.last_bar
    assert not bar.isHidden()
    assert named(bar) == ["Copy", "Again", "Continue"]
    assert shown(bar) == {"copy", "regenerate", "go-on", "more"}
    rect = transcript.page.rows.rect(3)
    assert rect is not None
    assert rect.contains(bar.geometry().center())
    point_at(transcript, 1)
    assert not bar.isHidden()
    assert not transcript.bar.isHidden()
    assert named(transcript.bar) == []
    bar.go_on.click()
    assert fakes.chat.calls == [("go_on", stopped.id)]


def test_while_it_is_written_the_last_message_has_none_until_it_ends(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.show(question("First?"))
    assert named(transcript.last_bar) == ["Copy", "Edit"]
    fakes.chat.begin_answer()
    fakes.chat.stream("One")
    assert transcript.last_bar.isHidden()
    fakes.chat.end_answer()
    assert named(transcript.last_bar) == ["Copy", "Again"]
    fakes.chat.begin_answer()
    fakes.chat.end_answer(finish_reason="length")
    assert transcript.last_bar.isHidden() is False


def test_only_what_has_not_ended_by_itself_goes_on(transcript: TranscriptView, fakes: FakeServices) -> None:
    cut = answer("One", details={"finish_reason": "length"})
    fakes.chat.show(question("First?"), cut, question("Second?"), answer("Two."))
    assert "go-on" not in shown(transcript.last_bar)
    point_at(transcript, 1)
    assert "go-on" in shown(transcript.bar)
    transcript.bar.go_on.click()
    assert fakes.chat.calls == [("go_on", cut.id)]


def test_the_keyboard_reaches_all_of_the_last_message(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(question("First?"), answer("One", State.STOPPED))
    transcript.page.keyboard.focus_message(1)
    names = []
    for _ in range(4):
        QTest.keyClick(QApplication.focusWidget() or transcript, Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        assert focused is not None
        names.append(focused.accessibleName())
    assert names == ["Copy message", "Answer again", "Continue this answer", "More"]


def test_in_a_narrow_window_words_give_way(transcript: TranscriptView, fakes: FakeServices) -> None:
    details = {"model": "a model with a long name", "tokens_per_second": 5.84}
    fakes.chat.show(question("First?"), answer("One", State.STOPPED, sibling=(1, 3), details=details))
    assert transcript.last_bar.figures.isVisibleTo(transcript.last_bar)
    transcript.resize(420, 600)
    theme.set_zoom(200)
    pump(0)
    assert transcript.last_bar.width() <= transcript.page.rows.column_width() + GRID
    assert "go-on" in shown(transcript.last_bar)


def choose(menu: QMenu, text: str) -> None:
    [action] = [action for action in menu.actions() if action.text() == text]
    action.trigger()
    menu.close()
    menu.deleteLater()
    pump(0)


def test_more_begins_anew_and_deletes(asked: TranscriptView, fakes: FakeServices) -> None:
    path = fakes.chat.path
    asked.last_bar.more.click()
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert [action.text() for action in menu.actions()] == ["New conversation from here", "Delete question and answer"]
    choose(menu, "New conversation from here")
    choose(asked.page.menu.of_more(3), "Delete question and answer")
    choose(asked.page.menu.of_more(1), "Delete this version")
    choose(asked.page.menu.at(0, QPoint(-1, -1)), "Delete question and answer")
    assert fakes.calls == [
        ("fork", path[3].id),
        ("delete_message", path[3].id),
        ("delete_message", path[1].id),
        ("delete_message", path[0].id),
    ]


def test_the_delete_key_deletes_the_message_of_the_keyboard(asked: TranscriptView, fakes: FakeServices) -> None:
    QTest.keyClick(asked.page, Qt.Key.Key_Delete)
    assert fakes.calls == []
    asked.page.keyboard.focus_message(3)
    QTest.keyClick(asked.page, Qt.Key.Key_Delete)
    assert fakes.calls == [("delete_message", fakes.chat.path[3].id)]
    note = Message("note", Role.NOTE, "", details={"note": "model-changed", "parameters": {"name": "B"}})
    fakes.chat.show(*fakes.chat.path, note, question("Third?"))
    asked.page.keyboard.focus_message(4)
    QTest.keyClick(asked.page, Qt.Key.Key_Delete)
    assert len(fakes.calls) == 1, "a note is no message"


def test_while_an_answer_is_written_nothing_is_deleted(asked: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.begin_answer()
    menu = asked.page.menu.of_more(1)
    assert not any(action.isEnabled() for action in menu.actions())
    menu.deleteLater()
    pump(0)


def test_the_buttons_stay_while_their_menu_is_open(asked: TranscriptView) -> None:
    point_at(asked, 1)
    asked.bar.more.click()
    menu = asked.page.findChild(QMenu)
    assert menu is not None
    QTest.mouseMove(asked.page.viewport(), QPoint(2, 590))
    pump(0)
    assert asked.bar.message_id() == asked.page.rows.messages()[1].id
    menu.close()


def test_a_version_is_told_of_without_pointing(asked: TranscriptView) -> None:
    assert [asked.page.look_of(index).tells_version for index in range(3)] == [True] * 3
    rect = asked.page.rows.rect(2)
    assert rect is not None
    strip = asked.page.rows.row(2).actions.translated(rect.topLeft())
    image = asked.page.viewport().grab(strip).toImage()
    colours = {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}
    assert len(colours) > 1, "it is painted below the question"
    point_at(asked, 2)
    assert not asked.page.look_of(2).tells_version, "its buttons tell of it"


def test_the_last_question_is_edited_from_elsewhere(asked: TranscriptView) -> None:
    asked.edit_last()
    assert asked.editor.message_id() == asked.page.rows.messages()[2].id
