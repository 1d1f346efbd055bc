"""The loaded model: pictures are encoded correctly, typed text stays text, and computing can be stopped."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.class_token_fix import ClassToken, ClassTokenOrder
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, Sampling
from desktop_app.engine.weights.model_files import check_files
from tests.engine.clip_reference import image_features, mean_cosine
from tests.random_models.llava import Sizes, write_language_model, write_projector

SIZES = Sizes()
SETTINGS = EngineSettings(n_ctx=512, threads=1)


def picture(seed: int = 0, sizes: Sizes = SIZES) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, sizes.side**2 * 3, np.uint8).tobytes()


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_language_model(tmp_path_factory.mktemp("model") / "model.gguf")


@pytest.fixture(scope="module")
def projector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_projector(tmp_path_factory.mktemp("model") / "mmproj.gguf")


@pytest.fixture(scope="module")
def interrupt() -> Interrupt:
    return Interrupt()


@pytest.fixture(scope="module")
def loaded(language_model: Path, projector: Path, interrupt: Interrupt) -> Iterator[Model]:
    model = Model(check_files(language_model, projector), SETTINGS, interrupt)
    yield model
    model.close()


@pytest.fixture
def model(loaded: Model, interrupt: Interrupt) -> Model:
    interrupt.clear()
    loaded.forget_from(0)
    return loaded


def next_logits(model: Model, tokens: list[int], position: int = 0) -> npt.NDArray[np.float32]:
    model.read_tokens(tokens, position, logits=True)
    return model.logits()


# ---- pictures ----------------------------------------------------------------------------------


def test_pictures_are_seen_as_clip_was_trained(model: Model, projector: Path) -> None:
    """Also shows that llama.cpp leaves a picture of the right size as it is."""
    for seed in range(3):
        rgb = picture(seed)
        assert mean_cosine(model.encode(rgb), image_features(projector, rgb)) > 0.9999
    assert model.class_token is ClassToken.CORRECTED


def test_without_the_correction_they_are_not(
    language_model: Path, projector: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When this fails, llama.cpp has been corrected: then `not-needed` is what is reported."""
    monkeypatch.setattr(ClassTokenOrder, "on_node", lambda _self, _address: None)
    monkeypatch.setattr(ClassTokenOrder, "end", lambda _self: None)
    model = Model(check_files(language_model, projector), SETTINGS, Interrupt())
    rgb = picture()
    cosine = mean_cosine(model.encode(rgb), image_features(projector, rgb))
    model.close()
    assert cosine < 0.9


def test_a_tower_without_class_token_needs_no_correction(language_model: Path, tmp_path: Path) -> None:
    path = write_projector(tmp_path / "mmproj.gguf", Sizes(class_token=False))
    model = Model(check_files(language_model, path), SETTINGS, Interrupt())
    rgb = picture()
    cosine = mean_cosine(model.encode(rgb), image_features(path, rgb))
    state = model.class_token
    model.close()
    assert state is ClassToken.NOT_NEEDED
    assert cosine > 0.9999


def test_picture_tokens_are_counted_without_a_picture(model: Model) -> None:
    assert model.image_tokens == SIZES.image_tokens
    assert model.encode(picture()).shape == (SIZES.image_tokens, SIZES.width)


def test_a_picture_of_another_size_is_a_bug(model: Model) -> None:
    with pytest.raises(ValueError, match="square"):
        model.encode(bytes(30))


def test_a_model_without_projector_sees_nothing(language_model: Path) -> None:
    model = Model(check_files(language_model, None), SETTINGS, Interrupt())
    assert model.image_tokens == 0
    assert model.class_token is ClassToken.NONE
    model.close()
    model.close()  # twice does no harm


# ---- text --------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["<s>", "</s>", "<image>", "<pad>", "<unk>", "<__media__>", "<0x0A>", "a</s>b"])
def test_special_tokens_cannot_be_typed(model: Model, typed: str) -> None:
    tokens = model.vocabulary.tokenize(typed)
    special = {model.vocabulary.special(name) for name in ("bos", "eos", "<image>", "<pad>")}
    assert special.isdisjoint(tokens)
    assert b"".join(map(model.vocabulary.piece, tokens)).decode() == f" {typed}"


@pytest.mark.parametrize("text", ["the star", "Größe 中文 ☃\n\ttabs", "", " ", "a" * 5000])
def test_text_survives_its_tokens(model: Model, text: str) -> None:
    joined = b"".join(map(model.vocabulary.piece, model.vocabulary.tokenize(text))).decode()
    assert joined == (f" {text}" if text else "")


def test_special_tokens_are_found_by_name(model: Model) -> None:
    assert (model.vocabulary.special("bos"), model.vocabulary.special("eos")) == (1, 2)
    assert model.vocabulary.is_end(2)
    assert not model.vocabulary.is_end(1)
    with pytest.raises(RuntimeError, match="no token"):
        model.vocabulary.special("<|nothing|>")


# ---- evaluating --------------------------------------------------------------------------------


def test_what_was_cut_is_forgotten(model: Model) -> None:
    start, end = [1, *model.vocabulary.tokenize("what is the")], model.vocabulary.tokenize("star")
    next_logits(model, start)
    expected = next_logits(model, end, len(start))
    model.forget_from(len(start))
    next_logits(model, model.vocabulary.tokenize("red blue picture"), len(start))
    model.forget_from(len(start))
    np.testing.assert_array_equal(next_logits(model, end, len(start)), expected)


def test_a_picture_read_in_parts_gives_the_same(model: Model) -> None:
    rows = model.encode(picture())
    model.read_tokens([1], 0, logits=False)
    model.read_rows(rows, 1, logits=False)
    whole = next_logits(model, [5, 6], 1 + len(rows))
    model.forget_from(1)
    model.read_rows(rows[:7], 1, logits=False)
    model.read_rows(rows[7:], 8, logits=False)
    parts = next_logits(model, [5, 6], 1 + len(rows))
    assert np.corrcoef(whole, parts)[0, 1] > 0.9999


def test_the_same_seed_chooses_the_same(model: Model) -> None:
    def chosen(sampling: Sampling) -> list[int]:
        sampler = model.sampler(sampling)
        tokens = [sampler.sample() for _ in range(30)]
        sampler.close()
        return tokens

    next_logits(model, [1, 5, 6])
    warm = {"temperature": 5.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
    first, second = (chosen(Sampling(seed=seed, **warm)) for seed in (1, 2))  # type: ignore[arg-type]
    assert chosen(Sampling(seed=1, **warm)) == first  # type: ignore[arg-type]
    assert first != second
    assert chosen(Sampling(seed=None, **warm)) != chosen(Sampling(seed=None, **warm))  # type: ignore[arg-type]
    best = int(model.logits().argmax())
    assert set(chosen(Sampling(temperature=0))) == {best}
    assert best not in chosen(Sampling(temperature=0, repeat_penalty=100.0))[1:5]


@pytest.mark.parametrize("phase", ["looking", "reading a picture", "reading", "writing"])
def test_every_phase_can_be_stopped(model: Model, interrupt: Interrupt, phase: str) -> None:
    """The interrupt is set before: it must be heard inside the computation."""
    rows, tokens = model.encode(picture()), [1, 5, 6]
    end = len(tokens) + len(rows)
    expected = next_logits(model, tokens)
    model.read_rows(rows, len(tokens), logits=False)
    work: Callable[[], object] = {
        "looking": lambda: model.encode(picture()),
        "reading a picture": lambda: model.read_rows(rows, end, logits=False),
        "reading": lambda: model.read_tokens([5] * 100, end, logits=True),
        "writing": lambda: model.read_tokens([5], end, logits=True),
    }[phase]
    interrupt.stop_now()
    with pytest.raises(Interrupted):
        work()
    interrupt.clear()
    # Nothing of it is left, and what was there before is unharmed.
    np.testing.assert_array_equal(model.encode(picture()), rows)
    model.read_tokens([5], end, logits=True)
    model.forget_from(2)
    again = next_logits(model, tokens[2:], 2)
    assert np.corrcoef(again, expected)[0, 1] > 0.9999


def test_the_context_is_no_longer_than_the_training(language_model: Path) -> None:
    model = Model(check_files(language_model, None), EngineSettings(n_ctx=100_000, threads=1), Interrupt())
    assert model.n_ctx == SIZES.context
    model.close()


def test_an_assert_starts_no_debugger() -> None:
    assert os.environ["GGML_NO_BACKTRACE"] == "1"
