"""Logs and crash reports help to find a bug, and contain nothing private."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import desktop_app
from desktop_app import logs
from tests.helpers.strays import Expected


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, raising = list(root.handlers), logging.raiseExceptions
    yield
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    logging.raiseExceptions = raising
    for ours in ("desktop_app", "model_store"):
        logging.getLogger(ours).setLevel(logging.NOTSET)


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with somebody's name."""
    home = tmp_path / "Zoë Müller"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home


def fail(text: str) -> None:
    try:
        raise KeyError(text)
    except KeyError as error:
        raise ValueError(f"cannot answer {text!r}") from error


def test_a_log_says_what_failed_and_where_but_not_about_what(tmp_path: Path, person: Path) -> None:
    path = logs.start(tmp_path)
    log = logging.getLogger("desktop_app.somewhere")
    log.info("opened %s", person / "x.sqlite")
    question = "my secret question"
    try:
        fail(question)
    except ValueError:
        log.info("could not answer", exc_info=True)
    text = path.read_text("utf-8")
    assert "INFO desktop_app.somewhere: could not answer" in text
    assert "KeyError" in text
    assert "ValueError" in text
    assert "test_logs.py" in text
    assert question not in text
    assert "opened ~" in text
    assert person.name not in text


def test_a_report_names_versions_and_the_place_without_the_home(person: Path) -> None:
    with pytest.raises(ValueError, match="cannot") as caught:
        fail(f"{person}/photo.png")
    report = logs.report(caught.value)
    for part in (
        desktop_app.__version__,
        sys.version.split()[0],
        "SQLite 3.",
        "llama-cpp-python",
        "in fail",
        "KeyError",
    ):
        assert part in report
    assert "~/photo.png" in report
    assert person.name not in report


def test_other_libraries_chatter_is_left_out(tmp_path: Path) -> None:
    path = logs.start(tmp_path)
    logging.getLogger("httpx").info("GET a url")
    logging.getLogger("model_store.hub.client").debug("detail")
    logging.getLogger("model_store.hub.client").info("one file")
    assert [line.rsplit(" ", 2)[1:] for line in path.read_text().splitlines()] == [["one", "file"]]


def test_a_log_sends_no_escape_sequences_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], expected: Expected
) -> None:
    """The name of a file may hold some, and a window is often started from a terminal."""
    expected.log("did not load", logger="desktop_app.x")
    path = logs.start(tmp_path)
    logging.getLogger("desktop_app.x").warning("did not load %s\nnor this", "\x1b]0;mine\x07\x9b31m.gguf")
    for text in (path.read_text("utf-8"), capsys.readouterr().err):
        assert "did not load \ufffd]0;mine\ufffd\ufffd31m.gguf\nnor this" in text


def test_the_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    logs.start(tmp_path, "engine")
    log = logging.getLogger("desktop_app.engine")
    for _ in range(500):
        log.info("x" * 10_000)
    files = sorted(path.name for path in tmp_path.glob("*.log*"))
    assert files == ["engine.log", "engine.log.1", "engine.log.2"]
    assert sum(path.stat().st_size for path in tmp_path.glob("*.log*")) < 3_100_000


WITHOUT_A_CONSOLE = """
import logging, sys
from pathlib import Path
sys.stdout = sys.stderr = None
from desktop_app import logs
from tests.helpers.strays import Expected
logs.start(Path(sys.argv[1]))
logging.getLogger("desktop_app").warning("heard")
"""


def test_a_program_without_a_console_logs_to_its_file(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_A_CONSOLE, str(tmp_path)], check=True)
    assert "heard" in (tmp_path / "eyebright.log").read_text()


def test_a_folder_that_cannot_be_written_is_said_on_screen(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = "import sys; from pathlib import Path; from desktop_app import logs; logs.start(Path(sys.argv[1]))"
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "file")], check=True, capture_output=True, text=True
    )
    assert "no log file: Not a directory" in said.stderr
