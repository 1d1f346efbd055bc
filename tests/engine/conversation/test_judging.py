"""How sure an answer was, found out by the real engine, and nothing of the conversation lost over it."""

import math
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from desktop_app.chat.certainty import Certainty, Sureness
from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.client import EngineClient
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
    FinishReason,
    Judge,
    Judged,
    PictureRef,
    Sampling,
    Turn,
)
from desktop_app.engine.weights.model_files import check_files
from desktop_app.paths import demo_model
from tests.engine.questions import GREEDY

_QUESTION = "Which color is the circle?"


class Asked:
    """A session with the built-in model, without a process of its own."""

    def __init__(self) -> None:
        self.interrupt = Interrupt()
        self.heard: list[Event] = []
        self.model = Model(check_files(*demo_model()), EngineSettings(threads=1), self.interrupt)
        self.session = Session(self.model, self.interrupt, EmbeddingStore(), self.heard.append)

    def ask(self, *turns: Turn, judge: Judge = Judge.PICTURES_LATER, sampling: Sampling = GREEDY) -> Finished:
        self.interrupt.clear()
        self.session.ask(Ask(len(self.heard), turns, sampling, judge=judge), 0.0)
        finished = self.heard[-1]
        assert isinstance(finished, Finished)
        return finished

    def settle(self) -> list[Certainty]:
        """Do what is done in idle moments; return what became known."""
        self.interrupt.clear()
        before = len(self.heard)
        self.session.settle()
        return [event.certainty for event in self.heard[before:] if isinstance(event, Judged)]


@pytest.fixture
def built_in() -> Iterator[Asked]:
    found = Asked()
    yield found
    found.session.close()


def words(finished: Finished, certainty: Certainty | None) -> list[str]:
    assert certainty is not None
    return [finished.text[word.start : word.end] for word in certainty.words]


def test_each_word_of_an_answer_is_scored(built_in: Asked, star: PictureRef) -> None:
    finished = built_in.ask(Turn(_QUESTION, (star,)))
    assert finished.text == "The circle is red."
    assert words(finished, finished.certainty) == ["The", "circle", "is", "red"]
    assert finished.certainty is not None
    assert finished.certainty.sureness is Sureness.SURE
    assert all(0.9 < word.probability <= 1 for word in finished.certainty.words)
    assert all(word.picture is None for word in finished.certainty.words)  # that waits for an idle moment


def test_it_is_found_out_in_an_idle_moment_what_the_picture_changed(built_in: Asked, star: PictureRef) -> None:
    finished = built_in.ask(Turn(_QUESTION, (star,)))
    [certainty] = built_in.settle()
    assert words(finished, certainty) == ["The", "circle", "is", "red"]
    changed = {finished.text[word.start : word.end]: word.picture for word in certainty.words}
    assert None not in changed.values()
    assert (changed["red"] or 0) > math.log(2) > abs(changed["is"] or 0)
    assert not built_in.settle()  # once


def test_the_same_is_known_at_once_if_that_is_asked_for(built_in: Asked, star: PictureRef) -> None:
    now = built_in.ask(Turn(_QUESTION, (star,)), judge=Judge.PICTURES).certainty
    built_in.session.forget_all()
    built_in.ask(Turn(_QUESTION, (star,)))
    assert built_in.settle() == [now]


def test_nothing_is_found_out_that_nobody_asks_for(built_in: Asked, star: PictureRef) -> None:
    assert built_in.ask(Turn(_QUESTION, (star,)), judge=Judge.NOT).certainty is None
    assert built_in.settle() == []


def test_without_a_picture_there_is_nothing_to_be_compared(built_in: Asked) -> None:
    assert built_in.ask(Turn("Hello")).certainty is not None
    assert built_in.settle() == []


def test_the_kv_cache_is_the_same_before_and_after_bit_for_bit(built_in: Asked, star: PictureRef) -> None:
    built_in.ask(Turn(_QUESTION, (star,)))
    before, _ = built_in.model.kv.copy_all(0)
    kept = bytes(before)
    assert built_in.settle()
    after, _ = built_in.model.kv.copy_all(0)
    assert bytes(after) == kept


def test_stopped_in_the_middle_it_is_done_again_and_what_follows_is_the_same(
    built_in: Asked, star: PictureRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Turn("Describe this picture.", (star,))
    answer = built_in.ask(first).text
    follow_up = (first._replace(answer=answer), Turn("Which colour is it?"))
    expected = built_in.ask(*follow_up).text
    built_in.session.forget_all()
    built_in.ask(first)
    before = bytes(built_in.model.kv.copy_all(0)[0])
    monkeypatch.setattr(built_in.model.dual_layout, "choose", lambda _tokens: built_in.interrupt.stop_now())
    built_in.session.settle()
    monkeypatch.undo()
    assert built_in.session.unsettled
    assert not any(isinstance(event, Judged) for event in built_in.heard)
    assert bytes(built_in.model.kv.copy_all(0)[0]) == before
    second = built_in.ask(*follow_up)
    assert second.text == expected
    assert second.stats.reused_tokens > second.stats.evaluated_tokens
    assert len(built_in.settle()) == 2  # the first was not forgotten


def test_an_answer_that_was_stopped_is_judged_as_far_as_it_was_written(built_in: Asked, star: PictureRef) -> None:
    finished = built_in.ask(Turn("Describe this picture.", (star,)), sampling=GREEDY._replace(max_tokens=3))
    assert finished.stats.finish_reason is FinishReason.LENGTH
    assert words(finished, finished.certainty) == finished.text.split()


def test_what_is_added_to_an_answer_is_scored(built_in: Asked, star: PictureRef) -> None:
    turn = Turn("Describe this picture.", (star,))
    begun = built_in.ask(turn, sampling=GREEDY._replace(max_tokens=3)).text
    whole = built_in.ask(turn._replace(answer=begun))
    assert whole.text.startswith(begun)
    assert words(whole, whole.certainty) == whole.text[len(begun) :].strip(" .").split()


def test_a_context_that_is_full_is_no_hindrance(built_in: Asked, star: PictureRef) -> None:
    """What was written is judged without its pictures only as far as there are free cells."""
    turn = Turn("star " * 1880 + _QUESTION, (star,))
    finished = built_in.ask(turn)
    assert finished.certainty is not None
    assert built_in.settle() == []
    assert built_in.ask(turn).text == finished.text


def test_the_engine_process_tells_it_with_the_answer_or_in_an_idle_moment(star: PictureRef) -> None:
    heard: SimpleQueue[Event] = SimpleQueue()
    with EngineClient(heard.put) as client:
        client.load(*demo_model())
        now, later = (
            Ask(client.next_request(), (Turn(_QUESTION, (star,)),), GREEDY, judge=judge)
            for judge in (Judge.PICTURES, Judge.PICTURES_LATER)
        )
        *_, finished = client.request(now)
        assert isinstance(finished, Finished)
        assert finished.certainty is not None
        assert all(word.picture is not None for word in finished.certainty.words)
        list(client.request(later))
        judged = next(event for event in iter(lambda: heard.get(timeout=60), None) if isinstance(event, Judged))
        assert (judged.request, judged.certainty) == (later.request, finished.certainty)
