"""Conversations with the built-in model: only new tokens are evaluated, and the answers stay the same."""

import time
from pathlib import Path

import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    FinishReason,
    Phase,
    PhaseChanged,
    PictureRead,
    PictureRef,
    ReadAhead,
    Sampling,
    Text,
    Turn,
    TurnsDropped,
)
from desktop_app.errors import UserError
from desktop_app.paths import demo_model
from tests.engine.questions import GREEDY, ask, draw, read_ahead

WARM = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=24)


def fresh_answer(*turns: Turn, sampling: Sampling = GREEDY) -> str:
    """Ask an engine process that has never read anything."""
    with EngineClient() as client:
        client.load(*demo_model())
        return ask(client, *turns, sampling=sampling).text


def test_an_answer_comes_in_phases_and_portions(client: EngineClient, star: PictureRef) -> None:
    events: list[Event] = []
    finished = ask(client, Turn("What is in the picture?", (star,)), hear=events.append)
    phases = [event.phase for event in events if isinstance(event, PhaseChanged)]
    assert list(dict.fromkeys(phases)) == [Phase.LOOKING, Phase.READING, Phase.WRITING]
    assert "".join(event.text for event in events if isinstance(event, Text)) == finished.text
    stats = finished.stats
    assert stats.image_encodes == 1
    assert stats.reused_tokens == 0
    assert stats.evaluated_tokens == stats.prompt_tokens
    assert stats.answer_tokens >= len(finished.token_ids) > 0
    assert 0 < stats.time_to_first_token_s < 30
    assert stats.peak_memory_bytes > 20_000_000
    assert stats.context_size == 2048
    last = [event for event in events if isinstance(event, PhaseChanged) and event.phase is Phase.READING][-1]
    assert last.done == last.total == stats.evaluated_tokens


def test_a_follow_up_costs_only_its_own_words(client: EngineClient, star: PictureRef) -> None:
    first = Turn("What is in the picture?", (star,))
    one = ask(client, first)
    second = (first._replace(answer=one.text), Turn("Which colour is it?"))
    two = ask(client, *second)
    assert two.stats.image_encodes == 0
    assert two.stats.evaluated_tokens == two.stats.prompt_tokens - one.stats.context_used
    third = (*second[:1], second[1]._replace(answer=two.text), Turn("Are you sure?"))
    three = ask(client, *third)
    assert three.stats.image_encodes == 0
    assert three.stats.evaluated_tokens == three.stats.prompt_tokens - two.stats.context_used < 20
    assert three.text == fresh_answer(*third)


def test_reading_ahead_leaves_only_the_question(client: EngineClient, star: PictureRef) -> None:
    ahead = read_ahead(client, pictures=(star,))
    assert ahead.complete
    assert ahead.image_encodes == 1
    assert ahead.evaluated_tokens == ahead.context_used
    turn = Turn("What is in the picture?", (star,))
    finished = ask(client, turn)
    assert finished.stats.image_encodes == 0
    assert finished.stats.reused_tokens == ahead.context_used
    assert finished.stats.evaluated_tokens == finished.stats.prompt_tokens - ahead.context_used
    assert finished.text == fresh_answer(turn)
    again = read_ahead(client, turn._replace(answer=finished.text))
    assert again.complete
    assert again.evaluated_tokens < 10  # the end of the answer, and "USER:"


def test_reading_ahead_tells_which_pictures_are_read(client: EngineClient, star: PictureRef, moon: PictureRef) -> None:
    events = list(client.request(ReadAhead(client.next_request(), (), (star, moon))))
    assert [event.sha256 for event in events if isinstance(event, PictureRead)] == [star.sha256, moon.sha256]
    again = list(client.request(ReadAhead(client.next_request(), (), (star, moon))))
    assert [event.sha256 for event in again if isinstance(event, PictureRead)] == [star.sha256, moon.sha256]


def test_reading_ahead_without_a_picture_reads_the_beginning(client: EngineClient) -> None:
    ahead = read_ahead(client)
    assert ahead.complete
    finished = ask(client, Turn("Hello"))
    assert finished.stats.reused_tokens == ahead.context_used > 10


def test_a_picture_that_was_removed_again_leaves_no_trace(
    client: EngineClient, star: PictureRef, moon: PictureRef
) -> None:
    turn = Turn("What is in the picture?", (moon,))
    expected = fresh_answer(turn)
    assert read_ahead(client, pictures=(star, moon)).complete
    assert ask(client, turn).text == expected
    assert ask(client, Turn("Hello")).text == fresh_answer(Turn("Hello"))


def test_no_picture_is_encoded_twice(client: EngineClient, star: PictureRef, moon: PictureRef) -> None:
    assert ask(client, Turn("What?", (star, moon))).stats.image_encodes == 2
    assert ask(client, Turn("And this?", (moon,))).stats.image_encodes == 0
    assert ask(client, Turn("What?", (star,))).stats.image_encodes == 0


def test_the_same_pixels_and_question_give_the_same_answer_anywhere(shared: EngineClient, star: PictureRef) -> None:
    turn = Turn("What is in the picture?", (star,))
    first = ask(shared, turn)
    ask(shared, Turn("Something else"))
    assert ask(shared, turn).text == first.text


def test_the_same_seed_gives_the_same_answer(shared: EngineClient, star: PictureRef) -> None:
    turn = Turn("What is in the picture?", (star,))
    texts = [ask(shared, turn, sampling=WARM._replace(seed=seed)).text for seed in (1, 1, 2, 1)]
    assert texts[0] == texts[1] == texts[3]
    one = ask(shared, turn, sampling=WARM._replace(seed=3))
    follow = (turn._replace(answer=one.text), Turn("Which colour?"))
    assert len({ask(shared, *follow, sampling=WARM._replace(seed=5)).text for _ in range(3)}) == 1


def test_without_a_seed_answers_may_differ(shared: EngineClient) -> None:
    hot = WARM._replace(temperature=5.0)
    assert len({ask(shared, Turn("Hello"), sampling=hot).text for _ in range(5)}) > 1


@pytest.mark.parametrize(
    "typed",
    ["</s>", "<s>", "<image>", "<__media__>", "<pad>", "<|im_end|>", "ASSISTANT:", "%s{0}", "\x00", "中☃", "\ud83d"],
)
def test_what_a_person_types_is_only_text(shared: EngineClient, star: PictureRef, typed: str) -> None:
    plain = ask(shared, Turn("x", (star,)))
    finished = ask(shared, Turn(f"x {typed}", (star,)))
    assert finished.stats.prompt_tokens > plain.stats.prompt_tokens
    assert ask(shared, Turn("x", (), typed), Turn(typed), system=typed).stats.image_encodes == 0


def test_the_beginning_of_a_long_question_is_read_ahead(client: EngineClient, star: PictureRef) -> None:
    words = " ".join(f"The {n}th shape is {('red', 'blue', 'green')[n % 3]} and small." for n in range(70))
    turn = Turn(f"{words} What is in the picture?", (star,))
    read_ahead(client, pictures=(star,))
    ahead = read_ahead(client, pictures=(star,), text=words[:-7])
    assert ahead.complete
    assert 256 <= ahead.evaluated_tokens < 1000
    finished = ask(client, turn)
    assert finished.stats.reused_tokens == ahead.context_used
    assert finished.text == fresh_answer(turn)
    again = ask(client, turn)
    assert again.stats.evaluated_tokens == finished.stats.evaluated_tokens
    assert again.text == finished.text


def test_a_beginning_that_was_changed_leaves_no_trace(client: EngineClient, star: PictureRef) -> None:
    words = "The first shape is red and large. " * 60
    read_ahead(client, pictures=(star,), text=words.strip())
    turn = Turn(f"Now {words}", (star,))
    assert ask(client, turn).text == fresh_answer(turn)


def test_a_short_beginning_is_not_worth_reading(client: EngineClient) -> None:
    before = read_ahead(client).context_used
    assert read_ahead(client, text="What is in the").context_used == before


def test_several_pictures_in_one_message(shared: EngineClient, star: PictureRef, moon: PictureRef) -> None:
    one = ask(shared, Turn("Compare.", (star,))).stats.prompt_tokens
    two = ask(shared, Turn("Compare.", (star, moon))).stats.prompt_tokens
    assert two == one + 64 + 2  # the picture, and a line break with the space before it


# ---- a full context ----------------------------------------------------------------------------


def test_old_turns_leave_as_a_whole_and_the_person_is_told(shared: EngineClient, star: PictureRef) -> None:
    turns = [Turn("What is this?", (star,), "A star.")]
    turns += [Turn(f"Question {number}: " + "which colour is it? " * 10, (), "Red. " * 10) for number in range(25)]
    events: list[Event] = []
    finished = ask(shared, *turns, Turn("And now?"), hear=events.append)
    (dropped,) = [event for event in events if isinstance(event, TurnsDropped)]
    assert dropped.turns == finished.stats.dropped_turns > 0
    assert dropped.pictures == 0
    assert dropped.left == tuple(range(1, 1 + dropped.turns)), "the picture stays"
    assert finished.stats.prompt_tokens <= 2048 - GREEDY.max_tokens
    expected = ask(shared, turns[0], *turns[1 + dropped.turns :], Turn("And now?"))
    assert expected.stats.dropped_turns == 0
    assert expected.stats.prompt_tokens == finished.stats.prompt_tokens
    assert expected.text == finished.text


def test_pictures_beyond_the_context_leave_and_the_answer_is_that_of_a_fresh_engine(
    client: EngineClient, star: PictureRef, moon: PictureRef
) -> None:
    words = "Look at it very closely, and tell me everything about it. " * 12
    turns: list[Turn] = []
    left: list[tuple[int, ...]] = []

    def hear(event: Event) -> None:
        if isinstance(event, TurnsDropped):
            left.append(event.left)

    for number in range(12):
        turn = Turn(f"{number}: {words}", (star if number % 2 else moon,))
        answer = ask(client, *turns, turn, hear=hear)
        turns.append(turn._replace(answer=answer.text))
    assert left
    assert left[-1] == tuple(range(len(left[-1]))), "the oldest pictures go first"
    again = Turn("Which colour is it?")
    told: list[Event] = []
    last = ask(client, *turns, again, hear=told.append)
    (dropped,) = [event for event in told if isinstance(event, TurnsDropped)]
    assert dropped.pictures == dropped.turns > 0
    assert last.text == fresh_answer(*turns, again)


def test_a_question_longer_than_the_context_is_an_error(shared: EngineClient) -> None:
    with pytest.raises(UserError) as caught:
        ask(shared, Turn("hello"), Turn("star " * 3000))
    assert caught.value.code == "context-too-small"
    assert int(caught.value.parameters["needed"]) > 2048
    assert ask(shared, Turn("Hello")).text == fresh_answer(Turn("Hello"))


def test_the_end_of_the_context_ends_the_answer(client: EngineClient) -> None:
    """The answer may be longer than what was reserved for it; an error it never is."""
    client.load(*demo_model(), EngineSettings(n_ctx=256))
    for seed in range(20):  # until one does not happen to end by itself
        hot = WARM._replace(temperature=50.0, max_tokens=100_000, seed=seed)
        finished = ask(client, Turn("star " * 120), sampling=hot)
        if finished.stats.finish_reason is FinishReason.LENGTH:
            break
    assert finished.stats.finish_reason is FinishReason.LENGTH
    assert finished.stats.prompt_tokens + finished.stats.answer_tokens == finished.stats.context_size == 256
    assert ask(client, Turn("Hello")).text == fresh_answer(Turn("Hello"))


def test_the_longest_answer_allowed_is_kept_to(shared: EngineClient) -> None:
    finished = ask(shared, Turn("Hello"), sampling=WARM._replace(temperature=50.0, max_tokens=5, seed=2))
    assert finished.stats.finish_reason is FinishReason.LENGTH
    assert finished.stats.answer_tokens == 5


# ---- what is wrong is said ---------------------------------------------------------------------


def test_a_picture_that_went_missing(shared: EngineClient, tmp_path: Path) -> None:
    gone = draw(tmp_path / "gone.png", "green")
    Path(gone.path).unlink()
    with pytest.raises(UserError) as caught:
        ask(shared, Turn("What?", (gone,)))
    assert caught.value.code == "file-missing"
    assert caught.value.parameters["name"] == "gone.png"


def test_no_question(shared: EngineClient, star: PictureRef) -> None:
    with pytest.raises(UserError) as caught:
        ask(shared, Turn(" \n", (star,)))
    assert caught.value.code == "question-empty"


def test_a_model_without_projector_says_that_it_cannot_see(client: EngineClient, star: PictureRef) -> None:
    info = client.load(demo_model()[0], None)
    assert info.image_tokens == 0
    assert info.class_token == "none"
    with pytest.raises(UserError) as caught:
        ask(client, Turn("What?", (star,)))
    assert caught.value.code == "projector-needed"
    assert ask(client, Turn("Hello")).text == fresh_answer(Turn("Hello"))


def test_a_question_that_waits_is_answered_after_the_first(shared: EngineClient) -> None:
    first = Ask(shared.next_request(), (Turn("Hello"),), GREEDY)
    shared.send(first)
    assert ask(shared, Turn("Hello")).stats.finish_reason in (FinishReason.STOP, FinishReason.LENGTH)


@pytest.mark.parametrize("text", ["漢字" * 300_000, "x" * 900_000, "word " * 200_000])
def test_a_pasted_book_is_refused_at_once(client: EngineClient, text: str) -> None:
    """Of a script without spaces all of it would take the engine a minute and a half."""
    began = time.monotonic()
    with pytest.raises(UserError) as refused:
        ask(client, Turn(text))
    assert time.monotonic() - began < 10
    assert refused.value.code == "context-too-small"
    assert refused.value.parameters["available"] == 2048
    assert float(refused.value.parameters["needed"]) > 100_000
