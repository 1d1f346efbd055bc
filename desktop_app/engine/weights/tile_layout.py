"""Reads from the header of a projector how it divides pictures into tiles."""

from __future__ import annotations

from desktop_app.engine.weights.projector_header import NEWLINES
from desktop_app.images.internvl_tiling import MOST_TILES, InternVLTiling
from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.llava_tiling import LlavaTiling, grids_of
from desktop_app.images.minicpm_tiling import MiniCPM46Tiling, MiniCPMTiling
from desktop_app.images.tiling import Tiling
from model_store.gguf_header import GGUFHeader, TensorInfo
from model_store.projector_kinds import INTERNVL, LFM2, LLAVA, MINICPM_V, MINICPM_V46, kind_of

_KINDS = ("F32", "F16")
_LFM2_TILE = 512  # pixels: the header says nothing of tiles


def newline_of(projector: GGUFHeader) -> TensorInfo | None:
    """Return the embedding that ends each line of image tokens, None if the projector has none."""
    found = (projector.tensors[name] for name in NEWLINES if name in projector.tensors)
    return next((tensor for tensor in found if tensor.kind in _KINDS), None)


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
        return MiniCPM46Tiling(side, step, (side // step) ** 2)
    if kind == LFM2:
        return Lfm2Tiling(_LFM2_TILE, step)
    return None
