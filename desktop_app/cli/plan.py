"""`eyebright plan`: prints how much memory a model needs and how it would be loaded, without loading it."""

from __future__ import annotations

from collections.abc import Iterator

from desktop_app import paths
from desktop_app.chat.families.signs import wording_of
from desktop_app.cli import texts
from desktop_app.cli.chosen_files import chosen_files
from desktop_app.cli.exit_codes import ExitCode
from desktop_app.cli.output import json_line
from desktop_app.cli.request import PlanRequest
from desktop_app.cli.tune import told
from desktop_app.engine.messages import LoadPlan, Tuning
from desktop_app.engine.planning.memory_budget import MemoryBudget, find_memory_budget, parse_size
from desktop_app.engine.planning.memory_estimate import MemoryEstimate, Shape
from desktop_app.engine.planning.memory_plan import PlanResult, plan_shape
from desktop_app.engine.tuning.results import TuningResults
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.errors import UserError

_MB = 10**6


def plan(request: PlanRequest) -> int:
    """Print the plan; 3 when the model fits in no way. Raises `UserError` for bad files and sizes."""
    budget = find_memory_budget(parse_size(request.memory) if request.memory else 0)
    files = check_files(*chosen_files(request.model, request.mmproj))
    shape = Shape.of_files(files)
    tuning = _kept(files, budget)
    found = plan_shape(shape, request.settings, budget, tuning)
    estimate = shape.estimate(found.plan)
    if request.json:
        print(json_line(_figures(found, estimate, files)))
    else:
        for line in _table(found, estimate, tuning, files):
            print(line)
    return ExitCode.DONE if found.fits else ExitCode.DOES_NOT_FIT


def _figures(found: PlanResult, estimate: MemoryEstimate, files: ModelFiles) -> dict[str, object]:
    return {
        "verdict": "does-not-fit" if not found.fits else "fits-reduced" if found.plan.reduced else "fits",
        "offer": found.offer,
        "sees": files.projector is not None,
        "wording": wording_of(files.header.metadata).value,
        "needed_at": {str(n_ctx): needed for n_ctx, needed in found.needed_at.items()},
        "need": {**estimate.parts, "total": estimate.total},
        "plan": found.plan._asdict(),
    }


def _table(found: PlanResult, estimate: MemoryEstimate, tuning: Tuning | None, files: ModelFiles) -> Iterator[str]:
    plan = found.plan
    for name, size in estimate.parts.items():
        if size:
            yield _line(texts.PLAN_PARTS[name], size)
    yield _line(texts.PLAN_NEEDED, estimate.total)
    yield _line(texts.PLAN_USABLE, plan.usable)
    if plan.free < plan.usable:
        yield _line(texts.PLAN_FREE, plan.free)
    yield ""
    yield from _verdict(found)
    if files.projector is None:
        yield texts.PLAN_BLIND
    if files.wording is not None:
        yield str(files.wording)
    if found.fits:
        yield ""
        yield from _settings(plan)
        if tuning is not None:
            yield texts.PLAN_TUNED.format(what=told(tuning))


def _kept(files: ModelFiles, budget: MemoryBudget) -> Tuning | None:
    """Return the settings measured for the model on a computer with this much memory."""
    try:
        found = TuningResults(paths.cache_folder()).find(files, budget)
    except UserError:
        return None  # a home that cannot be written
    return found.tuning if found is not None else None


def _line(label: str, size: int) -> str:
    return texts.PLAN_LINE.format(label=label, mb=_mb(size))


def _mb(size: int) -> int:
    return round(size / _MB)


def _verdict(found: PlanResult) -> Iterator[str]:
    plan = found.plan
    if not found.fits:
        yield texts.PLAN_TOO_LARGE.format(needed=_mb(plan.needed), available=_mb(plan.usable))
    elif plan.reduced:
        needed = _mb(plan.needed_as_requested)
        yield texts.PLAN_FITS_REDUCED.format(n_ctx=plan.n_ctx, requested=plan.requested_n_ctx, needed=needed)
    else:
        yield texts.PLAN_FITS
    if found.offer:
        yield texts.PLAN_OFFER.format(offer=found.offer)
    if found.fits and plan.needed > plan.free:
        yield texts.PLAN_CROWDED


def _settings(plan: LoadPlan) -> Iterator[str]:
    yield texts.PLAN_CONTEXT.format(n_ctx=plan.n_ctx, n_ubatch=plan.n_ubatch)
    if plan.kv_type == "f16":
        yield texts.PLAN_KV_F16_FLASH if plan.flash_attention else texts.PLAN_KV_F16
    else:
        yield texts.PLAN_KV_Q8_0
    if plan.small_projector:
        yield texts.PLAN_PROJECTOR_SMALL
    if not plan.keeps_projector:
        yield texts.PLAN_PROJECTOR_IN_TURN
    if plan.dual_layout:
        yield texts.PLAN_WEIGHTS_BOTH
    else:
        yield texts.PLAN_WEIGHTS_REPACKED if plan.repacked else texts.PLAN_WEIGHTS_MAPPED
