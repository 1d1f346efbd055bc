"""GGUF files of random weights: a language model and a CLIP projector of any size."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

WORDS = ["user", "assistant", "what", "which", "colour", "is", "the", "star", "red", "blue", "picture"]
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]
_SPREAD = 70  # about the standard deviation of the sixteen values of IQ4_NL


@dataclass(frozen=True)
class Sizes:
    """How large the pair is. The defaults make files of some 300 KB that answer at once."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    feed_forward: int = 96
    context: int = 1024
    vision_width: int = 32
    vision_layers: int = 2
    vision_heads: int = 2
    vision_feed_forward: int = 48
    side: int = 56
    patch: int = 14
    projected: int | None = None  # width of the projector's output; None: as the language model
    class_token: bool = True
    kind: str = "mlp"  # of the projector
    linear: bool = False  # the projector has one layer, as that of LLaVA-1.0
    feature_layer: bool = True  # whether the projector says that all its layers are to be run
    newline: str = ""  # name of the token that ends a line of LLaVA-1.6's; none: LLaVA-1.5
    pinpoints: tuple[int, ...] = ()  # of LLaVA-1.6: heights and widths in turn
    specials: tuple[str, ...] = ()  # tokens added to the vocabulary, of the type "user defined"
    add_bos: bool = True
    blocks: bool = False  # the matrices of the language model are blocks of IQ4_NL instead of f16
    seed: int = 1

    @property
    def image_tokens(self) -> int:
        return (self.side // self.patch) ** 2


def vocabulary() -> tuple[list[bytes], list[float], list[int]]:
    """A SentencePiece vocabulary: bytes, printable characters, and a few words."""
    pieces, scores, types = [b"<unk>", b"<s>", b"</s>"], [0.0, 0.0, 0.0], [2, 3, 3]
    for byte in range(256):
        pieces.append(b"<0x%02X>" % byte)
        scores.append(0.0)
        types.append(6)
    normal = ["▁", *[chr(code) for code in range(33, 127)], "é"]
    for word in [*WORDS, "USER", "ASSISTANT", "The"]:
        for end in range(2, len(word) + 1):
            normal.append(word[:end])
        for end in range(1, len(word) + 1):
            normal.append("▁" + word[:end])
    for piece in dict.fromkeys(normal):
        pieces.append(piece.encode())
        scores.append(-100.0 + len(piece))
        types.append(1)
    for name in (b"<image>", b"<pad>"):
        pieces.append(name)
        scores.append(0.0)
        types.append(3)
    return pieces, scores, types


def write_language_model(path: Path, sizes: Sizes = Sizes()) -> Path:
    """Write a random `llama` model."""
    pieces, scores, types = vocabulary()
    for special in sizes.specials:
        if special.encode() not in pieces:
            pieces.append(special.encode())
            scores.append(0.0)
            types.append(4)
    random = np.random.default_rng(sizes.seed)
    writer: Any = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("random")
    writer.add_context_length(sizes.context)
    writer.add_embedding_length(sizes.width)
    writer.add_block_count(sizes.layers)
    writer.add_feed_forward_length(sizes.feed_forward)
    writer.add_head_count(sizes.heads)
    writer.add_head_count_kv(sizes.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(sizes.width // sizes.heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(pieces))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(pieces)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(sizes.add_bos)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(True)

    def matrix(name: str, rows: int, columns: int) -> None:
        if sizes.blocks:
            scales = np.full((rows, columns // 32, 1), 1 / (_SPREAD * np.sqrt(columns)), np.float16).view(np.uint8)
            nibbles = random.integers(0, 256, (rows, columns // 32, 16), np.uint8)
            blocks = np.concatenate((scales, nibbles), axis=2).reshape(rows, -1)
            writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType.IQ4_NL)
        else:
            values = random.standard_normal((rows, columns), np.float32) / np.sqrt(columns)
            writer.add_tensor(name, values.astype(np.float16))

    width, inner = sizes.width, sizes.feed_forward
    matrix("token_embd.weight", len(pieces), width)
    matrix("output.weight", len(pieces), width)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    for index in range(sizes.layers):
        block = f"blk.{index}."
        writer.add_tensor(block + "attn_norm.weight", np.ones(width, np.float32))
        writer.add_tensor(block + "ffn_norm.weight", np.ones(width, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"{block}{name}.weight", width, width)
        matrix(block + "ffn_gate.weight", inner, width)
        matrix(block + "ffn_up.weight", inner, width)
        matrix(block + "ffn_down.weight", width, inner)
    _finish(writer)
    return path


def large_on_disk(path: Path) -> Path:
    """Let a file count as a large model: a hole follows its end."""
    os.truncate(path, 65 << 20)
    return path


def write_projector(path: Path, sizes: Sizes = Sizes()) -> Path:
    """Write a random CLIP tower with a two-layer projector, f16."""
    random = np.random.default_rng(sizes.seed + 1)
    width, inner = sizes.vision_width, sizes.vision_feed_forward
    projected = sizes.projected or sizes.width
    writer: Any = gguf.GGUFWriter(str(path), "clip")
    writer.add_name("random projector")
    writer.add_file_type(1)
    writer.add_bool("clip.has_text_encoder", False)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_llava_projector", True)
    writer.add_string("clip.projector_type", sizes.kind)
    writer.add_bool("clip.use_gelu", False)
    for key, value in {
        "image_size": sizes.side,
        "patch_size": sizes.patch,
        "embedding_length": width,
        "feed_forward_length": inner,
        "projection_dim": projected,
        "attention.head_count": sizes.vision_heads,
        "block_count": sizes.vision_layers,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    if sizes.feature_layer:
        writer.add_array("clip.vision.feature_layer", [sizes.vision_layers])
    if sizes.newline:
        writer.add_string("clip.vision.mm_patch_merge_type", "spatial_unpad")
    if sizes.pinpoints:
        writer.add_array("clip.vision.image_grid_pinpoints", sizes.pinpoints)
    writer.add_array("clip.vision.image_mean", MEAN)
    writer.add_array("clip.vision.image_std", STD)

    def values(*shape: int) -> npt.NDArray[np.float32]:
        return random.standard_normal(shape, np.float32) / np.float32(np.sqrt(shape[-1]))

    def layer(name: str, rows: int, columns: int) -> None:
        writer.add_tensor(f"{name}.weight", values(rows, columns).astype(np.float16))
        writer.add_tensor(f"{name}.bias", values(rows) * 0.1)

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(width, np.float32))

    if sizes.class_token:
        writer.add_tensor("v.class_embd", values(width))
    writer.add_tensor("v.patch_embd.weight", values(width, 3, sizes.patch, sizes.patch).astype(np.float16))
    places = sizes.image_tokens + int(sizes.class_token)
    writer.add_tensor("v.position_embd.weight", values(places, width).astype(np.float16))
    norm("v.pre_ln")
    for index in range(sizes.vision_layers):
        block = f"v.blk.{index}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            layer(block + name, width, width)
        layer(block + "ffn_up", inner, width)
        layer(block + "ffn_down", width, inner)
        norm(block + "ln1")
        norm(block + "ln2")
    layer("mm.0", projected, width)
    if not sizes.linear:
        layer("mm.2", projected, projected)
    if sizes.newline:
        writer.add_tensor(sizes.newline, values(projected) * 8)
    _finish(writer)
    return path


def _finish(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
