"""MiniCPM-V 2.6: SigLIP with positions of its own, and a resampler that makes as many tokens of each part."""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks.checked_header import CheckedHeader
from desktop_app.engine.weights.projector_header import Projector

VERSION = 3  # the number of MiniCPM-V 2.6 in llama.cpp
_POSITIONS = 70  # along an edge, whatever the size of the picture
_RESAMPLER_HEAD, _DEFAULT_QUERIES = 128, 64  # values per head, and tokens per part, as llama.cpp assumes


def check(header: CheckedHeader) -> Projector:
    """Return the checked projector."""
    width = header.width
    header.shape("v.patch_embd.weight", header.patch, header.patch, 3, width)
    header.tower()
    if header.has("v.class_embd") or not header.has("resampler.pos_embed_k"):
        header.refuse()
    header.shape("v.patch_embd.bias", width, optional=True)
    header.shape("v.position_embd.weight", width, _POSITIONS**2)
    output, queries = (header.output(f"resampler.{name}") for name in ("proj.weight", "query"))
    stated = header.header.integer("clip.minicpmv_query_num") or _DEFAULT_QUERIES
    if output % _RESAMPLER_HEAD or stated != queries:
        header.refuse()
    header.shape("resampler.query", output, queries)
    header.shape("resampler.proj.weight", output, output)
    header.shape("resampler.kv.weight", width, output)
    for name in ("q", "k", "v", "out"):
        header.linear(f"resampler.attn.{name}", output, output)
    for name in ("q", "kv", "post"):
        header.norm(f"resampler.ln_{name}", output)
    return header.projector(output)
