"""The window knows which messages the engine left out of a full context."""

from __future__ import annotations

from desktop_app.engine.messages import Ask, Phase, PhaseChanged, ReadAhead, ReadAheadDone, TurnsDropped
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk


def talk(desk: Desk, *questions: str) -> None:
    for question in questions:
        count = len(desk.client.of(Ask))
        desk.services.chat.send(question)
        wait_until(lambda count=count: len(desk.client.of(Ask)) > count)  # type: ignore[misc]
        desk.client.emit(finished(desk.client.of(Ask)[-1], "Yes."))
        wait_until(lambda: not desk.services.chat.is_busy())


def newest_read_ahead(desk: Desk, turns: int) -> ReadAhead:
    wait_until(lambda: bool(desk.client.of(ReadAhead)) and len(desk.client.of(ReadAhead)[-1].turns) == turns)
    return desk.client.of(ReadAhead)[-1]


def test_reading_ahead_tells_what_is_left_out(desk: Desk) -> None:
    desk.ready()
    talk(desk, "One?", "Two?", "Three?")
    chat, messages = desk.services.chat, desk.services.chat.messages()
    ahead = newest_read_ahead(desk, 3)
    desk.client.emit(TurnsDropped(ahead.request, 2, 0, (0, 1)))
    wait_until(lambda: chat.dropped.ids() == {message.id for message in messages[:4]})
    assert (chat.dropped.last(), chat.dropped.is_all_above()) == (messages[3].id, True)
    desk.client.emit(ReadAheadDone(ahead.request, True, 90, 90, 0))
    assert not desk.notices, "the transcript says it, quietly"
    desk.services.conversations.new()
    wait_until(lambda: chat.dropped.ids() == frozenset())


def test_an_answer_tells_it_too_once_with_a_notice(desk: Desk) -> None:
    desk.ready()
    talk(desk, "One?", "Two?")
    chat = desk.services.chat
    for question, left in (("Three?", (1,)), ("Four?", (1, 2)), ("Five?", ())):
        count = len(desk.client.of(Ask))
        chat.send(question)
        wait_until(lambda count=count: len(desk.client.of(Ask)) > count)  # type: ignore[misc]
        ask = desk.client.of(Ask)[-1]
        if left:
            desk.client.emit(TurnsDropped(ask.request, len(left), 0, left))
        desk.client.emit(PhaseChanged(ask.request, Phase.READING, 0, 9))
        wait_until(lambda left=left: len(chat.dropped.ids()) == 2 * len(left))  # type: ignore[misc]
        desk.client.emit(finished(ask, "Yes."))
        wait_until(lambda: not chat.is_busy())
        if left == (1,):
            assert chat.dropped.ids() == {message.id for message in chat.messages()[2:4]}
            assert not chat.dropped.is_all_above()
    assert [notice.text_code for notice in desk.notices] == ["turns-dropped"]
