"""What happens when a person does the next thing before the last one has ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from desktop_app.chat.conversation import State
from desktop_app.chat.history import History
from desktop_app.engine.messages import (
    Ask,
    Failed,
    FinishReason,
    Inspect,
    Inspected,
    Load,
    Phase,
    PhaseChanged,
    ReadAhead,
    Stop,
    Text,
)
from desktop_app.errors import UserError
from desktop_app.settings import Settings
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import Desk, open_desk


def conversation(desk: Desk, question: str) -> str:
    """Make a conversation of one answered question and return its id."""
    desk.services.conversations.new()
    count = len(desk.client.of(Ask))
    desk.services.chat.send(question)
    wait_until(lambda: len(desk.client.of(Ask)) > count)
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Yes."))
    wait_until(lambda: not desk.services.chat.is_busy())
    return desk.services.conversations.current_id()


def add_unchecked(desk: Desk) -> Inspect:
    """Drop a picture and return the engine's order to look at it, unanswered."""
    count = len(desk.client.of(Inspect))
    desk.services.draft.add_file(str(desk.picture_file()))
    wait_until(lambda: len(desk.client.of(Inspect)) > count)
    return desk.client.of(Inspect)[-1]


def texts(desk: Desk) -> list[str]:
    return [message.text for message in desk.services.chat.messages()]


def test_a_question_that_waits_for_its_picture_is_not_asked_in_another_conversation(desk: Desk) -> None:
    desk.ready()
    first = conversation(desk, "Apples?")
    second = conversation(desk, "Pears?")
    desk.services.draft.set_text("What is it?")
    inspect = add_unchecked(desk)
    desk.services.chat.send("What is it?")
    desk.services.conversations.open(first)
    assert "What is it?" not in texts(desk)
    wait_until(lambda: texts(desk) == ["Apples?", "Yes."])
    assert not desk.services.chat.is_busy()
    desk.client.emit(Inspected(inspect.request, inspect.picture, 64, 48, b"preview", b"thumb", False))
    pump(50)
    assert len(desk.client.of(Ask)) == 2
    desk.services.conversations.open(second)
    wait_until(lambda: texts(desk) == ["Pears?", "Yes."])
    assert desk.services.draft.text() == "What is it?"
    assert [picture.name for picture in desk.services.draft.pictures()] == ["circle.png"]


def test_words_written_while_the_question_waits_for_its_picture_are_kept(desk: Desk) -> None:
    desk.ready()
    desk.services.draft.set_text("What is it?")
    add_unchecked(desk)
    desk.services.chat.send("What is it?")
    desk.services.draft.set_text("What is it? And why?")
    desk.inspected()
    wait_until(lambda: bool(desk.client.of(Ask)))
    assert desk.client.of(Ask)[0].turns[0].text == "What is it?"
    assert desk.services.draft.text() == "And why?"


def test_a_picture_checked_while_another_conversation_is_open_is_saved_with_its_own(desk: Desk, tmp_path: Path) -> None:
    desk.ready()
    first = conversation(desk, "Apples?")
    inspect = add_unchecked(desk)
    desk.services.conversations.new()
    desk.client.emit(Inspected(inspect.request, inspect.picture, 64, 48, b"preview", b"thumb", False))
    pump(0)
    stored: list[bool] = []
    desk.services.files.run(lambda: True, stored.append)  # after the picture, which is on this thread by now
    wait_until(lambda: bool(stored))
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        again.services.conversations.open(first)
        wait_until(lambda: [picture.name for picture in again.services.draft.pictures()] == ["circle.png"])
    finally:
        again.services.close()


def test_a_picture_given_at_the_start_joins_the_draft_that_was_kept(desk: Desk, tmp_path: Path) -> None:
    desk.ready()
    desk.attach()
    desk.services.draft.set_text("half a sent")
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        again.services.draft.add_file(str(again.picture_file("second.png", "blue")))
        wait_until(lambda: [p.name for p in again.services.draft.pictures()] == ["circle.png", "second.png"])
        assert again.services.draft.text() == "half a sent"
    finally:
        again.services.close()


def test_a_question_sent_before_its_conversation_is_shown_follows_its_last_answer(desk: Desk) -> None:
    desk.ready()
    first = conversation(desk, "Apples?")
    conversation(desk, "Pears?")
    desk.services.conversations.open(first)
    desk.services.chat.send("Red ones?")
    wait_until(lambda: len(desk.client.of(Ask)) == 3)
    assert [turn.text for turn in desk.client.of(Ask)[-1].turns] == ["Apples?", "Red ones?"]
    assert texts(desk) == ["Apples?", "Yes.", "Red ones?", ""]


def test_what_cannot_be_saved_goes_back_to_its_own_conversation(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready()
    first = conversation(desk, "Apples?")
    second = conversation(desk, "Pears?")

    def full(*_: object) -> None:
        raise UserError("disk-full", name="conversations.sqlite")

    desk.services.draft.set_text("Precious words")
    monkeypatch.setattr(History, "add_message", full)
    desk.services.chat.send("Precious words")
    desk.services.conversations.open(first)
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["disk-full"])
    wait_until(lambda: texts(desk) == ["Apples?", "Yes."])
    assert desk.services.draft.text() == ""
    desk.services.conversations.open(second)
    wait_until(lambda: texts(desk) == ["Pears?", "Yes."])
    assert desk.services.draft.text() == "Precious words"


def test_words_written_before_saving_failed_are_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready()

    def full(*_: object) -> None:
        raise UserError("disk-full", name="conversations.sqlite")

    monkeypatch.setattr(History, "add_message", full)
    desk.services.chat.send("Precious words")
    desk.services.draft.set_text("and more")
    wait_until(lambda: not desk.services.chat.is_busy())
    assert desk.services.draft.text() == "Precious words\nand more"


def test_a_conversation_that_cannot_be_read_leaves_a_new_one_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready()
    first = conversation(desk, "Apples?")
    desk.services.conversations.new()

    def gone(*_: object) -> None:
        raise UserError("history-unavailable", name="conversations.sqlite")

    monkeypatch.setattr(History, "path", gone)
    desk.services.conversations.open(first)
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["history-unavailable"])
    assert desk.services.conversations.current_id() == ""
    assert not desk.services.chat.is_busy()


def test_a_picture_is_not_shown_as_being_read_by_a_dead_engine(desk: Desk) -> None:
    desk.ready()
    desk.attach()
    wait_until(lambda: bool(desk.client.of(ReadAhead)))
    command = desk.client.of(ReadAhead)[-1]
    desk.client.emit(PhaseChanged(command.request, Phase.LOOKING, 0, 1, 10.0, command.pictures[0].sha256))
    wait_until(lambda: desk.services.draft.pictures()[0].state == "reading")
    desk.die_for_good()
    pump(250)
    assert desk.services.draft.pictures()[0].state == "attached"


def test_the_word_about_a_failed_model_goes_when_another_is_loaded(desk: Desk) -> None:
    withdrawn: list[str] = []
    desk.services.notices.withdrawn.connect(withdrawn.append)
    desk.client.emit(Failed(desk.client.of(Load)[-1].request, "model-damaged", {"name": "m.gguf"}))
    wait_until(lambda: desk.services.engine.state() == "failed")
    desk.services.preferences.set("model", "/models/m.gguf")
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    desk.ready()
    assert desk.notices[0].id in withdrawn


def test_only_the_newest_of_two_loads_counts(desk: Desk) -> None:
    damaged = desk.client.of(Load)[-1]
    desk.services.preferences.set("model", "/models/m.gguf")
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    desk.client.emit(Failed(damaged.request, "model-damaged", {"name": "m.gguf"}))
    pump(50)
    assert desk.services.engine.state() == "loading"
    assert desk.notices == []
    desk.ready()


def test_a_second_click_on_restart_does_not_end_the_engine_that_starts(desk: Desk) -> None:
    desk.ready()
    desk.die_for_good()
    starts = desk.client.starts
    desk.services.engine.restart()
    desk.services.engine.restart()
    assert desk.client.starts == starts + 1


def test_a_setting_that_cannot_be_saved_still_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Settings) -> None:
        raise UserError("disk-full", name="settings.toml")

    monkeypatch.setattr(Settings, "save", full)
    changed: list[str] = []
    desk.services.preferences.changed.connect(changed.append)
    with pytest.raises(UserError):
        desk.services.preferences.set("theme", "dark")
    assert (desk.services.preferences.value("theme"), changed) == ("dark", ["theme"])


def test_a_picture_dropped_after_the_question_was_sent_is_for_the_next(desk: Desk) -> None:
    desk.ready()
    first = add_unchecked(desk)
    desk.services.chat.send("What is it?")
    second = add_unchecked(desk)
    for inspect in (second, first):
        desk.client.emit(Inspected(inspect.request, inspect.picture, 64, 48, b"preview", b"thumb", False))
    wait_until(lambda: bool(desk.client.of(Ask)))
    assert len(desk.client.of(Ask)[0].turns[0].pictures) == 1
    wait_until(lambda: not desk.services.draft.is_checking())
    assert len(desk.services.draft.pictures()) == 1


def test_pictures_that_were_too_many_do_not_follow_into_the_next_question(desk: Desk) -> None:
    desk.ready()
    desk.attach()
    desk.services.chat.send("What are they?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    request = desk.client.of(Ask)[0].request
    desk.client.emit(Failed(request, "context-too-small", {"needed": 9000, "available": 2048}))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.chat.send("And without them?")
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    assert [(turn.text, turn.pictures) for turn in desk.client.of(Ask)[1].turns] == [("And without them?", ())]


@pytest.mark.parametrize(
    ("text", "code", "parameters", "kept"),
    [
        ("long " * 4000, "context-too-small", {"needed": 20266, "available": 2048}, ["circle.png", "square.png"]),
        ("Where?", "projector-needed", {"model": "m.gguf"}, ["circle.png", "square.png"]),
        ("Where?", "file-missing", {"name": "circle.png"}, ["square.png"]),
    ],
)
def test_the_pictures_of_a_question_that_failed_go_to_the_next(
    desk: Desk, text: str, code: str, parameters: dict[str, str | int | float], kept: list[str]
) -> None:
    desk.ready()
    desk.attach()
    desk.attach("square.png", "blue")
    desk.services.chat.send(text)
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.client.emit(Failed(desk.client.of(Ask)[0].request, code, parameters))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.chat.send("Where is the circle?")
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    [turn] = desk.client.of(Ask)[1].turns
    assert (turn.text, [picture.name for picture in turn.pictures]) == ("Where is the circle?", kept)
    assert len(desk.services.chat.messages()) == 4, "nothing shown is changed"


def test_a_question_sent_while_another_answer_is_being_shown_follows_that_answer(desk: Desk) -> None:
    desk.ready()
    conversation(desk, "Apples?")
    chat = desk.services.chat
    chat.regenerate(chat.messages()[-1].id)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    desk.client.emit(finished(desk.client.of(Ask)[-1], "No."))
    wait_until(lambda: not chat.is_busy())
    chat.show_sibling(chat.messages()[-1].id, -1)
    chat.send("Why?")
    wait_until(lambda: len(desk.client.of(Ask)) == 3)
    assert texts(desk) == ["Apples?", "Yes.", "Why?", ""]


def test_of_two_conversations_deleted_at_once_only_the_last_offers_its_undo(desk: Desk) -> None:
    desk.ready()
    first = conversation(desk, "Apples?")
    second = conversation(desk, "Pears?")
    wait_until(lambda: len(desk.services.conversations.summaries()) == 2)
    desk.services.conversations.delete(first)
    desk.services.conversations.delete(second)
    wait_until(lambda: bool(desk.notices))
    pump(50)
    assert [notice.parameters for notice in desk.notices] == [{"title": "Pears?"}]


def test_pictures_are_looked_at_while_the_engine_is_dead(desk: Desk) -> None:
    desk.ready()
    add_unchecked(desk)
    desk.die_for_good()
    desk.services.draft.add_file(str(desk.picture_file("second.png")))
    assert [notice.text_code for notice in desk.notices] == ["engine-died"]
    wait_until(lambda: len(desk.client.of(Inspect)) == 2)
    for inspect in desk.client.of(Inspect):
        desk.client.emit(Inspected(inspect.request, inspect.picture, 64, 48, b"preview", b"thumb", False))
    wait_until(lambda: not desk.services.draft.is_checking())
    assert [picture.name for picture in desk.services.draft.pictures()] == ["circle.png", "second.png"]


def test_an_answer_that_other_settings_ended_was_not_stopped_by_the_person(desk: Desk) -> None:
    desk.ready()
    desk.services.chat.send("Apples?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.client.emit(finished(desk.client.of(Ask)[0], "They are", FinishReason.STOPPED))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert desk.services.chat.messages()[-1].state is State.INTERRUPTED


def test_other_work_knows_when_an_answer_is_under_way(desk: Desk) -> None:
    desk.ready()
    told: list[bool] = []
    desk.services.engine.answering_changed.connect(told.append)
    conversation(desk, "Apples?")
    assert told == [True, False]
    desk.services.chat.send("Pears?")
    wait_until(lambda: len(told) == 3)
    desk.die_for_good()
    wait_until(lambda: told == [True, False, True, False, True, False])


def two_questions(desk: Desk) -> tuple[str, Ask, str]:
    """Ask in two conversations, one after the other; return both, and the order that the engine has got."""
    desk.services.chat.send("Apples?")
    wait_until(lambda: len(desk.client.of(Ask)) == 1)
    first = desk.services.conversations.current_id()
    desk.client.emit(Text(desk.client.of(Ask)[0].request, "They", 1, 50.0, 90))
    desk.services.conversations.new()
    saved: list[object] = []
    desk.services.answers.saved.connect(saved.append)
    desk.services.chat.send("Pears?")
    wait_until(lambda: len(saved) == 1)
    return first, desk.client.of(Ask)[0], desk.services.conversations.current_id()


def show(desk: Desk, conversation_id: str, *expected: str) -> None:
    desk.services.conversations.open(conversation_id)
    wait_until(lambda: texts(desk) == list(expected))


def test_a_question_in_another_conversation_waits_until_the_answer_is_finished(desk: Desk) -> None:
    desk.ready()
    phases: list[tuple[str, Phase | None]] = []
    desk.services.answers.phase.connect(lambda conversation, phase, _: phases.append((conversation, phase)))
    first, apples, second = two_questions(desk)
    assert len(desk.client.of(Ask)) == 1
    assert desk.client.of(Stop) == []
    assert phases == [(second, Phase.WAITING)]
    assert desk.services.chat.is_busy()
    show(desk, first, "Apples?", "They")
    assert desk.services.chat.is_busy()
    show(desk, second, "Pears?", "")
    assert phases == [(second, Phase.WAITING), (second, Phase.WAITING)]  # told again when it is opened
    desk.client.emit(finished(apples, "They are red."))
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    pears = desk.client.of(Ask)[1]
    assert phases[-1] == (second, None), "it waits no more"
    desk.client.emit(PhaseChanged(pears.request, Phase.READING, 0, 10))
    desk.client.emit(finished(pears, "They are green."))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert texts(desk) == ["Pears?", "They are green."]
    show(desk, first, "Apples?", "They are red.")
    assert desk.services.chat.messages()[-1].state is State.COMPLETE


def test_a_question_that_waits_for_its_picture_ends_no_answer_elsewhere(desk: Desk) -> None:
    desk.ready()
    desk.services.chat.send("Apples?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.services.conversations.new()
    inspect = add_unchecked(desk)
    desk.services.chat.send("What is it?")
    assert desk.services.chat.is_waiting_for_pictures()
    desk.client.emit(Inspected(inspect.request, inspect.picture, 64, 48, b"preview", b"thumb", False))
    wait_until(lambda: not desk.services.chat.is_waiting_for_pictures())
    assert desk.client.of(Stop) == []
    desk.client.emit(finished(desk.client.of(Ask)[0], "Yes."))
    wait_until(lambda: len(desk.client.of(Ask)) == 2)


def test_what_was_written_in_both_conversations_is_kept_when_the_program_ends(desk: Desk, tmp_path: Path) -> None:
    desk.ready()
    first, _apples, second = two_questions(desk)
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        for conversation_id, expected in ((first, ["Apples?", "They"]), (second, ["Pears?", ""])):
            show(again, conversation_id, *expected)
            assert again.services.chat.messages()[-1].state is State.INTERRUPTED
    finally:
        again.services.close()


def full(*_: object) -> None:
    raise UserError("disk-full", name="conversations.sqlite")


def titles(desk: Desk) -> list[str]:
    return [summary.title for summary in desk.services.conversations.summaries()]


def test_what_cannot_be_deleted_is_in_the_list_again_and_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready()
    conversation(desk, "Apples?")
    second = conversation(desk, "Pears?")
    wait_until(lambda: titles(desk) == ["Pears?", "Apples?"])
    with monkeypatch.context() as patch:
        patch.setattr(History, "delete", full)
        desk.services.conversations.delete(second)
        wait_until(lambda: [notice.text_code for notice in desk.notices] == ["disk-full"])
    wait_until(lambda: titles(desk) == ["Pears?", "Apples?"])
    wait_until(lambda: texts(desk) == ["Pears?", "Yes."])
    assert desk.services.conversations.current_id() == second


def test_what_cannot_be_brought_back_can_be_brought_back_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready()
    first = conversation(desk, "Apples?")
    wait_until(lambda: titles(desk) == ["Apples?"])
    desk.services.conversations.delete(first)
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["conversation-deleted"])
    with monkeypatch.context() as patch:
        patch.setattr(History, "undelete", full)
        desk.services.notices.act(desk.notices[0].id, "undo-delete")
        wait_until(lambda: len(desk.notices) == 3)
    assert [notice.text_code for notice in desk.notices] == [
        "conversation-deleted",
        "disk-full",
        "conversation-deleted",
    ]
    desk.services.notices.act(desk.notices[-1].id, "undo-delete")
    wait_until(lambda: titles(desk) == ["Apples?"])


def test_another_version_that_cannot_be_opened_leaves_this_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ready()
    first = conversation(desk, "Apples?")
    desk.services.chat.regenerate(desk.services.chat.messages()[-1].id)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    desk.client.emit(finished(desk.client.of(Ask)[-1], "No."))
    wait_until(lambda: texts(desk) == ["Apples?", "No."] and not desk.services.chat.is_busy())
    monkeypatch.setattr(History, "switch_sibling", full)
    desk.services.chat.show_sibling(desk.services.chat.messages()[-1].id, -1)
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["disk-full"])
    assert desk.services.conversations.current_id() == first
    assert texts(desk) == ["Apples?", "No."]
    desk.services.chat.send("And?")
    wait_until(lambda: "And?" in texts(desk))


@pytest.mark.parametrize("how", ["edit", "regenerate"])
def test_what_a_version_was_to_stand_beside_is_shown_again_if_that_cannot_be_saved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    desk.ready()
    conversation(desk, "Apples?")
    question, answer = desk.services.chat.messages()
    monkeypatch.setattr(History, "add_message", full)
    if how == "edit":
        desk.services.chat.edit(question.id, "Pears?")
    else:
        desk.services.chat.regenerate(answer.id)
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["disk-full"])
    wait_until(lambda: texts(desk) == ["Apples?", "Yes."])
    assert desk.services.draft.text() == ("Pears?" if how == "edit" else "")


def test_a_disk_that_was_full_at_the_start_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qapp: QApplication
) -> None:
    """Once there is room, questions are sent and kept, without a new start."""
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    with monkeypatch.context() as patch:
        patch.setattr(History, "open", full)
        desk = open_desk(tmp_path)
        desk.ready()
        desk.services.draft.set_text("Apples?")
        desk.services.chat.send("Apples?")
        wait_until(lambda: "disk-full" in [notice.text_code for notice in desk.notices])
        wait_until(lambda: not desk.services.chat.is_busy())
        assert desk.services.draft.text() == "Apples?"
    try:
        conversation(desk, "Pears?")
        assert texts(desk) == ["Pears?", "Yes."]
    finally:
        desk.services.close()
