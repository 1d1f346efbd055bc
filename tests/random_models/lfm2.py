"""Random language models of the architecture `lfm2`: LFM2-VL and LFM2.5-VL.

Most layers keep the last rows that they saw (short convolutions), some have attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
from gguf_writing import add_decoder_shape, new_gguf

from tests.random_models.byte_pairs import add_byte_pairs
from tests.random_models.strong_weights import StrongWeights

SPECIALS = (
    *("<|pad|>", "<|startoftext|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<|image_start|>"),
    *("<|image_end|>", "<|img_thumbnail|>"),
    *(f"<|img_row_{row}_col_{column}|>" for row in range(1, 11) for column in range(1, 11)),
)


@dataclass(frozen=True)
class Sizes:
    """How large the model is. The defaults make a file of 3 MB."""

    width: int = 128
    heads: int = 4
    kv_heads: tuple[int, ...] = (0, 0, 2, 0, 2)  # of each layer; 0: a convolution
    feed_forward: int = 192
    convolution: int = 3
    context: int = 4096
    seed: int = 1


def write_lfm2(path: Path, sizes: Sizes = Sizes(), specials: Sequence[str] = SPECIALS, chat_template: str = "") -> Path:
    """Write a random model; `specials`: the first tokens of its vocabulary, <|startoftext|> and others among them."""
    width, head = sizes.width, sizes.width // sizes.heads
    with new_gguf(path, "lfm2") as writer:
        writer.add_name("random lfm2")
        add_decoder_shape(
            writer,
            context=sizes.context,
            width=width,
            layers=len(sizes.kv_heads),
            feed_forward=sizes.feed_forward,
            heads=sizes.heads,
            kv_heads=list(sizes.kv_heads),
        )
        writer.add_rope_freq_base(1e6)
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        writer.add_shortconv_l_cache(sizes.convolution)
        if chat_template:
            writer.add_chat_template(chat_template)
        words = add_byte_pairs(
            writer, specials, pre="lfm2", bos="<|startoftext|>", eos="<|im_end|>", pad="<|pad|>", add_bos=True
        )
        writer.add_vocab_size(words)
        weights = StrongWeights(writer, sizes.seed)
        weights.matrix("token_embd.weight", words, width)
        weights.norm("token_embd_norm", width)
        for index, kv_heads in enumerate(sizes.kv_heads):
            block = f"blk.{index}."
            weights.norm(f"{block}attn_norm", width)
            weights.norm(f"{block}ffn_norm", width)
            weights.matrix(f"{block}ffn_gate.weight", sizes.feed_forward, width)
            weights.matrix(f"{block}ffn_up.weight", sizes.feed_forward, width)
            weights.matrix(f"{block}ffn_down.weight", width, sizes.feed_forward)
            if not kv_heads:
                weights.matrix(f"{block}shortconv.conv.weight", width, sizes.convolution)
                weights.matrix(f"{block}shortconv.in_proj.weight", 3 * width, width)
                weights.matrix(f"{block}shortconv.out_proj.weight", width, width)
                continue
            weights.sharp_norm(f"{block}attn_q_norm", head)
            weights.sharp_norm(f"{block}attn_k_norm", head)
            weights.matrix(f"{block}attn_q.weight", width, width)
            weights.matrix(f"{block}attn_k.weight", kv_heads * head, width)
            weights.matrix(f"{block}attn_v.weight", kv_heads * head, width)
            weights.matrix(f"{block}attn_output.weight", width, width)
    return path
