"""Random models of Qwen3-VL: a decoder of the architecture `qwen3vl`, and eyes, which Qwen3.5 has as well.

Some layers of the eyes are tapped (deepstack): what is tapped is added to the rows after the first layers of the
decoder. Qwen3.5's eyes have no taps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
from gguf_writing import Tower, add_decoder_shape, add_vision_shape, new_gguf

from tests.random_models.byte_pairs import add_byte_pairs
from tests.random_models.qwen35 import SPECIALS
from tests.random_models.strong_weights import StrongWeights

MERGED = 2  # patches along an edge that become one token
KIND = "qwen3vl_merger"
_HALF = (0.5, 0.5, 0.5)
_TOWER = Tower(width=64, layers=4, heads=2, feed_forward=96, side=192, patch=16)


@dataclass(frozen=True)
class Sizes:
    """How large the decoder is. The defaults make a file of 2 MB."""

    width: int = 128
    layers: int = 4
    heads: int = 4  # of queries
    kv_heads: int = 2
    head: int = 32
    sections: tuple[int, int, int] = (6, 5, 5)  # of M-RoPE: pairs that turn with time, line and column
    feed_forward: int = 192
    taps: int = 2  # layers, from the first, after which something of the eyes is added to the rows
    context: int = 4096
    seed: int = 3


@dataclass(frozen=True)
class Eyes:
    """How large the eyes are, and which of their layers are tapped."""

    tower: Tower = _TOWER
    taps: tuple[int, ...] = (0, 2)
    output: int = 128  # values per image token, without those of the taps
    seed: int = 4


EYES = Eyes()
EYES_OF_QWEN35 = Eyes(taps=(), seed=7)


def write_qwen3_vl(
    path: Path, sizes: Sizes = Sizes(), specials: Sequence[str] = SPECIALS, chat_template: str = ""
) -> Path:
    """Write a random decoder; `specials`: the first tokens of its vocabulary, <|im_end|> and others among them."""
    with new_gguf(path, "qwen3vl") as writer:
        writer.add_name("random qwen3vl")
        add_decoder_shape(
            writer,
            context=sizes.context,
            width=sizes.width,
            layers=sizes.layers,
            feed_forward=sizes.feed_forward,
            heads=sizes.heads,
            kv_heads=sizes.kv_heads,
            eps=1e-6,
        )
        writer.add_rope_dimension_sections([*sizes.sections, 0])
        writer.add_rope_freq_base(5e6)
        writer.add_key_length(sizes.head)
        writer.add_value_length(sizes.head)
        writer.add_num_deepstack_layers(sizes.taps)
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        if chat_template:
            writer.add_chat_template(chat_template)
        words = add_byte_pairs(writer, specials, pre="qwen2", bos=None, eos="<|im_end|>", pad="<|endoftext|>")
        weights = StrongWeights(writer, sizes.seed)
        weights.matrix("token_embd.weight", words, sizes.width)
        weights.norm("output_norm", sizes.width)
        for index in range(sizes.layers):
            block = f"blk.{index}."
            weights.norm(f"{block}attn_norm", sizes.width)
            weights.norm(f"{block}ffn_norm", sizes.width)
            weights.sharp_norm(f"{block}attn_q_norm", sizes.head)
            weights.sharp_norm(f"{block}attn_k_norm", sizes.head)
            weights.matrix(f"{block}attn_q.weight", sizes.heads * sizes.head, sizes.width)
            weights.matrix(f"{block}attn_k.weight", sizes.kv_heads * sizes.head, sizes.width)
            weights.matrix(f"{block}attn_v.weight", sizes.kv_heads * sizes.head, sizes.width)
            weights.matrix(f"{block}attn_output.weight", sizes.width, sizes.heads * sizes.head)
            weights.matrix(f"{block}ffn_gate.weight", sizes.feed_forward, sizes.width)
            weights.matrix(f"{block}ffn_up.weight", sizes.feed_forward, sizes.width)
            weights.matrix(f"{block}ffn_down.weight", sizes.width, sizes.feed_forward)
    return path


def write_eyes(path: Path, eyes: Eyes = EYES) -> Path:
    """Write random eyes."""
    tower = eyes.tower
    width = tower.width
    with new_gguf(path, "clip") as writer:
        writer.add_name("random eyes of qwen3vl")
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        writer.add_bool("clip.has_vision_encoder", True)
        writer.add_string("clip.projector_type", KIND)
        writer.add_bool("clip.use_gelu", True)
        writer.add_uint32("clip.vision.spatial_merge_size", MERGED)
        writer.add_array("clip.vision.is_deepstack_layers", [layer in eyes.taps for layer in range(tower.layers)])
        add_vision_shape(writer, tower, projection=eyes.output, eps=1e-6, mean=_HALF, std=_HALF)
        weights = StrongWeights(writer, eyes.seed)

        def linear(name: str, rows: int, columns: int) -> None:
            weights.matrix(f"{name}.weight", rows, columns)
            weights.vector(f"{name}.bias", rows)

        def norm(name: str, length: int) -> None:
            weights.norm(name, length)
            weights.vector(f"{name}.bias", length)

        for frame in ("weight", "weight.1"):  # of a video; a picture is two that are the same
            weights.matrix(f"v.patch_embd.{frame}", width, 3, tower.patch, tower.patch)
        weights.vector("v.patch_embd.bias", width)
        weights.matrix("v.position_embd.weight", (tower.side // tower.patch) ** 2, width)
        merged = MERGED**2 * width
        for index in range(tower.layers):
            block = f"v.blk.{index}."
            norm(f"{block}ln1", width)
            norm(f"{block}ln2", width)
            linear(f"{block}attn_qkv", 3 * width, width)
            linear(f"{block}attn_out", width, width)
            linear(f"{block}ffn_up", tower.feed_forward, width)
            linear(f"{block}ffn_down", width, tower.feed_forward)
            if index in eyes.taps:
                norm(f"v.deepstack.{index}.norm", merged)
                linear(f"v.deepstack.{index}.fc1", merged, merged)
                linear(f"v.deepstack.{index}.fc2", eyes.output, merged)
        norm("v.post_ln", width)
        linear("mm.0", merged, merged)
        linear("mm.2", eyes.output, merged)
    return path
