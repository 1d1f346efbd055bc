"""What all writers of GGUF files here share: usual keys, the tensors of a CLIP tower, and the end of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf

#: What llama.cpp and transformers call the weights in a layer of a language model like LLaMA.
DECODER_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's pixels
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@contextmanager
def new_gguf(path: Path, architecture: str) -> Iterator[Any]:
    """Give a `gguf.GGUFWriter`; the keys and tensors added to it are in the file afterwards."""
    with closing(gguf.GGUFWriter(str(path), architecture)) as writer:
        yield writer
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()


def add_decoder_shape(
    writer: Any,
    *,
    context: int,
    width: int,
    layers: int,
    feed_forward: int,
    heads: int,
    kv_heads: int | list[int] | None = None,
    eps: float = 1e-5,
) -> None:
    """Add the shape of a language model; `kv_heads`: of all layers or of each, None: as many as `heads`."""
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads or heads)
    writer.add_layer_norm_rms_eps(eps)


def add_sentencepiece(
    writer: Any,
    vocabulary: tuple[Sequence[bytes], Sequence[float], Sequence[int]],
    *,
    add_bos: bool = True,
    space_prefix: bool = True,
    eos: int = 2,
) -> None:
    """Add a SentencePiece vocabulary (pieces, scores, types) that begins with <unk>, <s> and </s>."""
    pieces, scores, types = vocabulary
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(pieces)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(eos)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(add_bos)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(space_prefix)


@dataclass(frozen=True)
class Tower:
    """The shape of an image tower."""

    width: int
    layers: int
    heads: int
    feed_forward: int
    side: int  # pixels
    patch: int  # pixels


def clip_tensors(
    tower: Tower, output: int, *, class_token: bool = True, linear: bool = False
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield names and shapes of a CLIP tower's tensors and of LLaVA's projector; those of norms have "ln" in them.

    `output`: values per image token; `linear`: the projector has one layer, as that of LLaVA-1.0.
    """
    width = tower.width
    if class_token:
        yield "v.class_embd", (width,)
    yield "v.patch_embd.weight", (width, 3, tower.patch, tower.patch)
    yield "v.position_embd.weight", ((tower.side // tower.patch) ** 2 + class_token, width)
    yield from _norm("v.pre_ln", width)
    for index in range(tower.layers):
        block = f"v.blk.{index}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            yield from _layer(block + name, width, width)
        yield from _layer(block + "ffn_up", tower.feed_forward, width)
        yield from _layer(block + "ffn_down", width, tower.feed_forward)
        yield from _norm(block + "ln1", width)
        yield from _norm(block + "ln2", width)
    yield from _layer("mm.0", output, width)
    if not linear:
        yield from _layer("mm.2", output, output)


def _layer(name: str, rows: int, columns: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (rows, columns)
    yield f"{name}.bias", (rows,)


def _norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def add_llava_keys(
    writer: Any,
    tower: Tower,
    *,
    projection: int,
    kind: str = "mlp",
    gelu: bool = False,
    eps: float = 1e-5,
    feature_layer: int = 0,
    mean: Sequence[float] = CLIP_MEAN,
    std: Sequence[float] = CLIP_STD,
) -> None:
    """Add the keys of a LLaVA's image tower and projector; not `gelu`: quick GELU, as CLIP has it.

    `projection`: CLIP's own width of embeddings, which nothing reads; `feature_layer`: how many layers are to be
    run, 0: the file does not say.
    """
    writer.add_bool("clip.has_text_encoder", False)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_llava_projector", True)
    writer.add_string("clip.projector_type", kind)
    writer.add_bool("clip.use_gelu", gelu)
    add_vision_shape(writer, tower, projection=projection, eps=eps, feature_layer=feature_layer, mean=mean, std=std)


def add_vision_shape(
    writer: Any,
    tower: Tower,
    *,
    projection: int,
    eps: float,
    feature_layer: int = 0,
    mean: Sequence[float],
    std: Sequence[float],
) -> None:
    """Add the shape of any image tower, and how pixels are normalised for it."""
    for key, number in (
        ("image_size", tower.side),
        ("patch_size", tower.patch),
        ("embedding_length", tower.width),
        ("feed_forward_length", tower.feed_forward),
        ("projection_dim", projection),
        ("attention.head_count", tower.heads),
        ("block_count", tower.layers),
    ):
        writer.add_uint32(f"clip.vision.{key}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", eps)
    if feature_layer:
        writer.add_array("clip.vision.feature_layer", [feature_layer])
    writer.add_array("clip.vision.image_mean", list(mean))
    writer.add_array("clip.vision.image_std", list(std))


def takes_q6_k(layer: int, layers: int) -> bool:
    """Return whether the recipe Q4_K_M makes attn_v and ffn_down of a layer Q6_K rather than Q4_K."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2
