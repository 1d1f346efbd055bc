"""Print how long the history takes with long and with many conversations.

python -m tests.chat.benchmark_history
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop_app.chat.conversation import Message, Picture, Role, new_id
from desktop_app.chat.database import Database
from desktop_app.chat.history import History

_chance = random.Random(1)
_WORDS = ["".join(_chance.choices("abcdefghijklmnopqrstuvwxyz", k=_chance.randint(2, 9))) for _ in range(5000)]


def _message(parent: str | None) -> Message:
    picture = Picture(f"{_chance.getrandbits(256):064x}", "photo.jpg", 4000, 3000)
    pictures = (picture,) if _chance.random() < 0.1 else ()
    details = {"model": "llava", "tokens_per_second": 5.1, "answer_tokens": 97}
    text = " ".join(_chance.choices(_WORDS, k=100))
    return Message(new_id(), _chance.choice([Role.USER, Role.ASSISTANT]), text, pictures, parent, details=details)


@contextmanager
def _hurried(database: Database) -> Iterator[None]:
    """Fill the history without waiting for the disk."""
    database.read("PRAGMA synchronous = OFF")
    yield
    database.read("PRAGMA synchronous = FULL")


def _fill(database: Database, conversations: int, messages: int) -> None:
    history = History(database)
    with _hurried(database):
        for _ in range(conversations):
            name, parent = new_id(), None
            for _ in range(messages):
                message = _message(parent)
                history.add_message(name, message)
                parent = message.id


def _reopen(path: Path) -> None:
    history, _ = History.open(path)
    history.close()


def _best(job: Callable[[], Any], times: int = 5) -> str:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        job()
        took.append(time.perf_counter() - start)
    return f"{min(took) * 1e3:8.2f} ms"


def _measure(path: Path, conversations: int, messages: int) -> None:
    database = Database(path)
    history = History(database)
    _fill(database, conversations, messages)
    print(f"\n{conversations:,} conversations of {messages:,} messages, {path.stat().st_size / 1e6:.0f} MB")
    name = history.summaries()[0].id
    leaf = history.path(name)[-1]
    print("path of one conversation   ", _best(lambda: history.path(name)))
    print("list of conversations      ", _best(history.summaries))
    print("add a message              ", _best(lambda: history.add_message(name, _message(leaf.id)), 50))
    print("save an answer as it grows ", _best(lambda: history.update_message(replace(leaf, text=leaf.text + ".")), 50))
    print("take another answer        ", _best(lambda: history.switch_sibling(name, leaf.id, 0)))
    print("search: a rare beginning   ", _best(lambda: history.search(_WORDS[7][:5])))
    print("search: two letters        ", _best(lambda: history.search("er")))
    print("search: nothing            ", _best(lambda: history.search("熊猫")))
    history.close()
    print("open, with its quick check ", _best(lambda: _reopen(path)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for conversations, messages in ((1, 10_000), (500, 20), (5_000, 20)):
            _measure(Path(folder) / f"{conversations}.sqlite", conversations, messages)
