"""A real language model answers through the engine as through plain llama.cpp, within what was planned."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.llama.backend import prepare
from desktop_app.engine.messages import EngineSettings, Event, FinishReason, Sampling, Text, Turn, TurnsDropped
from desktop_app.engine.planning.memory_estimate import WINDOW_BASE
from tests.engine.questions import ask
from tests.real.plain import PlainModel, plain_model

pytestmark = pytest.mark.real

QUESTIONS = (
    "What is the capital of France?",
    "Name three colours.",
    "What is two plus two?",
    "Write one sentence about a cat.",
    "What do bees make?",
    "Who wrote Hamlet?",
    "Translate to French: good morning.",
    "List the days of the week.",
    "What is the opposite of hot?",
    "Why is the sky blue?",
    "Write a Python function that adds two numbers.",
    "What is 15 % of 200?",
    "Explain gravity in one sentence.",
    "Give me a recipe for tea.",
    "What is an atom?",
    "Schreibe einen Satz auf Deutsch.",
    "Is a tomato a fruit?",
)
CONVERSATION = ("My name is Ada.", "What is my name?", "Spell it backwards.")
GREEDY = Sampling(temperature=0, max_tokens=48)
_ROUNDING = 0.2  # of logits, where the same tokens were evaluated in batches of other sizes
SETTINGS = EngineSettings(n_ctx=2048, threads=1)


@pytest.fixture(scope="module")
def engine(smollm2: Path) -> Iterator[EngineClient]:
    with EngineClient() as client:
        assert client.load(smollm2, None, SETTINGS).family == "chatml"
        yield client


def asked(question: str) -> str:
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


def assert_the_same(plain: PlainModel, prompt: list[int], answer: tuple[int, ...]) -> None:
    """Assert that plain llama.cpp writes the same, up to where two tokens are as likely but for rounding."""
    expected = plain.answer(prompt, GREEDY.max_tokens)
    differing = next((n for n, pair in enumerate(zip(answer, expected, strict=False)) if len(set(pair)) > 1), None)
    if differing is None:
        assert answer == expected
    else:
        assert plain.lead([*prompt, *answer[:differing]], answer[differing]) < _ROUNDING, differing


@pytest.mark.timeout(300)
def test_twenty_greedy_answers_are_those_of_plain_llama_cpp(engine: EngineClient, smollm2: Path) -> None:
    prepare()
    with plain_model(smollm2, 2048) as plain:
        for question in QUESTIONS:
            answer = ask(engine, Turn(question), sampling=GREEDY)
            assert_the_same(plain, plain.tokens(asked(question)), answer.token_ids)
        turns: list[Turn] = []
        prompt: list[int] = []
        for question in CONVERSATION:
            turns.append(Turn(question))
            prompt += plain.tokens(asked(question))
            answer = ask(engine, *turns, sampling=GREEDY)
            assert answer.stats.prompt_tokens == len(prompt)
            assert_the_same(plain, prompt, answer.token_ids)
            turns[-1] = turns[-1]._replace(answer=answer.text)
            prompt += [*answer.token_ids, *plain.tokens("<|im_end|>\n")]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("question", ["Name three colours.", "Write 'good morning' in Japanese."])
def test_a_greedy_answer_cut_anywhere_goes_on_token_by_token(engine: EngineClient, question: str) -> None:
    whole = ask(engine, Turn(question), sampling=GREEDY)
    for tokens in range(1, whole.stats.answer_tokens, 5):
        part = ask(engine, Turn(question), sampling=GREEDY._replace(max_tokens=tokens))
        if part.token_ids:  # else half a character
            most = GREEDY.max_tokens - len(part.token_ids)
            rest = ask(engine, Turn(question, (), part.text), sampling=GREEDY._replace(max_tokens=most))
            assert rest.token_ids == whole.token_ids
            assert rest.stats.evaluated_tokens == 1


@pytest.mark.parametrize("question", ["Write 'good morning' in Japanese.", "Show three emojis.", "Say hello in Greek."])
def test_characters_of_several_tokens_arrive_whole(engine: EngineClient, question: str) -> None:
    heard: list[Event] = []
    answer = ask(engine, Turn(question), hear=heard.append)
    assert not answer.text.isascii()
    assert "\ufffd" not in answer.text
    assert "".join(event.text for event in heard if isinstance(event, Text)) == answer.text


def test_a_full_context_drops_turns_and_an_answer_ends_at_its_edge(smollm2: Path) -> None:
    with EngineClient() as client:
        client.load(smollm2, None, EngineSettings(n_ctx=512, threads=1))
        turns: list[Turn] = []
        dropped: list[TurnsDropped] = []
        for number in range(12):
            turns.append(Turn(f"Tell me a long story about the number {number}."))

            def hear(event: Event) -> None:
                if isinstance(event, TurnsDropped):
                    dropped.append(event)

            answer = ask(client, *turns, sampling=Sampling(temperature=0, max_tokens=80), hear=hear)
            assert answer.text
            assert answer.stats.context_used <= 512
            turns[-1] = turns[-1]._replace(answer=answer.text)
        assert dropped
        endless = ask(
            client,
            Turn("Count from one to a thousand, in words."),
            sampling=Sampling(temperature=0, max_tokens=4000),
            system="Never stop.",
        )
        assert endless.stats.finish_reason in {FinishReason.LENGTH, FinishReason.STOP}
        assert endless.stats.context_used <= 512


@pytest.mark.timeout(300)
@pytest.mark.parametrize("n_ctx", [2048, 4096])
def test_memory_is_planned_within_a_tenth(smollm2: Path, n_ctx: int) -> None:
    with EngineClient() as client:
        plan = client.load(smollm2, None, EngineSettings(n_ctx=n_ctx, threads=1)).plan
        assert plan is not None
        assert plan.n_ctx == n_ctx
        words = " ".join(f"word {number}" for number in range(n_ctx // 6))
        used = ask(client, Turn(f"{words} What is this?")).stats.peak_memory_bytes
        assert plan.needed - WINDOW_BASE == pytest.approx(used, rel=0.1)
