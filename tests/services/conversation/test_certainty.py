"""How sure the model was is kept with the answer, comes after it too, and belongs to that version of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.chat.certainty import KEY, Certainty, Sureness, WordScore, from_details, to_details
from desktop_app.chat.conversation import Message
from desktop_app.engine.messages import Ask, FinishReason, Judge, Judged
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk, open_desk
from tests.services.conversation.test_chat import ask, texts
from tests.services.conversation.test_going_on import go_on, last

TEXT = "It is red."
AT_ONCE = Certainty(Sureness.NOT_SURE, 0.4, (WordScore(0, 2, 1.0), WordScore(6, 9, 0.4)))
LATER = Certainty(Sureness.NOT_SURE, 0.4, (WordScore(0, 2, 1.0, 0.0), WordScore(6, 9, 0.4, 0.1)))


def end(desk: Desk, command: Ask, text: str = TEXT, certainty: Certainty = AT_ONCE) -> Message:
    reason = FinishReason.LENGTH if text != TEXT else FinishReason.STOP
    desk.client.emit(finished(command, text, reason)._replace(certainty=certainty))
    wait_until(lambda: not desk.services.chat.is_busy())
    return last(desk)


def known(message: Message) -> Certainty | None:
    return from_details(message.details, len(message.text))


@pytest.mark.parametrize(
    ("wish", "judge"), [("off", Judge.NOT), ("quiet", Judge.WORDS), ("full", Judge.PICTURES_LATER)]
)
def test_only_what_is_wished_is_found_out(desk: Desk, wish: str, judge: Judge) -> None:
    desk.ready()
    desk.services.preferences.set("certainty", wish)
    assert ask(desk, "Which colour?").judge is judge


def test_it_is_kept_with_the_answer_and_there_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.ready()
    first = ask(desk, "Which colour?")
    assert known(end(desk, first)) == AT_ONCE
    second = ask(desk, "And now?")
    end(desk, second)
    shown: list[Message] = []
    desk.services.chat.changed.connect(shown.append)
    desk.client.emit(Judged(first.request, LATER))  # of the answer before
    wait_until(lambda: known(desk.services.chat.messages()[1]) == LATER)
    assert [message.id for message in shown] == [desk.services.chat.messages()[1].id]
    conversation = desk.services.conversations.current_id()
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        again.services.conversations.open(conversation)
        wait_until(lambda: texts(again) == ["Which colour?", TEXT, "And now?", TEXT])
        assert [known(again.services.chat.messages()[place]) for place in (1, 3)] == [LATER, AT_ONCE]
    finally:
        again.services.close()


def test_it_belongs_to_the_version(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "Which colour?")
    unsure = end(desk, command)
    desk.services.chat.regenerate(unsure.id)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    sure = Certainty(Sureness.SURE, 1.0)
    end(desk, desk.client.of(Ask)[-1], certainty=sure)
    desk.client.emit(Judged(command.request, LATER))  # of the version that is not shown
    desk.services.chat.show_sibling(last(desk).id, -1)
    wait_until(lambda: last(desk).id == unsure.id)
    assert known(last(desk)) == LATER
    desk.services.chat.show_sibling(last(desk).id, 1)
    wait_until(lambda: last(desk).id != unsure.id)
    assert known(last(desk)) == sure


def test_an_answer_that_went_on_is_judged_as_a_whole(desk: Desk) -> None:
    desk.ready()
    begun = ask(desk, "Which colour?")
    end(desk, begun, "It", Certainty(Sureness.NOT_SURE, 0.3, (WordScore(0, 2, 0.3),)))
    command = go_on(desk, last(desk).id)
    end(desk, command, certainty=Certainty(Sureness.SURE, 1.0, (WordScore(6, 9, 1.0),)))
    expected = Certainty(Sureness.NOT_SURE, 0.3, (WordScore(0, 2, 0.3), WordScore(6, 9, 1.0)))
    assert known(last(desk)) == expected
    desk.client.emit(Judged(begun.request, Certainty(Sureness.SURE, 1.0)))  # of what is no more
    desk.client.emit(Judged(command.request, Certainty(Sureness.SURE, 1.0, (WordScore(6, 9, 1.0, 3.0),))))
    wait_until(lambda: known(last(desk)) != expected)
    assert known(last(desk)) == expected._replace(words=(WordScore(0, 2, 0.3), WordScore(6, 9, 1.0, 3.0)))


def test_what_is_known_too_late_changes_no_message(desk: Desk) -> None:
    """Its conversation was deleted for good meanwhile."""
    desk.ready()
    command = ask(desk, "Which colour?")
    end(desk, command)
    gone = desk.services.conversations.current_id()
    desk.services.conversations.delete(gone)
    desk.client.emit(Judged(command.request, LATER))
    desk.client.emit(Judged(99, LATER))
    ask(desk, "Another?")
    assert KEY not in last(desk).details
    assert to_details(LATER)["words"][1] == [6, 9, 0.4, 0.1]
