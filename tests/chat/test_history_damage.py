"""A damaged history file is set aside, never overwritten, and everything readable in it is recovered."""

import itertools
import math
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.chat import database as database_module
from desktop_app.chat.conversation import Message, Picture, Role, State, new_id
from desktop_app.chat.database import Database
from desktop_app.chat.history import History
from desktop_app.chat.salvage import salvage
from desktop_app.errors import UserError
from tests.chat.history_files import fill


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite"


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


@pytest.mark.parametrize("damage_file", [garbage, short_garbage, of_another_program])
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


@pytest.mark.parametrize("damage_file", [cut_off, overwritten_pages, overwritten_beginning])
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


def everything(history: History) -> object:
    rows = history.summaries()
    return rows, {row.id: history.path(row.id) for row in rows}, history.draft("conversation 1"), history.draft("")


@pytest.mark.parametrize("size", [1, 16, 100, 1000, 4096])
@pytest.mark.parametrize("sign", [b"\0", b"\xff", b"x"])
def test_an_overwritten_beginning_loses_nothing(path: Path, size: int, sign: bytes) -> None:
    fill(path, 60, "x" * 900)
    history, _ = History.open(path)
    history.add_message("long", Message(new_id(), Role.USER, "y" * 30_000))
    history.add_message("long", Message(new_id(), Role.USER, "größer 猫 🐈" * 900))
    history.rename("conversation 1", "Named by hand")
    history.save_draft("conversation 1", "unfinished", [Picture("b" * 64, "b.png", 3, 4)])
    history.save_draft("", "new", [])
    before = everything(history)
    history.close()
    with path.open("r+b") as file:
        file.write(sign * size)
    history, damage = History.open(path)
    assert damage is None or damage.parameters["messages"] == 62
    assert damage is not None or size == 1
    assert everything(history) == before
    history.close()


def test_a_broken_schema_loses_nothing(path: Path) -> None:
    broken_schema(path)
    history, damage = History.open(path)
    assert damage is not None
    assert damage.parameters["messages"] == 1
    history.close()


def test_what_only_the_log_holds_is_not_lost(path: Path) -> None:
    """The program was killed, and the beginning of the file destroyed after it."""
    fill(path, 30)
    history, _ = History.open(path)
    history.add_message("late", Message(new_id(), Role.USER, "only in the log"))
    killed = path.with_name("killed") / path.name
    killed.parent.mkdir()
    for ending in ("", "-wal"):
        shutil.copy(f"{path}{ending}", f"{killed}{ending}")
    history.close()
    log = Path(f"{killed}-wal")
    log.write_bytes(log.read_bytes() + b"half a page")
    with killed.open("r+b") as file:
        file.write(b"x" * 4096)
    database = Database(path.with_name("fresh.sqlite"))
    fresh = History(database)
    with database.writing() as write:
        assert salvage(killed, write).added == 31
    assert [message.text for message in fresh.path("late")] == ["only in the log"]
    fresh.close()


def test_exchanged_pages_are_noticed(path: Path) -> None:
    fill(path, 60, "x" * 900)
    history, _ = History.open(path)
    for letter in "abcd":
        history.add_message("long", Message(new_id(), Role.USER, letter * 30_000))
    history.close()
    sound = path.read_bytes()
    pages = len(sound) // 4096
    chance = random.Random(3)
    for one, other in chance.sample(list(itertools.combinations(range(1, pages), 2)), 150):
        changed = bytearray(sound)
        first, second = (slice(page * 4096, page * 4096 + 4096) for page in (one, other))
        changed[first], changed[second] = sound[second], sound[first]
        path.write_bytes(changed)
        history, damage = History.open(path)
        assert (damage is not None) == (changed != sound), (one, other)
        history.close()
        for aside in path.parent.glob("*damaged*"):
            aside.unlink()


def test_salvaging_loses_nothing_of_what_is_sound(path: Path) -> None:
    """Only an index is damaged: every message, picture, branch and title comes over."""
    fill(path, 40)
    database = Database(path)
    history = History(database)
    history.rename("conversation 1", "Named by hand")
    first, second = history.path("conversation 1")[:2]
    history.add_message("conversation 1", Message(new_id(), Role.ASSISTANT, "other", parent=first.id))
    history.switch_sibling("conversation 1", second.id, 0)
    history.delete("conversation 2")
    rows = history.summaries()
    paths = {row.id: history.path(row.id) for row in rows}
    page = database.read("SELECT rootpage FROM sqlite_master WHERE name = 'messages_by_use'")[0][0]
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
    assert history.purge_deleted().pictures == {picture.sha256}, "but it is not in the damaged file"
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


_ENDED_WITHIN = """
import os, sys
from pathlib import Path
from desktop_app.chat import database
from desktop_app.chat.history import History
calls = []
def end(*arguments):
    calls.append(arguments)
    if len(calls) > int(sys.argv[3]):
        os._exit(9)
    return real(*arguments)
where = getattr(database, sys.argv[2].split(".")[0])
name = sys.argv[2].split(".")[-1]
holder = where if "." in sys.argv[2] else database
real = getattr(holder, name)
setattr(holder, name, end)
History.open(Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("function", "calls"),
    [("salvage", 0), ("set_aside", 0), ("sync_folder", 0), ("Path.rename", 0), ("Path.rename", 1), ("Path.rename", 2)],
)
def test_a_recovery_that_was_cut_short_is_done_at_the_next_start(path: Path, function: str, calls: int) -> None:
    fill(path, 30)
    with path.open("r+b") as file:
        file.write(b"x" * 100)
    path.with_name(path.name + "-shm").write_bytes(b"what lay beside")
    ended = subprocess.run([sys.executable, "-c", _ENDED_WITHIN, str(path), function, str(calls)], check=False)
    assert ended.returncode == 9
    history, damage = History.open(path)
    assert damage is not None
    assert damage.code == "history-salvaged"
    assert damage.parameters["messages"] == 30
    aside = path.with_name(str(damage.parameters["name"]))
    assert aside.read_bytes().startswith(b"x" * 100)
    assert aside.with_name(aside.name + "-shm").read_bytes() == b"what lay beside"
    assert len(history.summaries()) == 3
    history.close()
    assert {entry.name for entry in path.parent.iterdir()} == {path.name, aside.name, aside.name + "-shm"}


def test_a_full_disk_leaves_the_damaged_file_in_its_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 30)
    with path.open("r+b") as file:
        file.write(b"x" * 100)
    before = path.read_bytes()

    def full(*_: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(database_module, "salvage", full)
        with pytest.raises(UserError) as raised:
            History.open(path)
    assert raised.value.code == "disk-full"
    assert raised.value.parameters["name"] == path.name
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    history, damage = History.open(path)
    assert damage is not None
    assert len(history.summaries()) == 3
    history.close()


def test_a_time_that_is_no_number_loses_no_message(path: Path) -> None:
    history, _ = History.open(path)
    for number in range(4):
        message = Message(new_id(), Role.USER, f"question {number}", created=1_000_000.5 + number)
        history.add_message(f"conversation {number}", message)
    history.close()
    content = path.read_bytes().replace(struct.pack(">d", 1_000_001.5), struct.pack(">d", math.nan))
    path.write_bytes(b"x" * 100 + content[100:])
    history, damage = History.open(path)
    assert damage is not None
    assert damage.parameters["messages"] == 4
    assert [message.text for message in history.path("conversation 1")] == ["question 1"]
    history.close()


def test_a_row_that_cannot_be_stored_is_lost_alone(path: Path) -> None:
    fill(path, 30)
    content = path.read_bytes()
    source = path.with_name("source.sqlite")
    source.write_bytes(b"x" * 100 + content[100:])
    database = Database(path.with_name("fresh.sqlite"))
    database.read(
        "CREATE TRIGGER refuse BEFORE INSERT ON messages "
        "WHEN NEW.text = '7: hello' BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with database.writing() as write:
        assert salvage(source, write).added == 29
    database.close()


def test_one_damaged_letter_in_the_schema_is_damage_like_any_other(path: Path) -> None:
    fill(path, 3)
    content = path.read_bytes()
    for sound in (
        b"REFERENCES messages (number)",
        b"REFERENCES conversations (id)",
        b"REFERENCES drafts (conversation)",
    ):
        path.write_bytes(content.replace(sound, sound.replace(b" (", b"\0(").replace(b"\0", b" ")[:-2] + b"x)"))
        history, damage = History.open(path)
        assert damage is not None
        assert damage.parameters["messages"] == 3
        history.close()


@pytest.mark.parametrize(
    ("sound", "damaged"),
    [
        (b'{"model": "m"}', b'\0"model": "m"}'),
        (b'{"model": "m"}', b'["model", "m"]'),
        (b"assistantAn answer", b"assi\xfftantAn answer"),
        (b"An answercomplete", b"An answercomp\0ete"),
    ],
)
@pytest.mark.parametrize("beginning", [b"", b"x" * 100])
def test_a_damaged_byte_keeps_no_conversation_closed(
    path: Path, sound: bytes, damaged: bytes, beginning: bytes
) -> None:
    history, _ = History.open(path)
    asked = Message(new_id(), Role.USER, "A question")
    told = Message(new_id(), Role.ASSISTANT, "An answer", parent=asked.id, details={"model": "m"})
    for message in (asked, told):
        history.add_message("c", message)
    before = history.path("c")
    assert history.back_up()
    history.close()
    content = path.read_bytes()
    assert sound in content
    path.write_bytes(beginning + content.replace(sound, damaged)[len(beginning) :])
    history, damage = History.open(path)
    assert (damage is not None) == bool(beginning)
    read = history.path("c")
    assert [(one.role, one.text, one.state) for one in read] == [
        (Role.USER, "A question", State.COMPLETE),
        (Role.ASSISTANT, "An answer", State.COMPLETE),
    ]
    history.restore(history.backups()[0])
    if not beginning:
        assert history.path("c") == before
    history.close()


@pytest.mark.parametrize("letters", [300, 9000])
def test_pages_exchanged_with_the_first_one_lose_nothing(path: Path, letters: int) -> None:
    """Whole messages lie on a page, or the rest of a long one."""
    fill(path, 60 if letters < 4096 else 8, "x" * letters)
    history, _ = History.open(path)
    texts = [message.text for row in history.summaries() for message in history.path(row.id)]
    history.close()
    sound = path.read_bytes()
    for page in range(1, len(sound) // 4096):
        changed = bytearray(sound)
        place = slice(page * 4096, page * 4096 + 4096)
        changed[:4096], changed[place] = sound[place], sound[:4096]
        path.write_bytes(changed)
        history, damage = History.open(path)
        assert damage is not None
        assert [message.text for row in history.summaries() for message in history.path(row.id)] == texts, page
        history.close()


def test_a_text_that_quotes_the_first_words_of_a_file_is_not_taken_for_its_first_page(path: Path) -> None:
    fill(path, 3, "SQLite format 3\0" * 2000)
    sound = path.read_bytes()
    path.write_bytes(b"x" * 512 + sound[512:])
    history, damage = History.open(path)
    assert damage is not None
    assert damage.parameters["messages"] == 3
    assert [len(message.text) for message in history.path("conversation 0")] == [32_003] * 3
    history.close()


@pytest.mark.parametrize("version", [0, 1, 2, -1])
def test_a_damaged_version_is_damage_like_any_other(path: Path, version: int) -> None:
    fill(path, 30)
    content = bytearray(path.read_bytes())
    content[60:64] = version.to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    history, damage = History.open(path)
    assert damage is not None
    assert damage.parameters["messages"] == 30
    history.close()


def test_pictures_that_no_damaged_file_names_go_with_their_conversation(path: Path) -> None:
    fill(path, 20)
    path.write_bytes(b"x" * 512 + path.read_bytes()[512:])
    history, damage = History.open(path)
    assert damage is not None
    [aside] = path.parent.glob("*damaged*.sqlite")
    aside.with_name(aside.name + "-wal").write_bytes(b"its log names cafe" + b"b" * 64 + b"fade.png")
    new, old = Picture("a" * 64, "new", 1, 1), Picture("b" * 64, "old", 1, 1)
    history.add_message("written since", Message(new_id(), Role.USER, "new", (new, old)))
    history.delete("written since")
    purged = history.purge_deleted()
    assert purged.pictures == {new.sha256}
    assert purged.kept_in == ()
    history.delete("conversation 0")
    assert history.purge_deleted().kept_in == (aside,)
    gone = history.remove_damaged(aside)
    assert old.sha256 in gone
    assert f"{0:064x}" in gone
    assert not gone & (history.pictures_in_use() or set())
    assert not list(path.parent.glob("*damaged*"))
    assert history.remove_damaged(path) == set(), "nothing else is ever removed"
    assert path.exists()
    history.close()
