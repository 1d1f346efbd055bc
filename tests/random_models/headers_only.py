"""GGUF files of real shapes with nothing but a header: the weights are a hole that takes no room on the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import numpy as np

_TYPES = gguf.GGMLQuantizationType
_BLOCKS = {_TYPES.Q4_K: (256, 144), _TYPES.Q6_K: (256, 210), _TYPES.Q8_0: (32, 34)}
_ALIGNMENT = 32


@dataclass(frozen=True)
class Decoder:
    """A language model's shape; its weights are laid out as the recipe Q4_K_M does."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    context: int
    kv_heads_of_layers: tuple[int, ...] = field(default=())


@dataclass(frozen=True)
class Tower:
    """A projector's shape, f16."""

    output: int
    width: int = 1024
    layers: int = 23
    heads: int = 16
    feed_forward: int = 4096
    side: int = 336
    patch: int = 14


LLAVA_7B = Decoder(4096, 32, 32, 32, 11008, 32000, 4096)
LLAVA_13B = Decoder(5120, 40, 40, 40, 13824, 32000, 4096)
LLAVA_34B = Decoder(7168, 60, 56, 8, 20480, 64000, 4096)
MISTRAL_7B = Decoder(4096, 32, 32, 8, 14336, 32064, 32768)
LLAMA_3_8B = Decoder(4096, 32, 32, 8, 14336, 128256, 8192)
PHI_3 = Decoder(3072, 32, 32, 32, 8192, 32064, 4096)


class _Sparse:
    def __init__(self, path: Path, architecture: str) -> None:
        self.path = path
        self.writer: Any = gguf.GGUFWriter(str(path), architecture)
        self._size = 0

    def tensor(self, name: str, *shape: int, kind: gguf.GGMLQuantizationType = _TYPES.F32) -> None:
        numbers: np.dtype[Any] = np.dtype(np.float16 if kind is _TYPES.F16 else np.float32)
        raw = None
        if kind in _BLOCKS:
            block, size = _BLOCKS[kind]
            shape, numbers, raw = (*shape[:-1], shape[-1] // block * size), np.dtype(np.uint8), kind
        size = int(np.prod(shape)) * numbers.itemsize
        self.writer.add_tensor_info(name, shape, numbers, size, raw_dtype=raw)
        self._size += -(-size // _ALIGNMENT) * _ALIGNMENT

    def finish(self) -> Path:
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_ti_data_to_file()
        self.writer.close()
        start = -(-self.path.stat().st_size // _ALIGNMENT) * _ALIGNMENT
        with self.path.open("r+b") as file:
            file.truncate(start + self._size)
        return self.path


def write_decoder(path: Path, shape: Decoder) -> Path:
    """Write the header of a `llama` model."""
    file = _Sparse(path, "llama")
    writer = file.writer
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(list(shape.kv_heads_of_layers) or shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_tokenizer_model("no_vocab")
    coarse, fine = _TYPES.Q4_K, _TYPES.Q6_K
    file.tensor("token_embd.weight", shape.vocabulary, shape.width, kind=coarse)
    file.tensor("output.weight", shape.vocabulary, shape.width, kind=fine)
    file.tensor("output_norm.weight", shape.width)
    eighth = shape.layers // 8
    for index, kv_heads in enumerate(shape.kv_heads_of_layers or (shape.kv_heads,) * shape.layers):
        kv_width = shape.width // shape.heads * kv_heads
        edge = index < eighth or index >= 7 * shape.layers // 8
        finer = fine if edge or (index - eighth) % 3 == 2 else coarse
        block = f"blk.{index}."
        file.tensor(block + "attn_norm.weight", shape.width)
        file.tensor(block + "attn_q.weight", shape.width, shape.width, kind=coarse)
        file.tensor(block + "attn_k.weight", kv_width, shape.width, kind=coarse)
        file.tensor(block + "attn_v.weight", kv_width, shape.width, kind=finer)
        file.tensor(block + "attn_output.weight", shape.width, shape.width, kind=coarse)
        file.tensor(block + "ffn_norm.weight", shape.width)
        file.tensor(block + "ffn_gate.weight", shape.feed_forward, shape.width, kind=coarse)
        file.tensor(block + "ffn_up.weight", shape.feed_forward, shape.width, kind=coarse)
        file.tensor(block + "ffn_down.weight", shape.width, shape.feed_forward, kind=finer)
    return file.finish()


def write_tower(path: Path, shape: Tower) -> Path:
    """Write the header of CLIP and LLaVA-1.5's projector."""
    file = _Sparse(path, "clip")
    writer = file.writer
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", False)
    for key, number in {
        "image_size": shape.side,
        "patch_size": shape.patch,
        "embedding_length": shape.width,
        "feed_forward_length": shape.feed_forward,
        "projection_dim": 768,
        "block_count": shape.layers,
        "attention.head_count": shape.heads,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])

    def layer(name: str, rows: int, columns: int) -> None:
        file.tensor(f"{name}.weight", rows, columns, kind=_TYPES.F16)
        file.tensor(f"{name}.bias", rows)

    def norm(name: str) -> None:
        file.tensor(f"{name}.weight", shape.width)
        file.tensor(f"{name}.bias", shape.width)

    file.tensor("v.class_embd", shape.width)
    file.tensor("v.patch_embd.weight", shape.width, 3, shape.patch, shape.patch, kind=_TYPES.F16)
    file.tensor("v.position_embd.weight", (shape.side // shape.patch) ** 2 + 1, shape.width, kind=_TYPES.F16)
    norm("v.pre_ln")
    for index in range(shape.layers):
        block = f"v.blk.{index}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            layer(block + name, shape.width, shape.width)
        layer(block + "ffn_up", shape.feed_forward, shape.width)
        layer(block + "ffn_down", shape.width, shape.feed_forward)
        norm(block + "ln1")
        norm(block + "ln2")
    layer("mm.0", shape.output, shape.width)
    layer("mm.2", shape.output, shape.output)
    return file.finish()
