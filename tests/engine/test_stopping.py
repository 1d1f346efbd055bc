"""Whatever the engine does can be stopped, and what follows is correct."""

import queue
import time
from pathlib import Path

import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
    FinishReason,
    Phase,
    PhaseChanged,
    PictureRef,
    ReadAhead,
    ReadAheadDone,
    Sampling,
    Stop,
    Text,
    Turn,
)
from tests.engine.questions import ask, draw, read_ahead

ENDLESS = Sampling(temperature=50.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=100_000, seed=1)
SETTINGS = EngineSettings(threads=1)
LONG = "star " * 150


@pytest.mark.parametrize("phase", [Phase.LOOKING, Phase.READING, Phase.WRITING])
def test_stop_is_heard_in_every_phase(
    slow_pair: tuple[Path, Path], star: PictureRef, moon: PictureRef, phase: Phase
) -> None:
    """Stopped, it says so at once; the next question is answered as if nothing had been."""
    turn = Turn(LONG, (star,))
    short = Sampling(temperature=0, max_tokens=4)
    with EngineClient() as client:
        client.load(*slow_pair, SETTINGS)
        expected = ask(client, turn, sampling=short).text
        client.load(*slow_pair, SETTINGS)
        stopped_at = 0.0

        def hear(event: Event) -> None:
            nonlocal stopped_at
            wanted = isinstance(event, Text) if phase is Phase.WRITING else _in_phase(event, phase)
            if wanted and not stopped_at:
                stopped_at = time.monotonic()
                client.send(Stop())

        finished = ask(client, Turn(LONG, (moon,)), sampling=ENDLESS, hear=hear)
        assert stopped_at
        assert time.monotonic() - stopped_at < 2.0
        assert finished.stats.finish_reason is FinishReason.STOPPED
        assert bool(finished.text) == (phase is Phase.WRITING)
        again = ask(client, turn, sampling=short)
        assert again.text == expected


def _in_phase(event: Event, phase: Phase) -> bool:
    return isinstance(event, PhaseChanged) and event.phase is phase


def test_what_was_read_before_a_stop_is_used(slow_pair: tuple[Path, Path], star: PictureRef) -> None:
    with EngineClient() as client:
        client.load(*slow_pair, EngineSettings(threads=1, n_batch=32))
        turn = Turn(LONG, (star,))

        def stop_halfway(event: Event) -> None:
            if isinstance(event, PhaseChanged) and event.phase is Phase.READING and event.done > event.total // 3:
                client.send(Stop())

        stopped = ask(client, turn, sampling=ENDLESS, hear=stop_halfway).stats
        assert stopped.finish_reason is FinishReason.STOPPED
        assert 0 < stopped.evaluated_tokens < stopped.prompt_tokens
        finished = ask(client, turn, sampling=Sampling(max_tokens=1)).stats
        assert finished.image_encodes == 0
        assert finished.reused_tokens >= min(stopped.evaluated_tokens, 256)
        assert finished.reused_tokens + finished.evaluated_tokens == finished.prompt_tokens


@pytest.mark.parametrize("phase", [Phase.LOOKING, Phase.READING])
def test_a_question_goes_on_from_a_read_ahead_that_runs(
    slow_pair: tuple[Path, Path], star: PictureRef, phase: Phase
) -> None:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with EngineClient(events.put) as client:
        client.load(*slow_pair, EngineSettings(threads=1, n_batch=32))
        client.send(ReadAhead(client.next_request(), (), (star,)))
        while not _in_phase(events.get(timeout=30), phase):
            pass
        finished = ask(client, Turn("What?", (star,)), sampling=Sampling(max_tokens=1))
        done = events.get(timeout=30)
        while not isinstance(done, ReadAheadDone):
            done = events.get(timeout=30)
        assert not done.complete
        assert done.image_encodes + finished.stats.image_encodes == 1
        assert finished.stats.reused_tokens == done.context_used


def test_a_read_ahead_in_vain_is_cut_short(slow_pair: tuple[Path, Path], star: PictureRef, moon: PictureRef) -> None:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with EngineClient(events.put) as client:
        client.load(*slow_pair, SETTINGS)
        client.send(ReadAhead(client.next_request(), (), (star,)))
        while not _in_phase(events.get(timeout=30), Phase.LOOKING):
            pass
        assert read_ahead(client, pictures=()).complete
        done = events.get(timeout=30)
        while not isinstance(done, ReadAheadDone):
            done = events.get(timeout=30)
        assert not done.complete
        assert done.image_encodes == 0
        # What was thrown away was not believed: the picture is encoded properly when it is needed.
        assert ask(client, Turn("What?", (star,)), sampling=Sampling(max_tokens=1)).stats.image_encodes == 1


def test_stop_reaches_questions_that_wait(shared: EngineClient) -> None:
    running = Ask(shared.next_request(), (Turn("Hello"),), ENDLESS)
    waiting = Ask(shared.next_request(), (Turn("Hello"),), ENDLESS)
    events = shared.request(running)
    next(events)
    shared.send(waiting)
    shared.send(Stop(waiting.request))
    shared.send(Stop(running.request))
    *_, last = events
    assert isinstance(last, Finished)
    assert last.stats.finish_reason is FinishReason.STOPPED


def test_losing_interest_stops_the_request(shared: EngineClient) -> None:
    events = shared.request(Ask(shared.next_request(), (Turn("Hello"),), ENDLESS))
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert ask(shared, Turn("Hello"), sampling=Sampling(max_tokens=1)).stats.time_to_first_token_s < 5


def test_stop_does_nothing_when_idle(shared: EngineClient) -> None:
    shared.send(Stop())
    assert ask(shared, Turn("Hello"), sampling=Sampling(max_tokens=3)).stats.answer_tokens > 0


def test_a_large_picture_can_be_given_up(shared: EngineClient, tmp_path: Path) -> None:
    large = draw(tmp_path / "large.png", "red", (6000, 6000))
    began = 0.0

    def hear(event: Event) -> None:
        nonlocal began
        if _in_phase(event, Phase.LOOKING) and not began:
            began = time.monotonic()
            shared.send(Stop())

    finished = ask(shared, Turn("What?", (large,)), hear=hear)
    assert finished.stats.finish_reason is FinishReason.STOPPED
    assert time.monotonic() - began < 2.0
