"""GGUF files of real shapes with only a header: the weights are a hole that takes no space on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf_writing import Tower, add_decoder_shape, add_llava_keys, clip_tensors, takes_q6_k

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


VIT_L = Tower(width=1024, layers=23, heads=16, feed_forward=4096, side=336, patch=14)
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
    add_decoder_shape(
        writer,
        context=shape.context,
        width=shape.width,
        layers=shape.layers,
        feed_forward=shape.feed_forward,
        heads=shape.heads,
        kv_heads=list(shape.kv_heads_of_layers) or shape.kv_heads,
    )
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_tokenizer_model("no_vocab")
    coarse, fine = _TYPES.Q4_K, _TYPES.Q6_K
    file.tensor("token_embd.weight", shape.vocabulary, shape.width, kind=coarse)
    file.tensor("output.weight", shape.vocabulary, shape.width, kind=fine)
    file.tensor("output_norm.weight", shape.width)
    for index, kv_heads in enumerate(shape.kv_heads_of_layers or (shape.kv_heads,) * shape.layers):
        kv_width = shape.width // shape.heads * kv_heads
        finer = fine if takes_q6_k(index, shape.layers) else coarse
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


def write_tower(path: Path, output: int, tower: Tower = VIT_L) -> Path:
    """Write the header of CLIP and LLaVA-1.5's projector for a model of the width `output`, f16."""
    file = _Sparse(path, "clip")
    add_llava_keys(file.writer, tower, projection=768, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    for name, shape in clip_tensors(tower, output):
        file.tensor(name, *shape, kind=_TYPES.F16 if len(shape) > 1 else _TYPES.F32)
    return file.finish()
