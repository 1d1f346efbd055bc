"""The measured settings are followed as far as the memory allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, Tuning
from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.planning.memory_plan import plan_load
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from tests.random_models.headers_only import LLAVA_7B, write_decoder, write_tower
from tests.random_models.llava import write_language_model

GIB = 1 << 30


@pytest.fixture
def llava(tmp_path: Path) -> ModelFiles:
    model = write_decoder(tmp_path / "llava.gguf", LLAVA_7B)
    return check_files(model, write_tower(tmp_path / "mmproj.gguf", LLAVA_7B.width))


def test_the_measured_settings_are_planned_where_there_is_room(llava: ModelFiles) -> None:
    tuning = Tuning(6, 4, 512, repacked=True, flash_attention=True)
    plan = plan_load(llava, EngineSettings(), find_memory_budget(32 * GIB), tuning)
    assert (plan.reading_threads, plan.writing_threads, plan.n_ubatch) == (6, 4, 512)
    assert (plan.repacked, plan.mapped, plan.flash_attention, plan.kv_type) == (True, False, True, "f16")


def test_the_weights_are_held_twice_only_where_there_is_room(llava: ModelFiles) -> None:
    tuning = Tuning(2, 2, 256, repacked=True, dual_layout=True)
    large, small = (plan_load(llava, EngineSettings(), find_memory_budget(gib * GIB), tuning) for gib in (24, 8))
    assert (large.dual_layout, large.mapped, large.repacked) == (True, True, True)
    assert (small.dual_layout, small.mapped, small.repacked) == (False, True, False)
    assert small.needed <= small.usable
    assert large.needed > plan_load(llava, EngineSettings(), find_memory_budget(24 * GIB)).needed + 2.5 * GIB


def test_memory_is_never_exceeded_for_them(llava: ModelFiles) -> None:
    for gib in (8, 9, 10, 12):
        plan = plan_load(llava, EngineSettings(), find_memory_budget(gib * GIB), Tuning(2, 2, 2048))
        assert plan.needed <= plan.usable
        assert plan.n_ctx == 4096
    assert plan.n_ubatch < 2048 or plan.kv_type == "f16"


def test_the_persons_threads_win(llava: ModelFiles) -> None:
    plan = plan_load(llava, EngineSettings(threads=3), find_memory_budget(32 * GIB), Tuning(6, 4, 256))
    assert (plan.reading_threads, plan.writing_threads, plan.n_ubatch) == (3, 3, 256)


def test_the_model_reads_and_writes_with_threads_of_their_own(tmp_path: Path) -> None:
    files = check_files(write_language_model(tmp_path / "m.gguf"), None)
    plan = plan_load(files, EngineSettings(), None, Tuning(2, 1, 64, flash_attention=True))
    model = Model(files, EngineSettings(), Interrupt(), plan)
    try:
        assert (model.reading_threads, model.writing_threads, model.batch) == (2, 1, 64)
        model.read_tokens(model.vocabulary.tokenize("what colour is the star"), 0, logits=True)
        assert model.logits().shape[0] > 0
    finally:
        model.close()
