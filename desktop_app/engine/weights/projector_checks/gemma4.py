"""Gemma 4: layers with gated feed-forward and norms around each half; 3 x 3 patches become one token.

Converted files do not say which activation the layers have. llama.cpp then takes a fast approximation of GELU that the
model was not trained with.
"""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks.checked_header import CheckedHeader
from desktop_app.engine.weights.projector_header import USE_GELU, USE_SILU, Activation, Projector
from model_store.gguf_header import GGUFHeader

MERGED = 3  # patches along an edge that become one token
CHOICES, USUAL = (70, 140, 280, 560, 1120), 280  # of how many tokens a picture takes at most
_TURNED = 4  # in the rotation of a head's values there are so many parts
_READ_LIKE_WORDS = (1536, 2560)  # widths of E2B and E4B: others read all tokens of a picture together


def check(header: CheckedHeader) -> Projector:
    """Return the checked projector."""
    width, inner = header.width, header.inner()
    head = width // header.heads
    if head % _TURNED or header.header.integer("clip.vision.projector.scale_factor") not in (None, MERGED):
        header.refuse()
    header.shape("v.patch_embd.weight", header.patch, header.patch, 3, width)
    places = header.length("v.position_embd.weight", 1)
    header.shape("v.position_embd.weight", width, places, 2)
    if places < CHOICES[-1] * MERGED or header.has("v.class_embd"):  # a picture may be one line of tokens
        header.refuse()
    for norm in ("v.pre_ln", "v.post_ln"):
        header.norm(norm, width, optional=True)
    for index in header.blocks():
        _check_layer(header, f"v.blk.{index}.", head, inner)
    for name in ("v.std_bias", "v.std_scale"):
        header.shape(name, width, optional=True)
        if header.has(name) and header.header.tensors[name].kind != "F32":
            header.refuse()
    output = header.output("mm.input_projection.weight")
    header.shape("mm.input_projection.weight", width, output)
    stated = any(key in header.header.metadata for key in (USE_GELU, USE_SILU))
    return header.projector(
        output,
        min_batch=USUAL if is_read_at_once(header.header) else 0,
        activation=Activation.RIGHT if stated else Activation.UNSTATED,
    )


def is_read_at_once(projector: GGUFHeader) -> bool:
    """Return whether all tokens of a picture are read together, and see one another both ways."""
    last = projector.tensors.get("mm.input_projection.weight")
    return last is not None and last.shape[-1] not in _READ_LIKE_WORDS


def _check_layer(header: CheckedHeader, block: str, head: int, inner: int) -> None:
    width = header.width
    for name in ("ln1", "ln2", "attn_post_norm", "ffn_post_norm"):
        header.shape(f"{block}{name}.weight", width)
    for name in ("ln1.bias", "ln2.bias", "ls1.weight", "ls2.weight", "out_scale.weight"):
        header.shape(block + name, width, optional=True)
    for name in ("attn_q_norm", "attn_k_norm"):
        header.shape(f"{block}{name}.weight", head)
    for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
        _check_linear(header, block + name, width, width)
    for name in ("ffn_gate", "ffn_up"):
        _check_linear(header, block + name, width, inner)
    _check_linear(header, f"{block}ffn_down", inner, width)
    if header.has(f"{block}attn_qkv.weight") or header.has(f"{block}ffn_gate_exps.weight"):
        header.refuse()


def _check_linear(header: CheckedHeader, name: str, columns: int, rows: int) -> None:
    """Check a matrix, and the bounds within which what it takes and makes is kept."""
    header.linear(name, columns, rows, bias_optional=True)
    for bound in ("input_min", "input_max", "output_min", "output_max"):
        header.shape(f"{name}.{bound}", 1, optional=True)
