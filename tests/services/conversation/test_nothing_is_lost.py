"""What the person wrote outlives a full disk, and a program that ends at any moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

import pytest

from desktop_app import paths
from desktop_app.chat.conversation import Message, Role, State
from desktop_app.chat.database import Database
from desktop_app.chat.history import History
from desktop_app.engine.messages import Ask, Failed, Inspect
from desktop_app.services import history_thread
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk, open_desk

T = TypeVar("T")
LONG = "long " * 4000  # more than what is left on a page

_DATABASES: WeakKeyDictionary[History, Database] = WeakKeyDictionary()


@pytest.fixture(autouse=True)
def known_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests look into the database of each history."""
    init = History.__init__

    def know(history: History, database: Database) -> None:
        init(history, database)
        _DATABASES[history] = database

    monkeypatch.setattr(History, "__init__", know)


@pytest.fixture
def opened(desk: Desk) -> Iterator[Callable[[], Desk]]:
    """Return what closes the program that is open, and opens it again."""
    last = [desk]

    def again() -> Desk:
        last[-1].services.close()
        last.append(open_desk(desk.folder))
        return last[-1]

    yield again
    last[-1].services.close()


def asks(desk: Desk) -> list[Ask]:
    return desk.client.of(Ask)


def ask(desk: Desk, question: str) -> tuple[str, Ask]:
    """Ask in the open conversation; return it, and the order of the engine."""
    count = len(asks(desk))
    desk.services.chat.send(question)
    wait_until(lambda: len(asks(desk)) > count)
    return desk.services.conversations.current_id(), asks(desk)[-1]


def write_and_send(desk: Desk, text: str) -> None:
    """Write into the draft and send it, as the composer does."""
    desk.services.draft.set_text(text)
    desk.services.chat.send(text)


def wait_elsewhere(desk: Desk, text: str) -> str:
    """Send in a new conversation while another is answered; return the new one when its question is saved."""
    desk.services.conversations.new()
    write_and_send(desk, text)
    current = desk.services.conversations.current_id()
    wait_until(lambda: any(row.id == current for row in desk.services.conversations.summaries()))
    return current


def texts(desk: Desk) -> list[str]:
    return [message.text for message in desk.services.chat.messages()]


def queued(desk: Desk) -> list[str]:
    return [q.text for q in desk.services.queue.questions(desk.services.conversations.current_id())]


def in_history(desk: Desk, job: Callable[[History], T]) -> T:
    """Return what a job on the history's thread returns, when all before it are done."""
    found: list[T] = []
    desk.services.history_thread.run(lambda history: found.append(job(history)))
    wait_until(lambda: bool(found))
    return found[0]


def states(desk: Desk, conversation: str) -> list[tuple[str, State]]:
    """The messages of a conversation as they are saved."""
    return in_history(desk, lambda history: [(m.text, m.state) for m in history.path(conversation)])


def set_room(desk: Desk, *, is_full: bool) -> None:
    """Let the disk be full, or let there be room again, when what was begun is done."""

    def job(history: History) -> None:
        database = _DATABASES[history]
        pages = database.read("PRAGMA page_count")[0][0] if is_full else 1_000_000
        database.read(f"PRAGMA max_page_count = {pages}")

    in_history(desk, job)


def drafts(history: History) -> dict[str, str]:
    return {row["conversation"]: row["text"] for row in _DATABASES[history].read("SELECT * FROM drafts")}


# ---- the program ends ----------------------------------------------------------------------


def test_a_draft_that_was_not_read_yet_is_not_written_over(desk: Desk, opened: Callable[[], Desk]) -> None:
    desk.ready()
    conversation, apples = ask(desk, "Apples?")
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.draft.set_text("Half a follow-up")
    desk.services.conversations.new()
    desk.services.draft.set_text("Half a question")
    opened()
    again = opened()  # the one before was closed as soon as it had begun
    wait_until(lambda: again.services.draft.text() == "Half a question")
    again.services.conversations.open(conversation)  # closed at once
    again = opened()
    again.services.conversations.open(conversation)
    wait_until(lambda: again.services.draft.text() == "Half a follow-up")
    again = opened()
    again.services.draft.set_text("typed before it was read")
    again = opened()
    wait_until(lambda: again.services.draft.text() == "Half a question\ntyped before it was read")


def test_a_question_sent_before_the_draft_was_read_leaves_that_draft(desk: Desk, opened: Callable[[], Desk]) -> None:
    desk.services.draft.set_text("Half a question")
    again = opened()
    write_and_send(again, "Quick?")
    again = opened()
    wait_until(lambda: again.services.draft.text() == "Half a question")
    wait_until(lambda: len(again.services.conversations.summaries()) == 1)


def test_a_question_taken_back_as_the_program_ends_is_in_the_draft(desk: Desk, opened: Callable[[], Desk]) -> None:
    desk.ready()
    ask(desk, "Apples?")
    desk.services.conversations.new()
    desk.attach()
    wait_elsewhere(desk, "")
    desk.services.draft.set_text("And plums?")
    desk.services.chat.stop()
    again = opened()
    wait_until(lambda: again.services.draft.text() == "And plums?")
    assert [picture.name for picture in again.services.draft.pictures()] == ["circle.png"]


def test_a_question_is_taken_out_of_its_conversation_and_put_into_the_draft_at_once(desk: Desk) -> None:
    desk.ready()
    ask(desk, "Apples?")
    wait_elsewhere(desk, "Pears?")
    write_and_send(desk, "Plums, too?")  # queued behind it
    seen: list[tuple[int, dict[str, str]]] = []
    desk.services.chat.stop()
    desk.services.history_thread.run(lambda history: seen.append((len(history.summaries()), drafts(history))))
    wait_until(lambda: bool(seen))
    assert seen == [(1, {"": "Pears?\nPlums, too?"})], "if the program is killed now, nothing is lost"
    wait_until(lambda: desk.services.draft.text() == "Pears?\nPlums, too?")
    assert in_history(desk, drafts) == {"": "Pears?\nPlums, too?"}


def test_a_question_leaves_the_draft_when_it_is_in_its_conversation(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ready()
    copies: list[Path] = []

    def copy_then_add(
        history: History,
        conversation: str,
        message: Message,
        add: Callable[..., tuple[int, int]] = History.add_message,
    ) -> tuple[int, int]:
        copies.append(desk.folder / f"killed-{len(copies)}")
        shutil.copytree(paths.history_file().parent, copies[-1])
        return add(history, conversation, message)

    monkeypatch.setattr(History, "add_message", copy_then_add)
    desk.services.draft.set_text("Apples?")
    desk.services.draft.save()
    wait_until(lambda: in_history(desk, drafts) == {"": "Apples?"})
    _, apples = ask(desk, "Apples?")
    write_and_send(desk, "Pears?")
    write_and_send(desk, "Plums?")
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: len(asks(desk)) == 2 and len(copies) == 4)
    for copy, (saved, unsent) in zip(
        copies,
        [([], "Apples?"), ([], "Apples?"), (["Apples?"], "Pears?\nPlums?"), (["Apples?"], "Pears?\nPlums?")],
        strict=True,
    ):
        history, _ = History.open(copy / paths.history_file().name)
        with closing(history):
            asked = [
                message.text
                for row in history.summaries()
                for message in history.path(row.id)
                if message.role is Role.USER
            ]
            waiting = "\n".join(drafts(history).values())
        assert "\n".join([*asked, waiting]).strip() == "\n".join([*saved, unsent]).strip()


def test_a_picture_that_is_being_checked_as_the_program_ends_stays(desk: Desk, opened: Callable[[], Desk]) -> None:
    desk.ready()
    desk.services.draft.add_file(str(desk.picture_file("a.png", "red")))
    desk.services.draft.add_bytes(desk.picture_file("b.png", "blue").read_bytes(), "pasted.png")
    desk.services.draft.add_file(str(desk.folder / "missing.png"))
    write_and_send(desk, "What is it?")
    assert desk.services.chat.is_waiting_for_pictures()
    again = opened()
    wait_until(lambda: again.services.draft.text() == "What is it?")
    assert [(p.name, p.state) for p in again.services.draft.pictures()] == [
        ("a.png", "checking"),
        ("pasted.png", "checking"),
    ]
    again = opened()  # once more
    wait_until(lambda: len(again.client.of(Inspect)) == 2)
    first, second = again.client.of(Inspect)
    again.inspected()
    again.client.emit(Failed(first.request, "picture-damaged", {"name": "a.png"}))
    wait_until(lambda: not again.services.draft.is_checking())
    assert [(p.name, p.picture and p.picture.width) for p in again.services.draft.pictures()] == [("pasted.png", 64)]
    assert [notice.text_code for notice in again.notices] == ["picture-damaged"]
    again = opened()
    wait_until(lambda: [(p.name, p.state) for p in again.services.draft.pictures()] == [("pasted.png", "attached")])
    assert second.picture.sha256


# ---- the disk is full ----------------------------------------------------------------------


def test_an_answer_that_ends_while_the_disk_is_full_is_saved_when_there_is_room(
    desk: Desk, opened: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_thread, "TRY_AGAIN_MS", 20)
    desk = opened()
    desk.ready()
    first, apples = ask(desk, "Apples?")
    set_room(desk, is_full=True)
    desk.client.emit(finished(apples, LONG))
    wait_until(lambda: not desk.services.chat.is_busy())
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["disk-full"])
    desk.services.conversations.new()
    desk.services.conversations.open(first)
    wait_until(lambda: texts(desk) == ["Apples?", LONG])
    assert desk.services.chat.messages()[-1].state is State.COMPLETE
    set_room(desk, is_full=False)
    wait_until(lambda: states(desk, first) == [("Apples?", State.COMPLETE), (LONG, State.COMPLETE)])
    assert [notice.text_code for notice in desk.notices] == ["disk-full"], "once, however often it is tried"


def test_an_answer_that_could_not_be_saved_is_as_the_program_ends(desk: Desk, opened: Callable[[], Desk]) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    set_room(desk, is_full=True)
    desk.client.emit(finished(apples, LONG))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["disk-full"])
    set_room(desk, is_full=False)
    again = opened()
    assert states(again, first) == [("Apples?", State.COMPLETE), (LONG, State.COMPLETE)]


def test_drafts_and_queues_that_did_not_fit_are_saved_when_there_is_room(
    desk: Desk, opened: Callable[[], Desk]
) -> None:
    desk.ready()
    first, _ = ask(desk, "Apples?")
    desk.services.conversations.new()
    set_room(desk, is_full=True)
    desk.services.draft.set_text(LONG)
    desk.services.conversations.open(first)  # the draft is to be saved now
    wait_until(lambda: len(texts(desk)) == 2)
    write_and_send(desk, "Pears? " + LONG)
    assert len(queued(desk)) == 1
    wait_until(lambda: {notice.text_code for notice in desk.notices} == {"disk-full"})
    desk.services.conversations.open("elsewhere")
    set_room(desk, is_full=False)
    again = opened()
    wait_until(lambda: again.services.draft.text() == LONG)
    again.services.conversations.open(first)
    wait_until(lambda: again.services.draft.text() == "Pears? " + LONG.strip())


# ---- what is deleted is gone -----------------------------------------------------------------


def test_a_question_that_was_taken_back_leaves_no_draft_of_a_conversation_that_is_not_there(
    desk: Desk, opened: Callable[[], Desk]
) -> None:
    desk.ready()
    ask(desk, "Apples?")
    wait_elsewhere(desk, "Secret?")
    desk.services.chat.stop()
    wait_until(lambda: desk.services.draft.text() == "Secret?")
    assert in_history(desk, drafts) == {"": "Secret?"}
    desk.services.draft.set_text("")
    desk.services.draft.save()
    assert in_history(desk, drafts) == {}


def test_drafts_of_conversations_that_are_not_there_are_gone_after_the_start(
    desk: Desk, opened: Callable[[], Desk]
) -> None:
    def orphan(history: History) -> None:  # as earlier versions left them
        with _DATABASES[history].writing() as write:
            write.execute("INSERT INTO drafts VALUES ('gone', 'Secret?')")
            write.execute("INSERT INTO draft_pictures VALUES ('gone', 0, ?, 'a.png', 3, 4)", ("a" * 64,))

    desk.services.draft.set_text("Half a question")
    desk.services.draft.save()
    in_history(desk, orphan)
    again = opened()
    assert in_history(again, drafts) == {"": "Half a question"}
    assert in_history(again, lambda history: history.pictures_in_use()) == set()


# ---- a queue goes on ---------------------------------------------------------------------------


def test_a_queue_goes_on_when_a_question_before_it_is_not_sent_after_all(desk: Desk) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    write_and_send(desk, "Pears?")
    desk.services.draft.add_file(str(desk.picture_file()))
    wait_until(lambda: bool(desk.client.of(Inspect)))
    desk.services.chat.send("")
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: not desk.services.answers.is_under_way(first))
    desk.client.emit(Failed(desk.client.of(Inspect)[-1].request, "picture-damaged", {"name": "circle.png"}))
    wait_until(lambda: texts(desk) == ["Apples?", "Red.", "Pears?", ""])
    assert queued(desk) == []


def test_a_queue_goes_on_before_a_question_that_waited_for_its_picture(desk: Desk) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    write_and_send(desk, "Pears?")
    desk.services.draft.add_file(str(desk.picture_file()))
    wait_until(lambda: bool(desk.client.of(Inspect)))
    write_and_send(desk, "Plums?")
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: not desk.services.answers.is_under_way(first))
    desk.inspected()
    wait_until(lambda: texts(desk) == ["Apples?", "Red.", "Pears?", ""])
    assert queued(desk) == ["Plums?"]


@pytest.mark.parametrize("how", ["opened another", "stopped"])
def test_a_queue_does_not_wait_for_a_question_that_is_given_up(desk: Desk, how: str) -> None:
    desk.ready()
    first, apples = ask(desk, "Apples?")
    write_and_send(desk, "Pears?")
    desk.services.draft.add_file(str(desk.picture_file()))
    wait_until(lambda: bool(desk.client.of(Inspect)))
    write_and_send(desk, "Plums?")
    desk.client.emit(finished(apples, "Red."))
    wait_until(lambda: not desk.services.answers.is_under_way(first))
    if how == "stopped":
        desk.services.chat.stop()
        assert desk.services.queue.held_by(first) is State.STOPPED, "the person decides"
        assert desk.services.draft.text() == "Plums?"
        return
    desk.services.conversations.new()
    wait_until(lambda: len(asks(desk)) == 2)
    assert asks(desk)[-1].turns[-1].text == "Pears?"
