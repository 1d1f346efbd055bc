"""Gemma 3, SmolVLM and SmolVLM2: SigLIP, and one matrix behind several patches that become one token."""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks.checked_header import CheckedHeader
from desktop_app.engine.weights.projector_header import Projector

_MERGED = 4  # patches along an edge that become one token, if the file does not say


def check_gemma3(header: CheckedHeader) -> Projector:
    """Return the checked projector: all tokens of a picture are evaluated together."""
    tokens = (header.patches // _check_tower(header)) ** 2
    return header.projector(header.output("mm.input_projection.weight", 0), min_batch=tokens)


def check_idefics3(header: CheckedHeader) -> Projector:
    """Return the checked projector."""
    _check_tower(header)
    return header.projector(header.output("mm.model.fc.weight"))


def _check_tower(header: CheckedHeader) -> int:
    """Return how many patches along an edge become one token."""
    header.shape("v.patch_embd.weight", header.patch, header.patch, 3, header.width)
    header.shape("v.position_embd.weight", header.width, header.patches**2)
    header.tower()
    merged = header.header.integer("clip.vision.projector.scale_factor") or _MERGED
    if not 1 <= merged <= header.patches or header.patches % merged:
        header.refuse()
    return merged
