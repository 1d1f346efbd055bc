"""A model that can think does so only if it is asked to; what it thinks is no part of its answer, nor of later turns.

The tokens are chosen by the test, all else is done by the engine. Cells are compared with what the original template
writes (tests/data/prompts.json).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
    FinishReason,
    LoadPlan,
    Phase,
    PhaseChanged,
    ReadAhead,
    ReadAheadDone,
    Sampling,
    Text,
    Thought,
    Turn,
)
from desktop_app.engine.weights.model_files import check_files
from tests.helpers.paths import DATA
from tests.random_models.gemma4 import write_gemma4
from tests.random_models.qwen3_vl import write_qwen3_vl
from tests.random_models.qwen35 import write_qwen35

RECORDED: dict[str, Any] = json.loads((DATA / "prompts.json").read_text(encoding="utf-8"))
QUESTION, NEXT = Turn("a"), Turn("b")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_qwen35(tmp_path_factory.mktemp("thinking") / "model.gguf")


class Script:
    """A sampler that writes what the test wants."""

    def __init__(self, tokens: Iterator[int], on_token: Callable[[], None]) -> None:
        self._tokens, self._on_token = tokens, on_token

    def sample(self) -> int:
        self._on_token()
        return next(self._tokens)

    def close(self) -> None:
        """It has nothing to free."""


class Desk:
    """An engine without a process of its own, whose model writes what it is told."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.interrupt = Interrupt()
        self.heard: list[Event] = []
        self.model = Model(check_files(path, None), EngineSettings(threads=1), self.interrupt, LoadPlan(1024, 32))
        self.session = Session(self.model, self.interrupt, EmbeddingStore(), self.heard.append)
        self.on_token: Callable[[], None] = lambda: None
        self._tokens: list[int] = []
        monkeypatch.setattr(self.model, "sampler", lambda *_: Script(iter(self._tokens), self.on_token))

    def tokens(self, words: list[str]) -> list[int]:
        """Return the tokens of words and special tokens."""
        found: list[int] = []
        for one in words:
            special = self.model.vocabulary.special(one) if one.startswith("<") else None
            found += [special] if special is not None else self.model.vocabulary.tokenize(one)
        return found

    def ask(self, *turns: Turn, words: list[str] | list[int], think: bool = False, tokens: int = 200) -> Finished:
        self._tokens = [token for one in words for token in ([one] if isinstance(one, int) else self.tokens([one]))]
        self.heard.clear()
        self.interrupt.clear()
        self.session.ask(Ask(1, turns, Sampling(max_tokens=tokens), None, think), 0.0)
        finished = self.heard[-1]
        assert isinstance(finished, Finished)
        return finished

    def read_ahead(self, *turns: Turn) -> ReadAheadDone:
        self.interrupt.clear()
        self.session.read_ahead(ReadAhead(2, turns, ()))
        done = self.heard[-1]
        assert isinstance(done, ReadAheadDone)
        return done

    def cells(self, *turns: Turn, think: bool = False) -> str:
        """Return the cells of a prompt in words."""
        cells = self.session.prompts.prompt(turns, None, 20, think=think).cells
        tokens = [cell for cell in cells if isinstance(cell, int)]
        vocabulary = self.model.vocabulary
        return "".join(vocabulary.special_name(token) or vocabulary.piece(token).decode() for token in tokens)

    def phases(self) -> list[Phase]:
        phases = [event.phase for event in self.heard if isinstance(event, PhaseChanged)]
        return [phase for phase, before in zip(phases, [None, *phases], strict=False) if phase is not before]

    def sent(self, kind: type[Text | Thought]) -> str:
        return "".join(event.text for event in self.heard if isinstance(event, kind))


@pytest.fixture
def desk(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk(path, monkeypatch)
    yield desk
    desk.interrupt.clear()
    desk.session.close()


def test_off_by_default_it_begins_with_an_empty_thought(desk: Desk) -> None:
    asked = "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"
    assert desk.cells(QUESTION) == asked + "<think>\n\n</think>\n\n"
    assert desk.cells(QUESTION, think=True) == asked + "<think>\n"
    finished = desk.ask(QUESTION, words=["It is.", "<|im_end|>"])
    assert (finished.text, finished.thought) == ("It is.", "")
    assert desk.phases() == [Phase.READING, Phase.WRITING]


def test_what_it_thinks_is_not_its_answer(desk: Desk) -> None:
    finished = desk.ask(QUESTION, words=["Hm, a.\nSo?\n", "</think>", "\n\n", "It is.", "<|im_end|>"], think=True)
    assert (finished.text, finished.thought) == ("It is.", "Hm, a.\nSo?\n")
    assert (desk.sent(Text), desk.sent(Thought)) == ("It is.", "Hm, a.\nSo?\n")
    assert desk.phases() == [Phase.READING, Phase.THINKING, Phase.WRITING]
    assert finished.thought_s > 0
    assert bytes(piece for token in finished.token_ids for piece in desk.model.vocabulary.piece(token)) == b"It is."


def test_a_thought_that_was_not_asked_for_is_one_as_well(desk: Desk) -> None:
    finished = desk.ask(QUESTION, words=["<think>", "\n", "Hm.\n", "</think>", "\n\n", "No.", "<|im_end|>"])
    assert (finished.text, finished.thought) == ("No.", "Hm.\n")
    later = desk.ask(QUESTION, words=["No <", "<think>", "> no.", "<|im_end|>"])  # in the middle it is a word
    assert later.thought == ""


def test_the_longest_length_counts_both(desk: Desk) -> None:
    words = ["Hm, what?\n", "</think>", "\n\n", "It is.", "<|im_end|>"]
    whole = desk.ask(QUESTION, words=words, think=True)
    assert whole.stats.finish_reason is FinishReason.STOP
    cut = desk.ask(QUESTION, words=words, think=True, tokens=whole.stats.answer_tokens - 2)
    assert (cut.stats.finish_reason, cut.stats.answer_tokens) == (FinishReason.LENGTH, whole.stats.answer_tokens - 2)
    assert cut.thought == whole.thought
    assert whole.text.startswith(cut.text)
    unfinished = desk.ask(QUESTION, words=words, think=True, tokens=3)
    assert (unfinished.text, unfinished.stats.finish_reason) == ("", FinishReason.LENGTH)
    assert whole.thought.startswith(unfinished.thought)


def test_a_thought_can_be_stopped(desk: Desk) -> None:
    left = iter(range(5))
    desk.on_token = lambda: desk.interrupt.stop_now() if next(left, None) is None else None
    finished = desk.ask(QUESTION, words=["Hm, for ever and ever and ever."], think=True)
    assert (finished.text, finished.stats.finish_reason) == ("", FinishReason.STOPPED)
    assert finished.thought
    assert "Hm, for ever".startswith(finished.thought)


@pytest.mark.parametrize("think", [False, True])
def test_earlier_turns_have_no_thoughts(desk: Desk, think: bool) -> None:
    """As the template writes them."""
    words = ["Hm.\n", "</think>", "\n\n", "One.", "<|im_end|>"] if think else ["One.", "<|im_end|>"]
    answered = QUESTION._replace(answer=desk.ask(QUESTION, words=words, think=think).text, thought="Hm.\n")
    written = desk.cells(answered, NEXT)
    case = RECORDED["families"]["qwen3.5"]["prompts"]["three turns"].replace(
        "<|vision_start|><picture><|vision_end|>", ""
    )
    assert written == case[: case.index("Two")] + "<think>\n\n</think>\n\n"


@pytest.mark.parametrize("think", [False, True])
def test_a_follow_up_evaluates_its_own_tokens_if_there_was_time_before(desk: Desk, think: bool) -> None:
    words = ["Hm, what is a? " * 6, "\n", "</think>", "\n\n", "One. " * 5 + "Done.", "<|im_end|>"]
    finished = desk.ask(QUESTION, words=words if think else words[-2:], think=think)
    assert finished.text == words[-2]
    turns = (QUESTION._replace(answer=finished.text), NEXT)
    whole = len(desk.session.prompts.prompt(turns, None, 20).cells)
    own = whole - len(desk.session.prompts.prompt((turns[0], Turn("")), None, 20).cells)
    question = len(desk.session.prompts.prompt((QUESTION,), None, 20).cells)
    at_once = desk.ask(*turns, words=["Two.", "<|im_end|>"]).stats
    assert own < at_once.evaluated_tokens <= own + question + len(finished.token_ids)
    desk.ask(QUESTION, words=words if think else words[-2:], think=think)
    done = desk.read_ahead(turns[0])
    assert done.complete
    assert done.evaluated_tokens <= question + len(finished.token_ids)  # the thought is not read
    in_time = desk.ask(*turns, words=["Two.", "<|im_end|>"]).stats
    assert in_time.evaluated_tokens <= own + 1
    assert in_time.reused_tokens + in_time.evaluated_tokens == whole


def test_an_answer_goes_on_after_its_thought(desk: Desk) -> None:
    words = ["Hm. What?\n", "</think>", "\n\n", "It is red."]
    whole = desk.ask(QUESTION, words=words, think=True, tokens=14)
    assert whole.stats.finish_reason is FinishReason.LENGTH
    begun = QUESTION._replace(answer=whole.text, thought=whole.thought)
    assert desk.cells(begun, think=True).endswith("<think>\nHm. What?\n</think>\n\n" + whole.text)
    more = desk.ask(begun, words=[" And blue.", "<|im_end|>"], think=True)
    assert more.text == whole.text + " And blue."
    assert more.thought == ""
    assert more.stats.evaluated_tokens <= len(whole.token_ids) + 2


def test_gemma_4_is_told_at_the_start_and_begins_its_thought_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(write_gemma4(tmp_path / "model.gguf"), monkeypatch)
    try:
        asked = "<|turn>user\na<turn|>\n<|turn>model\n"
        assert desk.cells(QUESTION) == f"<bos>{asked}<|channel>thought\n<channel|>"
        told = "<bos><|turn>system\n<|think|>\n<turn|>\n"
        assert desk.cells(QUESTION, think=True) == told + asked
        words = ["<|channel>", "thought\n", "Hm.\n", "<channel|>", "One.", "<turn|>"]
        finished = desk.ask(QUESTION, words=words, think=True)
        assert (finished.text, finished.thought) == ("One.", "Hm.\n")
        assert desk.sent(Thought) == "Hm.\n"
        assert desk.phases() == [Phase.READING, Phase.WRITING, Phase.THINKING, Phase.WRITING]
        answered = QUESTION._replace(answer=finished.text, thought=finished.thought)
        assert desk.cells(answered, NEXT, think=True) == f"{told}{asked}One.<turn|>\n{asked.replace('a<', 'b<', 1)}"
        assert desk.cells(answered, think=True) == f"{told}{asked}<|channel>thought\nHm.\n<channel|>One."
    finally:
        desk.session.close()


@pytest.mark.parametrize("write", [write_qwen35, write_gemma4])
def test_a_thought_cut_anywhere_goes_on_in_the_same_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Path]
) -> None:
    """In a thought, right behind it, and in the answer: the rest is as if there had been no end."""
    desk = Desk(write(tmp_path / "model.gguf"), monkeypatch)
    thinking = desk.session.prompts.family.thinking
    assert thinking is not None
    begins, gap = ([], "\n\n") if thinking.asking else ([thinking.begin, thinking.label], "")
    end = "<|im_end|>" if thinking.asking else "<turn|>"
    tokens = desk.tokens([*begins, "Hm, what is it?\nSo?\n", thinking.end, gap + "It is red.", end])
    try:
        whole = desk.ask(QUESTION, words=tokens, think=True)
        assert whole.text == "It is red."
        for cut in range(len(desk.tokens(begins)) + 1, len(tokens)):
            part = desk.ask(QUESTION, words=tokens, think=True, tokens=cut)
            held = len(desk.session._kv_cache)
            has_ended = desk.phases()[-1] is Phase.WRITING
            begun = QUESTION._replace(answer=part.text if has_ended else None, thought=part.thought)
            rest = desk.ask(begun, words=tokens[cut:], think=True)
            assert rest.stats.reused_tokens + 1 >= held
            assert rest.stats.evaluated_tokens <= len(desk.tokens([gap])) + 1
            assert rest.text == whole.text
            assert part.text + desk.sent(Text) == whole.text
            assert (part.thought if has_ended else rest.thought) == whole.thought
            assert part.thought + desk.sent(Thought) == whole.thought
            assert desk.phases()[-1] is Phase.WRITING
    finally:
        desk.session.close()


def test_a_thought_goes_on_after_a_restart_without_the_spaces_at_its_end(desk: Desk) -> None:
    """Nobody knows its tokens: mostly the spaces would have been part of the next one."""
    begun = QUESTION._replace(thought="Hm, what \n")
    assert desk.cells(begun, think=True).endswith("<think>\nHm, what")
    rest = desk.ask(begun, words=[" is it?\n", "</think>", "\n\n", "Red.", "<|im_end|>"], think=True)
    assert (rest.thought, rest.text) == ("Hm, what is it?\n", "Red.")
    assert desk.phases() == [Phase.READING, Phase.THINKING, Phase.WRITING]


def test_another_model_that_cannot_think_answers_without_the_thought_that_was_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(write_qwen3_vl(tmp_path / "model.gguf"), monkeypatch)
    try:
        asked = desk.cells(QUESTION)
        assert desk.cells(QUESTION._replace(thought="Hm"), think=True) == asked
        rest = desk.ask(QUESTION._replace(thought="Hm"), words=["Red.", "<|im_end|>"], think=True)
        assert rest.text == "Red."
    finally:
        desk.session.close()
