"""A history in a file of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.chat.history import History


@pytest.fixture
def history_path(tmp_path: Path) -> Path:
    return tmp_path / "späces 会話" / "conversations.sqlite"


@pytest.fixture
def history(history_path: Path) -> Iterator[History]:
    history_path.parent.mkdir()
    opened, damage = History.open(history_path)
    assert damage is None
    yield opened
    assert opened.problems() == []
    opened.close()
