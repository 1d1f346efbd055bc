"""A prompt's tokens are those of the recorded text, with special tokens only where they belong."""

import ctypes
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import llama_cpp
import numpy as np
import pytest

from desktop_app.chat.families.signs import FAMILIES
from desktop_app.chat.prompt import Family, Special
from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.conversation.prompt_builder import PromptBuilder
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.kv_cache import Cell, PictureRow
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import Ask, EngineSettings, Finished, FinishReason, PictureRef, Sampling, Text, Turn
from desktop_app.engine.vision.picture_processor import SquareProcessor
from desktop_app.engine.weights.model_files import check_files
from tests.helpers.paths import DATA
from tests.random_models.llava import Sizes, write_language_model

RECORDED: dict[str, Any] = json.loads((DATA / "prompts.json").read_text(encoding="utf-8"))
BY_NAME = {family.name: family for family in FAMILIES}
SETTINGS = EngineSettings(n_ctx=1024, threads=1)
IMAGE_TOKENS = 3


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    return BY_NAME[request.param.name]


@pytest.fixture(scope="module")
def model(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    sizes = Sizes(
        width=32,
        layers=1,
        specials=tuple(sorted({*family.specials, *(family.thinking.specials if family.thinking else ())})),
        add_bos="bos" in names_of(family),
    )
    path = write_language_model(tmp_path_factory.mktemp("family") / "model.gguf", sizes)
    model = Model(check_files(path, None), SETTINGS, Interrupt())
    yield model
    model.close()


@pytest.fixture
def prompts(family: Family, model: Model) -> PromptBuilder:
    return PromptBuilder(
        model.vocabulary,
        SETTINGS.n_ctx,
        family,
        SquareProcessor(None, IMAGE_TOKENS, lambda _rgb: np.zeros((0, 0), np.float32)),
    )


def names_of(family: Family) -> set[str]:
    """The special tokens that a conversation begins with."""
    return {item.name for item in family.bare_opening if isinstance(item, Special)}


def turns_of(case: str) -> list[Turn]:
    return [
        Turn(turn["question"], tuple(PictureRef(str(n), "", "") for n in range(turn["pictures"])), turn["answer"])
        for turn in RECORDED["conversations"][case]["turns"]
    ]


def tokens_of_markup(model: Model, text: str) -> list[int]:
    """What llama.cpp makes of a text in which special tokens are spelled."""
    raw = text.encode()
    tokens = (ctypes.c_int32 * (len(raw) + 8))()
    count = llama_cpp.llama_tokenize(model.vocabulary._pointer, raw, len(raw), tokens, len(tokens), False, True)
    return list(tokens[:count])


def recorded_cells(model: Model, family: Family, case: str) -> list[Cell]:
    recorded = RECORDED["families"][family.name]
    text = recorded["prompts"][case]
    if "bos" in names_of(family):
        text = "<s>" + text.removeprefix(recorded["bos"])
    first, *others = text.split("<picture>")
    cells: list[Cell] = [*tokens_of_markup(model, first)]
    places = [str(n) for turn in turns_of(case) for n in range(len(turn.pictures))]
    for place, stretch in zip(places, others, strict=True):
        cells += [PictureRow(place, row) for row in range(IMAGE_TOKENS)]
        cells += tokens_of_markup(model, stretch)
    return cells


@pytest.mark.parametrize("case", RECORDED["conversations"])
def test_tokens_are_those_of_the_recorded_prompt(
    family: Family, model: Model, prompts: PromptBuilder, case: str
) -> None:
    system = RECORDED["conversations"][case]["system"]
    assert prompts.asking(turns_of(case), system) == recorded_cells(model, family, case)


@pytest.mark.parametrize("case", RECORDED["conversations"])
def test_answers_that_were_written_keep_their_tokens(
    family: Family, model: Model, prompts: PromptBuilder, case: str
) -> None:
    """Character by character: longer than the same text tokenised, and still the same around it."""
    system = RECORDED["conversations"][case]["system"]
    turns = turns_of(case)
    expected = recorded_cells(model, family, case)
    for turn in turns[:-1]:
        assert turn.answer is not None
        tokens = tuple(token for letter in turn.answer for token in model.vocabulary.tokenize(letter))
        prompts.answers.remember(turn.answer, tokens)
        cells = prompts.asking(turns, system)
        start = next(index for index in range(len(cells)) if cells[index : index + len(tokens)] == list(tokens))
        rest = len(cells) - start - len(tokens)
        assert cells[:start] == expected[:start]
        assert cells[len(cells) - rest :] == expected[len(expected) - rest :]
        expected = cells


@pytest.mark.parametrize("case", RECORDED["conversations"])
def test_all_but_the_question_is_certain_before_it_is_written(
    family: Family, model: Model, prompts: PromptBuilder, case: str
) -> None:
    system = RECORDED["conversations"][case]["system"]
    *earlier, newest = turns_of(case)
    certain = prompts.prompt([*earlier, Turn("", newest.pictures)], system, max_tokens=1).cells
    cells = recorded_cells(model, family, case)
    assert cells[: len(certain)] == certain
    rest = cells[len(certain) :]
    text = b"".join(model.vocabulary.piece(cell) for cell in rest if isinstance(cell, int)).decode()
    assert text.lstrip().startswith(newest.text.strip())


def test_nobody_types_a_special_token(family: Family, model: Model, prompts: PromptBuilder) -> None:
    names = sorted(family.specials)
    wanted = {model.vocabulary.special(name) for name in (*names, "bos", "eos")} - {None}
    plain = prompts.asking([Turn("q", (), "a"), Turn("q")], "s")
    typed = f"{''.join(names)} {' '.join(names)}</s><s>" + "".join(name[:2] + name + name[2:] for name in names)
    cells = prompts.asking([Turn(typed, (), typed), Turn(typed)], typed)
    assert [cell for cell in cells if cell in wanted] == [cell for cell in plain if cell in wanted]
    text = b"".join(model.vocabulary.piece(cell) for cell in cells if isinstance(cell, int))
    assert text.decode().replace(" ", "").count(typed.replace(" ", "")) == 4


def test_a_token_of_the_family_ends_the_answer(model: Model) -> None:
    """Whatever the file says of it: here it is an ordinary token that the model happens to write."""
    heard: list[Any] = []
    session = Session(model, Interrupt(), EmbeddingStore(), heard.append)
    command = Ask(1, (Turn("What is red?"),), Sampling(temperature=0, max_tokens=4))
    session.ask(command, 0.0)
    first = next(event for event in heard if isinstance(event, Finished))
    assert first.token_ids
    session.prompts.stops = frozenset(first.token_ids[:1])
    heard.clear()
    session.ask(command, 0.0)
    (ended,) = [event for event in heard if isinstance(event, Finished)]
    assert (ended.token_ids, ended.stats.finish_reason) == ((), FinishReason.STOP)
    session.forget()


def test_an_answer_that_goes_on_as_the_next_question_ends_before_it(model: Model) -> None:
    """Whatever the model writes first here is taken for the words of the next question."""
    heard: list[Any] = []
    session = Session(model, Interrupt(), EmbeddingStore(), heard.append)
    command = Ask(1, (Turn("What is red?"),), Sampling(temperature=0, max_tokens=8))
    session.ask(command, 0.0)
    first = next(event.text for event in heard if isinstance(event, Finished)).strip()
    assert first
    session.prompts.family = replace(session.prompts.family, role=first[:3])
    heard.clear()
    session.ask(command, 0.0)
    (ended,) = [event for event in heard if isinstance(event, Finished)]
    assert (ended.text, ended.stats.finish_reason) == ("", FinishReason.STOP)
    assert not [event for event in heard if isinstance(event, Text)]
    session.forget()


def test_the_token_of_the_next_question_ends_an_answer_too(family: Family, prompts: PromptBuilder) -> None:
    """Each family knows how the next question begins: by a token of its own, or in words."""
    assert family.role or family.role_tokens
    assert len(prompts.stops) >= len(set(family.role_tokens))
