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
    assert not transcript.last_bar.go_on.isVisibleTo(transcript.last_bar)
    transcript.last_bar.regenerate.click()
    assert fakes.chat.calls == [("regenerate", half.id)]


def test_while_it_thinks_the_line_says_so(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.path = [question("Is it red?")]
    fakes.chat.reset.emit()
    fakes.chat.begin_answer()
    fakes.chat.enter(Phase.THINKING)
    assert transcript.waiting.sentence() == "Thinking…"
    said = fakes.chat.messages()[-1].id
    fakes.answers.thought.emit(said, {"thought": THOUGHT, "thought_s": 3.0})
    assert transcript.page.rows.row(1).thought_head.isNull()
    fakes.chat.enter(Phase.WRITING)
    fakes.chat.stream("It is")
    row = transcript.page.rows.row(1)
    assert not row.thought_head.isNull()
    assert row.text.top() > row.thought_head.bottom()
