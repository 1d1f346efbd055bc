"""Random language models of other architectures than LLaVA's usual one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf_writing import add_decoder_shape, add_sentencepiece, new_gguf

from tests.random_models.llava import Vocabulary, vocabulary

WIDTH, LAYERS, HEADS, INNER = 64, 2, 4, 96


def write_architecture(path: Path, architecture: str, specials: tuple[str, ...], width: int = WIDTH) -> Path:
    """Write a `llama`, `qwen2`, `qwen2vl`, `qwen3`, `gemma3` or `phi2` model whose vocabulary has `specials`; f16."""
    pieces, scores, types = vocabulary()
    new = [special.encode() for special in specials if special.encode() not in pieces]
    pieces += new
    scores += [0.0] * len(new)
    types += [3] * len(new)
    with new_gguf(path, architecture) as writer:
        _fill(writer, architecture, (pieces, scores, types), width)
    return path


def _fill(writer: Any, architecture: str, words: Vocabulary, width: int) -> None:
    head = width // HEADS
    random = np.random.default_rng(1)
    add_decoder_shape(writer, context=1024, width=width, layers=LAYERS, feed_forward=INNER, heads=HEADS)
    writer.add_layer_norm_eps(1e-5)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(10000.0)
    if architecture == "qwen2vl":
        writer.add_rope_dimension_sections([2, 3, 3, 0])
    normed = architecture in ("gemma3", "qwen3")  # queries and keys
    if architecture == "gemma3":
        writer.add_sliding_window(32)
    if normed:
        writer.add_key_length(head)
        writer.add_value_length(head)
    qwen2, qwen = architecture.startswith("qwen2"), architecture.startswith("qwen")
    add_sentencepiece(writer, words, add_bos=not qwen, space_prefix=architecture not in ("qwen2", "qwen3"))

    def matrix(name: str, rows: int, columns: int) -> None:
        values = random.standard_normal((rows, columns), np.float32) / np.sqrt(columns)
        writer.add_tensor(f"{name}.weight", values.astype(np.float16))

    def ones(name: str, length: int = width) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(length, np.float32))

    def zeros(name: str, length: int = width) -> None:
        writer.add_tensor(f"{name}.bias", np.zeros(length, np.float32))

    phi2 = architecture == "phi2"
    matrix("token_embd", len(words[0]), width)
    matrix("output", len(words[0]), width)
    ones("output_norm")
    if phi2:
        zeros("output", len(words[0]))
        zeros("output_norm")
    for index in range(LAYERS):
        block = f"blk.{index}."
        ones(block + "attn_norm")
        if phi2:
            zeros(block + "attn_norm")
            zeros(block + "ffn_up", INNER)
            zeros(block + "ffn_down")
        else:
            ones(block + "ffn_norm")
            matrix(block + "ffn_gate", INNER, width)
        if architecture == "gemma3":
            ones(block + "post_attention_norm")
            ones(block + "post_ffw_norm")
        if normed:
            ones(block + "attn_q_norm", head)
            ones(block + "attn_k_norm", head)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(block + name, width, width)
            if phi2 or (qwen2 and name != "attn_output"):
                zeros(block + name)
        matrix(block + "ffn_up", INNER, width)
        matrix(block + "ffn_down", width, INNER)
