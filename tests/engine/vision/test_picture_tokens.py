"""Gemma 4's pictures take as many tokens as one chooses; fewer where the context has no room for them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gguf_writing import Tower

from desktop_app.engine.client import EngineClient
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, PartsReduced, PictureRef, Turn, TurnsDropped
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from tests.engine.questions import ask
from tests.engine.vision.test_tiled_processor import save
from tests.random_models import gemma4

CHOICES = (70, 140, 280, 560, 1120)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return gemma4.write_like_e2b(tmp_path)


@pytest.fixture
def shown(tmp_path: Path) -> PictureRef:
    return save(tmp_path, 150, 90)


def sizes_of(files: ModelFiles, n_ctx: int) -> tuple[int, tuple[int, ...]]:
    model = Model(files, EngineSettings(n_ctx=n_ctx, threads=1), Interrupt())
    try:
        sizes = model.projector.any_size
        assert sizes is not None
        return sizes.most, sizes.choices
    finally:
        model.close()


def test_what_one_can_choose_fits_into_half_of_the_context(pair: tuple[Path, Path]) -> None:
    files = check_files(*pair)
    assert sizes_of(files, 4096) == (280, CHOICES)
    assert sizes_of(files, 1024) == (280, (70, 140, 280))
    assert sizes_of(files, 512) == (140, (70, 140))


def test_pictures_that_are_read_at_once_take_no_more_than_in_training(tmp_path: Path) -> None:
    """All their tokens have to be in one batch."""
    files = check_files(*gemma4.write_pair(tmp_path))
    assert sizes_of(files, 4096) == (280, (70, 140, 280))
    assert Shape.of_files(files).min_batch == 280


def test_each_choice_is_seen_anew_and_kept_by_itself(
    empty: EngineClient, pair: tuple[Path, Path], shown: PictureRef
) -> None:
    info = empty.load(*pair, EngineSettings(n_ctx=4096))
    assert info.any_size is not None
    assert info.image_tokens == info.any_size.tokens(1024, 768) == 266
    prompts = []
    for most in (70, None, 560, 1120):
        answer = ask(empty, Turn("What is red?", (shown._replace(most_tokens=most),)))
        assert answer.stats.image_encodes == 1
        prompts.append(answer.stats.prompt_tokens - info.any_size.chosen(most).tokens(150, 90))
    assert len(set(prompts)) == 1
    for again in (shown, shown._replace(most_tokens=280), shown._replace(most_tokens=300)):
        assert ask(empty, Turn("What is red?", (again,))).stats.image_encodes == 0
    glance = ask(empty, Turn("What is red?", (shown._replace(most_tiles=0),)))
    assert (glance.stats.image_encodes, glance.stats.prompt_tokens) == (0, prompts[0] + 10 * 6)


def test_a_picture_takes_fewer_before_it_is_dropped(
    empty: EngineClient, pair: tuple[Path, Path], shown: PictureRef, tmp_path: Path
) -> None:
    info = empty.load(*pair, EngineSettings(n_ctx=1024))
    assert info.any_size is not None
    others = tuple(save(tmp_path, 150 + number, 90) for number in range(3))
    heard: list[object] = []
    asked = Turn("Which is red?", (shown, *others))
    answer = ask(empty, asked, hear=heard.append)
    fewer = info.any_size.chosen(140).tokens(150, 90)
    assert [event for event in heard if isinstance(event, PartsReduced)] == [
        PartsReduced(heard[0].request, fewer, info.any_size.tokens(150, 90), in_tokens=True)  # type: ignore[attr-defined]
    ]
    assert not [event for event in heard if isinstance(event, TurnsDropped)]
    assert answer.stats.prompt_tokens > 4 * fewer


@pytest.fixture
def model(pair: tuple[Path, Path]) -> Iterator[Model]:
    model = Model(check_files(*pair), EngineSettings(n_ctx=1024, threads=1), Interrupt())
    yield model
    model.close()


def test_what_was_cut_far_behind_the_window_is_read_again_alike(model: Model) -> None:
    """The sliding windows of most layers are 32 tokens, and everything is kept all the same."""
    tokens = [(37 * number) % 200 + 20 for number in range(300)]
    model.read_tokens(tokens[:200], 0, logits=False)
    model.read_tokens(tokens[200:], 200, logits=True)
    expected = model.logits()
    for keep in (290, 200, 60):
        model.forget_from(keep)
        for first in range(keep, len(tokens), 100):
            model.read_tokens(tokens[first : first + 100], first, logits=True)
        assert np.corrcoef(model.logits(), expected)[0, 1] > 0.9999, keep


def test_memory_is_planned_for_the_closest_look(pair: tuple[Path, Path], tmp_path: Path) -> None:
    read_like_words = Shape.of_files(check_files(*pair))
    assert read_like_words.most_picture_tokens == 1120
    assert read_like_words.min_batch == 0
    big = replace(gemma4.EYES_OF_E2B, tower=Tower(768, 1, 12, 3072, 224, 16))
    shape = Shape.of_files(check_files(pair[0], gemma4.write_eyes(tmp_path / "big.gguf", big)))
    # Measured with 1,107 tokens: 498 MiB.
    assert shape.encoder_buffers / (1 << 20) == pytest.approx(498, rel=0.1)
