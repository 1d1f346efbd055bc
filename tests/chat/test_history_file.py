"""The history file when it is damaged, newer, older, locked, on a full disk, or the program was killed."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desktop_app.chat import migrations
from desktop_app.chat.conversation import Message, Picture, Role, State, new_id
from desktop_app.chat.database import Database
from desktop_app.chat.history import History
from desktop_app.errors import UserError
from tests.chat.history_files import SCHEMAS, file_of_schema, fill, names


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite"


EVERY_SCHEMA = range(1, len(migrations.STEPS) + 1)


def test_what_each_step_wrote_is_kept() -> None:
    assert len(SCHEMAS) == len(migrations.STEPS), "a new step needs its SQL, with rows, in history_files.py"


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_a_file_of_every_earlier_schema_is_brought_up_to_date(path: Path, schema: int) -> None:
    file_of_schema(path, schema)
    history, damage = History.open(path)
    assert damage is None
    asked, told = history.path("c")
    assert (asked.text, asked.pictures[0].name, told.details) == ("Ein Zebra?", "zebra.png", {"model": "m"})
    assert [row.id for row in history.search("grosser")] == ["c"]
    draft = ("Und wie viele Strei", (Picture("def", "streifen.png", 5, 6),)) if schema >= 2 else ("", ())
    assert history.draft("c") == draft
    assert history.unseen() == ({"c": State.INTERRUPTED} if schema >= 4 else {})
    history.save_draft("c", "Und das?", asked.pictures)
    history.add_message("c", Message(new_id(), Role.USER, "Und das?", parent=told.id))
    assert history.draft("c") == ("Und das?", asked.pictures)
    assert history.problems() == []
    history.close()

    steps_taken = range(schema + 1, len(migrations.STEPS) + 1)
    copies = {step: f"conversations-{time.strftime('%Y-%m-%d')}-before-schema-{step}.sqlite" for step in steps_taken}
    folder = path.parent / "backups"
    assert names(path.parent) == {path.name}
    assert names(folder) == set(copies.values())
    for step in steps_taken:
        backup = sqlite3.connect(folder / copies[step])
        assert backup.execute("SELECT text FROM messages").fetchall() == [("Ein Zebra?",), ("Ja, größer.",)]
        assert backup.execute("PRAGMA user_version").fetchone() == (step - 1,)
        backup.close()


def test_a_new_file_needs_no_backup(path: Path) -> None:
    fill(path)
    fill(path)
    assert names(path.parent) == {path.name}


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_migrated_and_new_files_have_the_same_schema(path: Path, tmp_path: Path, schema: int) -> None:
    file_of_schema(path, schema)
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

    file_of_schema(path, 1)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS[:2], broken))
        with pytest.raises(RuntimeError, match="half-way"):
            History.open(path)
    history, damage = History.open(path)
    assert damage is None
    assert [message.text for message in history.path("c")] == ["Ein Zebra?", "Ja, größer."]
    history.close()


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
    database = Database(path)
    history = History(database)
    kept = Message(new_id(), Role.USER, "kept")
    history.add_message("c", kept)
    pages = database.read("PRAGMA page_count")[0][0]
    database.read(f"PRAGMA max_page_count = {pages}")
    lost = Message(new_id(), Role.ASSISTANT, "x" * 100_000, parent=kept.id)
    with pytest.raises(UserError) as refusal:
        history.add_message("c", lost)
    assert (refusal.value.code, refusal.value.parameters) == ("disk-full", {"name": path.name})
    assert history.path("c") == [kept]
    database.read("PRAGMA max_page_count = 100000")
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
from desktop_app.chat.conversation import Message, Role, State, State, new_id
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
