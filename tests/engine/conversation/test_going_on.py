"""An answer goes on where it was stopped or cut, in the same cells, as if it had never been."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from desktop_app.chat.budget import room_for_answer
from desktop_app.chat.families.signs import FAMILIES
from desktop_app.chat.prompt import Answer, Exchange, Family, prompt_parts
from desktop_app.engine.client import EngineClient
from desktop_app.engine.conversation.text_stream import TextBatches, TokenDecoder
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
    FinishReason,
    PictureRef,
    Sampling,
    Stop,
    Text,
    Turn,
    TurnsDropped,
)
from desktop_app.errors import UserError
from desktop_app.paths import demo_model
from tests.engine.questions import GREEDY, ask
from tests.helpers.strays import Expected

# Penalties look at what was written before the cut, too.
LONG = Sampling(temperature=0, max_tokens=60, repeat_penalty=1.3)
ASKED = Turn("Describe the picture. What colour is it, and which shape?")


def cut_after(sampling: Sampling, tokens: int) -> Sampling:
    return sampling._replace(max_tokens=tokens)


@pytest.mark.parametrize("sampling", [GREEDY, LONG], ids=["greedy", "without repeating"])
def test_an_answer_cut_anywhere_goes_on_as_if_it_were_whole(
    shared: EngineClient, star: PictureRef, sampling: Sampling
) -> None:
    asked = ASKED._replace(pictures=(star,))
    whole = ask(shared, asked, sampling=sampling)
    assert whole.stats.answer_tokens >= 5
    for tokens in range(1, whole.stats.answer_tokens):
        part = ask(shared, asked, sampling=cut_after(sampling, tokens))
        if not part.token_ids:
            continue  # half a character
        heard: list[Event] = []
        rest = ask(shared, asked._replace(answer=part.text), sampling=sampling, hear=heard.append)
        assert rest.token_ids == whole.token_ids
        assert rest.text == whole.text
        assert part.text + "".join(event.text for event in heard if isinstance(event, Text)) == whole.text
        assert rest.stats.finish_reason is whole.stats.finish_reason
        assert (rest.stats.evaluated_tokens, rest.stats.image_encodes) == (1, 0)
        assert rest.stats.prompt_tokens == whole.stats.prompt_tokens + len(part.token_ids)


def test_the_longest_length_counts_from_anew(shared: EngineClient) -> None:
    hot = Sampling(temperature=50.0, max_tokens=5, seed=2)
    part = ask(shared, Turn("Hello"), sampling=hot)
    rest = ask(shared, Turn("Hello", (), part.text), sampling=hot._replace(seed=3))
    assert rest.text.startswith(part.text)
    assert rest.stats.answer_tokens <= 5
    assert rest.stats.finish_reason in (FinishReason.LENGTH, FinishReason.STOP)


def test_nothing_is_read_again_after_a_stop(slow_pair: tuple[Path, Path], star: PictureRef) -> None:
    asked = Turn("What is in the picture?", (star,))
    with EngineClient() as client:
        client.load(*slow_pair, EngineSettings(n_ctx=2048, threads=1))
        command = Ask(client.next_request(), (asked,), Sampling(temperature=0, max_tokens=400))
        stopped: list[Finished] = []
        for event in client.request(command):
            if isinstance(event, Text) and event.tokens >= 8:
                client.send(Stop(command.request))
            if isinstance(event, Finished):
                stopped.append(event)
        [part] = stopped
        assert part.stats.finish_reason is FinishReason.STOPPED
        rest = ask(client, asked._replace(answer=part.text), sampling=Sampling(temperature=0, max_tokens=8))
        assert rest.text.startswith(part.text)
        assert rest.stats.evaluated_tokens <= 4
        assert rest.stats.image_encodes == 0
        assert rest.token_ids[: len(part.token_ids)] == part.token_ids


def test_an_answer_of_another_process_goes_on_from_the_saved_caches(tmp_path: Path, star: PictureRef) -> None:
    asked = ASKED._replace(pictures=(star,))
    settings = EngineSettings(threads=1, cache_folder=str(tmp_path / "cache"), cache_mb=50)
    with EngineClient() as client:
        client.load(*demo_model(), settings)
        part = ask(client, asked, sampling=cut_after(GREEDY, 4))
    with EngineClient() as client:
        client.load(*demo_model(), settings)
        rest = ask(client, asked._replace(answer=part.text))
        assert rest.stats.evaluated_tokens <= 2
        assert rest.stats.image_encodes == 0
    with EngineClient() as client:
        client.load(*demo_model(), EngineSettings(threads=1))
        whole = ask(client, asked)
        assert whole.token_ids == rest.token_ids
        assert ask(client, asked._replace(answer=part.text)).text == whole.text, "also where no tokens are known"


def test_the_words_an_engine_left_when_it_died_go_on(star: PictureRef, expected: Expected) -> None:
    """Nothing is known of their tokens, and their last space belongs to the next word."""
    expected.log("ended with exit code -9", optional=True)
    asked = ASKED._replace(pictures=(star,))
    with EngineClient() as first:
        first.load(*demo_model(), EngineSettings(threads=1))
        whole = ask(first, asked)
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
    words = whole.text.split(" ")
    with EngineClient() as client:
        client.load(*demo_model(), EngineSettings(threads=1))
        for kept in range(1, len(words)):
            heard: list[Event] = []
            left = " ".join(words[:kept]) + " "
            rest = ask(client, asked._replace(answer=left), hear=heard.append)
            assert rest.text == whole.text
            assert left + "".join(event.text for event in heard if isinstance(event, Text)) == whole.text


def test_an_answer_that_was_said_to_its_end_has_nothing_more(shared: EngineClient, star: PictureRef) -> None:
    asked = Turn("What is in the picture?", (star,))
    whole = ask(shared, asked)
    again = ask(shared, asked._replace(answer=whole.text))
    assert again.text == whole.text
    assert again.stats.answer_tokens == 0
    assert again.stats.finish_reason is FinishReason.STOP


def test_a_next_question_follows_the_whole_answer(client: EngineClient, star: PictureRef) -> None:
    asked = ASKED._replace(pictures=(star,))
    part = ask(client, asked, sampling=cut_after(GREEDY, 4))
    rest = ask(client, asked._replace(answer=part.text))
    follow = (asked._replace(answer=rest.text), Turn("Are you sure?"))
    two = ask(client, *follow)
    assert two.stats.evaluated_tokens < 20
    assert two.stats.image_encodes == 0


def test_the_same_turns_stay_in_a_full_context(shared: EngineClient, star: PictureRef) -> None:
    turns = [Turn("What is this?", (star,), "A star.")]
    turns += [Turn(f"Question {number}: " + "which colour is it? " * 10, (), "Red. " * 10) for number in range(25)]
    sampling = GREEDY._replace(max_tokens=400)
    left: list[tuple[int, ...]] = []

    def hear(event: Event) -> None:
        if isinstance(event, TurnsDropped):
            left.append(event.left)

    whole = ask(shared, *turns, Turn("And now?"), sampling=sampling, hear=hear)
    begun = " ".join(whole.text.split(" ")[:2])
    rest = ask(shared, *turns, Turn("And now?", (), begun), sampling=sampling, hear=hear)
    assert left[0] == left[1]
    assert rest.stats.evaluated_tokens <= 4
    assert rest.text == whole.text


def test_an_answer_that_fills_the_context_says_so(client: EngineClient) -> None:
    client.load(*demo_model(), EngineSettings(n_ctx=256))
    with pytest.raises(UserError) as caught:
        ask(client, Turn("star " * 60, (), "moon " * 200))
    assert caught.value.code == "context-too-small"


def test_room_is_left_for_the_rest() -> None:
    assert room_for_answer(1024, 4096) == 1024
    assert room_for_answer(1024, 4096, 100) == 924
    assert room_for_answer(1024, 4096, 1024) == 256
    assert room_for_answer(1, 4096, 1) == 1


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_nothing_closes_an_answer_that_goes_on(family: Family) -> None:
    asked = prompt_parts(family, [Exchange("q")])
    going_on = prompt_parts(family, [Exchange("q", (), "words")])
    assert going_on[: len(asked)] == asked
    [answer] = going_on[len(asked) :]
    assert isinstance(answer, Answer)
    assert (answer.text, answer.after) == ("words", "")


def test_the_decoder_goes_on_after_what_was_written() -> None:
    text = TokenDecoder("The", (1,))
    assert text.add(2, b" star") == " star"
    assert text.add(3, "☃".encode()[:1]) == ""
    assert text.text == "The star"
    assert text.token_ids == (1, 2)


def test_what_is_shown_already_is_not_handed_on_again() -> None:
    sent: list[str] = []
    portions = TextBatches(sent.append, lambda: 0.0, known=2)
    portions.add(" ")
    portions.add(" moon")
    portions.flush()
    assert "".join(sent) == "moon"
