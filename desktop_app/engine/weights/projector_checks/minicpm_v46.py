"""MiniCPM-V 4.6: SigLIP that merges 2 x 2 patches behind one of its layers, and again behind the last.

Files that look closer merge only behind the last.
"""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks.checked_header import CheckedHeader
from desktop_app.engine.weights.projector_header import Projector

_POSITIONS = 70  # along an edge, whatever the size of the picture
_ONCE, _TWICE = 2, 4  # patches along an edge that become one token
_MERGED_BEHIND = "clip.vision.wa_layer_indexes"


def check(header: CheckedHeader) -> Projector:
    """Return the checked projector."""
    width = header.width
    header.shape("v.patch_embd.weight", header.patch, header.patch, 3, width)
    header.shape("v.patch_embd.bias", width, optional=True)
    header.shape("v.position_embd.weight", width, _POSITIONS**2)
    header.tower()
    merged = header.number("projector.scale_factor", _TWICE)
    if merged not in (_ONCE, _TWICE) or header.patches % merged or header.has("v.class_embd"):
        header.refuse()
    if merged == _TWICE:
        _check_merger(header)
    header.shape("mm.input_norm.weight", 4 * width)
    header.shape("mm.input_norm.bias", 4 * width, optional=True)
    middle, output = (header.output(f"mm.{name}.weight") for name in ("up", "down"))
    header.linear("mm.up", 4 * width, middle, bias_optional=True)
    header.linear("mm.down", middle, output, bias_optional=True)
    return header.projector(output)


def _check_merger(header: CheckedHeader) -> None:
    """Check what merges patches within the tower: attention within 2 x 2 patches, and two matrices."""
    width, behind = header.width, header.header.numbers(_MERGED_BEHIND)
    if not behind or not 0 <= behind[0] < len(header.blocks()):
        header.refuse()
    header.norm("v.vit_merger.ln1", width)
    for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
        header.linear(f"v.vit_merger.{name}", width, width, bias_optional=True)
    header.norm("v.vit_merger.ds_ln", 4 * width)
    middle = header.output("v.vit_merger.ds_ffn_up.weight")
    header.linear("v.vit_merger.ds_ffn_up", 4 * width, middle, bias_optional=True)
    header.linear("v.vit_merger.ds_ffn_down", middle, width, bias_optional=True)
