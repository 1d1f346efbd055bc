"""The file below the history: damaged, newer, older, locked, on a full disk, and killed halfway."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.chat import migrations
from desktop_app.chat.conversation import Message, Picture, Role, new_id
from desktop_app.chat.history import History
from desktop_app.errors import UserError

# As the first release wrote it. Never to be changed.
FIRST_SCHEMA = """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL,
    updated REAL NOT NULL,
    cover TEXT,
    deleted REAL
);
CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent TEXT REFERENCES messages (id),
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    details TEXT NOT NULL,
    used INTEGER NOT NULL
);
CREATE INDEX messages_by_parent ON messages (parent, conversation);
CREATE INDEX messages_by_use ON messages (conversation, used);
CREATE TABLE pictures (
    message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    PRIMARY KEY (message, position)
);
CREATE INDEX pictures_by_sha256 ON pictures (sha256);
INSERT INTO conversations VALUES ('c', 'Ein Zebra?', 1.0, 2.0, 'abc', NULL);
INSERT INTO messages VALUES (1, 'q', 'c', NULL, 'user', 'Ein Zebra?', 'complete', 1.0, '{}', 1);
INSERT INTO messages VALUES (2, 'a', 'c', 'q', 'assistant', 'Ja, größer.', 'complete', 2.0, '{"model": "m"}', 2);
INSERT INTO pictures VALUES (1, 0, 'abc', 'zebra.png', 3, 4);
PRAGMA application_id = 1165583714;
PRAGMA user_version = 1;
"""


def first_schema_at(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(FIRST_SCHEMA)
    connection.close()


def fill(path: Path, messages: int = 1, text: str = "hello") -> None:
    """Add messages one below the other, in conversations of ten."""
    history, damage = History.open(path)
    assert damage is None
    parent = None
    for number in range(messages):
        if number % 10 == 0:
            name, parent = f"conversation {number // 10}", None
        picture = Picture(f"{number:064x}", f"{number}.png", number + 1, 7)
        message = Message(new_id(), Role.USER, f"{number}: {text}", (picture,), parent, details={"number": number})
        history.add_message(name, message)
        parent = message.id
    history.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite"


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.glob("conversations*")}


def test_a_file_of_the_first_schema_is_brought_up_to_date(path: Path) -> None:
    first_schema_at(path)
    history, damage = History.open(path)
    assert damage is None
    asked, told = history.path("c")
    assert (asked.text, asked.pictures[0].name, told.details) == ("Ein Zebra?", "zebra.png", {"model": "m"})
    assert [row.id for row in history.search("grosser")] == ["c"]
    history.save_draft("c", "Und das?", asked.pictures)
    history.add_message("c", Message(new_id(), Role.USER, "Und das?", parent=told.id))
    assert history.problems() == []
    history.close()

    assert names(path.parent) == {
        path.name,
        "conversations-before-schema-2.sqlite",
        "conversations-before-schema-3.sqlite",
    }
    backup = sqlite3.connect(path.with_name("conversations-before-schema-2.sqlite"))
    assert backup.execute("SELECT text FROM messages").fetchall() == [("Ein Zebra?",), ("Ja, größer.",)]
    assert backup.execute("PRAGMA user_version").fetchone() == (1,)
    backup.close()


def test_a_new_file_needs_no_backup(path: Path) -> None:
    fill(path)
    fill(path)
    assert names(path.parent) == {path.name}


def test_migrated_and_new_files_have_the_same_schema(path: Path, tmp_path: Path) -> None:
    first_schema_at(path)
    new = tmp_path / "new.sqlite"
    shapes = []
    for file in (path, new):
        fill(file)
        connection = sqlite3.connect(file)
        columns = (
            'SELECT m.name, c.name, c.type, c.pk, c."notnull" FROM sqlite_master m, pragma_table_info(m.name) c '
            "ORDER BY 1, 2"
        )
        shapes.append(connection.execute(columns).fetchall())
        connection.close()
    assert shapes[0] == shapes[1]


def test_a_step_that_fails_changes_nothing_and_can_be_tried_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM messages")
        raise RuntimeError("half-way")

    first_schema_at(path)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS[:2], broken))
        with pytest.raises(RuntimeError, match="half-way"):
            History.open(path)
    history, damage = History.open(path)
    assert damage is None
    assert [message.text for message in history.path("c")] == ["Ein Zebra?", "Ja, größer."]
    history.close()


def test_old_backups_are_forgotten(path: Path) -> None:
    old, recent = (path.with_name(f"conversations-before-schema-{number}.sqlite") for number in (2, 3))
    for backup in (old, recent):
        backup.write_bytes(b"")
    os.utime(old, (time.time() - 31 * 24 * 3600,) * 2)
    fill(path)
    assert names(path.parent) == {path.name, recent.name}


def test_a_newer_file_is_left_exactly_as_it_is(path: Path) -> None:
    fill(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")  # it may do many things in another way
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(UserError) as refusal:
        History.open(path)
    assert refusal.value.code == "history-newer"
    assert path.read_bytes() == before
    assert names(path.parent) == {path.name}


def garbage(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 1000)


def short_garbage(path: Path) -> None:
    path.write_bytes(b"hello")


def cut_off(path: Path) -> None:
    fill(path, 200, "x" * 500)
    os.truncate(path, path.stat().st_size // 2)


def overwritten_pages(path: Path) -> None:
    fill(path, 200, "x" * 500)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 40_000)


def overwritten_beginning(path: Path) -> None:
    fill(path, 200, "x" * 500)
    with path.open("r+b") as file:
        file.seek(4096)  # behind the list of tables, where their roots are
        file.write(b"\xff" * 80_000)


def broken_schema(path: Path) -> None:
    fill(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE nonsense (' WHERE name = 'messages'")
    connection.commit()
    connection.close()


def of_another_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (address TEXT)")
    connection.close()


@pytest.mark.parametrize(
    "damage_file", [garbage, short_garbage, overwritten_beginning, broken_schema, of_another_program]
)
def test_a_damaged_file_is_set_aside_and_a_new_one_started(path: Path, damage_file: Callable[[Path], None]) -> None:
    damage_file(path)
    before = path.read_bytes()
    history, damage = History.open(path)
    assert damage is not None
    assert damage.code == "history-damaged"
    aside = path.with_name(str(damage.parameters["name"]))
    assert aside.name.startswith(f"conversations-damaged-{time.strftime('%Y-')}")
    assert aside.read_bytes() == before
    history.add_message("c", Message(new_id(), Role.USER, "a new beginning"))
    assert len(history.path("c")) == 1
    history.close()

    garbage(path)  # once more on the same day: the first one stays
    history, damage = History.open(path)
    history.close()
    assert damage is not None
    assert aside.read_bytes() == before
    assert damage.parameters["name"] != aside.name


@pytest.mark.parametrize("damage_file", [cut_off, overwritten_pages])
def test_what_can_be_read_of_a_damaged_file_is_brought_over(path: Path, damage_file: Callable[[Path], None]) -> None:
    damage_file(path)
    before = path.read_bytes()
    history, damage = History.open(path)
    assert damage is not None
    assert damage.code == "history-salvaged"
    assert path.with_name(str(damage.parameters["name"])).read_bytes() == before
    assert history.problems() == []
    kept = [message for row in history.summaries() for message in history.path(row.id)]
    assert len(kept) == damage.parameters["messages"]
    assert len(kept) >= 60  # of 200; how many more depends on how SQLite fills its pages
    for message in kept:
        number = message.details["number"]
        assert message.text == f"{number}: {'x' * 500}"
        assert [picture.width for picture in message.pictures] in ([number + 1], [])  # they lie elsewhere
    assert history.search("xxx") != []
    history.close()


def test_salvaging_loses_nothing_of_what_is_sound(path: Path) -> None:
    """Only an index is damaged: every message, picture, branch and title comes over."""
    fill(path, 40)
    history, _ = History.open(path)
    history.rename("conversation 1", "Named by hand")
    first, second = history.path("conversation 1")[:2]
    history.add_message("conversation 1", Message(new_id(), Role.ASSISTANT, "other", parent=first.id))
    history.switch_sibling("conversation 1", second.id, 0)
    history.delete("conversation 2")
    rows = history.summaries()
    paths = {row.id: history.path(row.id) for row in rows}
    page = history._database.read("SELECT rootpage FROM sqlite_master WHERE name = 'messages_by_use'")[0][0]
    history.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)

    history, damage = History.open(path)
    assert damage is not None
    assert damage.parameters["messages"] == 41
    assert history.summaries() == rows
    assert {row.id: history.path(row.id) for row in rows} == paths
    history.undelete("conversation 2")
    assert len(history.path("conversation 2")) == 10
    history.close()


def test_random_damage_never_keeps_the_program_from_starting(path: Path) -> None:
    chance = random.Random(7)
    fill(path, 60, "x" * 300)
    sound = path.read_bytes()
    for _ in range(25):
        damaged = bytearray(sound)
        for _ in range(chance.choice([1, 30, 300])):
            damaged[chance.randrange(4096, len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        history, _ = History.open(path)
        history.summaries()
        history.search("x")
        history.add_message("new", Message(new_id(), Role.USER, "goes on"))
        assert history.path("new")[-1].text == "goes on"
        history.close()


@pytest.mark.parametrize("sign", [b"\xff", b"?"])
def test_a_damaged_list_of_tables_is_damage_like_any_other(path: Path, sign: bytes) -> None:
    fill(path)
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE messages (", b"CREATE" + sign + b"TABLE messages ("))
    history, damage = History.open(path)
    assert damage is not None
    history.close()


def test_pictures_of_a_damaged_file_are_not_taken_for_unused(path: Path) -> None:
    garbage(path)
    history, _ = History.open(path)
    picture = Picture("a" * 64, "p", 1, 1)
    history.add_message("c", Message(new_id(), Role.USER, "new", (picture,)))
    history.delete("c")
    assert history.pictures_in_use() is None
    assert history.purge_deleted() == set()
    [aside] = path.parent.glob("*damaged*")
    aside.unlink()
    assert history.pictures_in_use() == set()
    history.close()


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_what_lay_beside_a_damaged_file_does_not_get_into_the_new_one(path: Path, ending: str) -> None:
    garbage(path)
    beside = path.with_name(path.name + ending)
    beside.write_bytes(b"old log")
    history, damage = History.open(path)
    assert damage is not None
    history.add_message("c", Message(new_id(), Role.USER, "new"))
    assert not beside.exists() or beside.read_bytes() != b"old log"
    history.close()
    fill(path)


def test_an_empty_file_is_a_new_history(path: Path) -> None:
    path.touch()
    fill(path)


def test_two_histories_of_one_file_cannot_be_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop_app.chat.database._WAIT_FOR_LOCK_S", 0.0)
    history, _ = History.open(path)
    with pytest.raises(UserError) as refusal:
        History.open(path)
    assert refusal.value.code == "history-in-use"
    history.close()
    fill(path)


def test_a_folder_in_its_place_is_no_damage(path: Path) -> None:
    path.mkdir()
    with pytest.raises(UserError) as refusal:
        History.open(path)
    assert refusal.value.code == "history-unavailable"
    assert "conversations.sqlite" in refusal.value.sentence()


def test_a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_room(path: Path) -> None:
    """SQLite reports a file that may not grow in the same way as a full disk."""
    history, _ = History.open(path)
    kept = Message(new_id(), Role.USER, "kept")
    history.add_message("c", kept)
    connection = history._database._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    lost = Message(new_id(), Role.ASSISTANT, "x" * 100_000, parent=kept.id)
    with pytest.raises(UserError) as refusal:
        history.add_message("c", lost)
    assert (refusal.value.code, refusal.value.parameters) == ("disk-full", {"name": path.name})
    assert history.path("c") == [kept]
    connection.execute("PRAGMA max_page_count = 100000")
    history.add_message("c", lost)
    assert history.path("c") == [kept, lost]
    assert history.problems() == []
    history.close()


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    path = small_disk / "conversations.sqlite"
    history, _ = History.open(path)
    history.add_message("c", Message(new_id(), Role.USER, "kept"))
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(b"x" * 2_000_000)
    with pytest.raises(UserError, match="The disk is full"):
        history.add_message("c", Message(new_id(), Role.USER, "x" * 500_000))
    assert [message.text for message in history.path("c")] == ["kept"]
    ballast.unlink()
    history.add_message("d", Message(new_id(), Role.USER, "room again"))
    history.close()
    history, damage = History.open(path)
    assert damage is None
    assert {row.id for row in history.summaries()} == {"c", "d"}
    assert history.problems() == []
    history.close()


WRITER = """
import sys
from pathlib import Path
from desktop_app.chat.conversation import Message, Role, State, new_id
from desktop_app.chat.history import History

history, damage = History.open(Path(sys.argv[1]))
assert damage is None, damage
parent = None
while True:
    message = Message(new_id(), Role.ASSISTANT, "received " * 50, (), parent, State.STREAMING)
    history.add_message(sys.argv[2], message)
    parent = message.id
    print(message.id, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_what_was_acknowledged_survives_a_killed_program(path: Path) -> None:
    for round_ in range(4):
        conversation = f"round {round_}"
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path, conversation], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(15 + 20 * round_)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()

        history, damage = History.open(path)
        assert damage is None
        assert history.problems() == []
        kept = [message.id for message in history.path(conversation)]
        assert kept[: len(acknowledged)] == acknowledged
        assert len(kept) <= len(acknowledged) + 1  # one may be written and not yet acknowledged
        assert history.mark_interrupted() == len(kept)
        history.close()
