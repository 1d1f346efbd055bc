"""A model that is used "now" answers the last question too, unless the person has gone on."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.chat.conversation import State as Ended
from desktop_app.engine.messages import Ask, Failed, Load, Text
from desktop_app.errors import SENTENCES
from desktop_app.ui.transcript.phrases import mark
from model_store.jobs import Role
from model_store.library.installed import InstalledModel, State, StoredFile
from tests.helpers.fakes.models import installed
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import DEMO, Desk
from tests.services.conversation.test_model_notes import answer, ask

NEW = DEMO._replace(name="New", model="/new/model.gguf", is_demo=False)


@pytest.fixture
def new() -> InstalledModel:
    file = StoredFile(Role.MODEL, Path(NEW.model), 1, "0" * 64, State.OK, "model.gguf")
    model = installed("New")
    return InstalledModel(model.id, model.folder, model.manifest, (file,))


def use_now(desk: Desk, model: InstalledModel) -> None:
    """Press "Use it now", up to where the model is being loaded."""
    count = len(desk.client.of(Load))
    desk.services.models.use_now(model)
    wait_until(lambda: len(desk.client.of(Load)) > count)


def test_the_last_question_is_asked_again(desk: Desk, new: InstalledModel) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"))
    use_now(desk, new)
    desk.ready(NEW)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    answer(desk, desk.client.of(Ask)[-1])
    last = desk.services.chat.messages()[-1]
    wait_until(lambda: desk.services.chat.messages()[-1].sibling == (1, 2))
    assert last.details["model"] == "New"
    use_now_again = len(desk.client.of(Ask))
    desk.services.models.use_now(new)
    pump(50)
    assert len(desk.client.of(Ask)) == use_now_again, "it has answered that"


def test_what_had_no_words_when_the_engine_died_is_asked_again_by_itself_once(desk: Desk) -> None:
    desk.ready()
    ask(desk, "One?")
    desk.client.die()
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    assert desk.client.of(Ask)[-1].turns[-1].text == "One?"
    assert desk.services.chat.messages()[-1].state is Ended.STREAMING
    desk.client.die()
    wait_until(lambda: not desk.services.chat.is_busy())
    last = desk.services.chat.messages()[-1]
    assert (last.sibling, mark(last)) == ((0, 1), "The engine stopped while this was being answered.")
    assert len(desk.client.of(Ask)) == 2


@pytest.mark.parametrize(("words", "asked"), [("", 3), ("Half an", 2)])
def test_what_had_no_words_when_the_engine_died_is_asked_again_with_its_restart(
    desk: Desk, words: str, asked: int
) -> None:
    desk.ready()
    desk.client.emit(Text(ask(desk, "One?").request, "One", 1, 50.0, 90))
    desk.client.die()
    wait_until(lambda: desk.services.engine.state() != "dead" and not desk.services.chat.is_busy())
    desk.ready()
    second = ask(desk, "Two?")
    if words:
        desk.client.emit(Text(second.request, words, 2, 50.0, 90))
    desk.client.die()
    wait_until(lambda: desk.services.engine.state() == "dead" and not desk.services.chat.is_busy())
    notice = desk.notices[-1]
    assert "is kept" not in SENTENCES[notice.text_code], "there may be nothing to keep"
    desk.services.notices.act(notice.id, "restart-engine")
    desk.ready()
    pump(50)
    assert len(desk.client.of(Ask)) == asked
    assert desk.client.of(Ask)[-1].turns[-1].text == "Two?"


def test_it_is_not_asked_in_another_conversation(desk: Desk, new: InstalledModel) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"))
    use_now(desk, new)
    desk.services.conversations.new()
    desk.ready(NEW)
    pump(50)
    assert len(desk.client.of(Ask)) == 1


def test_it_is_not_asked_where_the_model_cannot_be_loaded(desk: Desk, new: InstalledModel) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"))
    use_now(desk, new)
    desk.client.emit(Failed(desk.client.of(Load)[-1].request, "model-missing", {"name": "model.gguf"}))
    wait_until(lambda: desk.services.engine.state() == "failed")
    count = len(desk.client.of(Load))
    desk.services.models.use_built_in()
    wait_until(lambda: len(desk.client.of(Load)) > count)
    desk.ready()
    pump(50)
    assert len(desk.client.of(Ask)) == 1


def test_a_question_that_came_first_is_not_asked_twice(desk: Desk, new: InstalledModel) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"))
    use_now(desk, new)
    ask(desk, "Two?")
    desk.ready(NEW)
    pump(50)
    assert len(desk.client.of(Ask)) == 2
    answer(desk, desk.client.of(Ask)[-1])
    pump(50)
    assert len(desk.client.of(Ask)) == 2


def test_a_model_that_waits_for_an_answer_asks_its_question_again(desk: Desk, new: InstalledModel) -> None:
    desk.ready()
    first = ask(desk, "One?")
    desk.services.models.use_now(new)
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["load-waits"])
    answer(desk, first)
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    desk.ready(NEW)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
