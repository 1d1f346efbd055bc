"""Writes random GGUF models for tests: a language model and a CLIP projector of any size."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt
from gguf_writing import Tower, add_decoder_shape, add_llava_keys, add_sentencepiece, clip_tensors, new_gguf

WORDS = ["user", "assistant", "what", "which", "colour", "is", "the", "star", "red", "blue", "picture"]
_SPREAD = 70  # about the standard deviation of the sixteen values of IQ4_NL


Vocabulary = tuple[list[bytes], list[float], list[int]]  # pieces, scores, types


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
    user_defined: tuple[str, ...] = ()  # tokens it has anyhow that the file marks so
    add_bos: bool = True
    byte_pairs: bool = False  # the vocabulary is of byte pairs, as GPT-2's, instead of SentencePiece's
    pre: str = ""  # its pre-tokeniser; none: the file says nothing of it
    blocks: bool = False  # the matrices of the language model are blocks of IQ4_NL instead of f16
    seed: int = 1

    @property
    def image_tokens(self) -> int:
        return (self.side // self.patch) ** 2


def vocabulary() -> Vocabulary:
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


def byte_pairs() -> Vocabulary:
    """A vocabulary of byte pairs: bytes in GPT-2's spelling, and a space with an exclamation mark."""
    spelt = [chr(byte) for byte in (*range(33, 127), *range(161, 173), *range(174, 256))]
    spelt += [chr(256 + number) for number in range(256 - len(spelt))]
    pieces = [piece.encode() for piece in (*spelt, "Ġ!")]
    return pieces, [0.0] * len(pieces), [1] * len(pieces)


def write_language_model(path: Path, sizes: Sizes = Sizes()) -> Path:
    """Write a random `llama` model."""
    pieces, scores, types = byte_pairs() if sizes.byte_pairs else vocabulary()
    for special in sizes.specials:
        if special.encode() not in pieces:
            pieces.append(special.encode())
            scores.append(0.0)
            types.append(4)
    for special in sizes.user_defined:
        types[pieces.index(special.encode())] = 4
    with new_gguf(path, "llama") as writer:
        _fill_language_model(writer, sizes, (pieces, scores, types))
    return path


def _fill_language_model(writer: Any, sizes: Sizes, words: Vocabulary) -> None:
    random = np.random.default_rng(sizes.seed)
    writer.add_name("random")
    add_decoder_shape(
        writer,
        context=sizes.context,
        width=sizes.width,
        layers=sizes.layers,
        feed_forward=sizes.feed_forward,
        heads=sizes.heads,
    )
    writer.add_rope_dimension_count(sizes.width // sizes.heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(words[0]))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    if sizes.byte_pairs:
        _add_byte_pairs(writer, words, sizes)
    else:
        add_sentencepiece(writer, words, add_bos=sizes.add_bos)

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
    matrix("token_embd.weight", len(words[0]), width)
    matrix("output.weight", len(words[0]), width)
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


def _add_byte_pairs(writer: Any, words: Vocabulary, sizes: Sizes) -> None:
    pieces, _scores, types = words
    writer.add_tokenizer_model("gpt2")
    if sizes.pre:
        writer.add_tokenizer_pre(sizes.pre)
    writer.add_token_list(pieces)
    writer.add_token_types(types)
    writer.add_token_merges(["Ġ !"])
    ends = [index for index, kind in enumerate(types) if kind != 1]  # the specials
    writer.add_bos_token_id(ends[0] if ends else 0)
    writer.add_eos_token_id(ends[-1] if ends else 0)


def large_on_disk(path: Path) -> Path:
    """Let a file count as a large model: a hole follows its end."""
    os.truncate(path, 65 << 20)
    return path


def write_projector(path: Path, sizes: Sizes = Sizes()) -> Path:
    """Write a random CLIP tower with a two-layer projector, f16."""
    random = np.random.default_rng(sizes.seed + 1)
    projected = sizes.projected or sizes.width
    tower = Tower(
        width=sizes.vision_width,
        layers=sizes.vision_layers,
        heads=sizes.vision_heads,
        feed_forward=sizes.vision_feed_forward,
        side=sizes.side,
        patch=sizes.patch,
    )

    def values(*shape: int) -> npt.NDArray[np.float32]:
        return random.standard_normal(shape, np.float32) / np.float32(np.sqrt(shape[-1]))

    with new_gguf(path, "clip") as writer:
        writer.add_name("random projector")
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
        layers = sizes.vision_layers if sizes.feature_layer else 0
        add_llava_keys(writer, tower, projection=projected, kind=sizes.kind, feature_layer=layers)
        if sizes.newline:
            writer.add_string("clip.vision.mm_patch_merge_type", "spatial_unpad")
        if sizes.pinpoints:
            writer.add_array("clip.vision.image_grid_pinpoints", sizes.pinpoints)
        for name, shape in clip_tensors(tower, projected, class_token=sizes.class_token, linear=sizes.linear):
            if "ln" in name:
                writer.add_tensor(name, np.full(shape, name.endswith(".weight"), np.float32))
            elif len(shape) > 1:
                writer.add_tensor(name, values(*shape).astype(np.float16))
            else:
                writer.add_tensor(name, values(*shape) * (0.1 if name.endswith(".bias") else 1))
        if sizes.newline:
            writer.add_tensor(sizes.newline, values(projected) * 8)
    return path
