"""A model is loaded as its plan says, and computes the same results."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from tests.random_models.llava import Sizes, write_language_model

TOKENS = list(range(260, 290))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    sizes = Sizes(width=128, heads=4)  # heads of 32 values: one block of q8_0
    return check_files(write_language_model(tmp_path_factory.mktemp("planned") / "m.gguf", sizes), None)


def logits(files: ModelFiles, plan: LoadPlan | None) -> npt.NDArray[np.float32]:
    model = Model(files, EngineSettings(n_ctx=512, threads=1), Interrupt(), plan)
    try:
        if plan is not None:
            assert (model.n_ctx, model.batch, model.plan) == (plan.n_ctx, plan.n_ubatch, plan)
        model.read_tokens(TOKENS, 0, logits=True)
        return model.logits()
    finally:
        model.close()


@pytest.mark.parametrize(
    "plan",
    [
        LoadPlan(256, 32, "f16"),
        LoadPlan(512, 64, "q8_0"),
        LoadPlan(256, 32, "f16", mapped=False, repacked=True),
    ],
)
def test_every_way_of_loading_computes_the_same(files: ModelFiles, plan: LoadPlan) -> None:
    usual, planned = logits(files, None), logits(files, plan)
    assert np.corrcoef(usual, planned)[0, 1] > 0.999
    assert plan.flash_attention == (plan.kv_type == "q8_0")
