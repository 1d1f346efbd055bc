"""Small random models of the families that are not LLaVA's see and answer as in transformers, with the same weights."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from desktop_app.chat.families.signs import family_for
from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.client import EngineClient
from desktop_app.engine.conversation import session
from desktop_app.engine.llama import mtmd
from desktop_app.engine.llama.batch import RowBatch
from desktop_app.engine.llama.model import Model
from desktop_app.engine.llama.mtmd import LoadedProjector, Piece
from desktop_app.engine.messages import Sampling, Stop, Turn
from desktop_app.engine.vision import picture_encoder, resizing_for
from desktop_app.engine.vision.mtmd_processor import MtmdProcessor
from desktop_app.engine.weights import projector_copy
from desktop_app.engine.weights.projector_checks import gemma4
from desktop_app.images.resizing import at_most
from tests.engine.held_to_transformers import (
    LEAST_CORRELATION,
    LEAST_COSINE,
    MOST_APART,
    Held,
    files_of,
    picture,
    records_of,
    turns_of,
)
from tests.engine.questions import ask
from tests.random_models.small_models import GEMMA4, GEMMA4_E2B, LFM2_VL, MINICPM_V46, QWEN3_VL, QWEN35, SMALL_MODELS
from tests.random_models.talks import TALKS, SmallModel

#: With projector and KV cache in q8_0. The models are sharp: a wrong position still shows clearly (0.1 to 0.3).
LEAST_CORRELATION_Q8_0 = 0.85
BYTES = 4  # of a character at most: each may be a token


@pytest.fixture(params=SMALL_MODELS)
def small(request: pytest.FixtureRequest) -> SmallModel:
    return SMALL_MODELS[request.param]


@pytest.fixture
def held(small: SmallModel, tmp_path: Path) -> Iterator[Held]:
    held = Held(small, tmp_path)
    yield held
    held.close()


def test_prompts_have_the_same_tokens(held: Held) -> None:
    assert [talk for talk in TALKS if not held.same_tokens(talk)] == []


def test_pictures_reach_the_tower_and_become_tokens_alike(held: Held) -> None:
    for size in (*held.small.shapes, *held.small.large):
        apart, cosine = held.see(size)
        assert apart <= MOST_APART, size
        assert cosine is None or cosine >= LEAST_COSINE, size


def test_answers_begin_alike_also_after_a_cut(held: Held) -> None:
    for talk in (*TALKS, "follow-up", "first"):
        _, correlation = held.ask(talk)
        assert correlation >= LEAST_CORRELATION, talk


def test_answers_begin_alike_after_a_restart(small: SmallModel, tmp_path: Path) -> None:
    for talk in ("first", "follow-up", "other picture"):
        held = Held(small, tmp_path, kept=tmp_path / "kept")
        finished, correlation = held.ask(talk)
        held.close()
        assert correlation >= LEAST_CORRELATION, talk
        assert bool(finished.stats.image_encodes) == (talk != "follow-up"), talk


def test_with_little_memory_they_begin_nearly_alike(small: SmallModel, tmp_path: Path) -> None:
    held = Held(small, tmp_path, q8_0=True)
    for size in small.shapes:
        _, cosine = held.see(size)
        assert cosine is not None
        assert cosine >= small.in_q8_0, size
    for talk in TALKS:
        _, correlation = held.ask(talk)
        assert correlation >= LEAST_CORRELATION_Q8_0, talk
    held.close()


def test_a_conversation_has_the_same_words(empty: EngineClient, small: SmallModel, tmp_path: Path) -> None:
    """Asked, stopped, asked again, gone on with, and asked in other words."""
    files, records = files_of(small, tmp_path), records_of(small)
    assert files.projector is not None
    info = empty.load(files.model, files.projector.path)
    assert info.family == small.family

    def same_answer(talk: str) -> bool:
        wanted = records[f"written {talk}"].tolist()
        sampling = Sampling(temperature=0, max_tokens=len(wanted) + 1)
        found = list(ask(empty, *turns_of(small, talk, tmp_path), sampling=sampling).token_ids)
        # The last tokens may be a part of a character, which is left out.
        return found[: len(wanted)] == wanted[: len(found)] and len(found) > len(wanted) - BYTES

    question = turns_of(small, "first", tmp_path)[0]
    ask(empty, question, hear=lambda _event: empty.send(Stop()))
    for talk in ("first", "first", "follow-up", "other picture", "first", "together", "follow-up"):
        assert same_answer(talk), talk
    other = Turn("What is there?", (picture(small.shapes[2], tmp_path),))
    ask(empty, other)
    assert same_answer("other picture")


# ---- all of the above would be worth nothing if a fault in the engine did not show -------------


def one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = LoadedProjector.pieces

    def placed(loaded: LoadedProjector, width: int, height: int) -> list[Piece]:
        found = pieces(loaded, width, height)
        return [piece if isinstance(piece, tuple) else replace(piece, axes=()) for piece in found]

    monkeypatch.setattr(LoadedProjector, "pieces", placed)


def in_black_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    """As mtmd does it."""
    monkeypatch.setattr(mtmd, "any_size_of", lambda _header, _most: None)
    monkeypatch.setattr(resizing_for, "resizing_for", lambda _projector, _any_size: at_most(4096))


def divided_by_mtmd(monkeypatch: pytest.MonkeyPatch) -> None:
    """With letterboxed tiles, or with other slices and without the numbers of pictures."""

    def through_mtmd(model: Model) -> MtmdProcessor:
        assert model.files.projector is not None
        return MtmdProcessor(model.projector, model.files.projector)

    monkeypatch.setattr(picture_encoder, "picture_processor_for", through_mtmd)
    monkeypatch.setattr(resizing_for, "resizing_for", lambda _projector, _budget: at_most(4096))


def without_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "family_for", lambda metadata: replace(family_for(metadata), numbering=()))


def in_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pictures of Qwen3.5 stand, which has the same decoder."""
    fill = RowBatch.fill

    def filled(batch: RowBatch, rows: Embedding, position: int, _axes: object = None, *, logits: bool) -> None:
        places = np.arange(len(rows), dtype=np.int32)
        fill(batch, rows, position, np.array([places * 0, places // 2, places % 2]), logits=logits)

    monkeypatch.setattr(RowBatch, "fill", filled)


def without_taps(monkeypatch: pytest.MonkeyPatch) -> None:
    encode_part = LoadedProjector.encode_part

    def encoded(loaded: LoadedProjector, rgb: bytes, width: int, height: int, part: int) -> Embedding:
        rows = encode_part(loaded, rgb, width, height, part)
        rows[:, 128:] = 0
        return rows

    monkeypatch.setattr(LoadedProjector, "encode_part", encoded)


def with_quick_gelu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As llama.cpp computes Gemma 4's eyes, whose file does not say which activation they have."""
    monkeypatch.setattr(projector_copy, "_needs_copy", lambda _projector: False)


def like_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """With each row of a picture seeing only those before it."""
    pieces = LoadedProjector.pieces

    def causal(loaded: LoadedProjector, width: int, height: int) -> list[Piece]:
        found = pieces(loaded, width, height)
        return [piece if isinstance(piece, tuple) else replace(piece, causal=True) for piece in found]

    monkeypatch.setattr(LoadedProjector, "pieces", causal)


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all rows of a picture seeing one another."""
    pieces = LoadedProjector.pieces

    def both_ways(loaded: LoadedProjector, width: int, height: int) -> list[Piece]:
        found = pieces(loaded, width, height)
        return [piece if isinstance(piece, tuple) else replace(piece, causal=False) for piece in found]

    monkeypatch.setattr(LoadedProjector, "pieces", both_ways)
    monkeypatch.setattr(gemma4, "is_read_at_once", lambda _header: True)  # there is room for them


@pytest.mark.parametrize(
    ("small", "broken", "faults"),
    [
        (QWEN3_VL, one_after_the_other, {"logits"}),
        (QWEN3_VL, in_black_borders, {"tokens", "pixels", "rows", "logits"}),
        (QWEN3_VL, without_taps, {"rows", "logits"}),
        (QWEN35, one_after_the_other, {"logits"}),
        (QWEN35, in_black_borders, {"tokens", "pixels", "rows", "logits"}),
        (LFM2_VL, divided_by_mtmd, {"pixels", "rows", "logits"}),
        (MINICPM_V46, divided_by_mtmd, {"tokens", "pixels", "rows", "logits"}),
        (MINICPM_V46, without_numbers, {"tokens", "logits"}),
        (MINICPM_V46, in_a_grid, {"logits"}),
        (GEMMA4, with_quick_gelu, {"rows", "logits"}),
        (GEMMA4, in_black_borders, {"tokens", "pixels", "rows", "logits"}),
        (GEMMA4, like_words, {"logits"}),
        (GEMMA4_E2B, with_quick_gelu, {"rows", "logits"}),
        (GEMMA4_E2B, in_black_borders, {"tokens", "pixels", "rows", "logits"}),
        (GEMMA4_E2B, at_once, {"logits"}),
    ],
    ids=lambda value: value.name if isinstance(value, SmallModel) else getattr(value, "__name__", ""),
)
def test_what_is_wrong_is_noticed(
    small: SmallModel,
    broken: Callable[[pytest.MonkeyPatch], None],
    faults: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken(monkeypatch)
    held = Held(small, tmp_path)
    assert held.faults() == faults
    held.close()
