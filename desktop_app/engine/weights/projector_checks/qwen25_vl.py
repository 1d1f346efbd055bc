"""Qwen2.5-VL: attention within windows in most layers, and two matrices that merge 2 x 2 patches."""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks.checked_header import MOST_BLOCKS, CheckedHeader
from desktop_app.engine.weights.projector_header import Projector


def check(header: CheckedHeader) -> Projector:
    """Return the checked projector."""
    for frame in ("weight", "weight.1"):  # the two frames of a video, or a picture twice
        header.shape(f"v.patch_embd.{frame}", header.patch, header.patch, 3, header.width)
    header.tower()
    header.number("n_wa_pattern", MOST_BLOCKS)
    for index in header.blocks():
        for name in ("attn_q", "attn_k", "attn_v"):
            header.shape(f"v.blk.{index}.{name}.bias", header.width)
    return header.projector(header.output("mm.2.weight"))
