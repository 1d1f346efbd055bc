"""Branches of a conversation: nothing is overwritten, and every fork remembers which branch was used last."""

import random
from pathlib import Path

import pytest

from desktop_app.chat.conversation import Message, Role, new_id
from desktop_app.chat.database import Database
from desktop_app.chat.history import History
from desktop_app.chat.tree import Tree


def say(history: History, text: str, parent: Message | None = None) -> Message:
    role = Role.ASSISTANT if text.startswith("a") else Role.USER
    message = Message(new_id(), role, text, (), parent.id if parent else None)
    history.add_message("c", message)
    return message


def texts(path: list[Message]) -> list[str]:
    return [message.text for message in path]


def test_another_answer_is_a_sibling(history: History) -> None:
    asked = say(history, "q1")
    first = say(history, "a1", asked)
    assert history.add_message("c", Message(new_id(), Role.ASSISTANT, "a2", (), asked.id)) == (1, 2)
    path = history.path("c")
    assert texts(path) == ["q1", "a2"]
    assert [message.sibling for message in path] == [(0, 1), (1, 2)]

    path = history.switch_sibling("c", path[1].id, -1)
    assert (path[1].id, path[1].sibling) == (first.id, (0, 2))
    assert history.path("c") == path


def test_there_is_nothing_beyond_the_first_and_the_last_sibling(history: History) -> None:
    asked = say(history, "q")
    first, last = say(history, "a1", asked), say(history, "a2", asked)
    assert texts(history.switch_sibling("c", last.id, +1)) == ["q", "a2"]
    assert texts(history.switch_sibling("c", last.id, -7)) == ["q", "a1"]
    assert texts(history.switch_sibling("c", first.id, -1)) == ["q", "a1"]


def test_an_edited_first_question_is_a_sibling_without_parent(history: History) -> None:
    say(history, "a1", say(history, "q1"))
    edited = say(history, "q2")
    assert [message.sibling for message in history.path("c")] == [(1, 2)]
    assert texts(history.switch_sibling("c", edited.id, -1)) == ["q1", "a1"]


def test_going_back_to_a_branch_returns_to_where_the_person_was_in_it(history: History) -> None:
    q1 = say(history, "q1")
    a1 = say(history, "a1", q1)
    q2 = say(history, "q2", a1)
    say(history, "a2 first", q2)
    second = say(history, "a2 second", q2)
    say(history, "a2 third", q2)
    history.switch_sibling("c", second.id, 0)
    other = say(history, "q1 edited")
    say(history, "a other", other)
    assert texts(history.switch_sibling("c", other.id, -1)) == ["q1", "a1", "q2", "a2 second"]
    assert texts(history.switch_sibling("c", q1.id, +1)) == ["q1 edited", "a other"]


def test_the_path_can_end_in_the_middle_and_go_on_from_there(history: History) -> None:
    q1 = say(history, "q1")
    a1 = say(history, "a1", q1)
    say(history, "a2", say(history, "q2", a1))
    assert texts(history.set_leaf("c", a1.id)) == ["q1", "a1"]
    assert texts(history.path("c")) == ["q1", "a1"]
    say(history, "q3", a1)
    assert texts(history.path("c")) == ["q1", "a1", "q3"]
    assert history.path("c")[-1].sibling == (1, 2)


def test_unknown_messages_are_refused_and_change_nothing(history: History) -> None:
    say(history, "a1", say(history, "q1"))
    before = history.path("c")
    with pytest.raises(KeyError):
        history.set_leaf("c", "no such id")
    with pytest.raises(KeyError):
        history.switch_sibling("c", "no such id", 1)
    with pytest.raises(KeyError):
        history.switch_sibling("elsewhere", before[0].id, 1)
    assert history.path("c") == before


class Model:
    """The same semantics with plain lists, written the slow and obvious way."""

    def __init__(self) -> None:
        self.parent: dict[str, str | None] = {}  # in order of creation
        self.visits: list[str] = []

    def children(self, parent: str | None) -> list[str]:
        return [child for child, its in self.parent.items() if its == parent]

    def ancestors(self, message: str | None) -> list[str]:
        return [] if message is None else [*self.ancestors(self.parent[message]), message]

    def end_of(self, message: str) -> str:
        while children := self.children(message):
            below = next(visited for visited in reversed(self.visits) if set(self.ancestors(visited)) & set(children))
            [message] = set(self.ancestors(below)) & set(children)
        return message


@pytest.mark.parametrize("seed", range(8))
def test_any_sequence_of_changes_agrees_with_the_obvious_model(history: History, seed: int) -> None:
    chance = random.Random(seed)
    model = Model()
    for step in range(60):
        known = list(model.parent)
        action = chance.choice(["add", "add", "add", "branch", "switch", "leaf"])
        if action in {"add", "branch"} or not known:
            leaf = model.visits[-1] if known else None
            parent = leaf if action == "add" else chance.choice([None, *known])
            message = Message(f"{step}", Role.USER, f"{step}", (), parent)
            index, count = history.add_message("c", message)
            model.parent[message.id] = parent
            model.visits.append(message.id)
            assert (index, count) == (count - 1, len(model.children(parent)))
        elif action == "switch":
            of, by = chance.choice(known), chance.choice([-2, -1, 1, 2])
            siblings = model.children(model.parent[of])
            to = siblings[min(max(siblings.index(of) + by, 0), len(siblings) - 1)]
            model.visits.append(model.end_of(to))
            history.switch_sibling("c", of, by)
        else:
            to = chance.choice(known)
            model.visits.append(to)
            history.set_leaf("c", to)

        path = history.path("c")
        assert [message.id for message in path] == model.ancestors(model.visits[-1])
        for message in path:
            siblings = model.children(message.parent)
            assert message.sibling == (siblings.index(message.id), len(siblings))


def test_a_long_conversation_is_read_and_purged(history_path: Path) -> None:
    """Deeper than the 1,000 levels to which SQLite follows cascades, and Python calls."""
    history_path.parent.mkdir()
    database = Database(history_path)
    database.read("PRAGMA synchronous = OFF")
    history = History(database)
    parent = None
    for _ in range(3000):
        parent = say(history, "again", parent)
    path = history.path("c")
    assert len(path) == 3000
    assert path[-1] == parent
    history.delete("c")
    history.purge_deleted()
    assert history.path("c") == []
    assert history.problems() == []
    history.close()


def test_an_empty_tree_has_no_leaf() -> None:
    assert Tree([]).path_to(Tree([]).leaf) == []


def test_adding_versions_looks_at_no_other_version(tmp_path: Path) -> None:
    """A file may hold thousands of versions of the first question; looking at all for each one is quadratic."""
    database = Database(tmp_path / "h.sqlite")
    history = History(database)
    steps = []
    for count in (200, 400):
        seen = 0

        def tick() -> int:
            nonlocal seen
            seen += 1
            return 0

        with database.writing() as write:
            write.set_progress_handler(tick, 10)
        history.add_conversation("", [(Message(new_id(), Role.USER, "x"), number) for number in range(count)])
        with database.writing() as write:
            write.set_progress_handler(None, 0)
        steps.append(seen)
    history.close()
    assert steps[1] < 2.5 * steps[0]
