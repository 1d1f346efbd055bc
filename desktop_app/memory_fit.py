"""Whether a model fits in the memory of this computer, known before it is downloaded or loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.planning.memory_plan import plan_from_headers
from desktop_app.engine.weights.model_files import ModelFiles, check_headers
from desktop_app.errors import UserError
from model_store.catalogue import ModelEntry, Variant
from model_store.errors import StoreError

if TYPE_CHECKING:  # it imports network code
    from model_store.library.hub_repository import Headers

SHORT, USUAL = 2048, 4096  # context sizes in tokens for which the catalogue has memory sizes

#: Of `StoreError`, when the files that were read cannot be loaded.
_NO_MODEL = frozenset({"not-a-model", "model-part-renamed", "model-parts-differ"})
Verdict = Literal["fits", "reduced", "too-large"]


@dataclass(frozen=True)
class MemoryFit:
    """Whether a model fits into memory. Sizes in bytes, window and engine together."""

    verdict: Verdict
    n_ctx: int  # tokens of context with which it fits
    needed: int  # for this context; if it does not fit, the least it would need
    usable: int  # on this computer
    wording: UserError | None = None  # what is to be said of the words in which the model is spoken to, if known


def fit_of(variant: Variant, usable: int) -> MemoryFit:
    """Return whether a model of the catalogue fits on a computer where `usable` bytes can be used."""
    if variant.memory_4096 <= usable:
        n_ctx = USUAL if variant.memory_4096 > variant.memory_2048 else SHORT  # some were not trained for more
        return MemoryFit("fits", n_ctx, variant.memory_4096, usable)
    verdict: Verdict = "reduced" if variant.memory_2048 <= usable else "too-large"
    return MemoryFit(verdict, SHORT, variant.memory_2048, usable)


def fit_of_files(files: ModelFiles, budget: MemoryBudget) -> MemoryFit:
    """Return whether a model fits, from headers that were checked.

    This depends only on the computer: the memory that other programs use at the moment does not count.
    """
    projector = files.projector.header if files.projector is not None else None
    found = plan_from_headers(
        files.header, projector, EngineSettings(n_ctx=USUAL), MemoryBudget(budget.usable, budget.usable)
    )
    plan = found.plan
    verdict: Verdict = "too-large" if not found.fits else "reduced" if plan.reduced else "fits"
    return MemoryFit(verdict, plan.n_ctx, plan.needed, budget.usable, files.wording)


def fit_or_reason(
    variant: Variant, read: Callable[[], Headers], budget: MemoryBudget
) -> MemoryFit | UserError | StoreError:
    """Return whether a model fits whose headers `read` returns, or why it cannot be loaded.

    Raises what `read` raises, except `StoreError` (not-a-model, model-part-renamed, model-parts-differ).
    """
    try:
        headers = read()
        model, projector = Path(variant.model_files[0].name), Path(variant.projector.name)
        return fit_of_files(check_headers(model, headers.model, projector, headers.projector), budget)
    except UserError as error:
        return error
    except StoreError as error:
        if error.code not in _NO_MODEL:
            raise
        return error


def best_variant(entry: ModelEntry, usable: int) -> tuple[Variant, MemoryFit]:
    """Return the recommended variant: the first that fits, else the first that fits with a shorter context.

    Variants are ordered by recommendation. If none fits, it is the one that needs the least memory.
    """
    fits = [(variant, fit_of(variant, usable)) for variant in entry.variants]
    for verdict in ("fits", "reduced"):
        for variant, fit in fits:
            if fit.verdict == verdict:
                return variant, fit
    return min(fits, key=lambda pair: pair[1].needed)
