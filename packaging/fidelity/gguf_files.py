"""Writes weights under transformers' names as the two GGUF files that llama.cpp loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf_writing import DECODER_NAMES, Tower, add_decoder_shape, add_llava_keys, new_gguf

from fidelity.shapes import Text, Vision
from fidelity.vocabularies import Vocabulary
from fidelity.weights import LANGUAGE, PROJECTOR, TOWER, Array

_ATTENTION = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj"}
# Phi-3's layers hold some matrices as one; the gate comes first, in both.
_FUSED_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_up": "mlp.gate_up_proj",
    "ffn_down": "mlp.down_proj",
}
_CLIP = {
    **_ATTENTION,
    "attn_out": "self_attn.out_proj",
    "ln1": "layer_norm1",
    "ln2": "layer_norm2",
    "ffn_up": "mlp.fc1",
    "ffn_down": "mlp.fc2",
}
_Q8_0 = gguf.GGMLQuantizationType.Q8_0
_BLOCK = 32  # weights in a block of q8_0


@dataclass(frozen=True)
class About:
    """What a file says of itself in words; "" says nothing."""

    name: str
    description: str = ""
    licence: str = ""
    chat_template: str = ""

    def put(self, writer: Any) -> None:
        """Write it, but for the template."""
        writer.add_name(self.name)
        if self.description:
            writer.add_description(self.description)
        if self.licence:
            writer.add_license(self.licence)


def write_language_model(
    path: Path, text: Text, state: Mapping[str, Array], vocabulary: Vocabulary, about: About
) -> Path:
    """Write the language model, matrices in f16."""
    with new_gguf(path, text.architecture) as writer:
        _add_language_model(writer, text, state, vocabulary, about)
    return path


def _add_language_model(
    writer: Any, text: Text, state: Mapping[str, Array], vocabulary: Vocabulary, about: About
) -> None:
    about.put(writer)
    add_decoder_shape(
        writer,
        context=text.context,
        width=text.width,
        layers=text.layers,
        feed_forward=text.feed_forward,
        heads=text.heads,
        kv_heads=text.kv_heads,
        eps=text.eps,
    )
    if text.head:
        writer.add_key_length(text.head)
        writer.add_value_length(text.head)
    writer.add_rope_dimension_count(text.head_size)
    writer.add_rope_freq_base(text.rope_base)
    writer.add_vocab_size(len(vocabulary))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _put_vocabulary(writer, vocabulary)
    if about.chat_template:
        writer.add_chat_template(about.chat_template)
    _put(writer, "token_embd.weight", state[f"{LANGUAGE}embed_tokens.weight"])
    _put(writer, "output_norm.weight", state[f"{LANGUAGE}norm.weight"])
    if not text.tied:
        _put(writer, "output.weight", state["lm_head.weight"])
    names = _FUSED_NAMES if text.original == "phi3" else DECODER_NAMES
    for index in range(text.layers):
        for ours, theirs in names.items():
            weight = state[f"{LANGUAGE}layers.{index}.{theirs}.weight"]
            if ours in {"attn_q", "attn_k"}:
                weight = _neighbours(weight, text.heads if ours == "attn_q" else text.kv_heads)
            _put(writer, f"blk.{index}.{ours}.weight", weight)


def write_projector(
    path: Path, vision: Vision, state: Mapping[str, Array], about: About, *, quantised: bool = False
) -> Path:
    """Write image tower and projector, matrices in f16, or in q8_0 where their rows divide into blocks.

    CLIP's last layer, which LLaVA does not use, is left out, as in all files in circulation.
    """
    with new_gguf(path, "clip") as writer:
        _add_projector(writer, vision, state, about, quantised)
    return path


def _add_projector(writer: Any, vision: Vision, state: Mapping[str, Array], about: About, quantised: bool) -> None:
    about.put(writer)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if quantised else gguf.LlamaFileType.MOSTLY_F16)
    tower = Tower(vision.width, vision.layers, vision.heads, vision.feed_forward, vision.side, vision.patch)
    add_llava_keys(
        writer,
        tower,
        projection=vision.width,
        gelu=vision.gelu,
        eps=vision.eps,
        feature_layer=vision.layers if vision.says_layers else 0,
        mean=vision.mean,
        std=vision.std,
    )
    put = _put_q8_0 if quantised else _put
    embeddings = f"{TOWER}embeddings."
    _put(writer, "v.class_embd", state[f"{embeddings}class_embedding"])
    _put(writer, "v.patch_embd.weight", state[f"{embeddings}patch_embedding.weight"])
    _put(writer, "v.position_embd.weight", state[f"{embeddings}position_embedding.weight"])
    for kind in ("weight", "bias"):
        _put(writer, f"v.pre_ln.{kind}", state[f"{TOWER}pre_layrnorm.{kind}"])
        for index in range(vision.layers):
            for ours, theirs in _CLIP.items():
                put(writer, f"v.blk.{index}.{ours}.{kind}", state[f"{TOWER}encoder.layers.{index}.{theirs}.{kind}"])
        put(writer, f"mm.0.{kind}", state[f"{PROJECTOR}linear_1.{kind}"])
        if not vision.linear:
            put(writer, f"mm.2.{kind}", state[f"{PROJECTOR}linear_2.{kind}"])


def _put_vocabulary(writer: Any, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model(vocabulary.kind)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list([piece.encode() for piece in vocabulary.pieces])
    if vocabulary.scores is not None:
        writer.add_token_scores(vocabulary.scores)
    writer.add_token_types(vocabulary.types)
    if vocabulary.merges is not None:
        writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(vocabulary.bos)
    writer.add_eos_token_id(vocabulary.eos)
    if vocabulary.unknown is not None:
        writer.add_unk_token_id(vocabulary.unknown)
    if vocabulary.pad is not None:
        writer.add_pad_token_id(vocabulary.pad)
    writer.add_add_bos_token(vocabulary.adds_bos)
    writer.add_add_eos_token(False)
    if vocabulary.kind == "llama":
        writer.add_add_space_prefix(True)


def _neighbours(weight: Array, heads: int) -> Array:
    """Reorder rows: transformers rotates halves of a head, llama.cpp neighbours."""
    rows = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, rows, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def _put(writer: Any, name: str, weight: Array) -> None:
    array = np.ascontiguousarray(weight, np.float32)
    writer.add_tensor(name, array.astype(np.float16) if array.ndim > 1 else array)


def _put_q8_0(writer: Any, name: str, weight: Array) -> None:
    if weight.ndim != 2 or weight.shape[1] % _BLOCK:
        _put(writer, name, weight)
        return
    blocks = gguf.quants.quantize(np.ascontiguousarray(weight, np.float32), _Q8_0)
    writer.add_tensor(name, blocks, raw_dtype=_Q8_0)
