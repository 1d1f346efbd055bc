"""An answer that was stopped, cut or interrupted goes on, in the same message."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.chat.history import History
from desktop_app.engine.messages import Ask, Failed, FinishReason, Stop, Text
from desktop_app.errors import UserError
from desktop_app.services.conversation.answer import in_two_goes
from desktop_app.ui.transcript.phrases import mark
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk, open_desk
from tests.services.conversation.test_chat import answer, ask, texts


def go_on(desk: Desk, message_id: str) -> Ask:
    count = len(desk.client.of(Ask))
    desk.services.chat.go_on(message_id)
    wait_until(lambda: len(desk.client.of(Ask)) > count)
    return desk.client.of(Ask)[-1]


def last(desk: Desk) -> Message:
    return desk.services.chat.messages()[-1]


@pytest.mark.parametrize("reason", [FinishReason.STOPPED, FinishReason.LENGTH])
def test_it_stays_one_message_whose_text_grows(desk: Desk, reason: FinishReason, tmp_path: Path) -> None:
    desk.ready()
    command = ask(desk, "Tell me")
    if reason is FinishReason.STOPPED:
        desk.services.chat.stop()
    answer(desk, command, "Once upon", reason)
    before = last(desk)
    assert before.can_go_on
    command = go_on(desk, before.id)
    assert [(turn.text, turn.answer) for turn in command.turns] == [("Tell me", "Once upon")]
    assert desk.services.chat.is_busy()
    assert (last(desk).id, last(desk).state, last(desk).text) == (before.id, State.STREAMING, "Once upon")
    shown: list[str] = []
    desk.services.answers.streaming.connect(lambda _id, text: shown.append(text))
    desk.client.emit(Text(command.request, " a time", 2, 50.0, 90))
    wait_until(lambda: shown == ["Once upon a time"])
    answer(desk, command, "Once upon a time.")
    assert (last(desk).id, last(desk).state, last(desk).text) == (before.id, State.COMPLETE, "Once upon a time.")
    assert last(desk).details["answer_tokens"] == 10
    assert last(desk).details["finish_reason"] == "stop"
    assert not last(desk).can_go_on
    assert last(desk).sibling == (0, 1)
    conversation = desk.services.conversations.current_id()
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        again.services.conversations.open(conversation)
        wait_until(lambda: texts(again) == ["Tell me", "Once upon a time."])
        assert last(again) == last(desk)
    finally:
        again.services.close()


def test_an_answer_that_the_program_lost_goes_on_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.ready()
    command = ask(desk, "Tell me")
    desk.client.emit(Text(command.request, "Once upon", 2, 50.0, 90))
    wait_until(lambda: desk.services.answers.up_to_date(desk.services.chat.messages())[-1].text == "Once upon")
    conversation = desk.services.conversations.current_id()
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        again.ready()
        again.services.conversations.open(conversation)
        wait_until(lambda: texts(again) == ["Tell me", "Once upon"])
        assert last(again).state is State.INTERRUPTED
        assert last(again).details["answer_tokens"] == 2
        command = go_on(again, last(again).id)
        answer(again, command, "Once upon a time.")
        assert last(again).details["answer_tokens"] == 7
    finally:
        again.services.close()


def test_an_answer_in_the_middle_goes_on_and_what_follows_stays(desk: Desk) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"), "First", FinishReason.LENGTH)
    answer(desk, ask(desk, "Two?"), "Second.")
    command = go_on(desk, desk.services.chat.messages()[1].id)
    assert [(turn.text, turn.answer) for turn in command.turns] == [("One?", "First")]
    answer(desk, command, "First of all.")
    assert texts(desk) == ["One?", "First of all.", "Two?", "Second."]


def test_an_answer_that_ended_by_itself_has_nothing_more(desk: Desk) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"), "First.")
    desk.services.chat.go_on(last(desk).id)
    desk.services.chat.go_on(desk.services.chat.messages()[0].id)
    assert not desk.services.chat.is_busy()
    assert len(desk.client.of(Ask)) == 1


def test_what_is_too_long_to_go_on_says_so_and_still_how_it_had_ended(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "One?")
    desk.services.chat.stop()
    answer(desk, command, "First", FinishReason.STOPPED)
    command = go_on(desk, last(desk).id)
    desk.client.emit(Failed(command.request, "context-too-small", {"needed": 5000, "available": 2048}))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert (last(desk).text, last(desk).state) == ("First", State.STOPPED)
    assert mark(last(desk)) == "You stopped this answer. It is too long to be continued."
    assert last(desk).can_go_on, "the context may be made larger"
    command = go_on(desk, last(desk).id)
    assert mark(last(desk)) == ""


def test_what_cannot_go_on_keeps_its_words_and_says_why(desk: Desk) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"), "First", FinishReason.LENGTH)
    command = go_on(desk, last(desk).id)
    desk.client.emit(Failed(command.request, "out-of-memory", {"needed": 5, "available": 2}))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert (last(desk).text, last(desk).state) == ("First", State.FAILED)
    assert last(desk).can_go_on
    command = go_on(desk, last(desk).id)
    assert "error" not in last(desk).details
    answer(desk, command, "First.")
    assert last(desk).state is State.COMPLETE


def test_stopped_while_it_waits_it_keeps_its_words(desk: Desk) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"), "First", FinishReason.LENGTH)
    command = go_on(desk, last(desk).id)
    desk.services.chat.stop()
    assert desk.client.of(Stop)[-1].request == command.request
    answer(desk, command, "", FinishReason.STOPPED)
    assert (last(desk).text, last(desk).state) == ("First", State.STOPPED)


def test_a_full_disk_leaves_it_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"), "First", FinishReason.LENGTH)
    before = last(desk)
    desk.services.history_thread.wait()

    def full(_history: History, _message: Message) -> None:
        raise UserError("disk-full", name="conversations.sqlite")

    with monkeypatch.context() as patched:
        patched.setattr(History, "update_message", full)
        desk.services.chat.go_on(before.id)
        wait_until(lambda: not desk.services.chat.is_busy())
    assert last(desk) == before
    assert [notice.text_code for notice in desk.notices] == ["disk-full"]
    assert len(desk.client.of(Ask)) == 1


def test_figures_are_those_of_both_goes() -> None:
    before = {"answer_tokens": 30, "tokens_per_second": 10.0, "time_to_first_token_s": 2.0, "evaluated_tokens": 90}
    now = {"answer_tokens": 10, "tokens_per_second": 5.0, "time_to_first_token_s": 9.0, "evaluated_tokens": 1}
    assert in_two_goes(before, now | {"finish_reason": "stop"}) == {
        "answer_tokens": 40,
        "tokens_per_second": 8.0,
        "evaluated_tokens": 91,
        "finish_reason": "stop",
    }
    assert in_two_goes({"answer_tokens": "many", "tokens_per_second": float("nan")}, now) == now
    assert in_two_goes(before, {}) == {}


@pytest.mark.parametrize(
    ("role", "text", "state", "details", "goes_on"),
    [
        (Role.ASSISTANT, "a", State.STOPPED, {}, True),
        (Role.ASSISTANT, "a", State.INTERRUPTED, {}, True),
        (Role.ASSISTANT, "a", State.COMPLETE, {"finish_reason": "length"}, True),
        (Role.ASSISTANT, "a", State.COMPLETE, {"finish_reason": "stop"}, False),
        (Role.ASSISTANT, "a", State.STREAMING, {}, False),
        (Role.ASSISTANT, " ", State.STOPPED, {}, False),
        (Role.USER, "a", State.STOPPED, {}, False),
    ],
)
def test_which_can_go_on(role: Role, text: str, state: State, details: dict[str, str], goes_on: bool) -> None:
    assert replace(Message("1", role, text), state=state, details=details).can_go_on is goes_on
