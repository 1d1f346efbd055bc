"""What the header of a projector says of tiles: LLaVA-1.6's way to look at pictures."""

from __future__ import annotations

from desktop_app.images.anyres import AnyRes, grids_of
from desktop_app.images.tiling import Tiling
from model_store.gguf_header import GGUFHeader, TensorInfo

#: The token that ends each line of image tokens. No other LLaVA has it.
NEWLINES = ("model.image_newline", "v.image_newline")
_KINDS = ("F32", "F16")


def newline_of(projector: GGUFHeader) -> TensorInfo | None:
    """Return where the token that ends a line lies."""
    found = (projector.tensors[name] for name in NEWLINES if name in projector.tensors)
    return next((tensor for tensor in found if tensor.kind in _KINDS), None)


def tiling_of(projector: GGUFHeader) -> Tiling | None:
    """Return how a projector was trained to divide pictures; None: not at all."""
    side, patch = (projector.integer(f"clip.vision.{key}") for key in ("image_size", "patch_size"))
    if newline_of(projector) is None or not side or not patch:
        return None
    return AnyRes(side, side // patch, grids_of(projector.numbers("clip.vision.image_grid_pinpoints"), side))
