"""Fixtures for tests of the history: one in a file of its own, and a disk that is soon full."""

import shutil
import subprocess
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB; only root can make one."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("making a small file system needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)
