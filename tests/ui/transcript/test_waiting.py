"""The line that says what the engine is doing before it writes."""

from __future__ import annotations

import pytest

from desktop_app.chat.conversation import State
from desktop_app.engine.messages import Phase
from desktop_app.ui.transcript.view import TranscriptView
from desktop_app.ui.transcript.waiting import Waiting
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.waiting import pump, wait_until


class Clock:
    """Stands where QElapsedTimer does."""

    def __init__(self) -> None:
        self.now = 0

    def start(self) -> None:
        self.now = 0

    def elapsed(self) -> int:
        return self.now

    def isValid(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("desktop_app.ui.transcript.waiting.QElapsedTimer", lambda: made)
    return made


@pytest.mark.usefixtures("dressed")
def test_looking_counts_down_and_admits_when_it_takes_longer(clock: Clock) -> None:
    waiting = Waiting()
    waiting.show_phase(Phase.LOOKING, {"done": 0, "total": 1, "expected_s": 3.0})
    said = []
    for clock.now in (0, 1_100, 2_200, 3_200, 4_000, 60_000):
        said.append(waiting.sentence())
    assert said == [
        "Looking at the picture, about 3 s",
        "Looking at the picture, about 2 s",
        "Looking at the picture, about 1 s",
        "Looking at the picture, about 1 s",
        "Looking at the picture, taking longer than expected",
        "Looking at the picture, taking longer than expected",
    ]
    assert waiting.progress() < 1.0


@pytest.mark.usefixtures("dressed")
def test_parts_of_a_picture_are_counted(clock: Clock) -> None:
    waiting = Waiting()
    waiting.show_phase(Phase.LOOKING, {"done": 0, "total": 1, "expected_s": 40.0, "part": 1, "parts": 5})
    clock.now = 10_000
    assert waiting.sentence() == "Looking at the picture, part 2 of 5, about 30 s"
    assert waiting.progress() == pytest.approx(0.2 + 0.8 / 4)


@pytest.mark.usefixtures("dressed")
def test_every_phase_has_words(clock: Clock) -> None:
    waiting = Waiting()
    assert waiting.sentence() == "Waiting for the engine"
    waiting.show_engine("loading")
    assert waiting.sentence() == "Loading the model"
    waiting.show_phase(Phase.LOOKING, {"done": 1, "total": 3, "expected_s": 0.0})
    assert waiting.sentence() == "Looking at picture 2 of 3"
    assert waiting.progress() == -1.0
    waiting.show_phase(Phase.READING, {"done": 312, "total": 640, "expected_s": 150.0})
    assert waiting.sentence() == "Reading 312 of 640 tokens, about 2 min"
    assert waiting.progress() == 312 / 640
    waiting.show_phase(Phase.READING, {"done": 0, "total": 10, "expected_s": 0.02})
    assert waiting.sentence() == "Reading 0 of 10 tokens"
    waiting.show_phase(Phase.WRITING, {})
    assert waiting.sentence() == "Writing"


@pytest.mark.usefixtures("dressed")
def test_progress_within_a_phase_does_not_start_its_time_anew(clock: Clock) -> None:
    waiting = Waiting()
    waiting.show_phase(Phase.READING, {"done": 0, "total": 640, "expected_s": 20.0})
    clock.now = 10_000
    waiting.show_phase(Phase.READING, {"done": 320, "total": 640, "expected_s": 20.0})
    assert waiting.sentence() == "Reading 320 of 640 tokens, about 10 s"


def test_the_line_stands_where_the_answer_will_and_gives_way_to_it(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.show(question("What?"))
    fakes.chat.begin_answer()
    fakes.chat.enter(Phase.LOOKING, 0, 1, 3.0)
    row = transcript.page.rows.row(1)
    assert row.is_waiting
    top = row.text.top()
    fakes.chat.stream("It is")
    row = transcript.page.rows.row(1)
    assert not row.is_waiting
    assert row.text.top() == top


def test_it_tells_only_of_the_open_conversation(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.enter(Phase.LOOKING, 0, 1, 0.0)
    sentence = transcript.waiting.sentence()
    fakes.answers.phase.emit("two", Phase.WRITING, {})
    assert transcript.waiting.sentence() == sentence
    fakes.chat.show(question("Another?"))
    assert transcript.waiting.sentence() != sentence


def test_it_ticks_only_while_it_is_seen(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(*(question(f"Q{i}") for i in range(40)))
    ticks: list[None] = []
    transcript.waiting.changed.connect(lambda: ticks.append(None))
    fakes.chat.begin_answer()
    fakes.chat.enter(Phase.LOOKING, 0, 1, 3.0)
    wait_until(lambda: len(ticks) > 3)
    fakes.chat.stream("It is")
    transcript.repaint()
    ticks.clear()
    pump(400)
    assert ticks == []
    fakes.chat.end_answer(State.COMPLETE)


@pytest.mark.usefixtures("dressed")
def test_time_passes_by_itself() -> None:
    waiting = Waiting()
    waiting.show_phase(Phase.LOOKING, {"done": 0, "total": 1, "expected_s": 1.6})
    assert waiting.sentence() == "Looking at the picture, about 2 s"
    wait_until(lambda: waiting.sentence() == "Looking at the picture, about 1 s")


def test_what_is_to_go_on_says_what_it_waits_for(transcript: TranscriptView, fakes: FakeServices) -> None:
    half = answer("One", State.STREAMING)
    fakes.chat.show(question("Which?"), half)
    fakes.chat.enter(Phase.READING, 3, 600, 20.0)
    pump(0)
    row = transcript.page.rows.row(1)
    assert row.waiting.top() > row.text.bottom() > row.text.top()
    assert row.height >= row.waiting.bottom()
    assert transcript.waiting.sentence().startswith("Reading 3 of 600 tokens")
    fakes.chat.stream("One two")
    assert transcript.page.rows.row(1).waiting.isNull()


def test_what_waits_for_another_conversation_names_it_and_can_be_cancelled(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    other = fakes.add_conversation("A lake")
    ran: list[str] = []
    fakes.notices.register("cancel-question", lambda: ran.append("cancelled"))
    fakes.chat.add(question("Why?"))
    fakes.chat.begin_answer()
    assert not transcript.remedies.isVisible()
    fakes.answers.waiting.add("one")
    fakes.answers.phase.emit("one", Phase.WAITING, {"behind": other})
    fakes.activity.changed.emit()
    assert transcript.waiting.sentence() == "Waits for the answer in “A lake”"
    fakes.conversations.rename(other, "Two lakes")
    assert transcript.waiting.sentence() == "Waits for the answer in “Two lakes”"
    [cancel] = transcript.remedies.buttons
    assert cancel.text() == "Cancel"
    assert transcript.remedies.isVisible()
    cancel.click()
    assert ran == ["cancelled"]
    fakes.answers.waiting.clear()
    fakes.answers.phase.emit("one", None, {})
    fakes.activity.changed.emit()
    assert not transcript.remedies.isVisible()
    assert transcript.waiting.sentence() == "Waiting for the engine"
