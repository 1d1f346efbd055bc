"""Says to what size the pictures of each kind of projector are resized before mtmd gets them."""

from __future__ import annotations

from collections.abc import Callable

from desktop_app.engine.weights.projector_header import Projector
from desktop_app.images.resizing import Resizing, at_most, longest_edge, one_square, whole_patches
from model_store.projector_kinds import GEMMA3, IDEFICS3, QWEN3_VL, QWEN25_VL

_MERGED = 2  # patches along an edge that become one token of Qwen's models
_LONGEST = 2048  # pixels, if the file does not say

_Budget = tuple[int, int]  # the fewest tokens of a picture, and the most


def resizing_for(projector: Projector, budget: _Budget) -> Resizing:
    """Return how pictures are resized; `budget`: the fewest and the most tokens of a picture, for kinds with limits."""
    resizing = _RESIZING.get(projector.kind)
    return resizing(projector, budget) if resizing is not None else at_most(_LONGEST)


def _whole_tokens(projector: Projector, budget: _Budget) -> Resizing:
    patch = projector.header.integer("clip.vision.patch_size") or 1
    return whole_patches(patch * _MERGED, *budget)


def _longest_edge(projector: Projector, _budget: _Budget) -> Resizing:
    longest = projector.header.integer("clip.vision.preproc_image_size")
    return longest_edge(longest) if longest else at_most(_LONGEST)


_RESIZING: dict[str, Callable[[Projector, _Budget], Resizing]] = {
    GEMMA3: lambda projector, _budget: one_square(projector.side),
    IDEFICS3: _longest_edge,
    QWEN25_VL: _whole_tokens,
    QWEN3_VL: _whole_tokens,
}
