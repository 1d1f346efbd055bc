"""Long texts are read while the person still writes; short or changing ones are not."""

from __future__ import annotations

import sys

import pytest

from desktop_app.engine.messages import ReadAhead, ReadAheadDone
from desktop_app.services.conversation import read_ahead
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import Desk

LONG = "It was a dark night, and the lamp had gone out. " * 30


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "_UNCHANGED_MS", 20)


def texts(desk: Desk) -> list[str]:
    return [command.text for command in desk.client.of(ReadAhead)]


def test_a_long_text_is_read_when_it_has_not_changed_for_a_moment(desk: Desk) -> None:
    desk.ready()
    desk.services.draft.set_text(LONG)
    wait_until(lambda: texts(desk) == [LONG.strip()])
    desk.client.emit(ReadAheadDone(desk.client.of(ReadAhead)[0].request, True, 300, 300, 0))
    desk.services.draft.set_text(LONG + "Who")
    pump(60)
    assert texts(desk) == [LONG.strip()], "some words more are not worth it"


def test_the_beginning_is_read_while_the_person_goes_on(desk: Desk) -> None:
    desk.ready()
    written = LONG
    desk.services.draft.set_text(written)
    while not texts(desk):
        written += "x"
        desk.services.draft.set_text(written)
        pump(2)
    assert texts(desk)[0] == LONG.strip()


def test_comparing_a_very_long_text_takes_few_steps(desk: Desk) -> None:
    desk.ready()
    written = LONG * 600
    desk.services.draft.set_text(written + "a")
    calls: list[None] = []
    sys.setprofile(lambda *_: calls.append(None))
    try:
        while not texts(desk):
            written += "x"
            desk.services.draft.set_text(written)
            pump(2)
    finally:
        sys.setprofile(None)
    assert texts(desk)[0] == (LONG * 600).strip()
    assert len(calls) < len(written) / 10


def test_a_short_text_is_not_read(desk: Desk) -> None:
    desk.ready()
    desk.services.draft.set_text("What is in this picture?")
    pump(60)
    assert texts(desk) == []


def test_a_changed_beginning_ends_the_reading(desk: Desk) -> None:
    desk.ready()
    desk.services.draft.set_text(LONG)
    wait_until(lambda: len(texts(desk)) == 1)
    desk.attach()
    wait_until(lambda: len(texts(desk)) == 2)
    desk.services.draft.set_text("No.")
    wait_until(lambda: texts(desk) == [LONG.strip(), LONG.strip(), ""])
