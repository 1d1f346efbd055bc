"""What a model thought before an answer is folded away above it, and a click or a key unfolds it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from desktop_app.chat.conversation import Message, State
from desktop_app.engine.messages import Phase
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.view import TranscriptView
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump

THOUGHT = "Is it red?\nIt is.\n\n" + "Hm. " * 60


def thoughtful(seconds: object = 12.3) -> Message:
    said = answer("It is **red**.")
    return replace(said, details=said.details | {"thought": THOUGHT, "thought_s": seconds})


@pytest.fixture
def view(transcript: TranscriptView, fakes: FakeServices) -> TranscriptView:
    fakes.chat.path = [question("Is it red?"), thoughtful()]
    fakes.chat.reset.emit()
    pump(0)
    return transcript


def head(view: TranscriptView) -> QRect:
    """Return where the line above the answer is in the window."""
    rows = view.page.rows
    place = rows.rect(1)
    assert place is not None
    return rows.row(1).thought_head.translated(place.topLeft())


def test_it_is_folded_away_until_its_line_is_clicked(view: TranscriptView) -> None:
    rows = view.page.rows
    assert words.thought(rows.messages()[1]) == "Thought for 12 s"
    row, where = rows.row(1), head(view)
    assert row.thought.isNull()
    assert row.text.top() > row.thought_head.bottom()
    QTest.mouseClick(view.page.viewport(), Qt.MouseButton.LeftButton, pos=where.center())
    assert rows.row(1).thought.height() > 3 * where.height()
    assert rows.row(1).text.top() > rows.row(1).thought.bottom()
    assert head(view) == where, "what was clicked stays under the pointer"
    QTest.mouseClick(view.page.viewport(), Qt.MouseButton.LeftButton, pos=where.center())
    assert rows.row(1).thought.isNull()


def test_enter_unfolds_it_and_the_menu_copies_it(view: TranscriptView) -> None:
    QTest.keyClick(view.page, Qt.Key.Key_End)
    QTest.keyClick(view.page, Qt.Key.Key_Up)
    QTest.keyClick(view.page, Qt.Key.Key_Down)
    QTest.keyClick(view.page, Qt.Key.Key_Return)
    assert view.page.rows.row(1).is_unfolded
    menu = view.page.menu.at(1, QPoint(-1, -1))
    entries = {action.text(): action for action in menu.actions()}
    assert "Fold away what it thought" in entries
    entries["Copy what it thought"].trigger()
    assert QGuiApplication.clipboard().text() == THOUGHT.strip()
    entries["Copy message"].trigger()
    assert "Hm." not in QGuiApplication.clipboard().text()
    menu.close()


def test_a_screen_reader_hears_that_something_was_thought(view: TranscriptView) -> None:
    assert words.spoken(view.page.rows.messages()[1]).startswith("Thought for 12 s. Answer:")


@pytest.mark.parametrize("seconds", [None, "soon", -1, float("nan"), float("inf"), True])
def test_whatever_a_history_holds_is_no_time(seconds: object) -> None:
    assert words.thought(thoughtful(seconds)) == "Thought first"


@pytest.mark.parametrize("thought", [None, 7, "", " \n", ["x"]])
def test_what_is_no_thought_is_not_shown(thought: object) -> None:
    said = answer("Red.")
    assert words.thought(replace(said, details={"thought": thought})) == ""


def test_a_thought_that_was_too_long_says_what_to_do(transcript: TranscriptView, fakes: FakeServices) -> None:
    cut = replace(thoughtful(), text="", details=thoughtful().details | {"finish_reason": "length"})
    assert words.mark(cut).startswith("It was still thinking when the maximum length was reached.")
    fakes.chat.path = [question("Is it red?"), cut]
    fakes.chat.reset.emit()
    row = transcript.page.rows.row(1)
    assert row.mark.top() > row.thought_head.bottom() > row.thought_head.top()


@pytest.mark.parametrize(
    ("state", "details", "sentence"),
    [
        (State.STOPPED, {}, "You stopped this answer while it was still thinking."),
        (State.STOPPED, {"thought": " "}, "You stopped this answer before it began."),
        (State.INTERRUPTED, {}, "This answer was interrupted while it was still thinking."),
        (State.INTERRUPTED, {"engine_stopped": True}, "The engine stopped while this was being answered."),
        (State.COMPLETE, {"finish_reason": "length"}, "It was still thinking when the maximum length was reached."),
    ],
)
def test_a_thought_without_an_answer_says_how_it_ended_and_can_be_asked_again(
    transcript: TranscriptView, fakes: FakeServices, state: State, details: dict[str, object], sentence: str
) -> None:
    half = replace(thoughtful(), text="", state=state)
    half = replace(half, details=half.details | details)
    fakes.chat.path = [question("Is it red?"), half]
    fakes.chat.reset.emit()
    pump(0)
    assert words.mark(half).startswith(sentence)
    assert transcript.last_bar.regenerate.isVisibleTo(transcript.last_bar)
    assert transcript.last_bar.go_on.isVisibleTo(transcript.last_bar) is bool(half.thought.strip())
    transcript.last_bar.regenerate.click()
    assert fakes.chat.calls == [("regenerate", half.id)]


@pytest.mark.parametrize(
    ("details", "sentence"),
    [
        (thoughtful().details | {"finish_reason": "stop", "thought_ended": True}, "It thought, but wrote no answer."),
        (thoughtful().details | {"finish_reason": "stop"}, "It thought, but wrote no answer."),
        ({"finish_reason": "stop"}, "The model ended this answer before it wrote a word."),
    ],
)
def test_an_answer_that_the_model_ended_without_a_word_says_so(
    transcript: TranscriptView, fakes: FakeServices, details: dict[str, object], sentence: str
) -> None:
    empty = answer("", details=details)
    fakes.chat.path = [question("", picture()), empty]
    fakes.chat.reset.emit()
    pump(0)
    assert words.mark(empty).startswith(sentence)
    assert sentence in words.spoken(empty)
    asked, answered = transcript.page.rows.row(0), transcript.page.rows.row(1)
    assert asked.mark.isEmpty()
    assert answered.mark.height() > 0


def begin_thinking(transcript: TranscriptView, fakes: FakeServices) -> str:
    fakes.chat.path = [question("Is it red?"), answer("No.\n\n" * 30), question("Sure?")]
    fakes.chat.reset.emit()
    fakes.chat.begin_answer()
    fakes.chat.enter(Phase.THINKING)
    pump(0)
    return fakes.chat.messages()[-1].id


def press(view: TranscriptView, point: QPoint) -> None:
    QTest.mouseClick(view.page.viewport(), Qt.MouseButton.LeftButton, pos=point)
    pump(0)


def in_window(view: TranscriptView, index: int, part: str) -> QRect:
    rows = view.page.rows
    place = rows.rect(index)
    assert place is not None
    found = getattr(rows.row(index), part)
    assert isinstance(found, QRect)
    return found.translated(place.topLeft())


def test_it_can_be_unfolded_while_it_is_thought(transcript: TranscriptView, fakes: FakeServices) -> None:
    rows = transcript.page.rows
    said = begin_thinking(transcript, fakes)
    assert transcript.waiting.sentence() == "Thinking…"
    assert rows.row(3).thought_head.isNull(), "there is nothing to be seen yet"
    fakes.answers.thinking.emit(said, "Is it red?\n")
    pump(0)
    row = rows.row(3)
    assert row.thought_head.top() == row.waiting.top()
    assert row.thought.isNull()
    fakes.answers.thinking.emit(said, "Is it red?\nIt is.\n")
    assert rows.row(3) is row, "folded away it is not laid out again"
    press(transcript, in_window(transcript, 3, "thought_head").center())
    row = rows.row(3)
    assert row.thought_document is not None
    assert row.thought_document.toPlainText() == "Is it red?\nIt is."
    height = row.thought.height()
    fakes.answers.thinking.emit(said, "Is it red?\nIt is.\nSure." + "\nSure." * 30)
    assert rows.row(3) is row, "it is laid out again only where it grows"
    assert row.thought.height() > 3 * height
    assert rows.is_at_end(), "its end is followed"
    fakes.answers.thought.emit(said, {"thought": THOUGHT, "thought_s": 3.0})
    fakes.chat.enter(Phase.WRITING)
    fakes.chat.stream("It is")
    row = rows.row(3)
    assert row.text.top() > row.thought.bottom() > row.thought_head.bottom()


def test_what_is_unfolded_at_the_lower_edge_is_brought_into_the_window(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.path = [question("Is it red?"), answer("No.\n\n" * 30), question("Sure?"), thoughtful()]
    fakes.chat.reset.emit()
    pump(0)
    transcript.page.rows.scroll_by(-in_window(transcript, 3, "thought_head").height())
    bottom = transcript.page.viewport().height()
    transcript.page.rows.scroll_by(in_window(transcript, 3, "thought_head").bottom() + 4 - bottom)
    press(transcript, in_window(transcript, 3, "thought_head").center())
    assert in_window(transcript, 3, "thought").bottom() < bottom
    assert in_window(transcript, 3, "thought_head").top() >= 0


def test_a_button_copies_what_is_unfolded(view: TranscriptView) -> None:
    assert view.copy_buttons.shown() == []
    press(view, head(view).center())
    [button] = view.copy_buttons.shown()
    assert button.accessibleName() == "Copy what it thought"
    assert button.geometry().right() < view.page.rows.column_left() + view.page.rows.column_width()
    button.click()
    assert QGuiApplication.clipboard().text() == THOUGHT.strip()
    press(view, head(view).center())
    assert view.copy_buttons.shown() == []


def test_after_its_thought_it_was_not_thinking_any_more(transcript: TranscriptView) -> None:
    half = replace(thoughtful(), text="", state=State.STOPPED)
    half = replace(half, details=half.details | {"thought_ended": True})
    assert words.mark(half) == "You stopped this answer before it began."
    assert words.mark(replace(half, state=State.INTERRUPTED)) == "This answer was interrupted before it began."


def test_writing_stands_under_no_text_that_grows(transcript: TranscriptView, fakes: FakeServices) -> None:
    """Also when the page is laid out again; it stands under a beginning to which nothing was added yet."""
    fakes.chat.path = [question("Is it red?"), answer("It is", State.STREAMING)]
    fakes.chat.reset.emit()
    fakes.chat.enter(Phase.WRITING)
    assert not transcript.page.rows.row(1).waiting.isNull()
    fakes.chat.stream("It is red")
    assert transcript.page.rows.row(1).waiting.isNull()
    transcript.resize(transcript.width() - 80, transcript.height())
    pump(0)
    assert transcript.page.rows.row(1).waiting.isNull()
