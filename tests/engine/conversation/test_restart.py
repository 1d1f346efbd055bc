"""After a restart of the engine no picture is encoded and no conversation evaluated a second time."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import EngineSettings, Finished, PictureRef, Turn
from desktop_app.paths import demo_model
from tests.engine.questions import ask, read_ahead
from tests.helpers.strays import Expected
from tests.helpers.waiting import wait_until
from tests.random_models.llava import Sizes, write_language_model, write_projector

FOLLOW_UP = Turn("Which colour is it?")
Pair = tuple[Path, Path]


class Program:
    """A program that keeps things in one cache folder and is started again for every `run`."""

    def __init__(self, folder: Path, pair: Pair | None = None, megabytes: int = 50) -> None:
        self.folder = folder
        self.pair = pair or demo_model()
        self.settings = EngineSettings(threads=1, cache_folder=str(folder), cache_mb=megabytes)

    def run(self, *turns: Turn, ahead: bool = False) -> Finished:
        with EngineClient() as client:
            client.load(*self.pair, self.settings)
            if ahead:
                assert read_ahead(client, *turns[:-1]).evaluated_tokens <= 3
            return ask(client, *turns)

    def files(self, kind: str) -> list[Path]:
        return sorted((self.folder / kind).iterdir())

    def without_cache(self) -> "Program":
        return Program(Path(), self.pair, 0).with_settings(cache_folder="")

    def with_settings(self, **changed: str | int | bool) -> "Program":
        other = Program(self.folder, self.pair)
        other.settings = self.settings._replace(**changed)  # type: ignore[arg-type]
        return other


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "kept")


@pytest.fixture
def tiny_pair(tmp_path: Path) -> Pair:
    return write_language_model(tmp_path / "model.gguf"), write_projector(tmp_path / "mmproj.gguf")


@pytest.fixture
def asked(program: Program, star: PictureRef) -> Turn:
    """A question about a picture, answered by an engine that has ended since."""
    turn = Turn("What is in the picture?", (star,))
    finished = program.run(turn)
    assert finished.stats.image_encodes == 1
    return turn._replace(answer=finished.text)


def test_a_conversation_goes_on_after_a_restart(program: Program, asked: Turn, shared: EngineClient) -> None:
    finished = program.run(asked, FOLLOW_UP)
    assert finished.stats.image_encodes == 0
    assert finished.stats.reused_tokens > 64 + 30
    assert finished.stats.evaluated_tokens < 15
    assert finished.text == ask(shared, asked, FOLLOW_UP).text


def test_it_is_brought_back_when_it_is_opened(program: Program, asked: Turn, shared: EngineClient) -> None:
    finished = program.run(asked, FOLLOW_UP, ahead=True)
    assert finished.stats.image_encodes == 0
    assert finished.stats.evaluated_tokens < 12
    assert finished.text == ask(shared, asked, FOLLOW_UP).text


def test_a_known_picture_in_a_new_conversation(program: Program, asked: Turn, shared: EngineClient) -> None:
    turn = Turn("Describe it.", asked.pictures)
    finished = program.run(turn)
    assert finished.stats.image_encodes == 0
    assert finished.stats.reused_tokens >= 64  # how both conversations begin
    assert finished.text == ask(shared, turn).text


def test_an_embedding_alone_gives_the_same_answer(program: Program, asked: Turn) -> None:
    for path in program.files("contexts"):
        path.unlink()
    finished = program.run(asked._replace(answer=None))
    assert finished.stats.image_encodes == 0
    assert finished.stats.reused_tokens == 0
    assert finished.text == asked.answer


def test_a_context_alone_needs_no_embedding(program: Program, asked: Turn) -> None:
    for path in program.files("embeddings"):
        path.unlink()
    finished = program.run(asked, FOLLOW_UP)
    assert finished.stats.image_encodes == 0
    assert finished.stats.evaluated_tokens < 15


def test_an_answer_is_recognised_by_the_tokens_it_was_written_with(
    tmp_path: Path, tiny_pair: Pair, star: PictureRef
) -> None:
    """A random model writes what no tokeniser would give again."""
    program = Program(tmp_path / "kept", tiny_pair)
    turn = Turn("What is in the picture?", (star,))
    first = program.run(turn)
    answered = turn._replace(answer=first.text)
    second = program.run(answered, FOLLOW_UP)
    with EngineClient() as client:
        client.load(*tiny_pair, program.without_cache().settings)
        assert ask(client, turn).text == first.text
        assert ask(client, answered, FOLLOW_UP).stats.evaluated_tokens == second.stats.evaluated_tokens


def test_files_that_were_moved_and_touched_are_known(tmp_path: Path, program: Program, asked: Turn) -> None:
    moved = tuple(Path(copyfile(path, tmp_path / f"moved-{path.name}")) for path in program.pair)
    for path in moved:
        os.utime(path, (1, 1))
    finished = Program(program.folder, (moved[0], moved[1])).run(asked, FOLLOW_UP)
    assert finished.stats.image_encodes == 0
    assert finished.stats.evaluated_tokens < 15


def test_another_projector_sees_for_itself(tmp_path: Path, tiny_pair: Pair, star: PictureRef) -> None:
    turn = Turn("What?", (star,))
    Program(tmp_path / "kept", tiny_pair).run(turn)
    write_projector(tiny_pair[1], Sizes(seed=7))  # under the same name
    other = Program(tmp_path / "kept", tiny_pair)
    finished = other.run(turn)
    assert finished.stats.image_encodes == 1
    assert finished.stats.reused_tokens == 0
    assert finished.text == other.without_cache().run(turn).text


def test_another_model_reads_for_itself(tmp_path: Path, tiny_pair: Pair, star: PictureRef) -> None:
    turn = Turn("What?", (star,))
    Program(tmp_path / "kept", tiny_pair).run(turn)
    write_language_model(tiny_pair[0], Sizes(seed=7))
    other = Program(tmp_path / "kept", tiny_pair)
    finished = other.run(turn)
    assert finished.stats.image_encodes == 0  # it is the same projector
    assert finished.stats.reused_tokens == 0
    assert finished.text == other.without_cache().run(turn).text


def test_another_context_length_reads_for_itself(program: Program, asked: Turn, shared: EngineClient) -> None:
    other = program.with_settings(n_ctx=1024)
    finished = other.run(asked, FOLLOW_UP)
    assert finished.stats.image_encodes == 0
    assert finished.stats.reused_tokens == 0
    assert finished.text == ask(shared, asked, FOLLOW_UP).text


def half(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def flipped(raw: bytes) -> bytes:
    return raw[:-200] + bytes([raw[-200] ^ 0x10]) + raw[-199:]


def garbage(raw: bytes) -> bytes:
    return b"GGUF" + raw[::-1]


def of_another_version(raw: bytes) -> bytes:
    return raw[:7] + bytes([raw[7] + 1]) + raw[8:]


@pytest.mark.parametrize("damage", [half, flipped, garbage, of_another_version])
def test_damaged_files_are_ignored(
    program: Program, asked: Turn, expected: Expected, damage: Callable[[bytes], bytes], shared: EngineClient
) -> None:
    for path in program.folder.rglob("*"):
        if path.is_file() and path.stat().st_size > 300:  # the tokens of an answer do no harm
            path.write_bytes(damage(path.read_bytes()))
    expected.log("damaged or foreign")
    finished = program.run(asked, FOLLOW_UP)
    assert finished.stats.image_encodes == 1
    assert finished.stats.reused_tokens == 0
    assert finished.text == ask(shared, asked, FOLLOW_UP).text
    assert program.run(asked, FOLLOW_UP).stats.image_encodes == 0  # written again


def test_the_room_is_kept_to(tmp_path: Path, star: PictureRef) -> None:
    program = Program(tmp_path / "kept", megabytes=1)
    for question in ("What is in the picture?", "Describe it.", "Which colour?", "How many?"):
        program.run(Turn(question, (star,)), Turn("x " * 40))
        assert sum(path.stat().st_size for path in program.folder.rglob("*") if path.is_file()) < 1 << 20
    assert program.files("contexts")


def test_without_room_nothing_remains(program: Program, asked: Turn) -> None:
    none = Program(program.folder, megabytes=0)
    finished = none.run(asked, FOLLOW_UP)
    assert finished.stats.image_encodes == 1
    assert not [path for path in program.folder.rglob("*") if path.is_file()]


def test_contexts_can_be_used_without_being_added(program: Program, asked: Turn) -> None:
    before = program.files("contexts")
    finished = program.with_settings(saves_kv_cache=False).run(asked, FOLLOW_UP)
    assert finished.stats.evaluated_tokens < 15
    assert program.files("contexts") == before


def test_a_full_disk_harms_no_answer(
    program: Program, star: PictureRef, expected: Expected, shared: EngineClient
) -> None:
    turn = Turn("What is in the picture?", (star,))
    expected.log("nothing more is kept")
    with EngineClient() as client:
        client.load(*program.pair, program.settings)
        assert client.pid is not None
        resource.prlimit(client.pid, resource.RLIMIT_FSIZE, (1000, 1000))
        first = ask(client, turn)
        assert first.text == ask(shared, turn).text
    assert not program.files("contexts")
    assert not program.files("embeddings")


def test_what_is_saved_in_an_idle_moment_survives_a_kill(
    program: Program, star: PictureRef, shared: EngineClient, expected: Expected
) -> None:
    """Killed while it saves: what is there is whole, and what is not there is read again."""
    expected.log("ended with exit code -9", optional=True)
    turn = Turn("What is in the picture? " + "Is it a star? " * 80, (star,))
    client = EngineClient()
    client.start()
    client.load(*program.pair, program.settings)
    first = ask(client, turn)
    wait_until(lambda: len(list((program.folder / "contexts").glob("[!.]*"))) >= 2)
    assert client.pid is not None
    os.kill(client.pid, signal.SIGKILL)
    client.close()
    answered = turn._replace(answer=first.text)
    finished = program.run(answered, FOLLOW_UP)
    assert finished.stats.image_encodes == 0
    assert finished.stats.reused_tokens >= 128
    assert finished.text == ask(shared, answered, FOLLOW_UP).text


def test_a_second_model_in_the_same_process(program: Program, tiny_pair: Pair, asked: Turn) -> None:
    with EngineClient() as client:
        client.load(*program.pair, program.settings)
        first = ask(client, asked, FOLLOW_UP)
        client.load(*tiny_pair, program.settings)
        assert ask(client, asked, FOLLOW_UP).stats.image_encodes == 1
        client.load(*program.pair, program.settings)
        again = ask(client, asked, FOLLOW_UP)
        assert (again.text, again.stats.image_encodes) == (first.text, 0)
        assert again.stats.evaluated_tokens < 15
