"""What reaches the terminal: no escape sequence of a name, a header, a manifest or a server, and no library's words."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app import cli, paths
from desktop_app.cli.output import json_line
from desktop_app.cli.terminal import plain_terminal
from desktop_app.errors import UserError
from desktop_app.settings import Settings
from tests.cli.running import run_verb
from tests.helpers.paths import REPOSITORY
from tests.random_models.small_gguf import gguf

ESCAPE = "\x1b]0;owned\x07\x1b[31m\x9b2J"
FORGED = "\neyebright: Everything is fine."
needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
needs_shell = pytest.mark.skipif(os.name != "posix", reason="Windows has no such shell")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def out(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    text = said.out + said.err
    assert text.strip()
    assert not CONTROL.search(text)
    return text


@pytest.mark.parametrize(
    "words",
    [
        ("ask", f"{ESCAPE}.png", "-p", "?"),
        ("ask", "--model", f"{ESCAPE}.gguf", "-p", "?"),
        ("ask", "-p", f"{ESCAPE}", "--model", f"{ESCAPE}"),
        ("plan", f"{ESCAPE}.gguf"),
        ("plan", f"{ESCAPE}.gguf", "--memory", ESCAPE),
        ("models", "verify", ESCAPE),
        ("models", "download", ESCAPE),
        ("models", "import", f"/{ESCAPE}.gguf"),
    ],
)
def test_words_of_the_command_line_are_no_commands_to_the_terminal(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(*words)
    out(capsys)


@pytest.mark.parametrize(
    "words",
    [
        ("ask", f"a{FORGED}.png", "-p", "?"),
        ("ask", "--model", f"a{FORGED}.gguf", "-p", "?"),
        ("plan", f"a{FORGED}.gguf"),
        ("models", "verify", f"a{FORGED}"),
        ("models", "download", f"a{FORGED}"),
        ("models", "import", f"/a{FORGED}.gguf"),
    ],
)
def test_a_name_cannot_pretend_to_be_a_line_of_ours(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb(*words)
    (line,) = out(capsys).splitlines()
    assert "a eyebright: Everything is fine." in line


def test_nonsense_cannot_pretend_to_be_a_line_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parse(["ask", "-p", "?", "--a\nforged"])
    assert len(out(capsys).splitlines()) == 1


def test_nonsense_is_no_command_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parse(["ask", f"--{ESCAPE}"])
    out(capsys)


def test_headers_and_manifests_are_no_commands_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that names itself, and a manifest that somebody wrote."""
    strange = tmp_path / "strange.gguf"
    strange.write_bytes(gguf(1000, 1, "llama\x1b]0;owned\x07\nlines"))
    assert run_verb("plan", str(strange))
    out(capsys)
    assert run_verb("models", "import", *map(str, paths.demo_model())) == 0
    (manifest,) = paths.models_folder("").glob("*/eyebright-model.json")
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "title": f"two\nlines {ESCAPE}", "licence": ESCAPE}))
    capsys.readouterr()
    for words in (("list",), ("verify",), ("where",), ("remove", manifest.parent.name)):
        assert run_verb("models", *words) == 0
        lines = out(capsys).splitlines()
        assert not any(line.startswith("lines") for line in lines)


def test_a_name_that_is_no_utf8_is_shown_alike_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb("ask", "caf\udce9.png", "-p", "?")
    assert "caf\ufffd.png cannot be found" in out(capsys)


def test_json_keeps_what_the_terminal_must_not_get() -> None:
    line = json_line({"answer": f"猫 {ESCAPE}"})
    assert "猫" in line
    assert not CONTROL.search(line)
    assert json.loads(line) == {"answer": f"猫 {ESCAPE}"}


def test_lines_are_still_drawn_over_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    with plain_terminal():
        print("\r50 %", end="")
        print("\r    \r", end="")
        print("one\rtwo\ta\n", end="")
    assert written.getvalue() == "\r50 %\r    \rone\ufffdtwo\ta\n"
    assert sys.stdout is written


def test_only_our_own_warnings_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import logging; from desktop_app.cli.terminal import plain_terminal\n"
        "with plain_terminal():\n"
        " logging.getLogger('some_library').warning('Retrying')\n"
        " logging.getLogger('desktop_app.engine').warning('ours')\n"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "ours\n")
    assert not any(type(handler).__name__ == "_OurWarnings" for handler in logging.getLogger().handlers)


def test_without_a_network_a_search_says_one_sentence(home: Path) -> None:
    """The library for the Hub would try five times for half a minute, and say so each time."""
    settings, _ = Settings.load(paths.settings_file())
    settings.set("hub_address", "http://127.0.0.1:9")
    settings.save()
    command = [sys.executable, "-m", "desktop_app", "models", "search", "llava"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "llava-1.5-7b" in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("eyebright: Only the catalogue was searched.")


_VERBS = ("", "ask", "models", "models list", "plan", "tune", "doctor", "self-test")
_SPEAKING = [f"{verb} --help".strip() for verb in _VERBS] + ["--version", "models list", "models where --json"]
_FULL, _UNUSABLE = UserError("output-disk-full").sentence(), UserError("output-unusable").sentence()


def usual() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def in_shell(redirected: str, words: str) -> tuple[int, str]:
    """Run `eyebright` as a shell does that redirects its streams; return its exit code and standard error."""
    command = ["bash", "-c", f'exec "{sys.executable}" -m desktop_app {words} {redirected}']
    result = subprocess.run(command, cwd=REPOSITORY, env=usual(), capture_output=True, text=True, check=False)
    return result.returncode, result.stderr


@needs_full_device
@pytest.mark.parametrize("words", _SPEAKING)
def test_a_full_disk_is_said_in_one_sentence(words: str) -> None:
    assert in_shell(">/dev/full", words) == (2, f"eyebright: {_FULL}\n")


@needs_shell
@pytest.mark.parametrize("words", ["--version", "ask --help", "models list"])
@pytest.mark.parametrize("redirected", [">&-", "1</dev/null"])
def test_output_that_is_closed_is_said_in_one_sentence(words: str, redirected: str) -> None:
    assert in_shell(redirected, words) == (2, f"eyebright: {_UNUSABLE}\n")


@needs_full_device
def test_an_answer_that_cannot_be_written_is_said_in_one_sentence() -> None:
    for redirected, sentence in ((">/dev/full", _FULL), (">&- <&-", _UNUSABLE)):
        assert in_shell(redirected, "ask -p hi") == (2, f"eyebright: {sentence}\n")


@needs_full_device
@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(("words", "code"), [("--nonsense", 2), ("plan nowhere.gguf", 2)])
def test_where_no_sentence_can_be_said_the_exit_code_stays(words: str, code: int, redirected: str) -> None:
    assert in_shell(redirected, words) == (code, "")


@needs_shell
@pytest.mark.parametrize("words", ["--version", "ask --help", "models list"])
def test_whoever_reads_the_output_may_go_in_silence(words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "desktop_app", *words.split()]
    result = subprocess.run(
        command, cwd=REPOSITORY, env=usual(), stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (141, "")


@needs_shell
@pytest.mark.parametrize("redirected", ["<&-", "0>/dev/null"])
def test_input_that_cannot_be_read_is_said_in_one_sentence(redirected: str) -> None:
    sentence = UserError("no-standard-input").sentence()
    assert in_shell(redirected, "ask - -p hi") == (2, f"eyebright: {sentence}\n")


@needs_shell
def test_no_file_of_ours_gets_the_number_of_a_closed_stream() -> None:
    """Else a library that writes to standard error would write into the conversations."""
    program = (
        "import os, sys; sys.argv = ['eyebright', '--version']; from desktop_app import __main__, cli\n"
        "cli.parse = lambda words: os._exit(os.open(os.devnull, os.O_RDONLY))\n"
        "__main__.main()"
    )
    command = ["bash", "-c", f'exec "{sys.executable}" -c "$0" <&- >&- 2>&-', program]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 3
