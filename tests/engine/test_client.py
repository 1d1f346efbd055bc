"""The engine process is started, stopped and killed through its client, and every request gets an answer."""

import errno
import os
import queue
import signal
import subprocess
import sys
import textwrap
import threading
import time
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from desktop_app.engine.client import EngineBug, EngineClient, EngineDied
from desktop_app.engine.messages import (
    SILENT_AFTER_S,
    AnswersAgain,
    Ask,
    Died,
    EngineSettings,
    Event,
    Failed,
    Finished,
    Inspect,
    Inspected,
    Load,
    PictureRef,
    Ready,
    Sampling,
    Silent,
    Stop,
    Text,
    Turn,
)
from desktop_app.engine.standard_error import StandardErrorFile
from desktop_app.errors import UserError
from desktop_app.paths import demo_model
from tests.engine.questions import ask, draw
from tests.helpers.paths import REPOSITORY
from tests.helpers.strays import Expected
from tests.helpers.waiting import wait_until

ENDLESS = Sampling(temperature=50.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100_000, seed=1)
SETTINGS = EngineSettings(threads=1)
LONG = "star " * 150
ENGINE_PROCESS = "desktop_app.engine.engine_process"


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pid: int, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < deadline:
        os.sched_yield()
    return not is_running(pid)


# ---- loading -----------------------------------------------------------------------------------


def test_the_built_in_model_is_known(shared: EngineClient) -> None:
    info = shared.load(*demo_model())
    assert info.is_demo
    assert info.family == "vicuna_v1"
    assert info.n_ctx == 2048
    assert info.image_tokens == 64
    assert info.class_token == "corrected"


def test_a_copy_of_it_is_a_model_like_any_other(shared: EngineClient, tmp_path: Path) -> None:
    model, mmproj = demo_model()
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(model.read_bytes())
    assert not shared.load(copy, mmproj).is_demo
    shared.load(*demo_model())


def test_a_question_is_not_answered_by_the_model_before(client: EngineClient, tmp_path: Path) -> None:
    model, mmproj = demo_model()
    before = ask(client, Turn("Hello")).text
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(model.read_bytes()[:-1000])
    for files, code in [
        ((damaged, mmproj), "model-damaged"),
        ((mmproj, model), "swapped-files"),
        ((model, tmp_path / "nowhere"), "model-away"),
    ]:
        with pytest.raises(UserError) as caught:
            client.load(*files)
        assert caught.value.code == code
        with pytest.raises(UserError) as caught:
            ask(client, Turn("Hello"))
        assert caught.value.code == code
    client.load(model, mmproj)
    assert ask(client, Turn("Hello")).text == before


def test_weights_that_llama_cpp_refuses_are_damaged(empty: EngineClient, tmp_path: Path, expected: Expected) -> None:
    """The header holds together, but a tensor that the model needs has another name."""
    expected.log("llama.cpp did not load")
    raw = demo_model()[0].read_bytes().replace(b"output_norm.weight", b"output_nrom.weight")
    path = tmp_path / "renamed.gguf"
    path.write_bytes(raw)
    with pytest.raises(UserError) as caught:
        empty.load(path, None)
    assert caught.value.code == "model-damaged"
    with pytest.raises(UserError):  # a question gets the same answer: nothing is loaded
        ask(empty, Turn("Hello"))


def test_an_architecture_of_the_future_is_named(empty: EngineClient, tmp_path: Path, expected: Expected) -> None:
    expected.log("llama.cpp did not load")
    raw = demo_model()[0].read_bytes().replace(b"llama", b"lemma")
    path = tmp_path / "future.gguf"
    path.write_bytes(raw)
    with pytest.raises(UserError) as caught:
        empty.load(path, None)
    assert caught.value.code == "model-unsupported"
    assert caught.value.parameters["architecture"] == "lemma"


def test_a_bug_is_reported_and_the_engine_lives_on(empty: EngineClient) -> None:
    with pytest.raises(EngineBug, match="no model is loaded"):
        ask(empty, Turn("Hello"))
    empty.load(*demo_model())
    assert ask(empty, Turn("Hello")).text is not None


# ---- inspecting --------------------------------------------------------------------------------


def test_a_picture_is_inspected_before_any_model(empty: EngineClient, star: PictureRef) -> None:
    (seen,) = empty.request(Inspect(empty.next_request(), star))
    assert isinstance(seen, Inspected)
    assert (seen.width, seen.height) == (120, 90)
    assert seen.thumbnail.startswith(b"\x89PNG")


def test_what_is_no_picture_is_refused(empty: EngineClient, tmp_path: Path) -> None:
    path = tmp_path / "no.png"
    path.write_text("no picture")
    with pytest.raises(UserError) as caught:
        list(empty.request(Inspect(empty.next_request(), PictureRef("0" * 64, str(path), "no.png"))))
    assert caught.value.code == "not-a-picture"


def look_at(client: EngineClient, picture: PictureRef) -> None:
    (seen,) = client.request(Inspect(client.next_request(), picture))
    assert isinstance(seen, Inspected)


def test_a_small_picture_is_inspected_while_the_model_writes(client: EngineClient, star: PictureRef) -> None:
    for _ in range(2):  # now it is known that this takes no time
        look_at(client, star)
    order: list[type[Event]] = []
    inspected = False

    def hear(event: Event) -> None:
        nonlocal inspected
        order.append(type(event))
        if isinstance(event, Text) and not inspected:
            inspected = True
            order.extend(type(seen) for seen in client.request(Inspect(client.next_request(), star)))
            client.send(Stop())

    ask(client, Turn("Hello"), sampling=ENDLESS, hear=hear)
    assert order.index(Inspected) < order.index(Finished)


def test_a_large_picture_waits_for_the_end_of_a_short_answer(tmp_path: Path) -> None:
    large = draw(tmp_path / "large.png", "red", (5000, 4000))
    events: list[Event] = []
    dropped: list[int] = []
    with EngineClient(events.append) as client:
        look_at(client, large)  # now it is known what that takes
        client.load(*demo_model())

        def hear(_event: Event) -> None:
            if not dropped:
                dropped.append(client.next_request())
                client.send(Inspect(dropped[0], large))

        ask(client, Turn("Hello"), sampling=ENDLESS._replace(max_tokens=500), hear=hear)
        wait_until(lambda: any(isinstance(event, Inspected) and event.request == dropped[0] for event in events))
    order = [type(event) for event in events if isinstance(event, (Finished, Inspected))]
    assert order == [Inspected, Finished, Inspected]


# ---- the process -------------------------------------------------------------------------------


def test_closing_in_the_middle_of_work_leaves_nothing() -> None:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    client = EngineClient(events.put)
    client.start()
    model, mmproj = demo_model()
    client.send(Load(client.next_request(), str(model), str(mmproj)))
    client.send(Ask(client.next_request(), (Turn("Hello"),), ENDLESS))
    while not isinstance(events.get(timeout=30), Text):
        pass
    pid = client.pid
    assert pid is not None
    client.close()
    client.close()
    assert not is_running(pid)
    assert not client.is_alive
    assert client.pid is None
    client.send(Stop())  # to nobody
    with pytest.raises(EngineDied):
        client.load(*demo_model())
    while not events.empty():
        assert not isinstance(events.get(), Died)


def test_closing_while_the_process_is_being_started_leaves_nothing() -> None:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    client = EngineClient(events.put)
    client.start()
    client.close()
    assert not client.is_alive
    assert events.empty()


def test_a_process_that_shall_end_soon_has_given_its_memory_back_before_the_next_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    died: list[Event] = []
    there: list[bool] = []
    start = SpawnProcess.start
    with EngineClient(lambda event: died.append(event) if isinstance(event, Died) else None) as client:
        client.load(*demo_model())
        first = client.pid
        assert first is not None

        def watched(process: SpawnProcess) -> None:
            there.append(is_running(first))
            start(process)

        monkeypatch.setattr(SpawnProcess, "start", watched)
        os.kill(first, signal.SIGSTOP)  # it takes its time to end
        client.close_soon(timeout=60)
        client.start(wait=False)
        assert client.is_alive
        assert is_running(first)
        os.kill(first, signal.SIGCONT)
        assert client.load(*demo_model()).is_demo
        assert there == [False]
        second = client.pid
        assert second is not None
        client.close_soon()
    assert not is_running(second)
    assert died == []


def test_a_process_that_cannot_be_started_is_one_that_died(monkeypatch: pytest.MonkeyPatch, expected: Expected) -> None:
    def start(_process: SpawnProcess) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    told = threading.Event()
    before = set(threading.enumerate())

    def hear(event: Event) -> None:
        if isinstance(event, Died):
            told.wait(30)

    expected.log("cannot be started: Cannot allocate memory", logger=ENGINE_PROCESS)
    monkeypatch.setattr(SpawnProcess, "start", start)
    with EngineClient(hear) as client:
        with pytest.raises(EngineDied):
            client.load(*demo_model())
        assert not client.is_alive
        [of_the_first] = set(threading.enumerate()) - before
        monkeypatch.undo()
        client.start()  # there is memory again
        assert client.load(*demo_model()).is_demo
        answer = client.request(Ask(client.next_request(), (Turn("Hello"),), ENDLESS))
        next(answer)
        told.set()
        of_the_first.join(30)
        client.send(Stop())
        assert isinstance(list(answer)[-1], Finished)  # the end of the first process is no news of the second


def test_a_killed_engine_is_noticed_and_replaced(expected: Expected) -> None:
    expected.log("ended with exit code -9", logger=ENGINE_PROCESS)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with EngineClient(events.put) as client:
        client.load(*demo_model())
        answer = client.request(Ask(client.next_request(), (Turn("Hello"),), ENDLESS))
        next(answer)
        assert client.pid is not None
        os.kill(client.pid, signal.SIGKILL)
        with pytest.raises(EngineDied) as caught:
            list(answer)
        assert caught.value.code == "engine-died"
        assert caught.value.exit_code == -signal.SIGKILL
        event = events.get(timeout=10)
        while not isinstance(event, Died):
            event = events.get(timeout=10)
        assert event.exit_code == -signal.SIGKILL
        client.send(Stop())  # to nobody
        with pytest.raises(EngineDied):
            client.load(*demo_model())
        client.restart()
        client.load(*demo_model())
        assert ask(client, Turn("Hello"), sampling=Sampling(max_tokens=3)).stats.answer_tokens > 0


def test_an_engine_that_aborts_says_why_in_the_log_and_names_a_model_that_has_not_answered_yet(
    tmp_path: Path, expected: Expected
) -> None:
    expected.log(r"ended with exit code -6:.*Fatal Python error: Aborted.*Thread", logger=ENGINE_PROCESS)
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(demo_model()[0].read_bytes())
    with EngineClient() as client:
        client.load(copy, None)
        answer = client.request(Ask(client.next_request(), (Turn("Hello"),), ENDLESS))
        next(answer)
        assert client.pid is not None
        os.kill(client.pid, signal.SIGABRT)
        with pytest.raises(EngineDied) as caught:
            list(answer)
    assert caught.value.code == "model-ends-engine"
    assert "copy.gguf cannot be run" in str(caught.value)


def test_the_log_gets_no_control_characters_and_no_more_than_the_end(tmp_path: Path) -> None:
    said = StandardErrorFile()
    Path(said.path).write_text("x" * 40_000 + "\n\x1b[31mGGML_ASSERT(false) failed\n")
    text = said.take()
    assert text.endswith("\n[31mGGML_ASSERT(false) failed")
    assert len(text) < 20_000
    assert not Path(said.path).exists()


def test_a_stopped_engine_is_noticed_and_so_is_one_that_goes_on() -> None:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with EngineClient(events.put) as client:
        client.load(*demo_model())
        assert client.pid is not None
        os.kill(client.pid, signal.SIGSTOP)
        before = time.monotonic()
        assert isinstance(events.get(timeout=30), Ready)
        assert isinstance(events.get(timeout=30), Silent)
        assert time.monotonic() - before < 20
        for number in range(3000):  # more than the pipe holds: nobody waits
            client.send(Inspect(number, PictureRef("0" * 64, "/nowhere", "nowhere.png")))
        os.kill(client.pid, signal.SIGCONT)
        assert isinstance(events.get(timeout=30), AnswersAgain)
        os.kill(client.pid, signal.SIGSTOP)
        client.close_soon(0)
        client.start()
        assert client.load(*demo_model()).is_demo


def test_an_engine_at_work_is_not_taken_for_a_stopped_one(slow_pair: tuple[Path, Path]) -> None:
    events: list[Event] = []
    with EngineClient(events.append) as client:
        client.load(*slow_pair)
        answer = client.request(Ask(client.next_request(), (Turn(LONG),), ENDLESS))
        began = time.monotonic()
        for _event in answer:
            if time.monotonic() - began > 2 * SILENT_AFTER_S:
                answer.close()  # type: ignore[attr-defined]
                break
    assert not any(isinstance(event, Silent) for event in events)


def test_closing_frees_who_waits_for_an_answer() -> None:
    client = EngineClient()
    client.start()
    client.load(*demo_model())
    answer = client.request(Ask(client.next_request(), (Turn("Hello"),), ENDLESS))
    next(answer)
    client.close()
    with pytest.raises(EngineDied):
        list(answer)


def test_a_callback_that_fails_does_not_end_the_events(expected: Expected) -> None:
    expected.log("could not be handled")
    heard: list[Event] = []

    def fail(event: Event) -> None:
        heard.append(event)
        raise ValueError("a bug in the window")

    with EngineClient(fail) as client:
        client.load(*demo_model())
        client.load(*demo_model())
    assert [type(event) for event in heard] == [Ready, Ready]


def test_ctrl_c_in_the_terminal_is_left_to_the_program(shared: EngineClient) -> None:
    assert shared.pid is not None
    os.kill(shared.pid, signal.SIGINT)
    assert ask(shared, Turn("Hello"), sampling=Sampling(max_tokens=3)).stats.answer_tokens > 0


def test_the_engine_ends_with_a_program_that_was_killed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import sys
            from desktop_app.engine.client import EngineClient
            from desktop_app.engine.messages import Ask, Sampling, Text, Turn
            from desktop_app.paths import demo_model

            if __name__ == "__main__":
                client = EngineClient()
                client.start()
                client.load(*demo_model())
                endless = Sampling(temperature=50.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100000)
                while True:
                    for event in client.request(Ask(client.next_request(), (Turn("Hello"),), endless)):
                        if isinstance(event, Text):
                            print(client.pid, flush=True)
            """
        )
    )
    repository = str(REPOSITORY)
    environment = {**os.environ, "PYTHONPATH": repository}
    with subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert is_running(pid)
        process.kill()
    assert wait_until_gone(pid)


def test_events_reach_the_callback_too() -> None:
    events: list[Event] = []
    with EngineClient(events.append) as client:
        client.load(*demo_model())
        with pytest.raises(UserError):
            client.load(Path("/nowhere.gguf"), None)
    assert [type(event) for event in events] == [Ready, Failed]


def test_the_engine_uses_no_network_and_no_qt(shared: EngineClient) -> None:
    assert shared.pid is not None
    maps = Path(f"/proc/{shared.pid}/maps").read_text()
    assert "libllama" in maps
    assert "Qt6" not in maps
    links = [str(link.readlink()) for link in Path(f"/proc/{shared.pid}/fd").iterdir()]
    inet = Path(f"/proc/{shared.pid}/net/tcp").read_text() + Path(f"/proc/{shared.pid}/net/udp").read_text()
    sockets = [link[len("socket:[") : -1] for link in links if link.startswith("socket:[")]
    assert not any(number in inet.split() for number in sockets)
