"""Weights in two layouts: reading and writing give the same results as with either layout alone."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest

from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama import dual_layout
from desktop_app.engine.llama.dual_layout import _FEW, RepackedWeights
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, Event, LoadPlan, WeightsRepacked
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from tests.helpers.strays import Expected
from tests.random_models.llava import Sizes, write_language_model
from tests.random_models.splitting import split_gguf

MANY, FEW = list(range(260, 290)), list(range(300, 300 + _FEW))
USUAL, BOTH, REPACKED = (
    LoadPlan(256, 32),
    LoadPlan(256, 32, repacked=True),
    LoadPlan(256, 32, mapped=False, repacked=True),
)
Logits = npt.NDArray[np.float32]


@pytest.fixture(scope="module", params=["one file", "split"])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    folder = tmp_path_factory.mktemp("layouts")
    path = write_language_model(folder / "m.gguf", Sizes(width=128, feed_forward=256, blocks=True))
    return check_files(path if request.param == "one file" else split_gguf(path, folder)[0], None)


def opened(files: ModelFiles, plan: LoadPlan) -> Model:
    return Model(files, EngineSettings(threads=1), Interrupt(), plan)


def logits(model: Model, *, many: bool) -> Logits:
    """Of many tokens after none, or of a few: each lot alone, or one layout would see what the other has read."""
    model.forget_from(0)
    model.read_tokens(MANY if many else FEW, 0, logits=True)
    return model.logits()


def alone(files: ModelFiles, plan: LoadPlan, *, many: bool) -> Logits:
    model = opened(files, plan)
    try:
        return logits(model, many=many)
    finally:
        model.close()


@pytest.fixture
def model(files: ModelFiles) -> Iterator[Model]:
    model = opened(files, BOTH)
    layout = RepackedWeights(files.model, model._model, lambda: False)
    matrices = len(layout)
    layout.close()
    if not matrices:
        pytest.skip("llama.cpp has no second layout of IQ4_NL for this processor: AVX2 or Neon is needed")
    assert matrices >= 2 * 7  # in two layers
    yield model
    model.close()


def test_either_layout_computes_what_it_computes_alone(files: ModelFiles, model: Model) -> None:
    read, written = alone(files, USUAL, many=True), alone(files, REPACKED, many=False)
    assert np.array_equal(logits(model, many=False), alone(files, USUAL, many=False))  # there is one as yet
    assert model.dual_layout.make(lambda: False)
    for _ in range(2):
        assert np.array_equal(logits(model, many=True), read)
        assert np.array_equal(logits(model, many=False), written)
    assert not model.dual_layout.make(lambda: False)  # once is enough


def test_many_tokens_are_read_with_the_usual_layout_and_few_with_the_other(model: Model) -> None:
    assert model.dual_layout.make(lambda: False)
    read, written = logits(model, many=True), logits(model, many=False)
    assert model.dual_layout._weights is not None
    for tensor, _usual, (_buffer, data, _extra) in model.dual_layout._weights._weights:
        assert data is not None
        ctypes.memset(data, 0, tensor.ne[1] * tensor.nb[1])
    assert np.array_equal(logits(model, many=True), read)
    assert not np.array_equal(logits(model, many=False), written)


def test_interrupted_it_is_still_wanted(files: ModelFiles, model: Model) -> None:
    with pytest.raises(Interrupted):
        model.dual_layout.make(lambda: True)
    assert model.dual_layout.wanted
    assert np.array_equal(logits(model, many=False), alone(files, USUAL, many=False))
    assert model.dual_layout.make(lambda: False)


def test_it_waits_while_other_programs_hold_the_memory(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model.dual_layout._needed = 3 << 30
    free = 2
    monkeypatch.setattr(dual_layout, "find_memory_budget", lambda held: MemoryBudget(8 << 30, free << 30))
    assert not model.dual_layout.make(lambda: False)
    assert model.dual_layout.wanted
    free = 4
    assert model.dual_layout.make(lambda: False)


def test_weights_that_have_one_layout_only_are_left_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    files = check_files(write_language_model(tmp_path_factory.mktemp("f16") / "m.gguf"), None)
    model = opened(files, BOTH)
    try:
        assert not model.dual_layout.make(lambda: False)
        assert not model.dual_layout.wanted
        assert np.array_equal(logits(model, many=False), alone(files, USUAL, many=False))
    finally:
        model.close()


@pytest.mark.skipif(sys.platform != "linux", reason="pages are released on Linux only")
def test_memory_between_the_files_of_a_split_model_is_left_alone() -> None:
    page = mmap.PAGESIZE
    with mmap.mmap(-1, 5 * page, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.write(b"x" * (5 * page))
        start = ctypes.addressof(held := ctypes.c_char.from_buffer(memory))
        places = ((1, 0), (1, 1), (2, 3), (2, 4))  # of tensors: buffer of their file, and page
        dual_layout._release_mapped_pages(
            [SimpleNamespace(buffer=buffer, data=start + number * page) for buffer, number in places]
        )
        del held
        assert [memory[number * page] for number in range(5)] == [0, ord("x"), ord("x"), 0, ord("x")]


@pytest.mark.parametrize("seed", [0, 2])
def test_a_file_that_is_gone_or_another_leaves_the_model_as_it_is(
    tmp_path: Path, expected: Expected, seed: int
) -> None:
    expected.log("cannot be repacked", logger="desktop_app.engine.llama.dual_layout")
    path = write_language_model(tmp_path / "m.gguf", Sizes(blocks=True))
    model = opened(check_files(path, None), BOTH)
    try:
        before = logits(model, many=False)
        path.unlink()
        if seed:
            write_language_model(path, Sizes(blocks=True, seed=seed))
        assert not model.dual_layout.make(lambda: False)
        assert np.array_equal(logits(model, many=False), before)
    finally:
        model.close()


def test_it_is_done_in_idle_moments_but_not_at_the_end(model: Model) -> None:
    told: list[Event] = []
    session = Session(model, Interrupt(), EmbeddingStore(), told.append)
    assert session.unsettled
    session.settle(lambda: True)
    assert told == []
    session.settle()
    assert told == [WeightsRepacked()]
    assert not session.unsettled
