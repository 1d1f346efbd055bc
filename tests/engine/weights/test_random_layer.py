"""Random weights are sound, of the usual spread, and make a model that the engine can load."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from desktop_app.engine.messages import LoadPlan
from desktop_app.engine.tuning.trial import Trial
from desktop_app.engine.weights.model_files import check_files
from desktop_app.engine.weights.random_blocks import SPREAD, random_blocks
from desktop_app.engine.weights.random_layer import OF_A_7B, QUANTISATIONS, LayerShape, layer_size, write_layer

SMALL = LayerShape(256, 512, 4)


@pytest.mark.parametrize("kind", ["Q4_0", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL"])
def test_the_weights_are_spread_as_in_trained_models(kind: str) -> None:
    blocks = random_blocks(np.random.default_rng(1), kind, 300)
    weights = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType[kind])
    assert np.isfinite(weights).all()
    assert weights.std() == pytest.approx(SPREAD, rel=0.3)
    assert abs(weights.mean()) < SPREAD / 3


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
@pytest.mark.parametrize("repacked", [False, True])
def test_the_engine_reads_and_writes_with_it(tmp_path: Path, quantisation: str, repacked: bool) -> None:
    path = tmp_path / "layer.gguf"
    with path.open("wb") as file:
        write_layer(file, quantisation, SMALL)
    files = check_files(path, None)
    layer = sum(tensor.size for name, tensor in files.header.tensors.items() if "blk." in name and "norm" not in name)
    assert layer == layer_size(quantisation, SMALL)
    trial = Trial(files, LoadPlan(768, 128, mapped=not repacked, repacked=repacked))
    try:
        assert trial.time_reading(1, 128, 0, 1)[0] > 0
        assert trial.time_writing(1, 2, 640) > 0
    finally:
        trial.close()


def test_its_bytes_are_those_of_a_7b() -> None:
    """As a file of LLaVA-1.5-7B has: 4.08 GB of 6.74 billion weights, and 3.30 GB in Q3_K_M."""
    weights = 4 * 4096 * 4096 + 3 * 4096 * 11008
    assert layer_size("Q4_K_M", OF_A_7B) / weights == pytest.approx(4.08e9 / 6.738e9, rel=0.01)
    assert layer_size("Q3_K_M", OF_A_7B) / weights == pytest.approx(3.30e9 / 6.738e9, rel=0.02)
    assert layer_size("Q2_K", OF_A_7B) / weights == pytest.approx(2.53e9 / 6.738e9, rel=0.03)
