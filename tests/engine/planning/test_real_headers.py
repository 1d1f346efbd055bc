"""What the small vision models of 2026 need, as the plan says, is what llama.cpp would allocate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.engine.llama.kv_state import SEQUENCES
from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.planning.memory_plan import plan_shape
from desktop_app.engine.planning.recurrent_state import most_checkpoints
from desktop_app.engine.weights.model_files import check_files
from tests.engine.planning.dry_runs import asked
from tests.engine.planning.real_headers import FEWEST, REAL

MIB, GIB = 1 << 20, 1 << 30
_CONTEXTS = [(4096, 256, "f16"), (1024, 64, "f16"), (4096, 128, "q8_0"), (700, 32, "q8_0")]
_RECURRENT = ("qwen3.5-2b", "lfm2.5-vl-1.6b", "minicpm-v-4.6")
#: Model -> a picture that needs as much as any, and of how many of the most tokens that is.
_PICTURES = {
    "qwen3-vl-2b": (1280, 1024, 1.0),
    "qwen3.5-2b": (1280, 1024, 1.0),
    "gemma-4-e2b": (1584, 1584, 1120 / 1089),
    "lfm2.5-vl-1.6b": (512, 512, 1.0),
    "minicpm-v-4.6": (448, 448, 1.12),  # some parts are larger than that
}
#: Model -> MB of the weights in Q4_K_M, MB of the projector in f16, bytes of the KV cache for a token in f16.
_SIZES = {
    "qwen3-vl-2b": (1107, 815, 28 * 8 * 2 * 128 * 2),
    "qwen3.5-2b": (1225, 664, 6 * 2 * 2 * 256 * 2),
    "gemma-4-e2b": (1472, 326, (12 * 2 * 256 + 3 * 2 * 512 + 12 * 256) * 2),
    "lfm2.5-vl-1.6b": (725, 860, 6 * 8 * 2 * 64 * 2),
    "minicpm-v-4.6": (500, 1109, 6 * 2 * 2 * 256 * 2),
}


@pytest.mark.parametrize("name", REAL)
def test_llama_cpp_would_allocate_the_same(name: str, tmp_path: Path) -> None:
    """With few tokens: else room for the logits of a whole micro-batch, which is never used, would hide the rest."""
    model, projector = REAL[name].write(tmp_path, FEWEST)
    shape = Shape.of_files(check_files(model, projector))
    sequences = 1 if name in _RECURRENT else SEQUENCES
    width, height, larger = _PICTURES[name]
    words = [f"{n_ctx},{n_ubatch},{kv},{sequences}" for n_ctx, n_ubatch, kv in _CONTEXTS]
    *contexts, picture = asked(model, *words, f"{projector},{width},{height}")
    for (n_ctx, n_ubatch, kv), theirs in zip(_CONTEXTS, contexts, strict=True):
        need = shape.estimate(LoadPlan(n_ctx, n_ubatch, kv))
        assert need.kv_cache / MIB == pytest.approx(theirs["kv"], rel=0.01), (n_ctx, kv)
        buffers = replace(shape, vocabulary=0).estimate(LoadPlan(n_ctx, n_ubatch, kv)).compute_buffers
        assert buffers / MIB == pytest.approx(theirs["compute"], rel=0.1, abs=0.5), (n_ctx, n_ubatch, kv)
        if name in _RECURRENT:
            copies = 1 + most_checkpoints(shape.state) + 1  # its own, what is kept, and before a batch
            assert need.recurrent_state / MIB == pytest.approx(copies * theirs["recurrent"], rel=0.03)
        else:
            assert need.recurrent_state == theirs["recurrent"] == 0
    pixels = width * height * 3 * 4  # as numbers, which are there once more than in the graph
    assert shape.encoder_buffers / MIB == pytest.approx(picture["encoder"] * larger + pixels / MIB, rel=0.1)


@pytest.mark.parametrize("name", REAL)
def test_real_shapes_are_planned_for(name: str, tmp_path: Path) -> None:
    shape = Shape.of_files(check_files(*REAL[name].write(tmp_path)))
    weights, projector, cache = _SIZES[name]
    assert shape.weights / 1e6 == pytest.approx(weights, rel=0.01)
    assert shape.projector / 1e6 == pytest.approx(projector, rel=0.01)
    settings = EngineSettings(n_ctx=4096)
    for gib, kv in ((8, "f16"), (16, "f16")):
        plan = plan_shape(shape, settings, find_memory_budget(gib * GIB)).plan
        assert (plan.n_ctx, plan.kv_type, plan.keeps_projector, plan.small_projector) == (4096, kv, True, False)
        assert shape.estimate(plan).kv_cache == cache * 4096
        assert plan.needed < 3.5 * GIB


def test_rows_with_taps_take_more_room(tmp_path: Path) -> None:
    """Qwen3-VL's rows are four times as wide as the model."""
    shapes = [
        Shape.of_files(check_files(*REAL[name].write(tmp_path, FEWEST))) for name in ("qwen3-vl-2b", "qwen3.5-2b")
    ]
    rooms = [shape.embedding_cache(4096, ample=False) for shape in shapes]
    assert rooms == [5 * 768 * 4 * 2048 * 4, 5 * 768 * 2048 * 4]
    assert [shape.most_picture_tokens for shape in shapes] == [1280, 1280]


def test_what_is_saved_as_a_whole_has_room(tmp_path: Path) -> None:
    """Not more than is saved at all, with the checkpoints beside it."""
    needs = {}
    for name in ("qwen3-vl-2b", "qwen3.5-2b", "lfm2.5-vl-1.6b"):
        shape = Shape.of_files(check_files(*REAL[name].write(tmp_path, FEWEST)))
        needs[name] = [shape.estimate(LoadPlan(n_ctx, 256)).save_buffers / MIB for n_ctx in (1024, 4096)]
    assert needs["qwen3-vl-2b"] == [112, 128]
    assert needs["qwen3.5-2b"] == pytest.approx([12 + 19 + 64, 48 + 19 + 64], abs=1)
    assert needs["lfm2.5-vl-1.6b"] == pytest.approx([12 + 10, 48 + 10], abs=1)
