"""Writes a language model of one layer with random weights in a given quantisation, to measure how fast it is.

Simplified: one layer stands for all, and a few thousand random blocks repeat. In Q4_K_M and Q5_K_M about half of the
layers have a finer `attn_v` and `ffn_down`; here `attn_v` and `attn_output` are always finer, which makes nearly the
same share of the weights. The head has few words, because it is the same for all.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from desktop_app.engine.weights.random_blocks import block_size, random_blocks
from model_store.gguf_header import STRING, TENSOR_TYPES

_MAGIC = b"GGUF" + struct.pack("<I", 3)
_U32, _F32 = 4, 6  # types of keys
_ALIGNMENT = 32  # bytes
_AT_ONCE = 4096  # blocks that are made, and then repeated
_WORDS = 256
_NUMBERS = {name: number for number, (name, _, _) in TENSOR_TYPES.items()}


@dataclass(frozen=True)
class LayerShape:
    """How large the matrices of a layer are; multiples of 256."""

    width: int
    feed_forward: int
    heads: int


#: As LLaVA-1.5-7B, and every other LLaMA of 7 billion weights.
OF_A_7B = LayerShape(4096, 11008, 32)


@dataclass(frozen=True)
class _Recipe:
    usual: str
    finer: str
    finer_in: tuple[str, ...] = ("attn_v", "attn_output")


#: Which types a quantisation gives the matrices of a layer.
_RECIPES = {
    "Q4_K_M": _Recipe("Q4_K", "Q6_K"),
    "Q4_0": _Recipe("Q4_0", "Q4_0"),
    "Q8_0": _Recipe("Q8_0", "Q8_0"),
    "Q5_K_M": _Recipe("Q5_K", "Q6_K"),
    "Q3_K_M": _Recipe("Q3_K", "Q4_K", ("attn_v", "attn_output", "ffn_down")),
    "IQ4_NL": _Recipe("IQ4_NL", "IQ4_NL"),
    "Q2_K": _Recipe("Q2_K", "Q3_K", ("attn_v", "attn_output", "ffn_down")),
}
QUANTISATIONS = tuple(_RECIPES)


def layer_size(quantisation: str, shape: LayerShape = OF_A_7B) -> int:
    """Return the bytes of a layer's weights."""
    return sum(_size(kind, dimensions) for kind, dimensions in _matrices(quantisation, shape).values())


def write_layer(file: BinaryIO, quantisation: str, shape: LayerShape = OF_A_7B) -> None:
    """Write the model; `quantisation`: one of `QUANTISATIONS`. Raises OSError."""
    keys: dict[str, str | int | float] = {
        "general.architecture": "llama",
        "general.name": f"Random numbers, {quantisation}",
        "llama.context_length": 4096,
        "llama.embedding_length": shape.width,
        "llama.block_count": 1,
        "llama.feed_forward_length": shape.feed_forward,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.heads,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": shape.width // shape.heads,
        "llama.vocab_size": _WORDS,
        "tokenizer.ggml.model": "no_vocab",
    }
    norms = ("blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight")
    usual = _RECIPES[quantisation].usual
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    tensors |= dict.fromkeys(norms, ("F32", (shape.width,)))
    tensors |= dict.fromkeys(("token_embd.weight", "output.weight"), (usual, (shape.width, _WORDS)))
    tensors |= {f"blk.0.{name}.weight": found for name, found in _matrices(quantisation, shape).items()}
    _write_head(file, keys, tensors)
    random = np.random.default_rng(1)
    repeated = {kind: random_blocks(random, kind, _AT_ONCE).tobytes() for kind, _ in tensors.values() if kind != "F32"}
    for kind, dimensions in tensors.values():
        file.write(bytes(-file.tell() % _ALIGNMENT))
        if kind == "F32":
            file.write(np.ones(dimensions, "<f4").tobytes())
            continue
        left = _size(kind, dimensions)
        while left:
            left -= file.write(repeated[kind][:left])


def _matrices(quantisation: str, shape: LayerShape) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return (type, dimensions) of the matrices by name, the fastest dimension first."""
    width, inner = shape.width, shape.feed_forward
    recipe = _RECIPES[quantisation]
    dimensions = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (width, width))
    dimensions |= {"ffn_gate": (width, inner), "ffn_up": (width, inner), "ffn_down": (inner, width)}
    return {
        name: (recipe.finer if name in recipe.finer_in else recipe.usual, found) for name, found in dimensions.items()
    }


def _size(kind: str, dimensions: tuple[int, ...]) -> int:
    weights, size = block_size(kind)
    return math.prod(dimensions) // weights * size


def _write_head(
    file: BinaryIO, keys: Mapping[str, str | int | float], tensors: Mapping[str, tuple[str, tuple[int, ...]]]
) -> None:
    file.write(_MAGIC + struct.pack("<QQ", len(tensors), len(keys)))
    file.writelines(_text(name) + _value(value) for name, value in keys.items())
    offset = 0
    for name, (kind, dimensions) in tensors.items():
        layout = f"<I{len(dimensions)}QIQ"
        file.write(_text(name) + struct.pack(layout, len(dimensions), *dimensions, _NUMBERS[kind], offset))
        offset += _size(kind, dimensions)
        offset += -offset % _ALIGNMENT


def _value(value: str | int | float) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", STRING) + _text(value)
    return struct.pack("<II", _U32, value) if isinstance(value, int) else struct.pack("<If", _F32, value)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw
