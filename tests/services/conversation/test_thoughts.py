"""What a model thinks is kept with its answer, and is part of nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop_app.chat.conversation import Message, State
from desktop_app.engine.messages import Ask, FinishReason, Phase, PhaseChanged, ReadAhead, Text, Thought
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import expect_signal, wait_until
from tests.services.conftest import Desk
from tests.services.conversation.test_chat import ask

THOUGHT = "Is it red?\nIt is.\n"


def think(desk: Desk, command: Ask) -> None:
    for event in (
        PhaseChanged(command.request, Phase.THINKING),
        Thought(command.request, "Is it red?\n", 3, 50.0, 90),
        Thought(command.request, "It is.\n", 5, 50.0, 92),
    ):
        desk.client.emit(event)
    wait_until(lambda: shown(desk).thought == THOUGHT)


def shown(desk: Desk) -> Message:
    return desk.services.answers.up_to_date(desk.services.chat.messages())[-1]


def end(desk: Desk, command: Ask, text: str, reason: FinishReason = FinishReason.STOP) -> None:
    desk.client.emit(finished(command, text, reason)._replace(thought=THOUGHT, thought_s=12.34))
    wait_until(lambda: not desk.services.chat.is_busy())


def test_it_thinks_only_if_the_switch_is_on(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "One?")
    assert not command.think
    end(desk, command, "First.")
    wait_until(lambda: [command.think for command in desk.client.of(ReadAhead)] == [False])
    desk.services.preferences.set("think_first", True)
    wait_until(lambda: [command.think for command in desk.client.of(ReadAhead)] == [False, True])
    assert ask(desk, "Two?").think


def test_it_is_kept_with_the_answer_and_in_no_later_turn(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "Is it red?")
    told: list[dict[str, Any]] = []
    desk.services.answers.thought.connect(lambda _id, details: told.append(details))
    think(desk, command)
    assert (shown(desk).text, told) == ("", [])
    desk.client.emit(PhaseChanged(command.request, Phase.WRITING))
    wait_until(lambda: bool(told))
    assert told[0]["thought"] == THOUGHT
    desk.client.emit(Text(command.request, "Yes", 6, 50.0, 93))
    end(desk, command, "Yes.")
    message = desk.services.chat.messages()[-1]
    assert (message.text, message.thought, message.details["thought_s"]) == ("Yes.", THOUGHT, 12.3)
    later = ask(desk, "Sure?")
    assert [(turn.answer, turn.thought) for turn in later.turns] == [("Yes.", ""), (None, "")]


def test_it_is_in_no_page_but_comes_back_with_the_conversation(desk: Desk, tmp_path: Path) -> None:
    desk.ready()
    end(desk, ask(desk, "What colour is it?"), "Red.")
    wait_until(lambda: len(desk.services.conversations.summaries()) == 1)
    for name in ("out.html", "out.md", "out.json"):
        with expect_signal(desk.services.exports.exported):
            desk.services.exports.export(str(tmp_path / name))
    for name in ("out.html", "out.md"):
        assert "Is it red" not in (tmp_path / name).read_text(encoding="utf-8")
    desk.services.exports.import_file(str(tmp_path / "out.json"))
    wait_until(lambda: len(desk.services.conversations.summaries()) == 2)
    wait_until(lambda: [message.text for message in desk.services.chat.messages()] == ["What colour is it?", "Red."])
    assert desk.services.chat.messages()[-1].thought == THOUGHT


def test_what_was_thought_is_kept_when_the_engine_dies(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "Is it red?")
    think(desk, command)
    desk.client.emit(PhaseChanged(command.request, Phase.WRITING))
    desk.client.emit(Text(command.request, "Yes", 6, 50.0, 93))
    wait_until(lambda: shown(desk).text == "Yes")
    desk.client.die()
    wait_until(lambda: not desk.services.chat.is_busy())
    message = desk.services.chat.messages()[-1]
    assert (message.state, message.text, message.thought) == (State.INTERRUPTED, "Yes", THOUGHT)


def test_an_answer_that_goes_on_stands_behind_its_thought(desk: Desk) -> None:
    desk.ready()
    desk.services.preferences.set("think_first", True)
    end(desk, ask(desk, "Is it red?"), "Yes, it", FinishReason.LENGTH)
    desk.services.preferences.set("think_first", False)
    desk.services.chat.go_on(desk.services.chat.messages()[-1].id)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    command = desk.client.of(Ask)[-1]
    assert command.think
    assert [(turn.answer, turn.thought) for turn in command.turns] == [("Yes, it", THOUGHT)]
    desk.client.emit(finished(command, "Yes, it is."))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert desk.services.chat.messages()[-1].thought == THOUGHT


def died_in_the_thought(desk: Desk) -> Ask:
    """Return the question as it is asked again, after the engine died while it thought about it."""
    desk.ready()
    desk.services.preferences.set("think_first", True)
    think(desk, ask(desk, "Is it red?"))
    desk.client.die()
    desk.ready()
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    assert shown(desk).thought == ""
    return desk.client.of(Ask)[-1]


def test_what_is_thought_again_takes_the_place_of_the_half_before(desk: Desk) -> None:
    command = died_in_the_thought(desk)
    desk.client.emit(PhaseChanged(command.request, Phase.THINKING))
    desk.client.emit(Thought(command.request, "Another thing.\n", 3, 50.0, 90))
    wait_until(lambda: shown(desk).thought == "Another thing.\n")
    desk.client.die()
    wait_until(lambda: not desk.services.chat.is_busy())
    message = desk.services.chat.messages()[-1]
    assert (message.state, message.text, message.thought) == (State.INTERRUPTED, "", "Another thing.\n")


def test_an_answer_without_a_thought_is_not_kept_with_that_of_another_run(desk: Desk) -> None:
    command = died_in_the_thought(desk)
    told: list[dict[str, Any]] = []
    desk.services.answers.thought.connect(lambda _id, details: told.append(details))
    desk.client.emit(PhaseChanged(command.request, Phase.WRITING))
    desk.client.emit(finished(command, "Blue."))
    wait_until(lambda: not desk.services.chat.is_busy())
    message = desk.services.chat.messages()[-1]
    assert (message.text, message.thought, "thought_s" in message.details, told) == ("Blue.", "", False, [])


def test_it_is_told_while_it_is_thought(desk: Desk) -> None:
    desk.ready()
    command = ask(desk, "Is it red?")
    told: list[str] = []
    desk.services.answers.thinking.connect(lambda _id, text: told.append(text))
    think(desk, command)
    wait_until(lambda: told[-1:] == [THOUGHT])
    end(desk, command, "Yes.")
    assert THOUGHT.startswith(told[0])


def stopped(desk: Desk, command: Ask) -> Message:
    desk.client.emit(finished(command, "", FinishReason.STOPPED)._replace(thought=THOUGHT, thought_s=2.0))
    wait_until(lambda: not desk.services.chat.is_busy())
    return desk.services.chat.messages()[-1]


def gone_on(desk: Desk) -> Ask:
    desk.services.chat.go_on(desk.services.chat.messages()[-1].id)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    return desk.client.of(Ask)[-1]


def test_an_answer_that_was_stopped_inside_its_thought_goes_on_there(desk: Desk) -> None:
    desk.ready()
    desk.services.preferences.set("think_first", True)
    command = ask(desk, "Is it red?")
    think(desk, command)
    message = stopped(desk, command)
    assert message.is_inside_thought
    assert message.can_go_on
    desk.services.preferences.set("think_first", False)
    command = gone_on(desk)
    assert command.think
    assert [(turn.answer, turn.thought) for turn in command.turns] == [(None, THOUGHT)]
    desk.client.emit(PhaseChanged(command.request, Phase.THINKING))
    desk.client.emit(Thought(command.request, "Sure.\n", 2, 50.0, 99))
    wait_until(lambda: shown(desk).thought == THOUGHT + "Sure.\n")
    whole = finished(command, "Yes.")._replace(thought=THOUGHT + "Sure.\n", thought_s=1.5)
    desk.client.emit(whole)
    wait_until(lambda: not desk.services.chat.is_busy())
    message = desk.services.chat.messages()[-1]
    assert (message.text, message.thought, message.details["thought_s"]) == ("Yes.", THOUGHT + "Sure.\n", 3.5)


def test_an_answer_that_was_stopped_right_behind_its_thought_goes_on_there(desk: Desk) -> None:
    desk.ready()
    desk.services.preferences.set("think_first", True)
    command = ask(desk, "Is it red?")
    think(desk, command)
    desk.client.emit(PhaseChanged(command.request, Phase.WRITING))
    message = stopped(desk, command)
    assert not message.is_inside_thought
    assert [(turn.answer, turn.thought) for turn in gone_on(desk).turns] == [("", THOUGHT)]


def test_that_a_model_did_not_think_is_said_once(desk: Desk) -> None:
    desk.ready()
    posted: list[str] = []
    desk.services.notices.posted.connect(lambda notice: posted.append(notice.text_code))
    desk.client.emit(finished(ask(desk, "One?"), "First."))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.preferences.set("think_first", True)
    command = ask(desk, "Two?")
    think(desk, command)
    end(desk, command, "Second.")
    assert posted == []
    for text in ("Three?", "Four?"):
        desk.client.emit(finished(ask(desk, text), "Yes."))
        wait_until(lambda: not desk.services.chat.is_busy())
    assert posted == ["thoughtless"]
