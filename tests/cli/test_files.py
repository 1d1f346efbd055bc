"""Files on the command line that may not be read, or have impossible names, or none: one sentence each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import run_verb
from tests.helpers.paths import DATA, REPOSITORY
from tests.helpers.rights import no_right_to_read_all, without_rights

PLAIN = DATA / "pictures" / "plain.png"
DEMO = REPOSITORY / "resources" / "demo_model" / "eyebright-tiny.gguf"
LONG = "y" * 300

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that may not be looked into, beside a picture that may not be read."""
    folder = tmp_path / "closed"
    folder.mkdir()
    for name in ("a.png", "a.gguf"):
        (folder / name).write_bytes(b"x")
    (tmp_path / "b.png").write_bytes(PLAIN.read_bytes())
    (tmp_path / "b.png").chmod(0)
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def test_pictures_that_cannot_be_opened(closed: Path, tmp_path: Path) -> None:
    def said(picture: str) -> str:
        words = ["ask", picture, "-p", "What is it?"]
        command = [*without_rights(), sys.executable, "-m", "desktop_app", *words]
        environment = {**os.environ, "EYEBRIGHT_HOME": str(tmp_path / "home")}
        found = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment,
            cwd=REPOSITORY,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert found.returncode == 2, found.stderr
        assert found.stderr.count("\n") == 1
        return found.stderr

    allowed = "cannot be opened. Check that you are allowed to read it."
    assert f"b.png {allowed}" in said(str(tmp_path / "b.png"))
    assert f"a.png {allowed}" in said(str(closed / "a.png"))
    assert "cannot be found" in said(f"{LONG}.png")
    if sys.platform == "linux":
        assert "mem" in said("/proc/self/mem")  # has no size, and cannot be read


@pytest.mark.parametrize("verb", ["ask", "plan", "plan with a projector"])
def test_models_that_cannot_be_opened(closed: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    def said(model: str) -> str:
        words = ["ask", "--model", model, "-p", "Hello"] if verb == "ask" else ["plan", model]
        if verb == "plan with a projector":
            words = ["plan", str(DEMO), model]
        with no_right_to_read_all():
            assert run_verb(*words) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        return error

    if verb == "ask":  # the engine's process has rights of its own
        assert "cannot be found" in said(f"{LONG}.gguf")
    else:
        assert "a.gguf cannot be opened" in said(str(closed / "a.gguf"))
        assert "cannot be found" in said(f"{LONG}.gguf")
    assert ". is a folder. Choose the model file (GGUF) inside it instead." in said(".")


def test_measuring_what_cannot_be_opened(capsys: pytest.CaptureFixture[str]) -> None:
    for model, sentence in ((".", "is a folder"), (f"{LONG}.gguf", "cannot be found")):
        assert run_verb("tune", model) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("\n") == 1


def test_one_folder_that_may_not_be_read_spoils_no_import(closed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stick = closed.parent
    for name in (DEMO.name, "eyebright-tiny-mmproj.gguf"):
        (stick / name).write_bytes((DEMO.parent / name).read_bytes())
    with no_right_to_read_all():
        assert run_verb("models", "import", str(stick), "--json") == 0
    assert "eyebright: " not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("",),
        ("file:",),
        ("ask", "", "-p", "?"),
        ("ask", "file:", "-p", "?"),
        ("ask", "file://", "-p", "?"),
        ("ask", "-p", "?", "--", ""),
        ("ask", "--model", "", "-p", "?"),
        ("ask", "--model", str(DEMO), "--mmproj", "", "-p", "?"),
        ("plan", ""),
        ("plan", str(DEMO), ""),
        ("tune", ""),
        ("models", "import", ""),
        ("models", "import", str(DEMO), "file:"),
        ("models", "export", "tiny", ""),
        ("models", "move", ""),
    ],
)
def test_an_empty_name_is_not_the_current_folder(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_verb(*words)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "must not be empty" in error
    assert error.count("\n") == 1
