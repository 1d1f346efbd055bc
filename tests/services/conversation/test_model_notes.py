"""A note says where another model answers than before, and is always true."""

from __future__ import annotations

from pathlib import Path

from desktop_app.chat.conversation import Message, Role
from desktop_app.chat.history import History
from desktop_app.engine.messages import Ask, Failed, FinishReason, Load
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import DEMO, Desk, open_desk


def use(desk: Desk, name: str) -> None:
    """Change to another model."""
    count = len(desk.client.of(Load))
    desk.services.preferences.set("model", f"/models/{name}.gguf")
    wait_until(lambda: len(desk.client.of(Load)) > count)
    desk.ready(DEMO._replace(name=name, is_demo=False))


def ask(desk: Desk, text: str) -> Ask:
    count = len(desk.client.of(Ask))
    desk.services.chat.send(text)
    wait_until(lambda: len(desk.client.of(Ask)) > count)
    return desk.client.of(Ask)[-1]


def answer(desk: Desk, command: Ask) -> None:
    desk.client.emit(finished(command, "Yes."))
    wait_until(lambda: not desk.services.chat.is_busy())


def shown(desk: Desk) -> list[str]:
    """What is shown: texts, and for a note the model it names."""
    return [
        f"-> {message.details['parameters']['name']}" if message.role is Role.NOTE else message.text
        for message in desk.services.chat.messages()
    ]


def told(desk: Desk) -> list[str]:
    """The ids a window has that follows the signals."""
    ids: list[str] = []

    def truncate(message_id: str) -> None:
        del ids[(ids.index(message_id) + 1) if message_id else 0 :]

    desk.services.chat.added.connect(lambda message: ids.append(message.id))
    desk.services.chat.truncated.connect(truncate)
    return ids


def test_only_an_answer_by_another_model_is_noted(desk: Desk) -> None:
    desk.ready(DEMO._replace(name="A"))
    followed = told(desk)
    answer(desk, ask(desk, "One?"))
    wait_until(lambda: len(desk.services.conversations.summaries()) == 1)
    [before] = desk.services.conversations.summaries()
    use(desk, "B")
    use(desk, "C")
    pump(50)
    assert shown(desk) == ["One?", "Yes."], "the change alone is nothing"
    assert desk.services.conversations.summaries() == [before]
    command = ask(desk, "Two?")
    assert shown(desk) == ["One?", "Yes.", "-> C", "Two?", ""], "said before it answers"
    answer(desk, command)
    answer(desk, ask(desk, "Three?"))
    assert shown(desk) == ["One?", "Yes.", "-> C", "Two?", "Yes.", "Three?", "Yes."]
    assert followed == [message.id for message in desk.services.chat.messages()]


def test_it_follows_another_version_of_the_answer(desk: Desk) -> None:
    desk.ready(DEMO._replace(name="A"))
    followed, chat = told(desk), desk.services.chat
    answer(desk, ask(desk, "One?"))
    use(desk, "B")
    answer(desk, ask(desk, "Two?"))
    use(desk, "A")
    chat.regenerate(chat.messages()[-1].id)
    wait_until(lambda: len(desk.client.of(Ask)) == 3)
    answer(desk, desk.client.of(Ask)[-1])
    assert shown(desk) == ["One?", "Yes.", "Two?", "Yes."]
    assert followed == [message.id for message in chat.messages()]
    chat.show_sibling(chat.messages()[-1].id, -1)
    wait_until(lambda: shown(desk) == ["One?", "Yes.", "-> B", "Two?", "Yes."])
    chat.edit(chat.messages()[3].id, "Three?")
    wait_until(lambda: len(desk.client.of(Ask)) == 4)
    answer(desk, desk.client.of(Ask)[-1])
    assert shown(desk) == ["One?", "Yes.", "Three?", "Yes."]


def test_a_model_that_did_not_answer_is_not_named(desk: Desk) -> None:
    desk.ready(DEMO._replace(name="A"))
    answer(desk, ask(desk, "One?"))
    use(desk, "B")
    desk.client.emit(Failed(ask(desk, "Two?").request, "context-too-small", {"needed": 9000, "available": 2048}))
    wait_until(lambda: not desk.services.chat.is_busy())
    use(desk, "A")
    answer(desk, ask(desk, "Three?"))
    assert not [text for text in shown(desk) if text.startswith("->")]


def test_it_is_there_after_a_restart_and_old_notes_are_not(desk: Desk, tmp_path: Path) -> None:
    desk.ready(DEMO._replace(name="A"))
    answer(desk, ask(desk, "One?"))
    conversation = desk.services.conversations.current_id()
    old = Message("old", Role.NOTE, "", (), desk.services.chat.messages()[-1].id, details={"note": "model-changed"})
    added: list[object] = []

    def add(history: History) -> object:
        return history.add_message(conversation, old)

    desk.services.history_thread.run(add, added.append)
    wait_until(lambda: bool(added))
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        again.ready(DEMO._replace(name="B"))
        again.services.conversations.open(conversation)
        wait_until(lambda: shown(again) == ["One?", "Yes."])
        answer(again, ask(again, "Two?"))
        again.services.conversations.new()
        again.services.conversations.open(conversation)
        wait_until(lambda: shown(again) == ["One?", "Yes.", "-> B", "Two?", "Yes."])
        again.services.chat.edit(again.services.chat.messages()[3].id, "Three?")
        wait_until(lambda: shown(again) == ["One?", "Yes.", "-> B", "Three?", ""])
    finally:
        again.services.close()


def test_a_thought_without_an_answer_is_by_a_model_too(desk: Desk) -> None:
    desk.ready(DEMO._replace(name="A"))
    answer(desk, ask(desk, "One?"))
    use(desk, "B")
    desk.client.emit(finished(ask(desk, "Two?"), "", FinishReason.STOPPED)._replace(thought="Hm."))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert shown(desk) == ["One?", "Yes.", "-> B", "Two?", ""]
