"""Deleting messages, putting them back, and beginning new conversations from them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from desktop_app.chat.erased import erased_of
from desktop_app.chat.history import History
from desktop_app.engine.messages import Ask, Forget, Forgotten
from desktop_app.errors import UserError
from desktop_app.paths import attachments_folder, cache_folder, history_file
from desktop_app.services.conversation.queue.questions import QueuedQuestion
from desktop_app.services.notices import Notice
from desktop_app.ui.sentences import notice_text
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import Desk, open_desk
from tests.services.conversation.test_chat import answer, ask, texts


@pytest.fixture
def talked(desk: Desk) -> Desk:
    """Two questions were answered, the second about a picture."""
    desk.ready()
    answer(desk, ask(desk, "One?"), "First.")
    desk.attach()
    answer(desk, ask(desk, "Two?"), "Second.")
    desk.services.history_thread.wait()
    return desk


def delete(desk: Desk, index: int) -> Notice:
    count = len(desk.notices)
    desk.services.branches.delete(desk.services.chat.messages()[index].id)
    wait_until(lambda: len(desk.notices) > count)
    return desk.notices[-1]


def cached(name: str) -> Path:
    """Write a file into the engine's caches, as it would have."""
    path = cache_folder() / "contexts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"block")
    return path


def test_a_pair_goes_and_comes_back(talked: Desk) -> None:
    before = talked.services.chat.messages()
    notice = delete(talked, 0)
    assert notice_text(notice) == "The question and its answer were deleted."
    assert texts(talked) == ["Two?", "Second."]
    assert not talked.services.chat.is_busy()
    wait_until(lambda: [row.title for row in talked.services.conversations.summaries()] == ["Two?"])
    talked.services.notices.act(notice.id, "undo-delete-message")
    wait_until(lambda: talked.services.chat.messages() == before)
    wait_until(lambda: [row.title for row in talked.services.conversations.summaries()] == ["One?"])
    assert not talked.client.of(Forget)


def test_the_next_question_does_not_know_of_it(talked: Desk) -> None:
    delete(talked, 1)
    command = ask(talked, "Three?")
    assert [turn.text for turn in command.turns] == ["Two?", "Three?"]


def test_when_the_notice_and_the_conversation_have_gone_nothing_is_left(talked: Desk) -> None:
    [picture] = talked.services.chat.messages()[2].pictures
    attached = [path for path in attachments_folder().rglob("*") if picture.sha256 in path.name]
    block = cached("block")
    notice = delete(talked, 2)
    assert texts(talked) == ["One?", "First."]
    assert b"Second." not in history_file().read_bytes()
    assert block.exists()
    assert all(path.exists() for path in attached)
    talked.services.notices.withdraw(notice.id)  # as the window does after a while
    pump(0)
    assert talked.services.notices.can_undo()
    assert block.exists()
    talked.services.conversations.new()
    wait_until(lambda: bool(talked.client.of(Forget)))
    late = cached("late")
    talked.client.emit(Forgotten(talked.client.of(Forget)[-1].request))
    wait_until(lambda: not any(path.exists() for path in (block, late, *attached)))


def test_what_was_cached_before_it_was_written_stays(desk: Desk) -> None:
    old = cached("old")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    desk.ready()
    answer(desk, ask(desk, "One?"), "First.")
    answer(desk, ask(desk, "Two?"), "Second.")
    block = cached("block")
    desk.services.notices.withdraw(delete(desk, 0).id)
    desk.services.conversations.new()
    wait_until(lambda: not block.exists())
    assert old.exists()


def test_what_could_be_put_back_goes_with_the_program(talked: Desk, tmp_path: Path) -> None:
    block = cached("block")
    conversation = talked.services.conversations.current_id()
    delete(talked, 0)
    talked.services.close()
    assert not block.exists()
    again = open_desk(tmp_path)
    try:
        again.services.conversations.open(conversation)
        wait_until(lambda: texts(again) == ["Two?", "Second."])
    finally:
        again.services.close()


def test_the_last_pair_takes_the_conversation_with_it(desk: Desk) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"), "First.")
    conversation = desk.services.conversations.current_id()
    wait_until(lambda: bool(desk.services.conversations.summaries()))
    assert delete(desk, 0).text_code == "conversation-deleted"
    assert desk.services.conversations.current_id() == ""
    desk.services.conversations.undo_delete()
    wait_until(lambda: desk.services.conversations.current_id() == conversation and texts(desk) == ["One?", "First."])


def test_a_version_gives_way_to_the_one_beside_it(desk: Desk) -> None:
    desk.ready()
    answer(desk, ask(desk, "One?"), "First.")
    count = len(desk.client.of(Ask))
    desk.services.chat.regenerate(desk.services.chat.messages()[1].id)
    wait_until(lambda: len(desk.client.of(Ask)) > count)
    answer(desk, desk.client.of(Ask)[-1], "Better.")
    wait_until(lambda: desk.services.chat.messages()[1].sibling == (1, 2))
    notice = delete(desk, 1)
    assert notice_text(notice) == "This version was deleted."
    assert texts(desk) == ["One?", "First."]
    assert desk.services.chat.messages()[1].sibling == (0, 1)


def test_nothing_is_deleted_while_an_answer_is_written(talked: Desk) -> None:
    ask(talked, "Three?")
    talked.services.branches.delete(talked.services.chat.messages()[0].id)
    talked.services.branches.fork(talked.services.chat.messages()[0].id)
    talked.services.history_thread.wait()
    assert len(texts(talked)) == 6
    assert len(talked.services.conversations.summaries()) == 1


def test_it_comes_back_while_the_next_answer_is_written(talked: Desk) -> None:
    notice = delete(talked, 0)
    command = ask(talked, "Three?")
    talked.services.notices.act(notice.id, "undo-delete-message")
    wait_until(lambda: texts(talked) == ["One?", "First.", "Two?", "Second.", "Three?", ""])
    answer(talked, command, "Third.")
    assert texts(talked)[-1] == "Third."


def test_a_new_conversation_begins_from_a_message(talked: Desk) -> None:
    first = talked.services.conversations.current_id()
    talked.services.branches.fork(talked.services.chat.messages()[1].id)
    wait_until(lambda: talked.services.conversations.current_id() != first)
    wait_until(lambda: texts(talked) == ["One?", "First."])
    wait_until(lambda: [row.title for row in talked.services.conversations.summaries()] == ["One? (2)", "One?"])
    command = ask(talked, "Instead?")
    assert [(turn.text, turn.answer) for turn in command.turns] == [("One?", "First."), ("Instead?", None)]
    answer(talked, command, "Yes.")
    talked.services.conversations.open(first)
    wait_until(lambda: texts(talked) == ["One?", "First.", "Two?", "Second."])


def test_what_could_be_put_back_takes_its_picture_with_it_at_the_end(talked: Desk) -> None:
    [picture] = talked.services.chat.messages()[2].pictures
    attached = [path for path in attachments_folder().rglob("*") if picture.sha256 in path.name]
    assert len(attached) == 3
    delete(talked, 2)
    talked.services.close()
    assert not any(path.exists() for path in attached)
    assert erased_of(history_file()).in_caches == {}


def test_what_could_be_put_back_when_the_program_was_killed_is_gone_after_the_next_start(
    talked: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = cached("old")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    cached("block")
    [picture] = talked.services.chat.messages()[2].pictures
    delete(talked, 2)
    talked.services.history_thread.wait()
    shutil.copytree(tmp_path / "home", tmp_path / "as it was then")
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "as it was then"))
    for path in attachments_folder().rglob("*"):
        os.utime(path, (time.time() - 60, time.time() - 60))  # it took a while until the next start
    again = open_desk(tmp_path)
    try:
        again.services.history_thread.wait()
        again.services.history_thread.wait()
        wait_until(lambda: not any(picture.sha256 in path.name for path in attachments_folder().rglob("*")))
        assert [path.name for path in (cache_folder() / "contexts").iterdir()] == ["old"]
        assert erased_of(history_file()).in_caches == {}
    finally:
        again.services.close()


def test_what_is_put_back_is_no_longer_to_be_cleared(talked: Desk) -> None:
    notice = delete(talked, 0)
    assert len(erased_of(history_file()).in_caches) == 2
    talked.services.notices.act(notice.id, "undo-delete-message")
    wait_until(lambda: len(texts(talked)) == 4)
    assert erased_of(history_file()).in_caches == {}


def test_it_cannot_be_put_back_into_a_conversation_that_is_deleted(talked: Desk) -> None:
    conversation = talked.services.conversations.current_id()
    wait_until(lambda: len(talked.services.conversations.summaries()) == 1)
    notice = delete(talked, 0)
    talked.services.conversations.delete(conversation)
    assert notice.id in talked.withdrawn
    wait_until(lambda: bool(talked.client.of(Forget)))
    talked.services.branches.undo()
    talked.services.history_thread.wait()
    assert talked.services.conversations.current_id() == ""
    talked.services.conversations.undo_delete()
    wait_until(lambda: texts(talked) == ["Two?", "Second."])


def test_on_a_full_disk_it_can_be_put_back_later(talked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = talked.services.chat.messages()
    notice = delete(talked, 0)

    def full(*_arguments: object) -> None:
        raise UserError("disk-full", name="conversations.sqlite")

    with monkeypatch.context() as patched:
        patched.setattr(History, "put_back", full)
        talked.services.notices.act(notice.id, "undo-delete-message")
        wait_until(lambda: [one.text_code for one in talked.notices[-2:]] == ["disk-full", "pair-deleted"])
    assert texts(talked) == ["Two?", "Second."]
    talked.services.notices.act(talked.notices[-1].id, "undo-delete-message")
    wait_until(lambda: talked.services.chat.messages() == before)


def test_while_a_second_is_deleted_the_first_can_no_longer_be_put_back(talked: Desk) -> None:
    answer(talked, ask(talked, "Three?"), "Third.")
    delete(talked, 4)
    count = len(talked.notices)
    first = talked.services.chat.messages()[0].id
    talked.services.branches.delete(first)
    wait_until(lambda: not talked.services.chat.can_change(first))
    talked.services.branches.undo()
    wait_until(lambda: len(talked.notices) > count)
    assert texts(talked) == ["Two?", "Second."]
    talked.services.branches.undo()
    wait_until(lambda: texts(talked) == ["One?", "First.", "Two?", "Second."])


def test_a_held_delete_key_deletes_once(talked: Desk) -> None:
    question = talked.services.chat.messages()[0].id
    for _ in range(3):
        talked.services.branches.delete(question)
        pump(10)
    wait_until(lambda: texts(talked) == ["Two?", "Second."])
    talked.services.branches.delete(question)
    talked.services.branches.fork(question)
    talked.services.history_thread.wait()
    pump(10)
    assert texts(talked) == ["Two?", "Second."]


def test_nothing_is_deleted_or_copied_while_another_conversation_opens(talked: Desk) -> None:
    shown = talked.services.chat.messages()[2].id
    talked.services.conversations.new()
    answer(talked, ask(talked, "Other?"), "Other.")
    first, second = (row.id for row in reversed(talked.services.conversations.summaries()))
    talked.services.conversations.open(first)
    wait_until(lambda: len(texts(talked)) == 4)
    talked.services.conversations.open(second)  # the first's messages are still shown
    talked.services.branches.delete(shown)
    talked.services.branches.fork(shown)
    wait_until(lambda: texts(talked) == ["Other?", "Other."])
    talked.services.history_thread.wait()
    assert len(talked.services.conversations.summaries()) == 2


def test_a_name_given_meanwhile_stays(talked: Desk) -> None:
    conversation = talked.services.conversations.current_id()
    notice = delete(talked, 0)
    talked.services.conversations.rename(conversation, "My own title")
    talked.services.notices.act(notice.id, "undo-delete-message")
    wait_until(lambda: len(texts(talked)) == 4)
    talked.services.conversations.refresh()
    talked.services.history_thread.wait()
    pump(10)
    assert [row.title for row in talked.services.conversations.summaries()] == ["My own title"]


@pytest.mark.parametrize("place", ["edited question", "draft", "queued question that was removed"])
def test_a_picture_that_is_used_elsewhere_meanwhile_stays(talked: Desk, place: str) -> None:
    services = talked.services
    [picture] = services.chat.messages()[2].pictures
    notice = delete(talked, 2)
    if place == "edited question":
        services.edited_pictures.begin([picture])
    elif place == "draft":
        services.draft.give_back(services.conversations.current_id(), "", (picture,))
    else:
        services.queue.add(services.conversations.current_id(), queued := QueuedQuestion("Next?", (picture,)))
        services.queue_runner.remove(queued.id)
    services.notices.withdraw(notice.id)
    services.conversations.new()
    wait_until(lambda: bool(talked.client.of(Forget)))
    answer(talked, ask(talked, "Other?"), "Other.")
    services.recovery.delete_now(services.conversations.current_id())
    for thread in (services.history_thread, services.files):
        thread.wait()
        pump(10)
    services.files.wait()
    assert any(picture.sha256 in path.name for path in attachments_folder().rglob("*"))
