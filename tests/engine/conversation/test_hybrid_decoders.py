"""Models whose decoder keeps a recurrent state converse as all others: evaluating only what is new, and rightly.

Whatever a conversation comes back from, the logits are those of an engine that never read anything else. Where the same
batches were evaluated, they are equal bit for bit; where an answer was written token by token that is read in one batch
there, nearly.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.llama import model as loaded_model
from desktop_app.engine.llama.kv_state import KVState
from desktop_app.engine.messages import EngineSettings, FinishReason, LoadPlan, PictureRef, Turn
from tests.engine.conversation.desk import SYSTEM, Desk, nearly
from tests.engine.questions import ask, read_ahead
from tests.helpers.strays import Expected
from tests.helpers.waiting import wait_until
from tests.random_models.lfm2 import write_lfm2
from tests.random_models.qwen3_vl import EYES_OF_QWEN35, write_eyes
from tests.random_models.qwen35 import write_qwen35

WRITERS: dict[str, Callable[[Path], Path]] = {"qwen35": write_qwen35, "lfm2": write_lfm2}
PLANS = {"f16": LoadPlan(1024, 32), "q8_0": LoadPlan(1024, 32, kv_type="q8_0")}
FIRST = Turn("What is red in the picture, and what is blue?")
SECOND, OTHER = Turn("And the star?"), Turn("Or is the moon green, and where is it?")
LONG = Turn("Tell me of the sea. " * 12)  # of several batches


@pytest.fixture(scope="module", params=WRITERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return WRITERS[request.param](tmp_path_factory.mktemp("hybrid") / "model.gguf")


Opener = Callable[..., Desk]


@pytest.fixture
def desks(model: Path) -> Iterator[Opener]:
    opened: list[Desk] = []

    def desk(kv_type: str = "f16", folder: Path | None = None, **plan: int) -> Desk:
        opened.append(Desk(model, PLANS[kv_type]._replace(**plan), folder))  # type: ignore[arg-type]
        return opened[-1]

    yield desk
    for one in opened:
        one.session.close()


def test_other_questions_are_answered(empty: EngineClient, model: Path) -> None:
    """Each shares only its beginning with what was read before."""
    empty.load(model, None)
    first, other = Turn("What is red?"), Turn("Which colour is the star?")
    answers = [ask(empty, turn).text for turn in (first, other, first)]
    assert answers[0] == answers[2] != answers[1]
    follow_up = ask(empty, first._replace(answer=answers[0]), other)
    assert follow_up.stats.evaluated_tokens < follow_up.stats.prompt_tokens


@pytest.mark.parametrize("kv_type", PLANS)
def test_a_follow_up_evaluates_its_own_words(desks: Opener, kv_type: str) -> None:
    desk = desks(kv_type)
    turns = desk.answered(FIRST)
    used = desk.settled(*turns)
    found, stats = desk.logits(*turns, SECOND)
    assert stats.evaluated_tokens == stats.prompt_tokens - used
    fresh, all_of_it = desks(kv_type).logits(*turns, SECOND)
    assert nearly(found, fresh)
    assert all_of_it.evaluated_tokens == stats.prompt_tokens > 5 * stats.evaluated_tokens


@pytest.mark.parametrize("kv_type", PLANS)
def test_a_long_question_that_is_answered_again_is_not_read_again(desks: Opener, kv_type: str) -> None:
    desk = desks(kv_type)
    turns = desk.answered(LONG)
    desk.ask(*turns, SECOND)
    found, stats = desk.logits(LONG)  # the earlier one
    assert stats.evaluated_tokens == desk.closing
    assert np.array_equal(found, desks(kv_type).logits(LONG)[0])


@pytest.mark.parametrize("kv_type", PLANS)
def test_a_short_question_that_is_answered_again_is_read_from_its_words(desks: Opener, kv_type: str) -> None:
    """A checkpoint behind it would cost each first answer a batch more, which takes longer than these words."""
    desk = desks(kv_type)
    turns = desk.answered(FIRST)
    used = desk.settled(*turns)
    _, asked = desk.logits(*turns, SECOND)
    assert desk.evaluated == [asked.evaluated_tokens]  # in one batch
    expected = desks(kv_type)
    expected.answered(FIRST)
    again, _ = expected.logits(*turns, SECOND)
    found, stats = desk.logits(*turns, SECOND)
    assert stats.evaluated_tokens == asked.evaluated_tokens == asked.prompt_tokens - used
    assert np.array_equal(found, again)


def test_an_edited_question_is_read_from_its_beginning(desks: Opener) -> None:
    desk = desks()
    turns = desk.answered(FIRST)
    desk.ask(*turns, SECOND)
    found, stats = desk.logits(*turns, OTHER)
    other = desks()
    other.answered(FIRST)
    expected, beside = other.logits(*turns, OTHER)
    assert np.array_equal(found, expected)
    assert stats.evaluated_tokens < beside.evaluated_tokens < 80
    found, stats = desk.logits(OTHER)  # the first question, edited
    assert np.array_equal(found, desks().logits(OTHER)[0])
    assert stats.evaluated_tokens < stats.prompt_tokens / 2


@pytest.mark.parametrize("batch", [1, 3])
def test_stopped_while_reading_nothing_is_lost_but_the_batch(desks: Opener, batch: int) -> None:
    desk = desks()

    def stop(number: int) -> None:
        if number == batch:
            desk.interrupt.stop_now()  # llama.cpp itself is stopped, in the middle of the batch

    desk.before_batch = stop
    stopped = desk.ask(LONG)
    assert stopped.stats.finish_reason is FinishReason.STOPPED
    assert len(desk.evaluated) == batch + 1
    held = sum(desk.evaluated[:batch])
    assert len(desk.session._kv_cache) == held > 20
    desk.before_batch = lambda _number: None
    found, stats = desk.logits(LONG)
    assert stats.evaluated_tokens == stats.prompt_tokens - held
    assert np.array_equal(found, desks().logits(LONG)[0])


def test_stopped_in_the_first_batch_it_begins_anew(desks: Opener) -> None:
    desk = desks()
    desk.before_batch = lambda _number: desk.interrupt.stop_now()
    assert desk.ask(FIRST).stats.finish_reason is FinishReason.STOPPED
    assert len(desk.session._kv_cache) == 0
    desk.before_batch = lambda _number: None
    assert np.array_equal(desk.logits(FIRST)[0], desks().logits(FIRST)[0])


@pytest.mark.parametrize("slow", [False, True])
def test_stopped_while_writing_the_token_is_finished_unless_it_is_slow(
    desks: Opener, monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    monkeypatch.setattr(loaded_model, "NOTICED_S", 0 if slow else 1000)
    desk = desks()
    desk.ask(FIRST, tokens=1)
    read = len(desk.evaluated)  # batches of the question
    whole = desk.ask(FIRST, tokens=40)
    desk = desks()

    def stop(number: int) -> None:
        if number == read + 5:
            desk.interrupt.stop_now()

    desk.before_batch = stop
    part = desk.ask(FIRST, tokens=40)
    assert part.stats.finish_reason is FinishReason.STOPPED
    written = 6 if slow else 7  # the one that was being read, and the one that follows it
    assert part.stats.answer_tokens == written
    assert len(desk.session._kv_cache) == part.stats.prompt_tokens + written - 1
    desk.before_batch = lambda _number: None
    rest = desk.ask(FIRST._replace(answer=part.text), tokens=33)
    half = len(part.token_ids) < written  # of a character: it is written again, after what is before it
    assert rest.stats.evaluated_tokens == (desk.closing + len(part.token_ids) if half else 1)
    assert rest.token_ids[:30] == whole.token_ids[:30]


def test_an_answer_goes_on(desks: Opener) -> None:
    desk = desks()
    part = desk.begun(FIRST)
    going_on = FIRST._replace(answer=part.text)
    found, stats = desk.logits(going_on)
    assert stats.evaluated_tokens == 1
    whole = desks().ask(FIRST, tokens=40)
    assert whole.token_ids[: len(part.token_ids) + 1] == (*part.token_ids, int(found.argmax()))
    again, stats = desk.logits(going_on)  # its last token is in the memory now: it is read again, with those before it
    assert stats.evaluated_tokens == len(part.token_ids) + desk.closing
    assert nearly(again, found)


def test_reading_ahead_and_then_asking(desks: Opener) -> None:
    desk = desks()
    assert desk.read_ahead(text=LONG.text).complete
    held = len(desk.session._kv_cache)
    found, stats = desk.logits(LONG)
    assert stats.evaluated_tokens == stats.prompt_tokens - held
    expected, _ = desks().logits(LONG)
    assert np.array_equal(found, expected)
    turns = desk.answered(LONG)
    used = len(desk.session._kv_cache)
    ahead = desk.read_ahead(*turns)
    assert ahead.evaluated_tokens < 15
    again = desk.read_ahead(*turns)
    assert (again.evaluated_tokens, again.context_used) == (0, ahead.context_used)
    assert desk.read_ahead(LONG._replace(answer=turns[0].answer)).evaluated_tokens == 0
    assert desk.logits(*turns, SECOND)[1].reused_tokens == ahead.context_used > used


def test_reading_ahead_again_what_is_there_changes_nothing(desks: Opener) -> None:
    """The question was read as well: to cut it off would lose it, and gain nothing."""
    desk = desks()
    desk.ask(FIRST)
    used = len(desk.session._kv_cache)
    assert desk.read_ahead().evaluated_tokens == 0
    assert len(desk.session._kv_cache) == used


def test_a_draft_that_changes(desks: Opener) -> None:
    desk = desks()
    desk.read_ahead(text=LONG.text)
    changed = Turn(LONG.text[:120] + "No, of the moon. " * 8)
    desk.read_ahead(text=changed.text)
    found, stats = desk.logits(changed)
    assert np.array_equal(found, desks().logits(changed)[0])
    assert stats.reused_tokens > 100


def test_old_turns_are_dropped(desks: Opener) -> None:
    desk = desks(n_ctx=512)
    turns: tuple[Turn, ...] = ()
    for number in range(6):
        turns = desk.answered(*turns, Turn(f"Question {number}: " + "which colour? " * 8))
    found, stats = desk.logits(*turns, SECOND)
    assert stats.dropped_turns
    expected, _ = desks(n_ctx=512).logits(*turns, SECOND)
    assert nearly(found, expected)
    assert stats.reused_tokens >= len(SYSTEM)  # what every conversation begins with was not read again


def test_two_conversations_in_turn(desks: Opener) -> None:
    desk = desks()
    one, two = desk.answered(FIRST), desk.answered(LONG)
    for turns in (one, two, one):
        found, _ = desk.logits(*turns, SECOND)
        assert nearly(found, desks().logits(*turns, SECOND)[0])


def test_a_system_prompt_is_read_once(desks: Opener) -> None:
    desk = desks()
    desk.ask(FIRST)
    stats = desk.logits(LONG)[1]
    assert stats.reused_tokens >= len(SYSTEM)


@pytest.mark.parametrize("kv_type", PLANS)
def test_a_conversation_goes_on_after_a_restart(desks: Opener, model: Path, tmp_path: Path, kv_type: str) -> None:
    desk = Desk(model, PLANS[kv_type], tmp_path)
    turns = desk.answered(*desk.answered(FIRST), LONG)
    used = desk.settled(*turns)
    desk.end()
    second = Desk(model, PLANS[kv_type], tmp_path)
    found, stats = second.logits(*turns, SECOND)
    assert stats.evaluated_tokens == stats.prompt_tokens - used
    assert nearly(found, desks(kv_type).logits(*turns, SECOND)[0])
    second.end()
    for question, most in ((LONG, desk.closing), (OTHER, 60)):  # answered again, and edited
        third = Desk(model, PLANS[kv_type], tmp_path)
        found, stats = third.logits(turns[0], question)
        assert stats.evaluated_tokens <= most
        expected = desks(kv_type)
        expected.answered(FIRST)
        assert np.array_equal(found, expected.logits(turns[0], question)[0])
        third.session.close()


def test_going_on_with_an_answer_after_a_restart(desks: Opener, model: Path, tmp_path: Path) -> None:
    desk = Desk(model, PLANS["f16"], tmp_path)
    part = desk.begun(FIRST)
    desk.end()
    second = Desk(model, PLANS["f16"], tmp_path)
    found, stats = second.logits(FIRST._replace(answer=part.text))
    assert stats.evaluated_tokens == 1
    assert int(found.argmax()) == desks().ask(FIRST, tokens=40).token_ids[len(part.token_ids)]
    second.end()


def test_another_conversation_comes_back_from_the_disk(desks: Opener, model: Path, tmp_path: Path) -> None:
    desk = Desk(model, PLANS["f16"], tmp_path)
    one = desk.answered(LONG)
    used = desk.settled(*one)
    desk.session.settle()
    desk.answered(FIRST)
    found, stats = desk.logits(*one, SECOND)
    assert stats.evaluated_tokens == stats.prompt_tokens - used
    assert nearly(found, desks().logits(*one, SECOND)[0])
    desk.end()


def test_a_conversation_survives_a_kill(model: Path, tmp_path: Path, expected: Expected) -> None:
    expected.log("ended with exit code -9", optional=True)
    settings = EngineSettings(threads=1, cache_folder=str(tmp_path), cache_mb=20)
    client = EngineClient()
    client.start()
    client.load(model, None, settings)
    turns = (LONG._replace(answer=ask(client, LONG).text),)
    used = read_ahead(client, *turns).context_used
    ready = time.time()
    wait_until(lambda: any(path.stat().st_mtime > ready for path in (tmp_path / "contexts").glob("[!.]*")))
    assert client.pid is not None
    os.kill(client.pid, signal.SIGKILL)
    client.close()
    with EngineClient() as again:
        again.load(model, None, settings)
        stats = ask(again, *turns, SECOND).stats
    own = stats.prompt_tokens - used + 9  # with the end of the answer, and how a question begins
    assert stats.evaluated_tokens <= 1.1 * own < 60 < stats.reused_tokens


def test_a_checkpoint_without_the_cut_is_noticed(desks: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """So this test would see it: llama.cpp itself says nothing."""
    expected = desks().logits(OTHER)[0]
    desk = desks()
    desk.ask(FIRST)
    monkeypatch.setattr(KVState, "put_recurrent", lambda self, state, _position: self._put(state, 0, 1))
    forget_from = KVState.forget_from

    def uncut(state: KVState, position: int) -> int:
        place = state.cut_point(position)
        if not place:
            return forget_from(state, position)
        assert state._checkpoints is not None
        state._checkpoints.go_back(place)
        return place

    monkeypatch.setattr(KVState, "forget_from", uncut)
    assert not nearly(desk.logits(OTHER)[0], expected)


def test_a_cut_without_its_checkpoint_is_noticed(desks: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desks()
    desk.ask(FIRST)
    monkeypatch.setattr(KVState, "put_recurrent", lambda _self, _state, _position: True)
    with pytest.raises(RuntimeError, match="cannot be cut"):
        desk.ask(OTHER)
    desk.session.forget()
    monkeypatch.undo()
    assert np.array_equal(desk.logits(OTHER)[0], desks().logits(OTHER)[0])


def test_a_wrong_state_is_noticed(desks: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first layer is forgotten in part: the comparison is not blind to it."""
    desk = desks()
    expected = desk.logits(FIRST)[0]
    put = KVState.put_recurrent

    def put_part(state: KVState, right: memoryview, position: int) -> bool:
        return put(state, memoryview(bytes(right[:200]) + bytes(800) + bytes(right[1000:])), position)

    monkeypatch.setattr(KVState, "put_recurrent", put_part)
    assert not nearly(desk.logits(FIRST)[0], expected)


# ---- pictures --------------------------------------------------------------------------------


class Seeing:
    """A Qwen3.5 with eyes."""

    def __init__(self, folder: Path) -> None:
        self.model = write_qwen35(folder / "model.gguf")
        self.eyes = write_eyes(folder / "mmproj.gguf", EYES_OF_QWEN35)
        self.desks: list[Desk] = []

    def desk(self) -> Desk:
        self.desks.append(Desk(self.model, LoadPlan(2048, 64), eyes=self.eyes))
        return self.desks[-1]


@pytest.fixture
def seeing(tmp_path: Path) -> Iterator[Seeing]:
    found = Seeing(tmp_path)
    yield found
    for desk in found.desks:
        desk.session.close()


def test_the_picture_stays_when_the_question_is_edited(seeing: Seeing, star: PictureRef, moon: PictureRef) -> None:
    desk, asked = seeing.desk(), Turn("What is in it?", (star,))
    turns = desk.answered(asked)
    desk.answered(*turns, Turn("And here?", (moon,)))
    for edited in ((*turns, Turn("Is it blue?", (moon,))), (Turn("Is it red?", (star,)),)):
        found, stats = desk.logits(*edited)
        assert stats.image_encodes == 0
        assert stats.evaluated_tokens < 40 < 64 < stats.reused_tokens
        expected = seeing.desk()
        for count in range(1, len(edited)):
            expected.begun(*edited[: count - 1], edited[count - 1]._replace(answer=None))
        assert nearly(found, expected.logits(*edited)[0])


def test_a_picture_that_is_stopped_is_read_again_alone(seeing: Seeing, star: PictureRef) -> None:
    desk, asked = seeing.desk(), Turn("What is in it?", (star,))
    desk.ask(asked)
    block = desk.evaluated.index(max(desk.evaluated))
    before = sum(desk.evaluated[:block])
    desk = seeing.desk()
    desk.before_batch = lambda number: desk.interrupt.stop_now() if number == block else None
    assert desk.ask(asked).stats.finish_reason is FinishReason.STOPPED
    assert len(desk.session._kv_cache) == before > 10
    desk.before_batch = lambda _number: None
    found, stats = desk.logits(asked)
    assert (stats.reused_tokens, stats.image_encodes) == (before, 0)
    assert np.array_equal(found, seeing.desk().logits(asked)[0])
