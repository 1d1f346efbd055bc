"""Decides which projector belongs to which language model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from model_store.errors import StoreError
from model_store.jobs import Role
from model_store.library.gguf_kind import GGUFKind
from model_store.projector_kinds import is_made_for, other_version


@dataclass(frozen=True)
class Pair:
    """A language model and the projector through which it sees, None for one that only writes."""

    model: GGUFKind
    projector: GGUFKind | None


def why_not(model: GGUFKind, projector: GGUFKind) -> StoreError | None:
    """Return why two files are no pair, None when they are: pair-mismatch, pair-other-kind, pair-other-version."""
    names = {"model": model.name, "projector": projector.name}
    if not is_made_for(projector.header, model.header):
        return StoreError("pair-other-kind", **names)
    if model.width and projector.width and model.width != projector.width:
        return StoreError("pair-mismatch", **names, model_width=model.width, projector_width=projector.width)
    version = other_version(model.header, model.name, projector.header, projector.name)
    return StoreError("pair-other-version", **names, version=version) if version else None


def pair_up(weights: Sequence[GGUFKind]) -> tuple[list[Pair], list[StoreError]]:
    """Return the models among the files with their projectors, and why the rest cannot be used.

    A model without a projector is taken for text only: its contents count, not its name. One that was given alone with
    a projector that does not fit is refused. Of several projectors that fit, the one with the likest name is taken, and
    rather f16 than smaller.
    """
    models = [one for one in weights if one.role is Role.MODEL]
    projectors = [one for one in weights if one.role is Role.PROJECTOR]
    pairs: list[Pair] = []
    refused: list[StoreError] = []
    told: set[int] = set()  # identities of projectors of which something was said
    for model in models:
        reasons = [(projector, why_not(model, projector)) for projector in projectors]
        fitting = _fitting(model, projectors, models)
        if fitting:
            best = max(fitting, key=lambda projector: _likeness(model, projector))
            told.update(map(id, fitting))
            pairs.append(Pair(model, best))
        elif reasons and len(models) == 1:
            told.update(id(projector) for projector, _ in reasons)
            refused.extend(reason for _, reason in reasons[:1] if reason is not None)
        else:
            pairs.append(Pair(model, None))
    for projector in projectors:
        if id(projector) not in told:
            refused.append(StoreError("projector-alone", name=projector.name))
    return pairs, refused


def projector_among(model: GGUFKind, beside: Sequence[GGUFKind]) -> GGUFKind | None:
    """Return the projector among the files beside a model that belongs to it, None when there is none."""
    projectors = [one for one in beside if one.role is Role.PROJECTOR]
    fitting = _fitting(model, projectors, [one for one in beside if one.role is Role.MODEL])
    return max(fitting, key=lambda projector: _likeness(model, projector), default=None)


def _fitting(model: GGUFKind, projectors: Sequence[GGUFKind], models: Sequence[GGUFKind]) -> list[GGUFKind]:
    """Return the projectors that may belong to one of `models`.

    A model that says nothing of pictures, as LLaVA's header does, gets only those that no other one was made to see
    through: in a folder of downloads lie models of all kinds, and many are equally wide.
    """
    fitting = [projector for projector in projectors if why_not(model, projector) is None]
    if model.wants_projector:
        return fitting
    seeing = [other for other in models if other.path != model.path and other.wants_projector]
    return [projector for projector in fitting if all(why_not(other, projector) is not None for other in seeing)]


def _likeness(model: GGUFKind, projector: GGUFKind) -> tuple[int, bool, int]:
    words = [set(re.findall(r"[a-z]+|\d+", one.name.lower())) for one in (model, projector)]
    return len(words[0] & words[1]), projector.quantisation == "F16", projector.size
