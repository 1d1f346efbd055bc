"""The command line as a process of its own, with the real engine and the built-in model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app import cli, paths
from desktop_app.cli import texts
from desktop_app.cli.request import AskRequest
from desktop_app.engine.messages import Sampling
from tests.helpers.paths import REPOSITORY
from tests.random_models.llava import Sizes, write_projector

PICTURES = REPOSITORY / "tests" / "data" / "pictures"
PLAIN = str(PICTURES / "plain.png")
QUESTION = ("-p", "What is in the picture?")
KEYS = {
    "thought",
    "answer",
    "finish_reason",
    "prompt_tokens",
    "reused_tokens",
    "evaluated_tokens",
    "image_encodes",
    "answer_tokens",
    "dropped_turns",
    "pictures",
    "time_to_first_token_s",
    "tokens_per_second",
    "peak_memory_bytes",
    "sureness",
    "least_probability",
    "words",
}

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**usual, "EYEBRIGHT_HOME": str(home)}


@pytest.fixture
def eyebright(environment: dict[str, str]) -> Any:
    """Run `eyebright` with these words and return what it wrote."""

    def run(*words: str, stdin: bytes = b"", python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, *python, "-m", "desktop_app", *words]
        return subprocess.run(command, input=stdin, capture_output=True, env=environment, cwd=REPOSITORY, check=False)

    return run


@pytest.fixture
def started(environment: dict[str, str]) -> Iterator[Any]:
    """Start `eyebright` in a process group of its own, as a terminal does."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "desktop_app", *words]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=REPOSITORY,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_conversation_in_json(eyebright: Any) -> None:
    """Also: no Qt, no llama.cpp and no decoder in the process that talks to the person."""
    result = eyebright(
        "ask", PLAIN, *QUESTION, "-p", "What color is the circle?", "--greedy", "--json", python=("-X", "importtime")
    )
    assert result.returncode == 0, result.stderr[-2000:]
    turns = [json.loads(line) for line in result.stdout.decode().splitlines()]
    assert [set(turn) for turn in turns] == [KEYS, KEYS]
    first, second = turns
    assert first["image_encodes"] == 1
    assert first["reused_tokens"] == 0
    assert first["evaluated_tokens"] == first["prompt_tokens"]
    assert second["image_encodes"] == 0
    assert second["reused_tokens"] >= first["prompt_tokens"]
    assert second["evaluated_tokens"] < 30  # the question, not the picture once more
    assert second["reused_tokens"] + second["evaluated_tokens"] == second["prompt_tokens"]
    assert first["finish_reason"] == second["finish_reason"] == "stop"
    assert first["time_to_first_token_s"] > 0
    assert first["peak_memory_bytes"] > 10_000_000
    assert "red" in first["answer"].lower()
    assert "circle" in first["answer"].lower()
    assert "red" in second["answer"].lower()
    assert [turn["sureness"] for turn in turns] == ["sure", "sure"]
    assert 0.9 < first["least_probability"] <= 1
    [red] = [word for word in second["words"] if word["word"] == "red"]
    assert red["probability"] > 0.9
    assert red["log_ratio_by_picture"] > 0.5  # the picture made it more probable
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.decode().splitlines()}
    assert "desktop_app.engine.client" in imported
    tops = {name.partition(".")[0] for name in imported}
    assert not tops & {"PySide6", "shiboken6", "llama_cpp", "PIL", "pillow_heif", "huggingface_hub"}


def test_a_picture_is_looked_at_once_and_for_all(eyebright: Any, home: Path, tmp_path: Path) -> None:
    picture = tmp_path / "again.png"
    picture.write_bytes(Path(PLAIN).read_bytes() + b"another file")
    command = ("ask", str(picture), *QUESTION, "--greedy", "--json")
    first, second = (json.loads(eyebright(*command).stdout) for _ in range(2))
    assert (first["image_encodes"], second["image_encodes"]) == (1, 0)
    assert first["answer"] == second["answer"]
    assert not list((home / "cache" / "contexts").iterdir())
    settings = home / "config" / "settings.toml"
    settings.write_text("disk_cache_mb = 0")
    third = json.loads(eyebright(*command).stdout)
    assert third["image_encodes"] == 1
    assert not [path for path in (home / "cache").rglob("*") if path.is_file()]
    settings.unlink()


def test_answers_one_after_the_other_with_a_blank_line_between(eyebright: Any) -> None:
    """The first picture comes through standard input, and no picture belongs to the second question."""
    jpeg = (PICTURES / "orientation-6.jpg").read_bytes()
    result = eyebright("ask", "-", *QUESTION, "-p", "What color is the circle?", "--greedy", stdin=jpeg)
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""
    first, blank, second, end = result.stdout.decode().split("\n")
    assert "red circle" in first.lower()
    assert (blank, end) == ("", "")
    assert "red" in second.lower()


def test_a_question_comes_through_a_pipe(eyebright: Any) -> None:
    asked = "What color is the circle?"
    typed = eyebright("ask", PLAIN, "-p", asked, "--greedy")
    piped = eyebright("ask", PLAIN, "-p", "-", "--greedy", stdin=f"{asked}\n".encode())
    assert (piped.returncode, piped.stdout, piped.stderr) == (0, typed.stdout, b"")


def test_words_in_a_pipe_that_nobody_asks_for_are_left_there_with_a_note(eyebright: Any) -> None:
    described = eyebright("ask", PLAIN, "--greedy", stdin=b"What color is the circle?\n")
    assert described.returncode == 0
    assert described.stderr.decode() == ("" if os.name == "nt" else texts.NOTE_PIPED + "\n")
    assert described.stdout == eyebright("ask", PLAIN, "--greedy").stdout


def test_standard_input_is_one_thing_only(eyebright: Any) -> None:
    for words in (("-", "-p", "-"), ("-p", "-", "-p", "-")):
        refused = eyebright("ask", *words, stdin=b"x")
        assert refused.returncode == 2
        assert texts.ONE_STANDARD_INPUT in refused.stderr.decode()


def test_no_end_of_words_is_read_from_a_pipe(eyebright: Any) -> None:
    refused = eyebright("ask", "-p", "-", stdin=b"x" * 1_000_001)
    assert refused.returncode == 2
    assert "longer than 1000000 characters" in refused.stderr.decode()
    assert eyebright("ask", "-p", "-", stdin=b" \n").returncode == 2, "a question of nothing"


def test_ordinary_chat_needs_no_picture(eyebright: Any) -> None:
    result = eyebright("ask", "-p", "Hello!", "--greedy", "--max-tokens", "20")
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.strip()


def test_a_photograph_is_answered_with_a_word_of_warning(eyebright: Any, tmp_path: Path) -> None:
    from tests.images.test_preview import clouds

    clouds(1, 0.7).save(tmp_path / "holiday.png")
    result = eyebright("ask", str(tmp_path / "holiday.png"), *QUESTION, "--greedy", "--max-tokens", "5")
    assert result.returncode == 0
    photograph, cut = result.stderr.decode().splitlines()
    assert photograph == texts.NOTE_PHOTOGRAPH.format(name="holiday.png")
    assert cut == texts.NOTE_LONGEST_ANSWER.format(tokens=5)


def test_it_is_said_which_frame_is_seen(eyebright: Any, tmp_path: Path) -> None:
    from PIL import Image

    from tests.images.files import SIZE, scene

    blank, last = Image.new("RGB", SIZE, "white"), Image.new("RGB", SIZE, "yellow")
    blank.save(tmp_path / "film.gif", save_all=True, append_images=[scene(), last], duration=100)
    result = eyebright("ask", str(tmp_path / "film.gif"), *QUESTION, "--greedy")
    assert result.returncode == 0
    assert result.stderr.decode() == "eyebright: film.gif is an animation. The model sees frame 2 of 3.\n"
    assert b"red circle" in result.stdout.lower()


def test_what_is_missing_of_a_picture_is_said(eyebright: Any, tmp_path: Path) -> None:
    from tests.images.files import saved, scene

    whole = saved(scene(), "JPEG", quality=95)
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 3 // 4])
    result = eyebright("ask", str(tmp_path / "cut.jpg"), *QUESTION, "--greedy")
    assert result.returncode == 0
    said = "eyebright: cut.jpg is incomplete: its lower part is missing. What is there is shown.\n"
    assert result.stderr.decode() == said


def test_a_picture_through_a_pipe(tmp_path: Path, eyebright: Any) -> None:
    """As a shell does for `eyebright ask <(cat plain.png)`: the engine itself could not read it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', PLAIN, str(pipe)])
    try:
        result = eyebright("ask", str(pipe), *QUESTION, "--greedy")
    finally:
        writer.kill()  # it waits for somebody to read
        writer.wait()
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"red circle" in result.stdout.lower()


def bad_files(folder: Path) -> None:
    """Write one file of each kind of bad input into `folder`."""
    content = (PICTURES / "plain.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(content[: len(content) // 20])
    tiff = (PICTURES / "tiled.tif").read_bytes()
    (folder / "noisy.tif").write_bytes(tiff[:100] + bytes(1900) + tiff[2000:])
    (folder / "letter.png").write_text("This is a letter.")
    (folder / "empty.png").touch()
    (folder / "cut.gguf").write_bytes(paths.demo_model()[0].read_bytes()[:100_000])
    write_projector(folder / "other-mmproj.gguf", Sizes(projected=48))


MODEL, MMPROJ = (str(path) for path in paths.demo_model())
BAD: dict[str, tuple[list[str], str]] = {
    "no such file": (["gone.png", *QUESTION], "gone.png cannot be found"),
    "a question without -p": (
        [PLAIN, "What colour?"],
        "There is no picture “What colour?”. If that is your question, write -p before it.",
    ),
    "a question of several words without -p": ([PLAIN, "Describe it."], "write -p before it"),
    "no such file with a space": (["my cat.png", *QUESTION], "my cat.png cannot be found"),
    "one good, one bad": ([PLAIN, "letter.png", *QUESTION], "letter.png is not a picture"),
    "damaged": (["cut.jpg", *QUESTION], "cut.jpg is damaged"),
    "damaged, and libtiff would say more": (["noisy.tif", *QUESTION], "noisy.tif is damaged"),
    "empty": (["empty.png", *QUESTION], "empty.png is empty"),
    "a folder": ([".", *QUESTION], ". is a folder"),
    "web address": (["https://example.org/cat.png", *QUESTION], "does not go online"),
    "no question": ([], "There is no question"),
    "empty question": (["-p", " \n"], "There is no question"),
    "empty second question": ([PLAIN, *QUESTION, "-p", " \n"], "There is no question"),
    "no such model installed": (["--model", "Nobody's model", "-p", "Hello"], "No model called “Nobody's model”"),
    "a model of the catalogue": (
        ["--model", "llava-1.5-7b", "-p", "Hello"],
        "LLaVA 1.5 7B is not downloaded yet. Download it with: eyebright models download llava-1.5-7b",
    ),
    "no model file": (["--model", "letter.png", "-p", "Hello"], "letter.png is not a model file (GGUF)"),
    "no model file, asked about a picture": (["--model", "letter.png", PLAIN, *QUESTION], "letter.png is not a model"),
    "damaged model": (["--model", "cut.gguf", "-p", "Hello"], "cut.gguf cannot be loaded as a model"),
    "no such model": (["--model", "gone.gguf", "-p", "Hello"], "gone.gguf cannot be found"),
    "projector as model": (["--model", MMPROJ, "-p", "Hello"], "Swap the two files"),
    "projector of another model": (
        ["--model", MODEL, "--mmproj", "other-mmproj.gguf", PLAIN, *QUESTION],
        "does not belong to the model",
    ),
    "picture without projector": (["--model", MODEL, PLAIN, *QUESTION], "cannot see pictures without its projector"),
    "projector without model": (["--mmproj", MMPROJ, "-p", "Hello"], texts.MMPROJ_ALONE),
    "number too large": (["-p", "Hello", "--temperature", "3"], "must be a number from 0 to 2"),
    "no number": (["-p", "Hello", "--max-tokens", "many"], "must be a whole number"),
    "two temperatures": (["-p", "Hello", "--greedy", "--temperature", "1"], "not allowed with"),
    "unknown option": (["-p", "Hello", "--loud"], "--loud"),
    "too long a question": (["-p", "word " * 3000], "tokens, and the context has room for"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_code_2(case: str, tmp_path: Path, environment: dict[str, str]) -> None:
    bad_files(tmp_path)
    words, sentence = BAD[case]
    command = [sys.executable, "-m", "desktop_app", "ask", *words]
    environment["PYTHONPATH"] = str(REPOSITORY)
    result = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, check=False)
    assert result.returncode == 2, result.stderr.decode()[-2000:]
    assert result.stdout == b""
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("eyebright: ")
    assert sentence in lines[0]


def test_ctrl_c_stops_the_answer_and_keeps_what_was_written(started: Any) -> None:
    process = started("ask", PLAIN, *(["-p", "What is in the picture?"] * 300), "--json")
    assert process.stdout is not None
    first = process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == b""
    turns = [json.loads(line) for line in (first + rest).splitlines()]
    assert 1 <= len(turns) < 300
    assert {turn["finish_reason"] for turn in turns[:-1]} <= {"stop"}


def test_ctrl_c_while_writing_text_ends_the_line(started: Any) -> None:
    process = started("ask", "-p", *["Hello"], *(["-p", "Tell me more."] * 300), "--temperature", "1.5")
    assert process.stdout is not None
    first = process.stdout.read(1)
    os.killpg(process.pid, signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")
    assert first
    assert rest.endswith(b"\n")


def test_a_closed_pipe_is_no_error(started: Any) -> None:
    """As in `eyebright ask ... | head -1`."""
    process = started("ask", PLAIN, *(["-p", "What is in the picture?"] * 300), "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("words", [("models", "list"), ("ask", "-p", "Hello"), ("ask", "-p", "Hello", "--json")])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_on_a_full_disk_is_said(environment: dict[str, str], words: tuple[str, ...], unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "desktop_app", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**environment, "PYTHONUNBUFFERED": unbuffered},
            cwd=REPOSITORY,
            check=False,
        )
    assert result.returncode == 2
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith("eyebright: The disk is full")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes it there in no such way")
def test_a_closed_standard_input_is_said(environment: dict[str, str]) -> None:
    command = f'"{sys.executable}" -m desktop_app ask -p hi - <&-'
    result = subprocess.run(["sh", "-c", command], capture_output=True, env=environment, cwd=REPOSITORY, check=False)
    assert result.returncode == 2
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith("eyebright: Standard input is closed")


def test_the_engine_does_not_outlive_the_command(started: Any) -> None:
    process = started("ask", PLAIN, *(["-p", "What is in the picture?"] * 300), "--json")
    assert process.stdout is not None
    process.stdout.readline()
    lists = list(Path(f"/proc/{process.pid}/task").glob("*/children"))  # of each of its threads
    if not lists:
        pytest.skip("this system does not list the children of a process")
    assert any(children.read_text().split() for children in lists)
    process.kill()
    # The pipes close when the last process that holds them is gone.
    process.communicate(timeout=60)


def test_doctor_and_self_test(eyebright: Any, home: Path) -> None:
    doctor = eyebright("doctor")
    assert (doctor.returncode, doctor.stderr) == (0, b"")
    said = doctor.stdout.decode()
    for expected in ("llama-cpp-python", " GB", "cores", str(home), "Class token", "put in its right place"):
        assert expected in said
    assert " = 1" not in said, "llama.cpp's own words are put into ours"
    assert "\nllama.cpp uses " in said
    assert "by the rules “default”, which the file of the model in use names" in said
    tested = eyebright("self-test")
    assert (tested.returncode, tested.stderr) == (0, b""), tested.stdout
    lines = tested.stdout.decode().splitlines()
    assert [line[:8] for line in lines] == ["ok      "] * 9
    checks = {line[8:].partition(":")[0] for line in lines}
    assert checks >= {"picture formats", "conversations", "window", "fonts", "icons", "translations", "engine"}


def test_self_test_tells_of_a_window_that_cannot_open(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "desktop_app", "self-test"]
    broken = environment | {"QT_QPA_PLATFORM": "nonsense", "DISPLAY": ":999"}
    result = subprocess.run(command, capture_output=True, env=broken, cwd=REPOSITORY, text=True, check=False)
    assert result.returncode == 1
    failed = [line for line in result.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1
    assert "window" in failed[0]
    assert "nonsense" in failed[0]
    assert "built-in model" in result.stdout, "the other checks are worth knowing"


def test_no_socket_to_any_network(environment: dict[str, str], tmp_path: Path) -> None:
    """A whole conversation under strace: the process and all its children."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    words = ["ask", str(PICTURES / "plain.heic"), *QUESTION, "-p", "What color is it?", "--greedy", "--json"]
    command = [
        strace,
        "-f",
        "-qq",
        "-e",
        "trace=network",
        "-o",
        str(trace),
        sys.executable,
        "-m",
        "desktop_app",
        *words,
    ]
    result = subprocess.run(command, capture_output=True, env=environment, cwd=REPOSITORY, check=False)
    if b"ptrace" in result.stderr or b"PTRACE" in result.stderr:
        pytest.skip("tracing is not allowed here")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2
    calls = trace.read_text()
    assert "AF_UNIX" in calls or "socketpair" in calls  # multiprocessing's own: so something was traced
    assert "AF_INET" not in calls


def test_the_command_line_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cat.png", "dog.png", "ask"):
        (tmp_path / name).touch()
    assert cli.parse(["cat.png", "dog.png"]) == cli.WindowRequest(["cat.png", "dog.png"])
    assert cli.parse([]) == cli.WindowRequest()
    assert cli.parse(["./ask"]) == cli.WindowRequest(["./ask"])
    mixed = cli.parse(["ask", "-p", "one", "cat.png", "--json", "-p", "two", "dog.png", "--seed", "7"])
    assert mixed == AskRequest(["cat.png", "dog.png"], ["one", "two"], sampling=Sampling(seed=7), json=True)
    dashes = cli.parse(["ask", "-p", "one", "--", "-p.png", "--json"])
    assert dashes == AskRequest(["-p.png", "--json"], ["one"])
    cold = cli.parse(["ask", "-p", "x", "--greedy"])
    assert isinstance(cold, AskRequest)
    assert cold.sampling.temperature == 0


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["ask", "--help"], ["doctor", "--help"], ["self-test", "--help"]]
)
def test_help_and_version(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(words)
    assert ended.value.code == 0
    assert "eyebright" in capsys.readouterr().out.lower()


@pytest.mark.parametrize("question", [(), ("-p", " ")])
def test_pictures_without_a_question_are_described(eyebright: Any, question: tuple[str, ...]) -> None:
    """As in the window."""
    result = eyebright("ask", PLAIN, *question, "--greedy")
    assert result.returncode == 0, result.stderr
    assert b"red circle" in result.stdout


def test_what_is_no_file_and_no_command_is_said_in_the_terminal(eyebright: Any, home: Path) -> None:
    result = eyebright("bogus")
    assert result.returncode == 2
    assert result.stdout == b""
    [line] = result.stderr.decode().splitlines()
    assert "there is no file and no command called “bogus”" in line


def test_the_built_in_model_has_a_name(eyebright: Any) -> None:
    result = eyebright("ask", "--model", "eyebright tiny", "-p", "What can you do?")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
