"""From a new home to an answer of a downloaded model: only the Hub is replaced, by one on 127.0.0.1.

The built-in model's files are published there under a repository's name. A new home finds them, downloads them
while the program is killed three times, verifies them, and answers about a drawn picture.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app import paths
from model_store.jobs import Role
from model_store.library.library import Library
from tests.engine.questions import draw
from tests.helpers.fake_hub import FakeHub
from tests.helpers.paths import REPOSITORY
from tests.helpers.waiting import wait_until
from tests.random_models.splitting import split_gguf

pytestmark = pytest.mark.timeout(240)
NAME = "eyebright/tiny-llava-GGUF"
ID = "eyebright-tiny-llava-gguf-F16"
MIB = 1 << 20
Command = Callable[..., subprocess.Popen[str]]


@pytest.fixture(params=["one file", "split"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeHub]:
    model, projector = paths.demo_model()
    weights = {"tiny-llava-F16.gguf": model.read_bytes()}
    if request.param == "split":
        parts = split_gguf(model, tmp_path / "split", "tiny-llava-F16", tensors=15)
        weights = {f"F16/{path.name}": path.read_bytes() for path in parts}
    with FakeHub() as hub:
        files = {**weights, "mmproj-tiny-llava-f16.gguf": projector.read_bytes(), "README.md": b"# Tiny"}
        hub.publish(NAME, files, licence="mit")
        yield hub


@pytest.fixture
def eyebright(hub: FakeHub, tmp_path: Path) -> Iterator[Command]:
    """Start `eyebright` in a home that nobody has used before."""
    environment = {**os.environ, "EYEBRIGHT_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.endpoint}
    environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "desktop_app", *words]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment, cwd=REPOSITORY, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _said(process: subprocess.Popen[str], code: int = 0) -> str:
    out, err = process.communicate()
    assert process.returncode == code, err
    return out


def _answer(process: subprocess.Popen[str], code: int = 0) -> Any:
    return json.loads(_said(process, code))


def test_from_nothing_to_an_answer(hub: FakeHub, eyebright: Command, tmp_path: Path) -> None:
    assert _answer(eyebright("models", "list", "--json"))["models"] == []

    (row,) = _answer(eyebright("models", "search", NAME, "--json"))["models"]
    published = [file for file in hub.shared.repositories[NAME].files.values() if file.path.endswith(".gguf")]
    assert (row["quantisation"], row["fits"], row["size"]) == ("F16", "fits", sum(len(file.data) for file in published))
    assert hub.sent <= 8 * MIB, "headers only"

    refused = eyebright("models", "download", NAME)
    _, err = refused.communicate()
    assert (refused.returncode, "--accept-terms" in err, "mit" in err) == (2, True, True)

    before = hub.sent
    hub.shared.pace = 0.01  # seconds for each 64 KiB
    for share in (0.2, 0.5, 0.8):
        download = eyebright("models", "download", NAME, "--accept-terms", "--json")
        enough = before + share * row["size"]
        wait_until(lambda enough=enough: hub.sent >= enough, 60)  # type: ignore[misc]
        assert download.poll() is None
        os.kill(download.pid, signal.SIGKILL)
        download.communicate()
        assert _answer(eyebright("models", "list", "--json"))["models"] == [], "half a model is none"
    hub.shared.pace = 0

    (model,) = _answer(eyebright("models", "download", NAME, "--accept-terms", "--json"))["models"]
    assert hub.sent - before <= row["size"] + 3 * MIB, "at most 1 MiB is fetched again for each kill"
    assert (model["id"], model["state"], model["origin"], model["licence"]) == (ID, "ok", "hub", "mit")
    installed = Library(tmp_path / "home" / "data" / "models").get(ID)
    assert [file.path.read_bytes() for file in installed.files] == [file.data for file in published]
    assert "all files are ok" in _said(eyebright("models", "verify", ID))

    picture = draw(tmp_path / "disc.png", "red")
    words = ("ask", picture.path, "-p", "What is in the picture?", "--model", ID, "--greedy")
    assert re.search(r"\bred circle\b", _said(eyebright(*words)))


def test_what_is_damaged_is_fetched_again_and_nothing_else(hub: FakeHub, eyebright: Command, tmp_path: Path) -> None:
    _said(eyebright("models", "download", NAME, "--accept-terms"))
    installed = Library(tmp_path / "home" / "data" / "models").get(ID)
    damaged = installed.files[-2].path  # of the language model
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "models repair" in _said(eyebright("models", "verify", ID), code=1)

    before = hub.sent
    (model,) = _answer(eyebright("models", "repair", ID, "--json"))["models"]
    assert (model["id"], model["state"], model["repository"]) == (ID, "ok", NAME)
    assert damaged.read_bytes() == content
    most = sum(file.size for file in installed.files if file.role is Role.MODEL)
    assert 0 < hub.sent - before < most, "the projector was right, and so was most of the model"
    assert "nothing to repair" in _said(eyebright("models", "repair", ID))
