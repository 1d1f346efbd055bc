"""How to load a model into the memory there is: the best of the ways that fit.

Everything is computed from GGUF headers, so it is known before a file is loaded, or even fetched. From the best way
to the last one, what is given up:

1. Half of the projector's size: it is loaded from a copy in q8_0, which sees nearly the same. Fewer embeddings are
   kept in memory, but always those of all pictures that the context can hold.
2. The projector's place: projector and KV cache take turns. The KV cache is in a file while a picture is encoded.
3. Half of the KV cache: q8_0 with flash attention instead of f16 without, with which writing is slower.
4. Length: the context is shorter, and the person is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from desktop_app.engine.messages import EngineSettings, LoadPlan, Tuning, gib_down, gib_up
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.weights.model_files import ModelFiles
from desktop_app.errors import UserError
from model_store.gguf_header import GGUFHeader

_LEAST_UBATCH = 32  # tokens: with fewer, reading gets slow
_LONGEST_CONTEXT = 1 << 20  # tokens
_CONTEXT_STEP = 512  # tokens: between contexts that are tried
_LEAST_TALK = 256  # tokens beside a picture: a question and its answer

#: Contexts of which a person is told what they need, in tokens.
_TOLD_CONTEXTS = (2048, 4096)

#: Usual quantisations with the bits that a weight takes in them on average, the finest first.
_QUANTISATIONS = (("Q6_K", 6.57), ("Q5_K_M", 5.68), ("Q4_K_M", 4.85), ("Q3_K_M", 3.92), ("Q2_K", 3.0))
_COARSER = 0.95  # times the size of a file: a smaller one of the same model


@dataclass(frozen=True)
class Outlook:
    """Whether a model fits, and how."""

    plan: LoadPlan  # the best that fits, or else the one that needs least
    fits: bool
    offer: str  # when the wish does not fit: see `smaller_file`
    needed_at: Mapping[int, int]  # a context in tokens -> the fewest bytes with which it can be had


def plan_headers(
    model: GGUFHeader, projector: GGUFHeader | None, settings: EngineSettings, budget: MemoryBudget
) -> Outlook:
    """Return whether a model fits and how it would be loaded, from headers alone: before a download, say.

    `model_store.gguf_header.read_header_from` reads a header from the first bytes of a file, and
    `find_memory_budget` says what there is, here or on a computer with so much memory. `Outlook.fits`: it
    can be loaded, maybe with the shorter context `Outlook.plan.n_ctx` (then `plan.reduced`);
    otherwise `plan.needed` is the least it would take, and `offer` what would fit. All sizes are
    those of window and engine together. The headers must hold together (`check_files` looks at that).
    """
    return outlook(Shape.of(model, projector), settings, budget)


def plan_load(
    files: ModelFiles,
    settings: EngineSettings,
    budget: MemoryBudget | None = None,
    tuning: Tuning | None = None,
    *,
    may_copy: bool = True,
) -> LoadPlan:
    """Return how to load a model as it is wished, or as near to that as `budget` allows; None: as wished.

    `tuning`: what was measured to be fastest; it is followed as far as the room allows.
    `may_copy`: whether a small copy of the projector can be made.
    Raises `UserError` (does-not-fit, does-not-fit-offer) when there is no way.
    """
    shape = Shape.of_files(files)
    if not may_copy:
        shape = replace(shape, small_projector=shape.projector)
    if budget is None:
        return next(_plans(shape, settings, tuning))
    found = outlook(shape, settings, budget, tuning)
    if found.fits:
        return found.plan
    sizes = {"needed": gib_up(found.plan.needed), "available": gib_down(budget.usable)}
    if found.offer:
        raise UserError("does-not-fit-offer", name=files.model.name, offer=found.offer, **sizes)
    raise UserError("does-not-fit", name=files.model.name, **sizes)


def outlook(shape: Shape, settings: EngineSettings, budget: MemoryBudget, tuning: Tuning | None = None) -> Outlook:
    """Return how a model would be loaded into `budget`."""
    plans = list(_plans(shape, settings, tuning))
    as_wished = min(plan.needed for plan in plans if not plan.reduced)
    # Others may use much of the memory just now. If nothing fits beside them, they are pushed out.
    fitting = (plan for most in (budget.free, budget.usable) for plan in plans if plan.needed <= most)
    best = next(fitting, None)
    plan = best or min(plans, key=lambda plan: plan.needed)
    offer = smaller_file(shape, settings, budget.usable) if best is None or best.reduced else ""
    plan = plan._replace(needed_as_wished=as_wished, usable=budget.usable, free=budget.free)
    return Outlook(plan, best is not None, offer, _needed_at(shape, settings))


def smaller_file(shape: Shape, settings: EngineSettings, usable: int) -> str:
    """Return the finest usual quantisation of the model, coarser than this file, that fits; "" if none does.

    One that holds the wished context is preferred to a finer one that does not.
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
    """Yield the ways to load a model, the best first. What the person has set wins over what was measured.

    A shorter context is the last resort, and a coarser KV cache, with which writing is slower by half,
    the one before. Smaller micro-batches cost little, and save little. A small copy of the projector and
    fewer embeddings at hand are hardly felt; loading the projector for each new picture costs a second.
    """
    trained = shape.trained_context
    wished = min(settings.n_ctx or trained, trained or _LONGEST_CONTEXT, _LONGEST_CONTEXT)
    kv_types = ("f16", "q8_0") if shape.q8_0_possible else ("f16",)
    batches = list(_halves(max(1, tuning.n_ubatch if tuning is not None else settings.n_batch)))
    for n_ctx in _contexts(wished, shape.image_tokens + _LEAST_TALK):
        for kv_type in kv_types:
            for keeps_projector in (True, False) if shape.projector_may_go else (True,):
                for n_ubatch in batches:
                    plan = LoadPlan(n_ctx, n_ubatch, kv_type, keeps_projector=keeps_projector, wished_n_ctx=wished)
                    for seeing in _ways_to_see(shape, plan):
                        for tuned in _tuned(seeing, settings, tuning):
                            yield tuned._replace(needed=shape.need(tuned).total)


def _ways_to_see(shape: Shape, plan: LoadPlan) -> Iterator[LoadPlan]:
    """Yield a plan with what it may give to pictures, the best first."""
    roomy, sparing = (shape.pictures(plan.n_ctx, roomy=roomy) for roomy in (True, False))
    if plan.keeps_projector:
        yield plan._replace(pictures=roomy)
    if shape.small_projector < shape.projector:
        if plan.keeps_projector:
            yield plan._replace(pictures=roomy, small_projector=True)
        yield plan._replace(pictures=sparing, small_projector=True)
    else:
        yield plan._replace(pictures=sparing)


def _needed_at(shape: Shape, settings: EngineSettings) -> dict[int, int]:
    """Return the least that contexts of usual lengths need, as far as the model was trained for them."""
    needed = {}
    for n_ctx in _TOLD_CONTEXTS:
        if n_ctx <= (shape.trained_context or n_ctx):
            plans = _plans(shape, settings._replace(n_ctx=n_ctx))
            needed[n_ctx] = min(plan.needed for plan in plans if plan.n_ctx == n_ctx)
    return needed


def _tuned(plan: LoadPlan, settings: EngineSettings, tuning: Tuning | None) -> Iterator[LoadPlan]:
    """Yield a plan as it was measured to be fastest; if that takes the weights twice, also with them once."""
    both = tuning is not None and tuning.dual_layout and not settings.repack
    repacked = settings.repack or (tuning is not None and tuning.repacked and not both)
    once = plan._replace(
        # Repacked the weights are a copy; then the file need not stay in memory beside it.
        mapped=not repacked,
        repacked=repacked,
        flash_wanted=tuning is not None and tuning.flash_attention,
        reading_threads=settings.threads or (tuning.reading_threads if tuning is not None else 0),
        writing_threads=settings.threads or (tuning.writing_threads if tuning is not None else 0),
    )
    if both:
        yield once._replace(repacked=True)
    yield once


def _contexts(wished: int, least: int) -> Iterator[int]:
    """Yield `wished` and what is shorter, in steps, as long as a picture and a few words have room."""
    yield wished
    longest = (wished - 1) // _CONTEXT_STEP * _CONTEXT_STEP
    yield from range(longest, -(-least // _CONTEXT_STEP) * _CONTEXT_STEP - 1, -_CONTEXT_STEP)


def _halves(most: int) -> Iterator[int]:
    """Yield `most` and its halves down to the least that is sensible."""
    yield most
    while (most := most // 2) >= _LEAST_UBATCH:
        yield most
