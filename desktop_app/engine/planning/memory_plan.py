"""Chooses how to load a model: the best combination of settings that fits into this computer's memory.

Everything is computed from GGUF headers, so it is known before a file is loaded, or even downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from desktop_app.engine.messages import EngineSettings, LoadPlan, Tuning, gb_down, gb_up
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.weights.model_files import ModelFiles
from desktop_app.errors import UserError
from model_store.gguf_header import GGUFHeader

_LEAST_UBATCH = 32  # tokens: with fewer, prompt processing gets slow
_LONGEST_CONTEXT = 1 << 20  # tokens
_CONTEXT_STEP = 512  # tokens: between the context sizes that are tried
_LEAST_TEXT = 256  # tokens besides a picture: a question and its answer

#: Context sizes in tokens for which `PlanResult.needed_at` says what they need.
_REPORTED_CONTEXTS = (2048, 4096)

#: Common quantisations and their average bits per weight, the finest first.
_QUANTISATIONS = (("Q6_K", 6.57), ("Q5_K_M", 5.68), ("Q4_K_M", 4.85), ("Q3_K_M", 3.92), ("Q2_K", 3.0))
_COARSER = 0.95  # a file must be smaller than this share of the chosen one to be worth suggesting


@dataclass(frozen=True)
class PlanResult:
    """Whether a model fits into memory, and how it is loaded."""

    plan: LoadPlan  # the best that fits; if none fits, the one that needs the least memory
    fits: bool
    offer: str  # a quantisation that would fit, if the requested context does not: see `smaller_quantisation`
    needed_at: Mapping[int, int]  # context size in tokens -> the least memory for it in bytes


def plan_from_headers(
    model: GGUFHeader, projector: GGUFHeader | None, settings: EngineSettings, budget: MemoryBudget
) -> PlanResult:
    """Return whether a model fits and how it would be loaded, from headers alone (before a download, for example).

    `model_store.gguf_header.read_header_from` reads a header from the first bytes of a file. `find_memory_budget`
    returns the memory of this computer, or of one with a given amount. If `PlanResult.fits`, the model can be loaded,
    perhaps with a shorter context (`plan.reduced`). Otherwise `plan.needed` is the least it would need, and `offer` is
    a quantisation that would fit. All sizes are those of window and engine together. The two headers must belong
    together, as `check_files` makes sure.
    """
    return plan_shape(Shape.of(model, projector), settings, budget)


def plan_load(
    files: ModelFiles,
    settings: EngineSettings,
    budget: MemoryBudget | None = None,
    tuning: Tuning | None = None,
    *,
    may_copy: bool = True,
) -> LoadPlan:
    """Return how to load a model: as `settings` say, or as close to that as `budget` allows (None: no limit).

    `tuning`: the settings measured to be fastest; they are used as far as memory allows.
    `may_copy`: whether a smaller copy of the projector can be made.
    Raises `UserError` (does-not-fit, does-not-fit-offer) if the model does not fit in any way.
    """
    shape = Shape.of_files(files)
    if not may_copy:
        shape = replace(shape, small_projector=shape.projector)
    if budget is None:
        return next(_plans(shape, settings, tuning))
    found = plan_shape(shape, settings, budget, tuning)
    if found.fits:
        return found.plan
    sizes = {"needed": gb_up(found.plan.needed), "available": gb_down(budget.usable)}
    if found.offer:
        raise UserError("does-not-fit-offer", name=files.title, offer=found.offer, **sizes)
    raise UserError("does-not-fit", name=files.title, **sizes)


def plan_shape(
    shape: Shape, settings: EngineSettings, budget: MemoryBudget, tuning: Tuning | None = None
) -> PlanResult:
    """Return whether a model of this shape fits into `budget`, and how it would be loaded."""
    plans = list(_plans(shape, settings, tuning))
    as_requested = min(plan.needed for plan in plans if not plan.reduced)
    # Other programs may use much of the memory now. If no plan fits next to them, the system swaps them out.
    fitting = (plan for most in (budget.free, budget.usable) for plan in plans if plan.needed <= most)
    best = next(fitting, None)
    plan = best or min(plans, key=lambda plan: plan.needed)
    offer = smaller_quantisation(shape, settings, budget.usable) if best is None or best.reduced else ""
    plan = plan._replace(needed_as_requested=as_requested, usable=budget.usable, free=budget.free)
    return PlanResult(plan, best is not None, offer, _needed_at(shape, settings))


def smaller_quantisation(shape: Shape, settings: EngineSettings, usable: int) -> str:
    """Return the finest common quantisation of the model, coarser than this file, that fits; "" if none does.

    One that fits with the requested context is preferred to a finer one that fits only with a shorter context.
    """
    for reduced in (False, True):
        for quantisation, bits in _QUANTISATIONS:
            weights = int(shape.parameters * bits / 8)
            if weights > _COARSER * shape.weights:
                continue
            plans = _plans(replace(shape, weights=weights), settings)
            if any(plan.needed <= usable and (reduced or not plan.reduced) for plan in plans):
                return quantisation
    return ""


def _plans(shape: Shape, settings: EngineSettings, tuning: Tuning | None = None) -> Iterator[LoadPlan]:
    """Yield possible plans, the best first. Settings that the user chose win over measured ones.

    A shorter context is the last resort; a quantised KV cache, with which token generation is slower by half, is the
    one before. Smaller micro-batches cost little and save little. A smaller copy of the projector and fewer embeddings
    in memory are hardly noticed. Loading the projector for each new picture costs a second.
    """
    trained = shape.trained_context
    requested = min(settings.n_ctx or trained, trained or _LONGEST_CONTEXT, _LONGEST_CONTEXT)
    kv_types = ("f16", "q8_0") if shape.q8_0_possible else ("f16",)
    batches = list(_halves(max(1, tuning.n_ubatch if tuning is not None else settings.n_batch)))
    for n_ctx in _contexts(requested, shape.image_tokens + _LEAST_TEXT):
        for kv_type in kv_types:
            for keeps_projector in (True, False) if shape.can_free_projector else (True,):
                for n_ubatch in batches:
                    plan = LoadPlan(
                        n_ctx, n_ubatch, kv_type, keeps_projector=keeps_projector, requested_n_ctx=requested
                    )
                    for with_vision in _vision_plans(shape, plan):
                        for tuned in _tuned_plans(with_vision, settings, tuning):
                            yield tuned._replace(needed=shape.estimate(tuned).total)


def _vision_plans(shape: Shape, plan: LoadPlan) -> Iterator[LoadPlan]:
    """Yield the plan with different amounts of memory for pictures, the best first."""
    ample, least = (shape.embedding_cache(plan.n_ctx, ample=ample) for ample in (True, False))
    if plan.keeps_projector:
        yield plan._replace(embedding_cache=ample)
    if shape.small_projector < shape.projector:
        if plan.keeps_projector:
            yield plan._replace(embedding_cache=ample, small_projector=True)
        yield plan._replace(embedding_cache=least, small_projector=True)
    else:
        yield plan._replace(embedding_cache=least)


def _needed_at(shape: Shape, settings: EngineSettings) -> dict[int, int]:
    """Return the least memory for each common context size that the model was trained for."""
    needed = {}
    for n_ctx in _REPORTED_CONTEXTS:
        if n_ctx <= (shape.trained_context or n_ctx):
            plans = _plans(shape, settings._replace(n_ctx=n_ctx))
            needed[n_ctx] = min(plan.needed for plan in plans if plan.n_ctx == n_ctx)
    return needed


def _tuned_plans(plan: LoadPlan, settings: EngineSettings, tuning: Tuning | None) -> Iterator[LoadPlan]:
    """Yield the plan with the settings measured to be fastest; if they keep weights twice, also with one copy."""
    both = tuning is not None and tuning.dual_layout and not settings.repack
    repacked = settings.repack or (tuning is not None and tuning.repacked and not both)
    once = plan._replace(
        # Repacked weights are a copy, so the file need not stay in memory as well.
        mapped=not repacked,
        repacked=repacked,
        flash_wanted=tuning is not None and tuning.flash_attention,
        reading_threads=settings.threads or (tuning.reading_threads if tuning is not None else 0),
        writing_threads=settings.threads or (tuning.writing_threads if tuning is not None else 0),
    )
    if both:
        yield once._replace(repacked=True)
    yield once


def _contexts(requested: int, least: int) -> Iterator[int]:
    """Yield `requested` and shorter context sizes, in steps, down to `least` tokens."""
    yield requested
    longest = (requested - 1) // _CONTEXT_STEP * _CONTEXT_STEP
    yield from range(longest, -(-least // _CONTEXT_STEP) * _CONTEXT_STEP - 1, -_CONTEXT_STEP)


def _halves(most: int) -> Iterator[int]:
    """Yield `most`, half of it, and so on, down to the smallest micro-batch that is useful."""
    yield most
    while (most := most // 2) >= _LEAST_UBATCH:
        yield most
