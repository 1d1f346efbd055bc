"""Conversations, drafts and pictures survive in the history."""

import difflib
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.chat.conversation import Message, Picture, Role, State, describing, new_id, title_from
from desktop_app.chat.history import History
from desktop_app.chat.rows import lenient

CAT = Picture("a" * 64, "кот 猫 🐈.png", 640, 480)
DOG = Picture("b" * 64, "x" * 5000 + ".jpg", 4, 3)


def question(text: str = "What is this?", parent: str | None = None, *pictures: Picture) -> Message:
    return Message(new_id(), Role.USER, text, pictures, parent)


def answer(text: str, parent: str, state: State = State.COMPLETE) -> Message:
    return Message(new_id(), Role.ASSISTANT, text, (), parent, state)


def reopened(history: History, path: Path) -> History:
    history.close()
    again, damage = History.open(path)
    assert damage is None
    return again


def test_only_damaged_texts_are_read_byte_by_byte(history_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of Python for each value would take most of the time in which a long conversation is opened."""
    history_path.parent.mkdir()
    history, _ = History.open(history_path)
    first = question("Sound?")
    history.add_message("c", first)
    history.add_message("c", answer("Yes, it is.", first.id))
    read: list[bytes] = []

    def counted(text: bytes) -> str:
        read.append(text)
        return lenient(text)

    monkeypatch.setattr("desktop_app.chat.database.lenient", counted)
    assert [message.text for message in history.path("c")] == ["Sound?", "Yes, it is."]
    assert read == []
    history.close()
    history_path.write_bytes(history_path.read_bytes().replace(b"Sound?complete", b"So\xffnd?complete"))
    history, damage = History.open(history_path)
    assert damage is None
    assert [message.text for message in history.path("c")] == ["So\ufffdnd?", "Yes, it is."]
    assert b"So\xffnd?" in read
    read.clear()
    assert len(history.summaries()) == 1
    assert read == [], "it is over"
    history.close()


def test_everything_comes_back_after_a_restart(history_path: Path) -> None:
    history_path.parent.mkdir()
    history, _ = History.open(history_path)
    asked = question("Qu'est-ce que c'est ?\nEt ça ? \0 🦊", None, CAT, DOG, CAT)
    told = replace(answer("A fox.", asked.id), details={"model": "llava", "tokens_per_second": 4.5, "deep": [None, {}]})
    history.add_message("c", asked)
    history.add_message("c", told)

    history = reopened(history, history_path)
    assert history.path("c") == [asked, told]
    [row] = history.summaries()
    assert (row.id, row.title, row.picture) == ("c", "Qu'est-ce que c'est ? Et ça ? \0 🦊", CAT.sha256)
    assert row.updated == told.created
    history.close()
    assert [file.name for file in history_path.parent.iterdir()] == [history_path.name]


def test_an_unknown_conversation_is_empty(history: History) -> None:
    assert history.path("nowhere") == []
    assert history.summaries() == []
    assert history.draft("nowhere") == ("", ())


def test_the_newest_conversation_comes_first(history: History) -> None:
    for name, created in (("old", 10.0), ("new", 30.0), ("middle", 20.0)):
        history.add_message(name, replace(question(), created=created))
    assert [row.id for row in history.summaries()] == ["new", "middle", "old"]
    history.add_message("old", replace(question(), created=40.0))
    assert [row.id for row in history.summaries()] == ["old", "new", "middle"]


def test_half_an_emoji_and_names_that_are_not_utf8_are_kept_as_far_as_they_are_text(history: History) -> None:
    broken = replace(question("half \ud83d", None, replace(CAT, name="caf\udce9.png")), details={"name": "\udce9"})
    history.add_message("c", broken)
    [kept] = history.path("c")
    assert kept.text == "half \ufffd"
    assert kept.pictures[0].name == "caf\ufffd.png"
    assert history.search("\ud83d")[0].id == "c"


def test_an_answer_grows_while_it_is_written(history: History) -> None:
    asked = question()
    growing = answer("", asked.id, State.STREAMING)
    history.add_message("c", asked)
    history.add_message("c", growing)
    for text in ("A", "A red", "A red bal", "A red balloon."):
        history.update_message(replace(growing, text=text))
    assert history.path("c")[-1] == replace(growing, text="A red balloon.")
    assert [row.id for row in history.search("balloon")] == ["c"]
    assert history.search("red bal loon x") == []


def test_updating_an_unknown_message_is_a_bug_and_says_so(history: History) -> None:
    with pytest.raises(KeyError):
        history.update_message(question())


def test_a_parent_of_another_conversation_is_refused_and_nothing_is_written(history: History) -> None:
    elsewhere = question()
    history.add_message("here", elsewhere)
    with pytest.raises(KeyError):
        history.add_message("there", question("?", elsewhere.id))
    assert [row.id for row in history.summaries()] == ["here"]


def test_answers_cut_off_by_the_end_of_the_program_are_interrupted_and_keep_their_text(history_path: Path) -> None:
    history_path.parent.mkdir()
    history, _ = History.open(history_path)
    asked = question()
    done, cut = answer("Done.", asked.id), answer("Half an ans", asked.id, State.STREAMING)
    for message in (asked, done, cut):
        history.add_message("c", message)
    history = reopened(history, history_path)
    assert history.mark_interrupted() == 1
    assert history.mark_interrupted() == 0
    assert [(m.text, m.state) for m in history.path("c")] == [
        ("What is this?", State.COMPLETE),
        ("Half an ans", State.INTERRUPTED),
    ]
    history.close()


def test_the_first_question_gives_the_title_and_the_person_wins(history: History) -> None:
    first = question("  Which flowers\n grow here?  ")
    history.add_message("c", first)
    assert history.summaries()[0].title == "Which flowers grow here?"
    history.rename("c", " My\ngarden ")
    history.add_message("c", question("And there?", first.id))
    history.add_message("c", question("Another first question"))
    assert history.summaries()[0].title == "My garden"
    history.rename("c", "\t")
    assert history.summaries()[0].title == "Which flowers grow here?"


def test_pictures_sent_without_a_text_give_the_title(history: History) -> None:
    history.add_message("c", replace(question("", None, CAT, DOG), text=describing(2)))
    assert history.summaries()[0].title == title_from(f"{CAT.name}, {DOG.name}")
    history.rename("c", "Pets")
    history.rename("c", "")
    assert history.summaries()[0].title == title_from(f"{CAT.name}, {DOG.name}")
    history.add_message("d", replace(question("", None, CAT), text=describing(1)))
    assert history.summaries()[0].title == CAT.name
    history.add_message("e", question(describing(1)))
    assert history.summaries()[0].title == "Describe this picture."


def test_title_and_picture_follow_the_version_that_is_shown(history: History) -> None:
    first = question("What is this cat?", None, CAT)
    history.add_message("c", first)
    history.add_message("c", answer("A cat.", first.id))
    second = question("And this dog?", None, DOG)
    history.add_message("c", second)
    [summary] = history.summaries()
    assert (summary.title, summary.picture) == ("And this dog?", DOG.sha256)
    history.switch_sibling("c", second.id, -1)
    [summary] = history.summaries()
    assert (summary.title, summary.picture) == ("What is this cat?", CAT.sha256)
    history.rename("c", "My pets")
    history.switch_sibling("c", first.id, 1)
    [summary] = history.summaries()
    assert (summary.title, summary.picture) == ("My pets", DOG.sha256)


def test_what_began_without_words_is_called_by_the_first_question_with_words(history: History) -> None:
    first = question(describing(1), None, CAT)
    history.add_message("c", first)
    history.add_message("c", said := answer("A cat.", first.id))
    history.add_message("c", asked := question("Which colour has it?", said.id))
    history.add_message("c", question("And its eyes?", asked.id))
    assert history.summaries()[0].title == "Which colour has it?"


def test_titles_have_no_marks_of_markdown() -> None:
    assert title_from("## What is **this**, `really`, in 2 ** 3?") == "What is this, really, in 2 ** 3?"


def test_a_note_gives_no_title_and_is_not_found(history: History) -> None:
    note = Message(new_id(), Role.NOTE, "secretword", details={"note": "model-changed"})
    history.add_message("c", note)
    assert history.summaries()[0].title == ""
    assert history.search("secretword") == []
    history.add_message("c", question("Now?", note.id))
    assert history.summaries()[0].title == "Now?"


def test_a_deleted_conversation_can_come_back(history: History) -> None:
    asked = question("Here?", None, CAT)
    history.add_message("c", asked)
    history.save_draft("c", "unsent", [DOG])
    token = history.delete("c")
    assert history.summaries() == []
    assert history.search("here") == []
    assert CAT.sha256 in (history.pictures_in_use() or ())  # its picture may still be needed
    history.undelete(token)
    assert history.path("c") == [asked]
    assert history.draft("c") == ("unsent", (DOG,))
    assert [row.id for row in history.search("here")] == ["c"]


def test_purging_removes_for_good_and_names_pictures_nothing_needs(history_path: Path) -> None:
    history_path.parent.mkdir()
    history, _ = History.open(history_path)
    only_here, shared, drafted = (Picture(letter * 64, "p", 1, 1) for letter in "123")
    asked = question("Tell me about zanzibar", None, only_here, shared)
    history.add_message("c", asked)
    history.add_message("c", answer("Zanzibar is", asked.id))
    history.save_draft("c", "more of zanzibar", [drafted])
    history.add_message("d", question("Other", None, shared))
    history.delete("c")

    assert history.purge_deleted(before=time.time() - 60).pictures == set()  # deleted a moment ago
    assert history.path("c") != []
    assert history.purge_deleted().pictures == {only_here.sha256, drafted.sha256}
    assert history.path("c") == []
    assert history.draft("c") == ("", ())
    assert [row.id for row in history.summaries()] == ["d"]
    history.undelete("c")
    assert [row.id for row in history.summaries()] == ["d"]

    history = reopened(history, history_path)
    assert history.pictures_in_use() == {shared.sha256}
    history.close()
    assert b"anzibar" not in history_path.read_bytes()


def test_pictures_of_messages_and_drafts_are_in_use(history: History) -> None:
    history.add_message("c", question("?", None, CAT, CAT))
    history.save_draft("", "soon", [CAT, DOG])
    assert history.pictures_in_use() == {CAT.sha256, DOG.sha256}
    history.save_draft("", "", [])
    assert history.pictures_in_use() == {CAT.sha256}


def test_each_conversation_keeps_its_own_draft(history: History) -> None:
    history.add_message("c", question("?"))
    history.save_draft("", "new one", ())
    history.save_draft("c", "half a sent", (DOG, CAT))
    history.save_draft("c", "half a sentence\ud800", (CAT, DOG))
    assert history.draft("") == ("new one", ())
    assert history.draft("c") == ("half a sentence\ufffd", (CAT, DOG))
    history.save_draft("c", "", [DOG])
    assert history.draft("c") == ("", (DOG,))
    history.save_draft("deleted for good", "half a sentence", [DOG])
    assert history.draft("deleted for good") == ("", ()), "nobody could find it there"


def test_a_history_belongs_to_the_thread_that_opened_it(history: History) -> None:
    errors: list[BaseException] = []

    def use() -> None:
        try:
            history.summaries()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert "thread" in str(errors[0])


def test_what_is_taken_out_was_never_there(history: History) -> None:
    first = question("Apples?")
    second = answer("Red.", first.id)
    for message in (first, second):
        history.add_message("c", message)
    [before] = history.summaries()
    asked = question("And this?", second.id, CAT)
    waiting = answer("", asked.id, State.STREAMING)
    for message in (asked, waiting):
        history.add_message("c", message)
    assert history.take_out("c", [asked.id, waiting.id]) is False
    assert [message.id for message in history.path("c")] == [first.id, second.id]
    assert history.summaries() == [before]
    assert history.pictures_in_use() == set()
    assert history.search("this") == []
    history.save_draft("c", "half a sentence", [])
    assert history.take_out("c", [first.id, second.id]) is True
    assert history.summaries() == []
    assert history.draft("c") == ("", ())
    assert history.problems() == []


def test_nothing_is_guessed_of_sound_messages(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guessing what a damaged word meant takes a hundred times longer than reading it, which 10,000 messages feel."""

    def guess(*_: object, **__: object) -> list[str]:
        raise AssertionError("a sound word was taken for a damaged one")

    monkeypatch.setattr(difflib, "get_close_matches", guess)
    history.add_message("talk", question("One?"))
    assert [known.text for known in history.path("talk")] == ["One?"]
