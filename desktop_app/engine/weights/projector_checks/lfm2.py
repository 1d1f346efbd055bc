"""LFM2-VL and LFM2.5-VL: SigLIP 2 for pictures of any shape, and two matrices that merge several patches."""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks.checked_header import CheckedHeader
from desktop_app.engine.weights.projector_header import Projector


def check(header: CheckedHeader) -> Projector:
    """Return the checked projector."""
    width = header.width
    header.shape("v.patch_embd.weight", header.patch, header.patch, 3, width)
    header.shape("v.patch_embd.bias", width, optional=True)
    header.shape("v.position_embd.weight", width, header.patches**2)
    if header.has("v.class_embd"):
        header.refuse()
    header.tower()
    merged = header.number("projector.scale_factor", header.patches)
    if header.patches % merged:
        header.refuse()
    header.norm("mm.input_norm", width * merged**2, optional=True)
    middle, output = (header.output(f"mm.{number}.weight") for number in (1, 2))
    header.linear("mm.1", width * merged**2, middle)
    header.linear("mm.2", middle, output)
    return header.projector(output)
