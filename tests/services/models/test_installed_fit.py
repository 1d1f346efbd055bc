"""Which models of the catalogue fit on computers with 4, 8, 16 and 32 GB, compared with the planner itself."""

from __future__ import annotations

import sys

import pytest

from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.planning.memory_plan import plan_shape
from desktop_app.memory_fit import best_variant, fit_of
from model_store.catalogue import ModelEntry, load_catalogue
from tests.helpers.paths import REPOSITORY

sys.path.append(str(REPOSITORY / "packaging"))
from catalogue_memory import CATALOGUE, SHAPES, needed, rewritten, shape_of

MODELS = load_catalogue(CATALOGUE)
GB = (4, 8, 16, 32)
NO, SHORT, YES = "too-large", "reduced", "fits"

#: What a person sees on such computers, for the variant that is recommended there.
VERDICTS = {
    "llava-1.5-7b": (NO, YES, YES, YES),
    "llava-1.5-13b": (NO, NO, YES, YES),
    "llava-1.6-mistral-7b": (NO, YES, YES, YES),
    "llava-1.6-vicuna-7b": (NO, YES, YES, YES),
    "llava-1.6-vicuna-13b": (NO, NO, YES, YES),
    "llava-1.6-34b": (NO, NO, NO, YES),
    "llava-phi-3-mini": (NO, YES, YES, YES),
    "llava-llama-3-8b": (NO, YES, YES, YES),
    "bakllava-1": (NO, YES, YES, YES),
    "qwen3-vl-2b": (SHORT, YES, YES, YES),
    "qwen3-vl-4b": (NO, YES, YES, YES),
    "qwen3-vl-8b": (NO, NO, YES, YES),
    "qwen3.5-2b": (YES, YES, YES, YES),
    "qwen3.5-4b": (NO, YES, YES, YES),
    "lfm2.5-vl-450m": (YES, YES, YES, YES),
    "lfm2.5-vl-1.6b": (YES, YES, YES, YES),
    "lfm2.5-vl-3b": (NO, YES, YES, YES),
    "gemma-4-e2b": (NO, YES, YES, YES),
    "gemma-4-e4b": (NO, SHORT, YES, YES),
    "minicpm-v-4.6": (YES, YES, YES, YES),
    "moondream2": (NO, YES, YES, YES),
    "smolvlm2-2.2b": (SHORT, YES, YES, YES),
    "smolvlm2-500m": (YES, YES, YES, YES),
    "qwen2.5-vl-3b": (NO, YES, YES, YES),
    "qwen2.5-vl-7b": (NO, NO, YES, YES),
    "gemma-3-4b": (NO, YES, YES, YES),
    "minicpm-v-2.6": (NO, YES, YES, YES),
    "internvl3-1b": (YES, YES, YES, YES),
    "internvl3-2b": (YES, YES, YES, YES),
    "internvl3-8b": (NO, YES, YES, YES),
}


def test_every_model_has_a_shape() -> None:
    assert [entry.id for entry in MODELS] == list(VERDICTS) == list(SHAPES)


@pytest.mark.parametrize(("memory", "column"), [(memory, column) for column, memory in enumerate(GB)])
@pytest.mark.parametrize("entry", list(MODELS), ids=lambda entry: entry.id)
def test_the_light_is_what_the_planner_says(entry: ModelEntry, memory: int, column: int) -> None:
    budget = find_memory_budget(memory << 30)
    assert best_variant(entry, budget.usable)[1].verdict == VERDICTS[entry.id][column]
    for variant in entry.variants:
        found = plan_shape(shape_of(entry.id, variant), EngineSettings(), budget)
        fit = fit_of(variant, budget.usable)
        # The catalogue knows two lengths of a conversation, the planner those between and below as well.
        planned = YES if found.fits and not found.plan.reduced else SHORT
        if not found.fits or found.plan.n_ctx < fit.n_ctx:
            planned = NO
        assert fit.verdict == planned, (variant.quantisation, found.plan)


@pytest.mark.parametrize("memory", GB)
def test_every_computer_has_a_model(memory: int) -> None:
    usable = find_memory_budget(memory << 30).usable
    assert any(best_variant(entry, usable)[1].verdict == YES for entry in MODELS)


def test_the_catalogue_holds_what_the_planner_computes() -> None:
    for entry in MODELS:
        for variant in entry.variants:
            assert (variant.memory_2048, variant.memory_4096) == needed(entry.id, variant), entry.id
    text = CATALOGUE.read_text("utf-8")
    assert rewritten(text, MODELS) == text  # run packaging/catalogue_memory.py
