"""Random models of Gemma 4: a decoder of the architecture `gemma4`, and eyes, which may be able to hear as well.

Most layers of the decoder look back over a short window only, the last ones use the keys and values of earlier ones,
and each layer has an embedding of every token of its own. llama.cpp tells by the width how pictures are read: those of
E2B (1536) and E4B (2560) like words, all others at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf_writing import Tower, add_vision_shape, new_gguf

from tests.random_models.byte_pairs import add_byte_pairs
from tests.random_models.strong_weights import StrongWeights

KIND = "gemma4v"
# llama.cpp takes the first token's embeddings of the layers for every row of a picture.
SPECIALS = (
    *("<pad>", "<eos>", "<bos>", "<unk>", "<|turn>", "<turn|>", "<|image>", "<image|>", "<|image|>", "<|audio>"),
    *("<audio|>", "<|audio|>", "<|video|>", "<|channel>", "<channel|>", "<|think|>"),
)
MERGED = 3  # patches along an edge that become one token
POSITIONS = 3360  # along an edge: a picture may be one line of 1,120 tokens
_ROPE, _ROPE_OF_WINDOWS = 1e6, 1e4
_TURNED = 4  # in layers without a window one pair of so many turns
_STILL = 1e30  # by which the others turn more slowly
_GRAINS = 4  # along an edge of a patch: all pixels of a grain weigh the same
_TOWER = Tower(width=64, layers=3, heads=2, feed_forward=96, side=224, patch=16)


@dataclass(frozen=True)
class Sizes:
    """How large the decoder is. The defaults make a file of 3 MB whose pictures are read at once."""

    width: int = 128
    windows: tuple[bool, ...] = (True, True, True, False, True, False)  # of each layer, whether it has a window
    shared: int = 2  # layers, from the last, without keys and values of their own
    heads: int = 4  # of queries
    kv_heads: int = 2
    head: int = 32  # in layers with a window
    wide_head: int = 64  # in the others
    feed_forward: int = 192  # twice that in the layers without keys and values
    layer_embedding: int = 32
    window: int = 32
    soft_cap: float = 30.0
    context: int = 4096
    seed: int = 6


#: As E2B, whose pictures are read like words: in a file of 13 MB.
LIKE_E2B = Sizes(
    width=1536,
    windows=(True, False, True, False),
    heads=2,
    kv_heads=1,
    feed_forward=32,
    layer_embedding=16,
    seed=7,
)


@dataclass(frozen=True)
class Eyes:
    """How large the eyes are, and what they do besides."""

    tower: Tower = _TOWER
    output: int = 128  # values per image token
    clipped: bool = False  # whether what goes into a matrix, and what comes out of it, is kept within bounds
    standardised: bool = False
    hears: bool = False  # whether there is an encoder of sounds in the file as well
    gelu: bool | None = None  # what the file says of its activation; None: nothing, as converted files
    seed: int = 8


EYES = Eyes(clipped=True, standardised=True)
EYES_OF_E2B = Eyes(output=LIKE_E2B.width, seed=9)
THAT_HEAR = replace(EYES_OF_E2B, hears=True)


def write_pair(folder: Path) -> tuple[Path, Path]:
    """Write a model whose pictures are read at once, with eyes that keep within bounds; return both files."""
    return write_gemma4(folder / "model.gguf"), write_eyes(folder / "mmproj.gguf")


def write_like_e2b(folder: Path) -> tuple[Path, Path]:
    """Write a model whose pictures are read like words; return both files."""
    model = write_gemma4(folder / "model.gguf", LIKE_E2B)
    return model, write_eyes(folder / "mmproj.gguf", EYES_OF_E2B)


def write_gemma4(
    path: Path, sizes: Sizes = Sizes(), specials: Sequence[str] = SPECIALS, chat_template: str = ""
) -> Path:
    """Write a random decoder; `specials`: the first tokens of its vocabulary, <pad> the very first."""
    layers = len(sizes.windows)
    own = layers - sizes.shared
    wide = [sizes.feed_forward * (1 + (layer >= own)) for layer in range(layers)]
    with new_gguf(path, "gemma4") as writer:
        writer.add_name("random gemma4")
        writer.add_context_length(sizes.context)
        writer.add_embedding_length(sizes.width)
        writer.add_block_count(layers)
        writer.add_feed_forward_length(wide)
        writer.add_head_count(sizes.heads)
        writer.add_head_count_kv(sizes.kv_heads)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_rope_freq_base(_ROPE)
        writer.add_rope_freq_base_swa(_ROPE_OF_WINDOWS)
        writer.add_key_length(sizes.wide_head)
        writer.add_value_length(sizes.wide_head)
        writer.add_key_length_swa(sizes.head)
        writer.add_value_length_swa(sizes.head)
        writer.add_rope_dimension_count(sizes.wide_head)
        writer.add_rope_dimension_count_swa(sizes.head)
        writer.add_final_logit_softcapping(sizes.soft_cap)
        writer.add_sliding_window(sizes.window)
        writer.add_sliding_window_pattern(list(sizes.windows))
        writer.add_shared_kv_layers(sizes.shared)
        writer.add_embedding_length_per_layer_input(sizes.layer_embedding)
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        if chat_template:
            writer.add_chat_template(chat_template)
        words = add_byte_pairs(writer, specials, pre="qwen2", bos="<bos>", eos="<turn|>", pad="<pad>", add_bos=True)
        weights = StrongWeights(writer, sizes.seed)
        turning = sizes.wide_head // 2 // _TURNED
        still = sizes.wide_head // 2 - turning
        writer.add_tensor("rope_freqs.weight", np.array([1.0] * turning + [_STILL] * still, np.float32))
        weights.matrix("token_embd.weight", words, sizes.width)
        weights.norm("output_norm", sizes.width)
        each = sizes.layer_embedding
        weights.matrix("per_layer_token_embd.weight", words, layers * each)
        weights.matrix("per_layer_model_proj.weight", layers * each, sizes.width)
        weights.norm("per_layer_proj_norm", each)
        for index, window in enumerate(sizes.windows):
            _add_layer(weights, f"blk.{index}.", sizes, sizes.head if window else sizes.wide_head, index < own)
    return path


def _add_layer(weights: StrongWeights, block: str, sizes: Sizes, head: int, has_keys: bool) -> None:
    width, inner = sizes.width, sizes.feed_forward * (1 if has_keys else 2)
    for name in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm", "post_norm"):
        weights.norm(block + name, width)
    weights.vector(f"{block}layer_output_scale.weight", 1, 1.0)
    # There is no scale on queries times keys: norms around 1 are sharp enough.
    weights.norm(f"{block}attn_q_norm", head)
    weights.matrix(f"{block}attn_q.weight", sizes.heads * head, width)
    weights.matrix(f"{block}attn_output.weight", width, sizes.heads * head)
    if has_keys:
        weights.norm(f"{block}attn_k_norm", head)
        weights.matrix(f"{block}attn_k.weight", sizes.kv_heads * head, width)
        weights.matrix(f"{block}attn_v.weight", sizes.kv_heads * head, width)
    weights.matrix(f"{block}ffn_gate.weight", inner, width)
    weights.matrix(f"{block}ffn_up.weight", inner, width)
    weights.matrix(f"{block}ffn_down.weight", width, inner)
    weights.matrix(f"{block}inp_gate.weight", sizes.layer_embedding, width)
    weights.matrix(f"{block}proj.weight", width, sizes.layer_embedding)


def write_eyes(path: Path, eyes: Eyes = EYES) -> Path:
    """Write random eyes."""
    tower = eyes.tower
    width, inner = tower.width, tower.feed_forward
    with new_gguf(path, "clip") as writer:
        writer.add_name("random eyes of gemma4")
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        writer.add_bool("clip.has_vision_encoder", True)
        writer.add_string("clip.vision.projector_type", KIND)
        if eyes.gelu is not None:
            writer.add_bool("clip.use_gelu", eyes.gelu)
        add_vision_shape(writer, tower, projection=eyes.output, eps=1e-6, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
        weights = StrongWeights(writer, eyes.seed)

        def linear(name: str, rows: int, columns: int) -> None:
            weights.matrix(f"{name}.weight", rows, columns)
            for end, bound in (("input_min", -1.5), ("input_max", 1.5), ("output_min", -2.0), ("output_max", 2.0)):
                if eyes.clipped:
                    weights.vector(f"{name}.{end}", 1, bound)

        # Smooth, as trained ones: else what two programs round differently in a picture shows more than what it shows.
        filters = weights.random.standard_normal((width, 3, _GRAINS, _GRAINS), np.float32) / (tower.patch * 3**0.5 * 2)
        filters = np.kron(filters, np.ones((tower.patch // _GRAINS,) * 2, np.float32))
        writer.add_tensor("v.patch_embd.weight", filters.astype(np.float16).astype(np.float32))
        places = weights.random.standard_normal((2, POSITIONS, width), np.float32) / 2
        writer.add_tensor("v.position_embd.weight", places.astype(np.float16).astype(np.float32))
        for index in range(tower.layers):
            block = f"v.blk.{index}."
            for name in ("ln1", "ln2", "attn_post_norm", "ffn_post_norm"):
                weights.norm(block + name, width)
            for name in ("attn_q_norm", "attn_k_norm"):
                weights.norm(block + name, width // tower.heads)
            for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
                linear(block + name, width, width)
            linear(f"{block}ffn_gate", inner, width)
            linear(f"{block}ffn_up", inner, width)
            linear(f"{block}ffn_down", width, inner)
        if eyes.standardised:
            weights.vector("v.std_bias", width, 0.25)
            weights.vector("v.std_scale", width, 1.0)
        weights.matrix("mm.input_projection.weight", eyes.output, width)
        if eyes.hears:
            _add_ears(writer, weights, eyes.output)
    return path


def _add_ears(writer: Any, weights: StrongWeights, output: int) -> None:
    """Say that there is an encoder of sounds. It is not whole: llama.cpp could not load it."""
    writer.add_bool("clip.has_audio_encoder", True)
    writer.add_string("clip.audio.projector_type", "gemma4a")
    for key, value in (("embedding_length", 64), ("block_count", 1), ("num_mel_bins", 128)):
        writer.add_uint32(f"clip.audio.{key}", value)
    weights.matrix("a.blk.0.attn_q.weight", 64, 64)
    weights.matrix("mm.a.input_projection.weight", output, 64)
