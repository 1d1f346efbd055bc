"""Messages and versions that are deleted, put back, and copied into a conversation of their own."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from desktop_app.chat.conversation import Message, Picture, Role, new_id, next_title
from desktop_app.chat.history import History, Purged

STAR = Picture("a" * 64, "star.png", 4, 3)
MOON = Picture("b" * 64, "moon.png", 4, 3)


def say(history: History, text: str, parent: Message | None = None, *pictures: Picture, to: str = "c") -> Message:
    role = Role.ASSISTANT if text.startswith("a") else Role.USER
    message = Message(new_id(), role, text, pictures, parent.id if parent else None, details={"k": text})
    history.add_message(to, message)
    return message


def talk(history: History, *texts: str) -> list[Message]:
    said: list[Message] = []
    for text in texts:
        said.append(say(history, text, said[-1] if said else None))
    return said


def texts(path: list[Message]) -> list[str]:
    return [message.text for message in path]


@pytest.mark.parametrize("which", [2, 3], ids=["by its question", "by its answer"])
def test_a_question_goes_with_its_answer_and_what_follows_stays(history: History, which: int) -> None:
    said = talk(history, "q1", "a1", "q2", "a2", "q3", "a3")
    before = history.path("c")
    removed = history.remove_message("c", said[which].id)
    assert texts(removed.path) == ["q1", "a1", "q3", "a3"] == texts(history.path("c"))
    assert [message.parent for message in removed.path] == [None, *(m.id for m in removed.path[:-1])]
    assert history.search("q2") == []
    assert history.put_back(removed) == before == history.path("c")
    assert [summary.id for summary in history.search("q2")] == ["c"]


@pytest.mark.parametrize("which", [0, 2, 4])
def test_first_and_last_pairs_go_too(history: History, which: int) -> None:
    said = talk(history, "q1", "a1", "q2", "a2", "q3", "a3")
    before, summary = history.path("c"), history.summaries()
    removed = history.remove_message("c", said[which].id)
    left = [message.text for index, message in enumerate(said) if index not in (which, which + 1)]
    assert texts(removed.path) == left
    assert history.summaries()[0].title == left[0]
    history.put_back(removed)
    assert history.path("c") == before
    assert history.summaries() == summary


def test_a_version_goes_with_what_followed_it_and_the_one_beside_it_is_shown(history: History) -> None:
    q1, first = talk(history, "q1", "a1")
    say(history, "a1 goes on?", say(history, "q2", first))
    second = say(history, "a2", q1)
    say(history, "q3", second)
    third = say(history, "a3", q1)
    assert texts(history.path("c")) == ["q1", "a3"]
    removed = history.remove_message("c", third.id)
    assert texts(removed.path) == ["q1", "a2", "q3"]
    assert [message.sibling for message in removed.path] == [(0, 1), (1, 2), (0, 1)]
    again = history.remove_message("c", second.id)
    assert texts(again.path) == ["q1", "a1", "q2", "a1 goes on?"]
    assert texts(history.put_back(again)) == ["q1", "a2", "q3"]


def test_of_two_questions_the_other_is_shown(history: History) -> None:
    q1, a1, q2, _ = talk(history, "q1", "a1", "q2", "a2")
    other = say(history, "q2 edited", a1)
    answer = say(history, "a of that", other)
    removed = history.remove_message("c", answer.id)
    assert texts(removed.path) == ["q1", "a1", "q2", "a2"]
    assert [message.id for message in removed.taken.messages] == [other.id, answer.id]
    assert history.remove_message("c", q2.id).path[-1].id == a1.id
    assert history.is_all("c", q1.id)


def test_another_first_question_is_shown(history: History) -> None:
    talk(history, "q1", "a1")
    edited = say(history, "q2")
    assert not history.is_all("c", edited.id)
    assert texts(history.remove_message("c", edited.id).path) == ["q1", "a1"]


def test_a_note_of_an_earlier_version_is_nothing_to_keep(history: History) -> None:
    said = talk(history, "q1", "a1")
    note = Message(new_id(), Role.NOTE, "", (), said[1].id)
    history.add_message("c", note)
    assert history.is_all("c", said[0].id)
    later = Message(new_id(), Role.USER, "q2", (), note.id)
    history.add_message("c", later)
    assert not history.is_all("c", said[0].id)
    assert texts(history.remove_message("c", said[0].id).path) == ["", "q2"]


def test_title_and_cover_do_not_tell_of_what_was_removed(history: History) -> None:
    first = say(history, "secret", None, STAR)
    answered = say(history, "a1", first)
    say(history, "harmless", answered, MOON)
    assert [(row.title, row.picture) for row in history.summaries()] == [("secret", STAR.sha256)]
    removed = history.remove_message("c", first.id)
    assert [(row.title, row.picture) for row in history.summaries()] == [("harmless", MOON.sha256)]
    assert removed.purged.pictures == {STAR.sha256}
    assert history.unused(removed.purged.pictures) == {STAR.sha256}
    assert texts(history.put_back(removed)) == ["secret", "a1", "harmless"]
    assert history.path("c")[0].pictures == (STAR,)
    assert [(row.title, row.picture) for row in history.summaries()] == [("secret", STAR.sha256)]
    assert history.unused({STAR.sha256}) == set()


def test_a_title_that_the_person_gave_stays(history: History) -> None:
    said = talk(history, "q1", "a1", "q2", "a2")
    history.rename("c", "Mine")
    history.remove_message("c", said[0].id)
    assert [row.title for row in history.summaries()] == ["Mine"]


def test_nothing_of_it_stays_in_any_file(history: History, history_path: Path) -> None:
    said = talk(history, "q1", "a1", "q with a secretword", "a2 secretword", "q3", "a3")
    assert history.back_up()
    [backup] = history.backups()
    old = backup.path.read_bytes()
    assert b"secretword" in old
    removed = history.remove_message("c", said[2].id)
    assert removed.purged == Purged()
    for file in (history_path, backup.path, history_path.with_name(history_path.name + "-wal")):
        assert not file.exists() or b"secretword" not in file.read_bytes()
    assert history.problems() == []
    backup.path.write_bytes(old)
    assert history.restore(backup).added == 0, "an old copy does not bring it back"
    assert texts(history.path("c")) == ["q1", "a1", "q3", "a3"]
    history.put_back(removed)
    assert history.restore(backup).added == 0
    assert texts(history.path("c")) == texts(said)


def test_an_old_file_put_in_place_by_hand_does_not_bring_it_back(tmp_path: Path) -> None:
    path = tmp_path / "conversations.sqlite"
    history, _ = History.open(path)
    said = talk(history, "q1", "a1", "q2", "a2")
    history.close()
    old = path.read_bytes()
    history, _ = History.open(path)
    history.remove_message("c", said[2].id)
    history.close()
    path.write_bytes(old)
    history, _ = History.open(path)
    assert texts(history.path("c")) == ["q1", "a1"]
    history.close()


def test_it_is_put_back_although_its_place_was_taken(history: History) -> None:
    said = talk(history, "q1", "a1", "q2", "a2")
    removed = history.remove_message("c", said[3].id)
    say(history, "a3", say(history, "q3", said[1]))
    assert texts(history.put_back(removed)) == ["q1", "a1", "q2", "a2"]
    assert [message.sibling for message in history.path("c")][2] == (1, 2)


def test_in_any_tree_questions_and_answers_take_turns(history: History) -> None:
    chance = random.Random(4)
    said = talk(history, "q", "a")
    for _ in range(60):
        parent = chance.choice(said)
        said.append(say(history, "a" if parent.role is Role.USER else "q", parent))
    for _ in range(25):
        before = history.all_messages("c")
        path = history.path("c")
        chosen = chance.choice(path)
        if history.is_all("c", chosen.id):
            break
        removed = history.remove_message("c", chosen.id)
        assert removed.path == history.path("c")
        roles = [message.role for message in removed.path]
        assert all(one is not other for one, other in pairwise(roles))
        if chance.random() < 0.5:
            assert history.put_back(removed) == path
            assert [message for message, _ in history.all_messages("c")] == [message for message, _ in before]


@pytest.mark.parametrize(("at", "length"), [(0, 2), (1, 2), (2, 4), (3, 4)])
def test_a_copy_holds_the_path_up_to_a_message(history: History, at: int, length: int) -> None:
    first = say(history, "q1", None, STAR)
    said = [first, say(history, "a1", first)]
    said += [say(history, "q2", said[1])]
    said += [say(history, "a2", said[2])]
    say(history, "a of another branch", first)
    history.set_leaf("c", said[3].id)
    before = history.path("c")
    began = time.time()
    copy = history.fork("c", said[at].id)
    assert texts(history.path(copy)) == texts(said[:length])
    assert history.path(copy)[0].pictures == (STAR,)
    assert history.path(copy)[0].details == first.details
    assert not {message.id for message in history.path(copy)} & {message.id for message in before}
    assert history.path("c") == before
    newest = history.summaries()[0]
    assert (newest.id, newest.title, newest.picture) == (copy, "q1 (2)", STAR.sha256)
    assert newest.updated >= began
    third = history.fork(copy, history.path(copy)[0].id)
    assert history.summaries()[0].id == third
    assert history.summaries()[0].title == "q1 (3)"


def test_titles_of_copies() -> None:
    assert next_title("Lake", ["Lake"]) == "Lake (2)"
    assert next_title("Lake (2)", ["Lake", "Lake (2)"]) == "Lake (3)"
    assert next_title("Lake (2024)", ["Lake (2024)"]) == "Lake (2024) (2)"
    assert next_title("", []) == "(2)"


def test_what_was_changed_in_a_question_and_not_sent_goes_with_it(history_path: Path) -> None:
    history_path.parent.mkdir()
    history, _ = History.open(history_path)
    q1, _a1, q2, _a2 = talk(history, "q1", "a1", "q2", "a2")
    history.keep_edit(q1.id, "q1, secretly", [STAR])
    history.keep_edit(q2.id, "q2, secretly", [])
    history.keep_edit("gone", "of no question", [])
    assert history.edits("c") == {q1.id: ("q1, secretly", (STAR,)), q2.id: ("q2, secretly", ())}
    assert history.pictures_in_use() == {STAR.sha256}
    history.back_up()
    history.remove_message("c", q2.id)
    assert history.edits("c") == {q1.id: ("q1, secretly", (STAR,))}
    history.delete("c")
    assert history.purge(["c"]).pictures == {STAR.sha256}
    history.close()
    left = b"".join(file.read_bytes() for file in history_path.parent.rglob("*") if file.is_file())
    assert b"secretly" not in left
