"""Random language models of the architecture `qwen35`: Qwen3.5, and MiniCPM-V 4.6.

Three of four layers keep a recurrent state (gated delta net), every fourth has attention with M-RoPE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf_writing import add_decoder_shape, new_gguf

from tests.random_models.byte_pairs import add_byte_pairs
from tests.random_models.strong_weights import StrongWeights

SPECIALS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"),
    *("<|image_pad|>", "<|video_pad|>", "<think>", "</think>"),
)
_EVERY = 4  # layers, of which the last has attention
_SLOW, _FAST = -4.0, 1.0  # logarithms of how fast the states forget: slow ones hold what was read long ago


@dataclass(frozen=True)
class Sizes:
    """How large the model is. The defaults make a file of 5 MB."""

    width: int = 128
    layers: int = 8
    heads: int = 4  # of queries, in the layers with attention
    kv_heads: int = 2
    head: int = 64
    sections: tuple[int, int, int] = (3, 3, 2)  # of M-RoPE: pairs that turn with time, line and column
    feed_forward: int = 192
    state: int = 32  # of a recurrent layer, for each head: a square of this side
    key_heads: int = 2  # of the recurrent layers
    value_heads: int = 4
    convolution: int = 4
    context: int = 4096
    seed: int = 1


def write_qwen35(
    path: Path, sizes: Sizes = Sizes(), specials: Sequence[str] = SPECIALS, chat_template: str = ""
) -> Path:
    """Write a random model; `specials`: the first tokens of its vocabulary, <|endoftext|> and <|im_end|> among them."""
    inner, keys = sizes.state * sizes.value_heads, sizes.state * sizes.key_heads
    recurrent = [layer % _EVERY != _EVERY - 1 for layer in range(sizes.layers)]
    with new_gguf(path, "qwen35") as writer:
        writer.add_name("random qwen35")
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
        writer.add_rope_dimension_count(2 * sum(sizes.sections))
        writer.add_rope_freq_base(1e7)
        writer.add_key_length(sizes.head)
        writer.add_value_length(sizes.head)
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        writer.add_ssm_conv_kernel(sizes.convolution)
        writer.add_ssm_state_size(sizes.state)
        writer.add_ssm_group_count(sizes.key_heads)
        writer.add_ssm_time_step_rank(sizes.value_heads)
        writer.add_ssm_inner_size(inner)
        writer.add_array("qwen35.attention.recurrent_layers", recurrent)
        writer.add_uint32("qwen35.full_attention_interval", _EVERY)
        if chat_template:
            writer.add_chat_template(chat_template)
        words = add_byte_pairs(writer, specials, pre="qwen35", bos=None, eos="<|im_end|>", pad="<|endoftext|>")
        weights = StrongWeights(writer, sizes.seed)
        weights.matrix("token_embd.weight", words, sizes.width)
        weights.norm("output_norm", sizes.width)
        for index, keeps_state in enumerate(recurrent):
            block = f"blk.{index}."
            weights.norm(f"{block}attn_norm", sizes.width)
            weights.norm(f"{block}post_attention_norm", sizes.width)
            weights.matrix(f"{block}ffn_gate.weight", sizes.feed_forward, sizes.width)
            weights.matrix(f"{block}ffn_up.weight", sizes.feed_forward, sizes.width)
            weights.matrix(f"{block}ffn_down.weight", sizes.width, sizes.feed_forward)
            if keeps_state:
                forgetting = weights.random.uniform(_SLOW, _FAST, sizes.value_heads).astype(np.float32)
                writer.add_tensor(f"{block}ssm_a", -np.exp(forgetting))
                weights.matrix(f"{block}ssm_conv1d.weight", 2 * keys + inner, sizes.convolution)
                weights.vector(f"{block}ssm_dt.bias", sizes.value_heads)
                weights.matrix(f"{block}ssm_alpha.weight", sizes.value_heads, sizes.width)
                weights.matrix(f"{block}ssm_beta.weight", sizes.value_heads, sizes.width)
                weights.matrix(f"{block}attn_qkv.weight", 2 * keys + inner, sizes.width)
                weights.matrix(f"{block}attn_gate.weight", inner, sizes.width)
                weights.norm(f"{block}ssm_norm", sizes.state)
                weights.matrix(f"{block}ssm_out.weight", sizes.width, inner)
            else:
                weights.sharp_norm(f"{block}attn_q_norm", sizes.head)
                weights.sharp_norm(f"{block}attn_k_norm", sizes.head)
                weights.matrix(f"{block}attn_q.weight", 2 * sizes.heads * sizes.head, sizes.width)  # and their gates
                weights.matrix(f"{block}attn_k.weight", sizes.kv_heads * sizes.head, sizes.width)
                weights.matrix(f"{block}attn_v.weight", sizes.kv_heads * sizes.head, sizes.width)
                weights.matrix(f"{block}attn_output.weight", sizes.width, sizes.heads * sizes.head)
    return path
