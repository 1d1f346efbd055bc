"""InternVL3: a tower with a class token, and two matrices behind several patches that become one token."""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks.checked_header import CheckedHeader
from desktop_app.engine.weights.projector_header import Projector

_MOST_TILES = 64


def check(header: CheckedHeader) -> Projector:
    """Return the checked projector."""
    width = header.width
    header.shape("v.patch_embd.weight", header.patch, header.patch, 3, width)
    header.tower()
    header.shape("v.class_embd", width)
    header.shape("v.patch_embd.bias", width, optional=True)
    header.shape("v.position_embd.weight", width, header.patches**2 + 1)
    for index in header.blocks():
        for name in ("ls1", "ls2", "attn_q_norm", "attn_k_norm"):
            header.shape(f"v.blk.{index}.{name}.weight", width, optional=True)
    merged = header.number("projector.scale_factor", header.patches)
    if header.patches % merged:
        header.refuse()
    if "clip.vision.preproc_max_tiles" in header.header.metadata:
        header.number("preproc_max_tiles", _MOST_TILES)
    first, second, last = (f"mm.model.mlp.{number}" for number in (0, 1, 3))
    header.norm(first, width * merged**2)
    middle, output = (header.output(f"{name}.weight") for name in (second, last))
    header.linear(second, width * merged**2, middle)
    header.linear(last, middle, output)
    return header.projector(output)
