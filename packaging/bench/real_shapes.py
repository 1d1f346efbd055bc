"""Makes GGUF files of real shapes and random numbers.

The decoder is laid out as Q4_K_M, the projector as f16. The head can only choose words of three letters, which
the vocabulary turns back into the same tokens: so an answer of any length is written, and read again as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf_writing import Tower, add_decoder_shape, add_llava_keys, add_sentencepiece, clip_tensors, new_gguf, takes_q6_k

from bench.qwen_shapes import Qwen
from bench.random_blocks import Q4_K, Q6_K, Matrix, write_weights
from bench.vocabulary import vocabulary
from desktop_app.engine.weights.random_blocks import SPREAD

VERSION = 1  # of the files: part of their names


@dataclass(frozen=True)
class Scale:
    """The shapes of a pair."""

    name: str
    width: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    context: int
    vision_width: int
    vision_layers: int
    vision_heads: int
    vision_feed_forward: int
    side: int
    patch: int = 14

    @property
    def weights_per_token(self) -> int:
        """Return the bytes of weights that one token reads: all but the embeddings of other tokens."""
        return sum(matrix.size for matrix in self.matrices() if matrix.name != "token_embd.weight")

    def cells_per_token(self) -> int:
        """Return the bytes that one token takes in a KV cache of f16."""
        return 2 * 2 * self.layers * self.width

    def write_language_model(self, path: Path) -> None:
        """Write a decoder of random blocks."""
        with closing(gguf.GGUFWriter(str(path), "llama")) as writer:
            _fill_language_model(writer, self)

    def write_projector(self, path: Path) -> None:
        """Write a CLIP tower with LLaVA-1.5's two-layer projector, f16, with the keys of files in circulation."""
        _write_projector(path, self)

    def matrices(self) -> Iterator[Matrix]:
        """Yield the quantised matrices, as the recipe Q4_K_M chooses their types."""
        yield Matrix("token_embd.weight", self.vocabulary, self.width, Q4_K)
        for index in range(self.layers):
            block = f"blk.{index}."
            finer = Q6_K if takes_q6_k(index, self.layers) else Q4_K
            for name in ("attn_q", "attn_k", "attn_output"):
                yield Matrix(f"{block}{name}.weight", self.width, self.width, Q4_K)
            yield Matrix(f"{block}attn_v.weight", self.width, self.width, finer)
            yield Matrix(f"{block}ffn_gate.weight", self.feed_forward, self.width, Q4_K)
            yield Matrix(f"{block}ffn_up.weight", self.feed_forward, self.width, Q4_K)
            yield Matrix(f"{block}ffn_down.weight", self.width, self.feed_forward, finer)
        yield Matrix("output.weight", self.vocabulary, self.width, Q6_K)


#: LLaVA-1.5-7B and CLIP ViT-L/14-336, of which LLaVA uses all layers but the last.
REAL = Scale("real", 4096, 32, 32, 11008, 32000, 4096, 1024, 23, 16, 4096, 336)
#: The same number of picture tokens, a thirteenth of the work.
SMALL = Scale("small", 2048, 8, 16, 5632, 32000, 4096, 512, 8, 8, 2048, 336)
#: For the tests of the benchmark itself.
TINY = Scale("tiny", 256, 2, 4, 512, 20480, 1024, 64, 2, 4, 128, 56)


def make_pair(scale: Scale | Qwen, folder: Path) -> tuple[Path, Path]:
    """Return the files of a scale, (language model, projector), made now if they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / f"random-{scale.name}-{VERSION}-Q4_K_M.gguf"
    projector = folder / f"random-{scale.name}-{VERSION}-mmproj-f16.gguf"
    _once(model, scale.write_language_model)
    _once(projector, scale.write_projector)
    return model, projector


def tiled_projector(projector: Path) -> Path:
    """Return a projector of the same shapes beside another of this module, with which pictures are seen in parts.

    As LLaVA-1.6's: it has an embedding that ends each line.
    """
    scale = next(scale for scale in (REAL, SMALL, TINY) if projector.name.startswith(f"random-{scale.name}-"))
    path = projector.with_name(projector.name.replace("mmproj", "tiled-mmproj"))
    _once(path, lambda part: _write_projector(part, scale, tiled=True))
    return path


def _once(path: Path, write: Callable[[Path], None]) -> None:
    if path.exists():
        return
    part = path.with_suffix(".part")  # an interrupted run leaves no half file under the name
    try:
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())  # or else it is written to the disk while others are measured
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _fill_language_model(writer: Any, scale: Scale) -> None:
    writer.add_name(f"Random numbers, {scale.name}")
    add_decoder_shape(
        writer,
        context=scale.context,
        width=scale.width,
        layers=scale.layers,
        feed_forward=scale.feed_forward,
        heads=scale.heads,
    )
    writer.add_rope_dimension_count(scale.width // scale.heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(scale.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)
    writer.add_quantization_version(2)
    add_sentencepiece(writer, vocabulary(scale.vocabulary))

    norms = [f"blk.{index}.{name}.weight" for index in range(scale.layers) for name in ("attn_norm", "ffn_norm")]
    ones = [(name, np.ones(scale.width, np.float32)) for name in (*norms, "output_norm.weight")]
    write_weights(writer, list(scale.matrices()), ones, head="output.weight")


def _write_projector(path: Path, scale: Scale, *, tiled: bool = False) -> None:
    tower = Tower(
        width=scale.vision_width,
        layers=scale.vision_layers,
        heads=scale.vision_heads,
        feed_forward=scale.vision_feed_forward,
        side=scale.side,
        patch=scale.patch,
    )
    random = np.random.default_rng(2)
    with new_gguf(path, "clip") as writer:
        writer.add_name(f"Random numbers, {scale.name}")
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
        add_llava_keys(writer, tower, projection=768)
        if tiled:
            writer.add_string("clip.vision.mm_patch_merge_type", "spatial_unpad")
            writer.add_tensor("model.image_newline", np.zeros(scale.width, np.float32))
        for name, shape in clip_tensors(tower, scale.width):
            if "ln" in name or name.endswith(".bias"):
                writer.add_tensor(name, np.full(shape, name.endswith(".weight"), np.float32))
                continue
            values = (random.standard_normal(shape, np.float32) * SPREAD).astype(np.float16)
            writer.add_tensor(name, values if len(shape) > 1 else values.astype(np.float32))
