"""Qwen3-VL and Qwen3.5: layers with queries, keys and values in one matrix, some of them tapped (deepstack).

What is tapped goes into the first layers of the language model; the rows of the taps lie beside those of the picture.
"""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks.checked_header import CheckedHeader
from desktop_app.engine.weights.projector_header import Projector

_MERGED = 2  # patches along an edge that become one token
_TURNED = 4  # in the rotation of a head's values there are so many parts


def check(header: CheckedHeader) -> Projector:
    """Return the checked projector."""
    width, inner = header.width, header.inner()
    if header.number("spatial_merge_size", _MERGED) != _MERGED or width // header.heads % _TURNED:
        header.refuse()
    if header.has("v.class_embd"):
        header.refuse()
    for frame in ("weight", "weight.1"):  # the two frames of a video, or a picture twice
        header.shape(f"v.patch_embd.{frame}", header.patch, header.patch, 3, width)
    header.shape("v.patch_embd.bias", width)
    header.shape("v.position_embd.weight", width, header.patches**2)
    header.norm("v.pre_ln", width, optional=True)
    header.norm("v.post_ln", width)
    output, taps = header.output("mm.2.weight"), 0
    for index in header.blocks():
        block = f"v.blk.{index}."
        for name in ("ln1", "ln2"):
            header.norm(block + name, width)
        header.linear(block + "attn_qkv", width, 3 * width)
        header.linear(block + "attn_out", width, width)
        header.linear(block + "ffn_up", width, inner)
        header.linear(block + "ffn_down", inner, width)
        tap = f"v.deepstack.{index}."
        if header.has(tap + "fc1.weight"):
            taps += 1
            header.norm(tap + "norm", width * _MERGED**2)
            _check_merger(header, tap + "fc1", tap + "fc2", output)
    _check_merger(header, "mm.0", "mm.2", output)
    return header.projector(output * (1 + taps))


def _check_merger(header: CheckedHeader, first: str, second: str, output: int) -> None:
    middle = header.output(f"{first}.weight")
    header.linear(first, header.width * _MERGED**2, middle)
    header.linear(second, middle, output)
