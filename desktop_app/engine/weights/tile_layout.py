"""Reads from the header of a projector how it divides pictures into tiles, or which sizes it sees in one piece."""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks import gemma4
from desktop_app.engine.weights.projector_header import NEWLINES
from desktop_app.images.internvl_tiling import MOST_TILES, InternVLTiling
from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.llava_tiling import LlavaTiling, grids_of
from desktop_app.images.minicpm_tiling import MiniCPM46Tiling, MiniCPMTiling
from desktop_app.images.tiling import AnySize, Filled, Tiling
from model_store.gguf_header import GGUFHeader, TensorInfo
from model_store.projector_kinds import (
    GEMMA4,
    INTERNVL,
    LFM2,
    LLAVA,
    MINICPM_V,
    MINICPM_V46,
    QWEN3_VL,
    QWEN25_VL,
    kind_of,
)

_KINDS = ("F32", "F16")
_LFM2_TILE = 512  # pixels: the header says nothing of tiles
_MERGED = 2  # patches along an edge that become one token of Qwen's models, and of a MiniCPM-V 4.6 that looks closer
#: Kinds whose pictures may have any size -> the fewest tokens of a picture, and the most: what their authors recommend.
_BUDGETS = {QWEN25_VL: (4, 1280), QWEN3_VL: (64, 1280)}


def newline_of(projector: GGUFHeader) -> TensorInfo | None:
    """Return the embedding that ends each line of image tokens, None if the projector has none."""
    found = (projector.tensors[name] for name in NEWLINES if name in projector.tensors)
    return next((tensor for tensor in found if tensor.kind in _KINDS), None)


def any_size_of(projector: GGUFHeader, most_tokens: int) -> AnySize | None:
    """Return the sizes of pictures that a projector sees in one piece of any size; None: it sees others.

    `most_tokens`: the limit for one picture.
    """
    kind, patch = kind_of(projector), projector.integer("clip.vision.patch_size")
    if kind == GEMMA4 and patch:
        most = gemma4.USUAL if gemma4.is_read_at_once(projector) else gemma4.CHOICES[-1]
        choices = tuple(choice for choice in gemma4.CHOICES if choice <= min(most, most_tokens)) or gemma4.CHOICES[:1]
        return Filled(patch * gemma4.MERGED, 1, min(gemma4.USUAL, choices[-1]), choices)
    budget = _BUDGETS.get(kind)
    if budget is None or not patch:
        return None
    fewest, most = (min(tokens, most_tokens) for tokens in budget)
    return AnySize(patch * _MERGED, fewest, most)


def tiling_of(projector: GGUFHeader) -> Tiling | None:
    """Return how a projector divides pictures into tiles; None: it does not, or mtmd does it."""
    side, patch = (projector.integer(f"clip.vision.{key}") for key in ("image_size", "patch_size"))
    if not side or not patch:
        return None
    kind = kind_of(projector)
    merged = projector.integer("clip.vision.projector.scale_factor") or 1
    step = patch * merged
    if kind == LLAVA and newline_of(projector) is not None:
        return LlavaTiling(side, side // patch, grids_of(projector.numbers("clip.vision.image_grid_pinpoints"), side))
    if kind == INTERNVL:
        most = projector.integer("clip.vision.preproc_max_tiles") or MOST_TILES
        return InternVLTiling(side, (side // patch // merged) ** 2, most)
    query = projector.tensors.get("resampler.query")
    if kind == MINICPM_V and query is not None:
        return MiniCPMTiling(side, patch, query.shape[-1])
    if kind == MINICPM_V46:
        return MiniCPM46Tiling(side, step, (side // step) ** 2, always_fitted=merged == _MERGED)
    if kind == LFM2:
        return Lfm2Tiling(_LFM2_TILE, step)
    return None
