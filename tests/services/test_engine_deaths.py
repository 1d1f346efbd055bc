"""The engine that dies is started again by itself once, and never in a loop."""

from __future__ import annotations

import pytest

from desktop_app.engine.messages import Ask, Load
from desktop_app.services import engine_deaths
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk


def asked(desk: Desk, question: str) -> Ask:
    count = len(desk.client.of(Ask))
    desk.services.chat.send(question)
    wait_until(lambda: len(desk.client.of(Ask)) > count)
    return desk.client.of(Ask)[-1]


def answered(desk: Desk, question: str) -> None:
    desk.client.emit(finished(asked(desk, question), "Yes."))
    wait_until(lambda: not desk.services.chat.is_busy())


def test_after_a_death_it_comes_back_with_its_model_and_without_a_word(desk: Desk) -> None:
    desk.ready()
    asked(desk, "Apples?")
    desk.client.die()
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    assert desk.client.starts == 2
    assert desk.services.engine.state() == "loading"
    desk.ready()
    assert desk.notices == []


def test_a_second_death_within_a_minute_is_told_of(desk: Desk) -> None:
    desk.ready()
    answered(desk, "Apples?")
    desk.client.die()
    wait_until(lambda: desk.client.starts == 2)
    desk.ready()
    answered(desk, "Pears?")
    desk.client.die()
    wait_until(lambda: desk.services.engine.state() == "dead")
    assert desk.client.starts == 2
    notice = desk.notices[-1]
    assert (notice.text_code, notice.buttons[0].code) == ("engine-died", "restart-engine")
    desk.services.notices.act(notice.id, "restart-engine")
    assert desk.services.engine.state() == "loading"


def test_after_a_minute_it_comes_back_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_deaths, "_LONG_AGO_S", 0.0)
    desk.ready()
    for starts in (2, 3, 4):
        answered(desk, "Apples?")
        desk.client.die()
        wait_until(lambda: desk.client.starts == starts)  # noqa: B023
        desk.ready()
    assert desk.notices == []


@pytest.mark.parametrize("over", ["a load", "a question"])
def test_what_ends_it_twice_ends_it_for_good(desk: Desk, over: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if it takes longer than a minute each time, such as with a large model."""
    monkeypatch.setattr(engine_deaths, "_LONG_AGO_S", 0.0)
    for time in range(2):
        if over == "a question":
            desk.ready()
        if over == "a question" and time == 0:  # the second time it is asked by itself
            asked(desk, "What is it?")
        starts = desk.client.starts
        desk.client.die()
        wait_until(lambda: desk.client.starts > starts or desk.services.engine.state() == "dead")  # noqa: B023
    assert desk.client.starts == 2
    assert [notice.text_code for notice in desk.notices] == ["engine-died"]
