"""The size of a recurrent state, as the plan computes it, is what llama.cpp says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.planning.recurrent_state import RecurrentState, most_checkpoints
from desktop_app.engine.weights.model_files import check_files
from tests.random_models import lfm2, llava, qwen35

_MOST_NOTES = 200  # bytes: what llama.cpp writes beside the values of two layers and more, for each
MIB = 1 << 20
SHAPES: dict[str, tuple[Callable[[Path], Path], set[int]]] = {
    "qwen35": (qwen35.write_qwen35, {0, 1, 2, 4, 5, 6}),
    "lfm2": (lfm2.write_lfm2, {0, 1, 3}),
    # Layers as Qwen3.5-2B's and Qwen3.5-4B's, without their width.
    "2b": (lambda path: qwen35.write_qwen35(path, _layers(value_heads=16)), {0, 1, 2}),
    "4b": (lambda path: qwen35.write_qwen35(path, _layers(value_heads=32)), {0, 1, 2}),
}
REAL = {"2b": (6, 20.2e6), "4b": (8, 52.7e6)}  # how many times these four layers, and bytes


def _layers(value_heads: int) -> qwen35.Sizes:
    return qwen35.Sizes(width=64, layers=4, state=128, key_heads=16, value_heads=value_heads, feed_forward=64)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_it_is_what_llama_cpp_keeps(tmp_path: Path, shape: str, kv_type: str) -> None:
    write, layers = SHAPES[shape]
    files = check_files(write(tmp_path / "model.gguf"), None)
    expected = RecurrentState.of(files.header)
    assert expected.layers == layers
    model = Model(files, EngineSettings(threads=1), Interrupt(), LoadPlan(256, 32, kv_type=kv_type))
    try:
        for count in (5, 40):  # it does not grow
            model.forget_from(0)
            model.read_tokens(list(range(20, 20 + min(count, 32))), 0, logits=False)
            size = len(model.kv.copy_recurrent())  # of llama_state_seq_get_size_ext
            assert 0 < size - expected.size < _MOST_NOTES * len(layers)
    finally:
        model.close()
    if shape in REAL:
        times, bytes_ = REAL[shape]
        assert expected.size * times == pytest.approx(bytes_, rel=0.01)


def test_other_models_have_none(tmp_path: Path) -> None:
    header = check_files(llava.write_language_model(tmp_path / "model.gguf"), None).header
    assert RecurrentState.of(header) == RecurrentState(frozenset(), 0)
    assert RecurrentState.of(header).memory == 0


def test_checkpoints_take_little_more_than_their_room() -> None:
    assert most_checkpoints(round(20.2e6)) == 7
    assert most_checkpoints(round(52.7e6)) == 3  # fewer would lose what is needed at every question
    assert most_checkpoints(160_000) == 63
    for size in (1, 160_000, 20 * MIB):
        assert (most_checkpoints(size) + 1) * size <= 160 * MIB
