"""Questions that wait: for the answer in another conversation, or for the one above them in their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from desktop_app.chat.conversation import State
from desktop_app.engine.messages import Ask, Failed, FinishReason, Load, Phase, Stop, Text
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import DEMO, Desk, open_desk


def asks(desk: Desk) -> list[Ask]:
    return desk.client.of(Ask)


def ask(desk: Desk, question: str) -> tuple[str, Ask]:
    """Ask in the open conversation; return it, and the order of the engine."""
    count = len(asks(desk))
    desk.services.chat.send(question)
    wait_until(lambda: len(asks(desk)) > count)
    return desk.services.conversations.current_id(), asks(desk)[-1]


def write_and_send(desk: Desk, text: str) -> None:
    """Write into the draft and send it, as the composer does."""
    desk.services.draft.set_text(text)
    desk.services.chat.send(text)


def wait_elsewhere(desk: Desk, text: str) -> str:
    """Send in a new conversation while another is answered; return the new one when its question is saved."""
    desk.services.conversations.new()
    write_and_send(desk, text)
    current = desk.services.conversations.current_id()
    wait_until(lambda: any(row.id == current for row in desk.services.conversations.summaries()))
    assert desk.services.answers.is_waiting(current)
    return current


def queued(desk: Desk) -> list[str]:
    return [q.text for q in desk.services.queue.questions(desk.services.conversations.current_id())]


def texts(desk: Desk) -> list[str]:
    return [message.text for message in desk.services.chat.messages()]


def show(desk: Desk, conversation: str, *expected: str) -> None:
    desk.services.conversations.open(conversation)
    wait_until(lambda: texts(desk) == list(expected))


# ---- in another conversation ---------------------------------------------------------------


def test_what_is_cancelled_before_it_began_goes_back_to_the_draft_as_if_never_sent(desk: Desk) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    desk.services.conversations.new()
    desk.attach()
    write_and_send(desk, "Pears?")
    wait_until(lambda: len(desk.services.conversations.summaries()) == 2)
    desk.services.draft.set_text("And plums?")
    desk.services.chat.stop()
    wait_until(lambda: not desk.services.chat.is_busy())
    assert desk.services.chat.messages() == []
    assert desk.services.conversations.current_id() == ""
    assert desk.services.draft.text() == "Pears?\nAnd plums?"
    assert [picture.name for picture in desk.services.draft.pictures()] == ["circle.png"]
    wait_until(lambda: [row.id for row in desk.services.conversations.summaries()] == [first])
    assert desk.client.of(Stop) == [], "the other answer goes on"
    desk.client.emit(finished(apples, "They are red."))
    show(desk, first, "Apples?", "They are red.")
    assert len(asks(desk)) == 1


def test_a_cancelled_follow_up_leaves_its_conversation_as_it_was(desk: Desk) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.conversations.new()
    second, _pears = ask(desk, "Pears?")
    show(desk, first, "Apples?", "Red.")
    desk.attach()
    write_and_send(desk, "Why?")
    desk.services.chat.stop()
    wait_until(lambda: not desk.services.chat.is_busy() and texts(desk) == ["Apples?", "Red."])
    assert desk.services.draft.text() == "Why?"
    assert len(desk.services.draft.pictures()) == 1
    wait_until(lambda: {row.id: row.picture for row in desk.services.conversations.summaries()}[first] is None)
    assert desk.services.answers.being_written() == second


def test_another_answer_that_was_cancelled_brings_back_the_first(desk: Desk) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.conversations.new()
    ask(desk, "Pears?")
    show(desk, first, "Apples?", "Red.")
    desk.services.chat.regenerate(desk.services.chat.messages()[-1].id)
    wait_until(lambda: texts(desk) == ["Apples?", ""])
    desk.services.chat.stop()
    wait_until(lambda: texts(desk) == ["Apples?", "Red."])
    assert desk.services.chat.messages()[-1].sibling == (0, 1)
    assert desk.services.draft.text() == ""


@pytest.mark.parametrize("end", ["length", "stopped", "failed", "engine"])
@pytest.mark.parametrize("by", ["stop", "close"])
def test_an_answer_that_was_to_go_on_is_as_it_was_when_that_is_cancelled(
    desk: Desk, tmp_path: Path, end: str, by: str
) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    if end == "stopped":
        desk.services.chat.stop()
    if end in ("length", "stopped"):
        desk.client.emit(finished(apples, "They are", FinishReason(end)))
    else:
        desk.client.emit(Text(apples.request, "They are", 2, 50.0, 90))
        code = "engine-died" if end == "engine" else "context-too-small"
        desk.client.emit(Failed(apples.request, code, {"needed": 5000, "available": 2048}))
    wait_until(lambda: not desk.services.chat.is_busy())
    before = desk.services.chat.messages()[-1]
    assert before.can_go_on
    desk.services.conversations.new()
    ask(desk, "Pears?")
    show(desk, first, "Apples?", "They are")
    desk.services.chat.go_on(desk.services.chat.messages()[-1].id)
    wait_until(lambda: desk.services.answers.is_waiting(first))
    if by == "stop":
        desk.services.chat.stop()
        wait_until(lambda: not desk.services.chat.is_busy())
        assert desk.services.chat.messages()[-1] == before
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        again.services.conversations.open(first)
        wait_until(lambda: texts(again) == ["Apples?", "They are"])
        assert again.services.chat.messages()[-1] == before
    finally:
        again.services.close()


def test_each_that_waits_knows_behind_which_and_takes_its_turn(desk: Desk) -> None:
    desk.ready()
    behind: dict[str, object] = {}
    desk.services.answers.phase.connect(
        lambda conversation, phase, details: behind.update({conversation: details.get("behind") if phase else None})
    )
    first, apples = ask(desk, "Apples?")
    second = wait_elsewhere(desk, "Pears?")
    third = wait_elsewhere(desk, "Plums?")
    assert behind == {second: first, third: first}
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: len(asks(desk)) == 2)
    assert behind == {first: None, second: None, third: second}
    desk.client.emit(finished(asks(desk)[1], "Green."))
    wait_until(lambda: len(asks(desk)) == 3)
    assert [each.turns[-1].text for each in asks(desk)] == ["Apples?", "Pears?", "Plums?"]


def test_what_waits_is_asked_when_the_engine_is_back(desk: Desk) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    desk.client.emit(Text(apples.request, "They are", 2, 50.0, 90))
    second = wait_elsewhere(desk, "Pears?")
    desk.client.die()
    wait_until(lambda: len(asks(desk)) == 2)
    kinds = [type(command) for command in desk.client.sent if isinstance(command, (Load, Ask))]
    assert kinds[-2:] == [Load, Ask], "the model comes first"
    desk.ready()
    desk.client.emit(finished(asks(desk)[1], "Green."))
    wait_until(lambda: texts(desk) == ["Pears?", "Green."])
    show(desk, first, "Apples?", "They are")
    assert desk.services.chat.messages()[-1].state is State.INTERRUPTED
    assert desk.services.conversations.current_id() != second


def test_what_waits_stays_while_the_engine_is_dead_and_is_asked_after_a_restart(desk: Desk) -> None:
    desk.ready()
    _, apples = ask(desk, "Apples?")
    desk.client.emit(Text(apples.request, "They are", 2, 50.0, 90))
    wait_elsewhere(desk, "Pears?")
    desk.client.die()
    wait_until(lambda: len(asks(desk)) == 2)
    wait_elsewhere(desk, "Plums?")
    desk.client.die()
    wait_until(lambda: desk.services.engine.state() == "dead")
    pump(20)
    assert len(asks(desk)) == 2
    assert desk.services.chat.is_busy()
    desk.services.engine.restart()
    wait_until(lambda: len(asks(desk)) == 3)
    assert asks(desk)[-1].turns[-1].text == "Plums?"


# ---- in the same conversation --------------------------------------------------------------


def test_questions_sent_during_an_answer_follow_it_in_their_order_with_their_pictures(desk: Desk) -> None:
    desk.ready()
    _, apples = ask(desk, "Apples?")
    desk.attach()
    write_and_send(desk, "And this?")
    write_and_send(desk, "Why?")
    assert queued(desk) == ["And this?", "Why?"]
    assert desk.services.draft.text() == ""
    assert desk.services.draft.pictures() == []
    assert len(asks(desk)) == 1
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: len(asks(desk)) == 2)
    assert [(turn.text, turn.answer) for turn in asks(desk)[1].turns] == [("Apples?", "Red."), ("And this?", None)]
    assert len(asks(desk)[1].turns[-1].pictures) == 1
    assert queued(desk) == ["Why?"]
    desk.client.emit(finished(asks(desk)[1], "A circle."))
    wait_until(lambda: len(asks(desk)) == 3)
    assert queued(desk) == []
    assert texts(desk) == ["Apples?", "Red.", "And this?", "A circle.", "Why?", ""]


def test_they_are_sent_too_while_another_conversation_is_open(desk: Desk) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    write_and_send(desk, "Why?")
    desk.services.conversations.new()
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: len(asks(desk)) == 2)
    assert [(turn.text, turn.answer) for turn in asks(desk)[1].turns] == [("Apples?", "Red."), ("Why?", None)]
    show(desk, first, "Apples?", "Red.", "Why?", "")
    desk.client.emit(finished(asks(desk)[1], "So."))
    wait_until(lambda: texts(desk) == ["Apples?", "Red.", "Why?", "So."])


def test_they_are_sent_when_their_conversation_is_opened_in_that_moment(desk: Desk) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    write_and_send(desk, "Why?")
    desk.services.conversations.new()
    desk.client.emit(finished(apples, "Red."))
    desk.services.answers.ended.connect(lambda *_: desk.services.conversations.open(first))
    wait_until(lambda: len(asks(desk)) == 2)
    wait_until(lambda: texts(desk) == ["Apples?", "Red.", "Why?", ""])
    pump(50)
    assert len(asks(desk)) == 2


def test_the_model_and_the_settings_of_that_moment_count(desk: Desk) -> None:
    desk.ready()
    _, apples = ask(desk, "Apples?")
    write_and_send(desk, "Why?")
    desk.services.preferences.set("temperature", 0.7)
    desk.services.preferences.set("model", "/models/other.gguf")
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["load-waits"])
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: len(asks(desk)) == 2)
    sent = [command for command in desk.client.sent if isinstance(command, (Load, Ask))]
    assert isinstance(sent[-2], Load)
    assert sent[-2].model == "/models/other.gguf"
    assert asks(desk)[1].sampling.temperature == 0.7
    assert desk.services.chat.messages()[1].details["model"] == DEMO.name, "the first is by the model before"


def test_after_stop_they_stay_until_the_person_sends_them(desk: Desk) -> None:
    desk.ready()
    current, apples = ask(desk, "Apples?")
    write_and_send(desk, "Why?")
    write_and_send(desk, "Since when?")
    desk.services.chat.stop()
    desk.client.emit(finished(apples, "They", FinishReason.STOPPED))
    wait_until(lambda: desk.services.queue.held_by(current) is State.STOPPED)
    pump(50)
    assert len(asks(desk)) == 1
    assert not desk.services.chat.is_busy()
    desk.services.queue_runner.send()
    wait_until(lambda: len(asks(desk)) == 2)
    desk.client.emit(finished(asks(desk)[1], "So."))
    wait_until(lambda: len(asks(desk)) == 3)
    assert [turn.text for turn in asks(desk)[2].turns] == ["Apples?", "Why?", "Since when?"]


def test_after_a_failed_answer_they_stay_too(desk: Desk) -> None:
    desk.ready()
    current, apples = ask(desk, "Apples?")
    write_and_send(desk, "Why?")
    desk.client.emit(Failed(apples.request, "context-too-small", {"needed": 9000, "available": 2048}))
    wait_until(lambda: desk.services.queue.held_by(current) is State.FAILED)
    assert queued(desk) == ["Why?"]


def test_after_a_death_they_go_on_behind_the_half_answer(desk: Desk) -> None:
    desk.ready()
    _, apples = ask(desk, "Apples?")
    desk.client.emit(Text(apples.request, "They are", 2, 50.0, 90))
    write_and_send(desk, "Why?")
    desk.client.die()
    wait_until(lambda: len(asks(desk)) == 2)
    assert [(turn.text, turn.answer) for turn in asks(desk)[1].turns] == [("Apples?", "They are"), ("Why?", None)]
    assert desk.services.chat.messages()[1].state is State.INTERRUPTED
    assert desk.notices == []


@pytest.mark.parametrize("begun", ["", " \n"])
def test_after_a_death_before_the_first_word_they_stay_until_the_person_sends_them(desk: Desk, begun: str) -> None:
    desk.ready()
    current, apples = ask(desk, "Apples?")
    if begun:
        desk.client.emit(Text(apples.request, begun, 1, 50.0, 90))
    write_and_send(desk, "Why?")
    desk.client.die()
    wait_until(lambda: len(asks(desk)) == 2)
    assert asks(desk)[1].turns[-1].text == "Apples?", "it is asked again by itself"
    assert queued(desk) == ["Why?"]
    desk.client.die()
    wait_until(lambda: desk.services.queue.held_by(current) is State.INTERRUPTED)
    pump(50)
    assert queued(desk) == ["Why?"]
    assert len(asks(desk)) == 2
    desk.services.chat.regenerate(desk.services.chat.messages()[-1].id)
    wait_until(lambda: len(asks(desk)) == 3)
    desk.client.emit(finished(asks(desk)[2], "Red."))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.queue_runner.send()
    wait_until(lambda: len(asks(desk)) == 4)
    assert [(turn.text, turn.answer) for turn in asks(desk)[3].turns] == [("Apples?", "Red."), ("Why?", None)]


def test_one_can_be_edited_or_removed_and_that_undone(desk: Desk) -> None:
    desk.ready()
    _, apples = ask(desk, "Apples?")
    desk.attach()
    for text in ("One?", "Two?", "Three?"):
        write_and_send(desk, text)
    one, two, _three = desk.services.queue.questions(desk.services.conversations.current_id())
    desk.services.draft.set_text("Four?")
    runner = desk.services.queue_runner
    runner.edit(one.id)
    runner.rewrite("Another?")
    runner.finish_editing(keep=False)
    assert queued(desk) == ["One?", "Two?", "Three?"]
    runner.edit(one.id)
    runner.rewrite("First? ")
    runner.finish_editing()
    assert desk.services.draft.text() == "Four?", "the draft is another question"
    first = desk.services.queue.questions(desk.services.conversations.current_id())[0]
    assert (first.text, [picture.name for picture in first.pictures]) == ("First?", ["circle.png"])
    runner.remove(two.id)
    assert queued(desk) == ["First?", "Three?"]
    notice = desk.notices[-1]
    assert (notice.text_code, [each.code for each in notice.buttons]) == ("queued-removed", ["undo-queued"])
    desk.services.notices.act(notice.id, "undo-queued")
    assert queued(desk) == ["First?", "Two?", "Three?"]
    for question in desk.services.queue.questions(desk.services.conversations.current_id())[:2]:
        runner.remove(question.id)
    assert queued(desk) == ["Three?"]
    assert [each.text_code for each in desk.services.notices.standing()] == ["several-removed"]
    desk.services.notices.act(desk.notices[-1].id, "undo-queued")
    assert queued(desk) == ["First?", "Two?", "Three?"], "none is lost by a click too many"
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: len(asks(desk)) == 2)
    assert asks(desk)[1].turns[-1].text == "First?"


def test_one_that_is_being_edited_is_sent_when_it_is_done(desk: Desk) -> None:
    desk.ready()
    _, apples = ask(desk, "Apples?")
    write_and_send(desk, "One?")
    [one] = desk.services.queue.questions(desk.services.conversations.current_id())
    desk.services.queue_runner.edit(one.id)
    desk.services.queue_runner.rewrite("Half a quest")
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert (len(asks(desk)), queued(desk)) == (1, ["Half a quest"])
    desk.services.queue_runner.rewrite("A whole question?")
    desk.services.queue_runner.finish_editing()
    wait_until(lambda: len(asks(desk)) == 2)
    assert asks(desk)[1].turns[-1].text == "A whole question?"


def test_one_that_was_edited_until_it_was_empty_is_removed_as_it_was(desk: Desk) -> None:
    desk.ready()
    ask(desk, "Apples?")
    write_and_send(desk, "One?")
    [one] = desk.services.queue.questions(desk.services.conversations.current_id())
    desk.services.queue_runner.edit(one.id)
    desk.services.queue_runner.rewrite(" ")
    desk.services.queue_runner.finish_editing()
    assert queued(desk) == []
    desk.services.notices.act(desk.notices[-1].id, "undo-queued")
    assert queued(desk) == ["One?"]


def test_nothing_of_them_is_lost_when_the_program_ends(desk: Desk, tmp_path: Path) -> None:
    desk.ready()
    current, _apples = ask(desk, "Apples?")
    desk.attach()
    write_and_send(desk, "And this?")
    write_and_send(desk, "Why?")
    desk.services.draft.set_text("Half a")
    desk.services.close()
    assert len(asks(desk)) == 1, "nothing is sent at the end"
    again = open_desk(tmp_path)
    try:
        again.services.conversations.open(current)
        wait_until(lambda: again.services.draft.text() == "And this?\nWhy?\nHalf a")
        assert [picture.name for picture in again.services.draft.pictures()] == ["circle.png"]
    finally:
        again.services.close()


def test_nothing_of_them_is_lost_when_the_program_is_killed(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ready()
    current, _apples = ask(desk, "Apples?")
    desk.attach()
    write_and_send(desk, "And this?")
    waiting = wait_elsewhere(desk, "Pears?")
    desk.services.history_thread.wait()
    shutil.copytree(tmp_path / "home", tmp_path / "as it was then")
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "as it was then"))
    again = open_desk(tmp_path)
    try:
        again.services.conversations.open(current)
        wait_until(lambda: again.services.draft.text() == "And this?")
        assert [picture.name for picture in again.services.draft.pictures()] == ["circle.png"]
        show(again, waiting, "Pears?", "")
        assert again.services.chat.messages()[-1].state is State.INTERRUPTED
    finally:
        again.services.close()


def test_those_of_a_deleted_conversation_are_not_asked(desk: Desk) -> None:
    desk.ready()
    current, apples = ask(desk, "Apples?")
    write_and_send(desk, "Why?")
    wait_until(lambda: len(desk.services.conversations.summaries()) == 1)
    desk.services.conversations.delete(current)
    wait_until(lambda: bool(desk.notices))
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: desk.services.queue.held_by(current) is not None)
    assert len(asks(desk)) == 1
    desk.services.conversations.undo_delete()
    show(desk, current, "Apples?", "Red.")
    assert queued(desk) == ["Why?"]
    desk.services.queue_runner.send()
    wait_until(lambda: len(asks(desk)) == 2)


def test_nothing_of_them_is_kept_when_their_conversation_is_deleted_for_good(desk: Desk) -> None:
    desk.ready()
    current, apples = ask(desk, "Apples?")
    for text in ("Why?", "Since when?"):
        write_and_send(desk, text)
    desk.services.queue_runner.remove(desk.services.queue.questions(current)[0].id)
    removed = desk.notices[-1]
    wait_until(lambda: len(desk.services.conversations.summaries()) == 1)
    desk.services.conversations.delete(current)
    desk.services.recovery.delete_now(current)
    assert removed.id in desk.withdrawn
    desk.services.queue_runner.undo_remove()
    desk.client.emit(finished(apples, "Red.", FinishReason.STOPPED))
    wait_until(lambda: not desk.services.answers.is_under_way(current))
    desk.services.history_thread.wait()
    assert desk.services.queue.questions(current) == []
    saved: list[tuple[str, object]] = []
    desk.services.history_thread.run(lambda history: history.draft(current), saved.append)
    wait_until(lambda: saved == [("", ())])
    assert len(asks(desk)) == 1


def test_those_of_a_question_that_is_cancelled_with_its_conversation_come_back_with_it(desk: Desk) -> None:
    desk.ready()
    ask(desk, "Apples?")
    wait_elsewhere(desk, "Pears?")
    write_and_send(desk, "Why?")
    desk.services.chat.stop()
    wait_until(lambda: not desk.services.chat.is_busy())
    assert desk.services.conversations.current_id() == ""
    assert desk.services.draft.text() == "Pears?\nWhy?"


# ---- where it happens ----------------------------------------------------------------------


def test_the_marks_tell_what_happens_in_each_conversation(desk: Desk) -> None:
    desk.ready()
    activity = desk.services.activity
    first, apples = ask(desk, "Apples?")
    assert activity.written_elsewhere() == ""
    second = wait_elsewhere(desk, "Pears?")
    assert (activity.mark(first), activity.mark(second)) == ("writing", "waiting")
    assert activity.written_elsewhere() == first
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: len(asks(desk)) == 2)
    assert (activity.mark(first), activity.mark(second)) == ("unseen", "writing")
    desk.services.conversations.open(first)
    assert activity.mark(first) == ""
    activity.stop_elsewhere()
    assert [stop.request for stop in desk.client.of(Stop)] == [asks(desk)[1].request]
    desk.client.emit(finished(asks(desk)[1], "They", FinishReason.STOPPED))
    wait_until(lambda: activity.mark(second) == "")


def test_figures_belong_to_their_conversation(desk: Desk) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    second = wait_elsewhere(desk, "Pears?")
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: len(asks(desk)) == 2)
    assert desk.services.answers.figures_of(first)[1:] == (95, 2048)
    assert desk.services.answers.figures_of(second) == (0.0, 0, 0)


def test_the_phase_goes_when_its_turn_has_come(desk: Desk) -> None:
    desk.ready()
    _, apples = ask(desk, "Apples?")
    second = wait_elsewhere(desk, "Pears?")
    phases: list[tuple[str, Phase | None]] = []
    desk.services.answers.phase.connect(lambda conversation, phase, _: phases.append((conversation, phase)))
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: len(asks(desk)) == 2)
    assert (second, None) in phases
