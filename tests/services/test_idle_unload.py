"""A model that nobody uses is unloaded, and loaded again when it is needed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from desktop_app.engine.messages import Ask, Load, Ready
from desktop_app.services.idle_unload import IdleUnload
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import DEMO, Desk


def loaded_again(desk: Desk, count: int) -> None:
    wait_until(lambda: len(desk.client.of(Load)) == count)
    desk.client.emit(Ready(desk.client.of(Load)[-1].request, DEMO))
    wait_until(lambda: desk.services.engine.state() == "ready")


@pytest.fixture
def hasty(desk: Desk) -> Iterator[IdleUnload]:
    """One to which a minute is 20 ms, in use after five of them."""
    services = desk.services
    services.preferences.set("unload_after", 5)
    made = IdleUnload(
        services.engine, services.preferences, services.chat, services.draft, services.conversations, minute_ms=20
    )
    yield made
    made.close()


@pytest.mark.usefixtures("hasty")
def test_it_rests_and_a_question_wakes_it(desk: Desk) -> None:
    desk.ready()
    wait_until(lambda: desk.services.engine.state() == "unloaded")
    desk.services.chat.send("Hello")
    wait_until(lambda: bool(desk.client.of(Ask)))
    kinds = [type(command) for command in desk.client.sent[-2:]]
    assert kinds == [Load, Ask]  # in this order: the question is answered once the model is there
    desk.client.emit(Ready(desk.client.of(Load)[-1].request, DEMO))
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Hi."))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert [message.text for message in desk.services.chat.messages()] == ["Hello", "Hi."]


def test_writing_wakes_it_before_the_question_is_sent(desk: Desk) -> None:
    desk.ready()
    desk.services.engine.unload()
    desk.services.draft.set_text("W")
    loaded_again(desk, 2)


def test_another_model_wakes_it(desk: Desk) -> None:
    desk.ready()
    desk.services.engine.unload()
    desk.services.preferences.set("model", "/models/m.gguf")
    loaded_again(desk, 2)
    assert desk.client.of(Load)[-1].model == "/models/m.gguf"


def test_a_death_that_is_heard_of_late_is_not_the_next_ones(desk: Desk) -> None:
    desk.ready()
    desk.client.die()  # as it was about to rest
    desk.services.engine.unload()
    desk.services.engine.reload()
    pump(50)
    assert desk.services.engine.state() == "loading"
    assert desk.notices == []
    loaded_again(desk, 2)


@pytest.mark.usefixtures("hasty")
def test_it_does_not_rest_while_it_writes(desk: Desk) -> None:
    desk.ready()
    desk.services.chat.send("Hello")
    wait_until(lambda: bool(desk.client.of(Ask)))
    pump(300)  # long after it would rest
    desk.services.engine.unload()
    assert desk.services.engine.state() == "ready"
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Hi."))
    wait_until(lambda: not desk.services.chat.is_busy())


@pytest.mark.usefixtures("hasty")
def test_the_minutes_are_a_setting(desk: Desk) -> None:
    desk.services.preferences.set("unload_after", 0)
    desk.ready()
    pump(300)
    assert desk.services.engine.state() == "ready"
    changed = time.monotonic()
    desk.services.preferences.set("unload_after", 10)
    wait_until(lambda: desk.services.engine.state() == "unloaded")
    assert time.monotonic() - changed > 0.19  # 10 minutes of 20 ms
