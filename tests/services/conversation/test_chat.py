"""Sending, stopping and asking again: what the person sees, and what the engine is asked."""

from __future__ import annotations

from pathlib import Path

from desktop_app.chat.conversation import Role, State
from desktop_app.engine.messages import Ask, BugReported, Failed, FinishReason, Inspect, Phase, PhaseChanged, Stop, Text
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk, open_desk


def ask(desk: Desk, text: str) -> Ask:
    """Send a question and return what reached the engine."""
    count = len(desk.client.of(Ask))
    desk.services.chat.send(text)
    wait_until(lambda: len(desk.client.of(Ask)) > count)
    return desk.client.of(Ask)[-1]


def answer(desk: Desk, command: Ask, text: str, reason: FinishReason = FinishReason.STOP) -> None:
    desk.client.emit(finished(command, text, reason))
    wait_until(lambda: not desk.services.chat.is_busy())


def texts(desk: Desk) -> list[str]:
    return [message.text for message in desk.services.chat.messages()]


def test_a_question_with_a_picture_is_saved_and_answered(desk: Desk, tmp_path: Path) -> None:
    desk.ready()
    desk.attach()
    command = ask(desk, "What colour is it?")
    assert desk.services.draft.pictures() == []
    assert [turn.text for turn in command.turns] == ["What colour is it?"]
    picture = command.turns[0].pictures[0]
    assert Path(picture.path).read_bytes() == desk.picture_file().read_bytes()
    shown: list[str] = []
    desk.services.answers.streaming.connect(lambda _id, text: shown.append(text))
    desk.client.emit(Text(command.request, "It is", 2, 50.0, 90))
    wait_until(lambda: shown == ["It is"])
    answer(desk, command, "It is red.")
    desk.services.close()

    again = open_desk(tmp_path)
    try:
        wait_until(lambda: len(again.services.conversations.summaries()) == 1)
        summary = again.services.conversations.summaries()[0]
        assert summary.title == "What colour is it?"
        assert summary.picture == picture.sha256
        again.services.conversations.open(summary.id)
        wait_until(lambda: texts(again) == ["What colour is it?", "It is red."])
        assert again.services.chat.messages()[0].pictures[0].sha256 == picture.sha256
        assert again.services.previews.preview(picture.sha256) == b"preview"
    finally:
        again.services.close()


def test_follow_ups_carry_the_earlier_turns(desk: Desk) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"), "First.")
    command = ask(desk, "Two?")
    assert [(turn.text, turn.answer) for turn in command.turns] == [("One?", "First."), ("Two?", None)]


def test_a_question_sent_while_its_picture_is_checked_waits_for_it(desk: Desk) -> None:
    desk.ready()
    desk.services.draft.add_file(str(desk.picture_file()))
    desk.services.chat.send("What is it?")
    assert desk.services.chat.is_busy()
    assert not desk.client.of(Ask)
    desk.inspected()
    wait_until(lambda: bool(desk.client.of(Ask)))
    assert len(desk.client.of(Ask)[0].turns[0].pictures) == 1


def test_a_refused_picture_leaves_the_message_as_it_was(desk: Desk) -> None:
    desk.ready()
    desk.services.draft.set_text("Look at this")
    desk.services.draft.add_file(str(desk.picture_file("no-picture.png")))
    wait_until(lambda: bool(desk.client.of(Inspect)))
    inspect = desk.client.of(Inspect)[-1]
    desk.client.emit(Failed(inspect.request, "not-a-picture", {"name": inspect.picture.name}))
    wait_until(lambda: bool(desk.notices))
    assert desk.notices[0].text_code == "not-a-picture"
    assert desk.services.draft.pictures() == []
    assert desk.services.draft.text() == "Look at this"


def test_a_web_address_is_refused_kindly(desk: Desk) -> None:
    desk.services.draft.add_urls(["https://example.org/cat.jpg"])
    assert [notice.text_code for notice in desk.notices] == ["web-address"]
    assert desk.services.draft.pictures() == []


def test_an_address_of_no_file_is_refused(desk: Desk) -> None:
    """It would mean the current folder."""
    desk.services.draft.add_urls(["file://"])
    assert [notice.text_code for notice in desk.notices] == ["nothing-to-drop"]
    assert desk.services.draft.pictures() == []


def test_an_empty_question_is_not_sent(desk: Desk) -> None:
    desk.services.chat.send("  ")
    assert [notice.text_code for notice in desk.notices] == ["question-empty"]


def test_stop_keeps_what_was_written(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "Tell me")
    desk.services.chat.stop()
    assert [stop.request for stop in desk.client.of(Stop)] == [command.request]
    answer(desk, command, "Once upon", FinishReason.STOPPED)
    last = desk.services.chat.messages()[-1]
    assert (last.text, last.state) == ("Once upon", State.STOPPED)


def test_a_dead_engine_leaves_the_partial_answer_marked_and_comes_back(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "Tell me")
    desk.client.emit(Text(command.request, "Once upon", 2, 50.0, 90))
    desk.client.die()
    wait_until(lambda: not desk.services.chat.is_busy())
    last = desk.services.chat.messages()[-1]
    assert (last.text, last.state) == ("Once upon", State.INTERRUPTED)
    wait_until(lambda: desk.services.engine.state() == "loading")
    assert desk.notices == []
    desk.ready()
    command = ask(desk, "Go on")
    assert [(turn.text, turn.answer) for turn in command.turns] == [("Tell me", "Once upon"), ("Go on", None)]


def test_the_picture_of_an_unanswered_question_goes_to_the_next(desk: Desk) -> None:
    desk.ready()
    desk.attach()
    ask(desk, "What is it?")
    desk.die_for_good()
    wait_until(lambda: not desk.services.chat.is_busy())
    command = ask(desk, "Please?")
    assert len(command.turns) == 1
    assert command.turns[0].text == "Please?"
    assert len(command.turns[0].pictures) == 1


def test_an_expected_error_is_kept_with_the_answer(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "x " * 5000)
    desk.client.emit(Failed(command.request, "context-too-small", {"needed": 9000, "available": 2048}))
    wait_until(lambda: not desk.services.chat.is_busy())
    last = desk.services.chat.messages()[-1]
    assert last.state is State.FAILED
    assert last.details["error"]["code"] == "context-too-small"


def test_a_bug_in_the_engine_reaches_the_person_and_ends_the_answer(desk: Desk, expected) -> None:  # type: ignore[no-untyped-def]
    desk.ready()
    command = ask(desk, "Hello")
    expected.exception("EngineBugError")
    desk.client.emit(BugReported(command.request, "Traceback: it broke"))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert desk.services.chat.messages()[-1].state is State.INTERRUPTED


def test_regenerate_and_edit_keep_what_was_there(desk: Desk) -> None:
    desk.ready()
    chat = desk.services.chat
    answer(desk, ask(desk, "One?"), "First.")
    chat.regenerate(chat.messages()[-1].id)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    assert [turn.text for turn in desk.client.of(Ask)[-1].turns] == ["One?"]
    answer(desk, desk.client.of(Ask)[-1], "Second.")
    wait_until(lambda: chat.messages()[-1].sibling == (1, 2))
    chat.edit(chat.messages()[0].id, "Another?")
    wait_until(lambda: len(desk.client.of(Ask)) == 3)
    answer(desk, desk.client.of(Ask)[-1], "Third.")
    assert texts(desk) == ["Another?", "Third."]
    chat.show_sibling(chat.messages()[0].id, -1)
    wait_until(lambda: texts(desk) == ["One?", "Second."])
    chat.show_sibling(chat.messages()[1].id, -1)
    wait_until(lambda: texts(desk) == ["One?", "First."])


def test_an_answer_goes_on_while_another_conversation_is_open(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "One?")
    first = desk.services.conversations.current_id()
    desk.services.conversations.new()
    wait_until(lambda: not desk.services.chat.is_busy())
    assert desk.services.chat.messages() == []
    desk.client.emit(finished(command, "First."))
    desk.services.conversations.open(first)
    wait_until(lambda: texts(desk) == ["One?", "First."])


def test_phases_are_told_with_their_conversation(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "One?")
    phases: list[tuple[str, object]] = []
    desk.services.answers.phase.connect(lambda conversation, phase, _: phases.append((conversation, phase)))
    desk.client.emit(PhaseChanged(command.request, Phase.READING, 5, 10))
    answer(desk, command, "First.")
    current = desk.services.conversations.current_id()
    assert phases == [(current, Phase.READING), (current, None)]


def test_what_cannot_be_saved_goes_back_into_the_draft(desk: Desk, tmp_path: Path) -> None:
    opened: list[bool] = []
    desk.services.history_thread.run(lambda _history: True, opened.append)
    wait_until(lambda: bool(opened))
    second = open_desk(tmp_path)  # the first program still holds the history
    try:
        wait_until(lambda: [notice.text_code for notice in second.notices] == ["history-in-use"])
        second.services.chat.send("Precious words")
        wait_until(lambda: len(second.notices) == 2)
        assert second.services.draft.text() == "Precious words"
        assert second.services.chat.messages() == []
        assert not second.services.chat.is_busy()
        assert not second.client.of(Ask)
    finally:
        second.services.close()


def test_roles_alternate(desk: Desk) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"), "First.")
    assert [message.role for message in desk.services.chat.messages()] == [Role.USER, Role.ASSISTANT]
