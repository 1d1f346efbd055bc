"""Drafts, the list of conversations, and deleting with undo."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from desktop_app import paths
from desktop_app.engine.messages import Ask, Load, Phase, PhaseChanged, PictureRead, ReadAhead, ReadAheadDone
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import DEMO, Desk, open_desk


def test_a_picture_is_read_ahead_and_shows_it(desk: Desk) -> None:
    desk.ready()
    desk.attach()
    wait_until(lambda: bool(desk.client.of(ReadAhead)))
    command = desk.client.of(ReadAhead)[-1]
    sha256 = command.pictures[0].sha256
    assert command.turns == ()
    desk.client.emit(PhaseChanged(command.request, Phase.LOOKING, 0, 1, 10.0, sha256))
    wait_until(lambda: desk.services.draft.pictures()[0].progress > 0)
    assert desk.services.draft.pictures()[0].state == "reading"
    desk.client.emit(PictureRead(command.request, sha256))
    wait_until(lambda: desk.services.draft.pictures()[0].state == "read")
    desk.client.emit(ReadAheadDone(command.request, True, 80, 80, 1))


def test_a_removed_picture_ends_its_reading(desk: Desk) -> None:
    desk.ready()
    desk.attach("a.png", "red")
    desk.attach("b.png", "blue")
    wait_until(lambda: bool(desk.client.of(ReadAhead)) and len(desk.client.of(ReadAhead)[-1].pictures) == 2)
    desk.services.draft.remove(desk.services.draft.pictures()[0].key)
    wait_until(lambda: len(desk.client.of(ReadAhead)[-1].pictures) == 1)


def test_nothing_is_read_ahead_when_that_is_switched_off(desk: Desk) -> None:
    desk.services.preferences.set("reading_ahead", False)
    desk.ready()
    desk.attach()
    pump(150)
    assert not desk.client.of(ReadAhead)


def test_a_photograph_gets_a_word_about_the_demonstration_model(desk: Desk) -> None:
    desk.ready()
    desk.attach(photographic=True)
    assert [(notice.text_code, notice.buttons[0].code) for notice in desk.notices] == [("demo-photo", "get-model")]


def codes(desk: Desk) -> list[str]:
    """The notices that are in sight."""
    return [notice.text_code for notice in desk.notices if notice.id not in desk.withdrawn]


def test_the_word_about_photographs_names_them_and_goes_when_they_are_sent_or_it_is_closed(desk: Desk) -> None:
    desk.ready()
    desk.attach("drawing.png")
    desk.attach("sea.png", "blue", photographic=True)
    assert desk.services.notices.standing()[-1].parameters == {"name": "sea.png"}
    desk.attach("wood.png", "green", photographic=True)
    assert desk.services.notices.standing()[-1].parameters == {"name": "sea.png", "count": 1}
    desk.services.chat.send("What is it?")
    assert desk.services.notices.standing() == []
    desk.services.conversations.new()
    desk.attach("sea.png", "blue", photographic=True)
    [notice] = desk.services.notices.standing()
    desk.services.notices.dismiss(notice.id)
    desk.services.conversations.open("another")
    desk.attach("wood.png", "green", photographic=True)
    assert desk.services.notices.standing() == [], "it was closed"


def test_the_word_about_photographs_leaves_with_its_cause(desk: Desk) -> None:
    desk.ready()
    desk.attach(photographic=True)
    assert codes(desk) == ["demo-photo"]
    desk.services.preferences.set("model", "/m/llava.gguf")
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    desk.ready(DEMO._replace(name="LLaVA", is_demo=False))
    assert codes(desk) == []
    desk.services.preferences.set("model", "")
    wait_until(lambda: len(desk.client.of(Load)) == 3)
    desk.ready()
    assert codes(desk) == ["demo-photo"], "back to the built-in model, which still does not know photographs"
    desk.services.draft.remove(desk.services.draft.pictures()[0].key)
    assert codes(desk) == []
    desk.attach("b.png", photographic=True)
    assert codes(desk) == ["demo-photo"]
    desk.services.conversations.new()
    desk.services.conversations.open("another")
    assert codes(desk) == []


def test_a_draft_survives_the_end_of_the_program(desk: Desk, tmp_path: Path) -> None:
    desk.ready()
    desk.attach()
    desk.services.draft.set_text("half a sent")
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        wait_until(lambda: again.services.draft.text() == "half a sent")
        assert [picture.name for picture in again.services.draft.pictures()] == ["circle.png"]
    finally:
        again.services.close()


def test_a_draft_is_saved_before_anything_waits_for_a_server(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.services.draft.set_text("half a sent")
    saved: list[tuple[str]] = []
    close = desk.services.model_tasks.close

    def look() -> None:
        with closing(sqlite3.connect(paths.history_file())) as database:
            saved.extend(database.execute("SELECT text FROM drafts"))
        close()

    monkeypatch.setattr(desk.services.model_tasks, "close", look)
    desk.services.close()
    assert saved == [("half a sent",)]


def test_drafts_belong_to_their_conversation(desk: Desk) -> None:
    desk.ready()
    desk.services.chat.send("One?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.client.emit(finished(desk.client.of(Ask)[0], "First."))
    wait_until(lambda: not desk.services.chat.is_busy())
    first = desk.services.conversations.current_id()
    desk.services.draft.set_text("for the first")
    desk.services.conversations.new()
    assert desk.services.draft.text() == ""
    desk.services.draft.set_text("for a new one")
    desk.services.conversations.open(first)
    assert desk.services.draft.text() == "for the first"


def conversation(desk: Desk, question: str) -> str:
    """Make a conversation with one question and return its id."""
    desk.services.conversations.new()
    count = len(desk.client.of(Ask))
    desk.services.chat.send(question)
    wait_until(lambda: len(desk.client.of(Ask)) > count)
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Yes."))
    wait_until(lambda: not desk.services.chat.is_busy())
    return desk.services.conversations.current_id()


def titles(desk: Desk) -> list[str]:
    return [summary.title for summary in desk.services.conversations.summaries()]


def test_delete_and_undo(desk: Desk) -> None:
    desk.ready()
    conversation(desk, "Apples?")
    second = conversation(desk, "Pears?")
    wait_until(lambda: titles(desk) == ["Pears?", "Apples?"])
    desk.services.conversations.delete(second)
    assert titles(desk) == ["Apples?"]
    wait_until(lambda: desk.services.chat.messages() == [])
    wait_until(lambda: bool(desk.notices))
    notice = desk.notices[-1]
    assert (notice.text_code, notice.parameters) == ("conversation-deleted", {"title": "Pears?"})
    desk.services.notices.act(notice.id, "undo-delete")
    wait_until(lambda: titles(desk) == ["Pears?", "Apples?"])
    wait_until(lambda: [m.text for m in desk.services.chat.messages()] == ["Pears?", "Yes."])


def test_rename_and_search(desk: Desk) -> None:
    desk.ready()
    first = conversation(desk, "Apples?")
    conversation(desk, "Pears?")
    desk.services.conversations.rename(first, "Fruit in the garden")
    wait_until(lambda: "Fruit in the garden" in titles(desk))
    found: list[tuple[str, list[str]]] = []
    desk.services.conversations.found.connect(lambda query, rows: found.append((query, [row.title for row in rows])))
    desk.services.conversations.search("pears")
    wait_until(lambda: found == [("pears", ["Pears?"])])
    desk.services.conversations.search('"garden')
    wait_until(lambda: found[-1] == ('"garden', ["Fruit in the garden"]))
