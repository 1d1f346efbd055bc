"""Estimates how much memory a model needs, from the headers of its GGUF files.

The sizes of the compute buffers follow from the graphs that llama.cpp builds. The tests compare them with a dry run of
llama.cpp.
"""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import TypedDict

from desktop_app.engine.messages import LoadPlan
from desktop_app.engine.weights.model_files import ModelFiles
from desktop_app.engine.weights.projector_checks.gemma4 import is_read_at_once
from desktop_app.engine.weights.projector_quantisation import loaded_size
from desktop_app.engine.weights.tile_layout import any_size_of, tiling_of
from desktop_app.images.tiling import WHOLE
from model_store.gguf_header import GGUFHeader
from model_store.projector_kinds import (
    GEMMA3,
    GEMMA4,
    INTERNVL,
    LFM2,
    LLAVA,
    MINICPM_V,
    MINICPM_V46,
    QWEN3_VL,
    QWEN25_VL,
    kind_of,
)

_MIB = 1 << 20
_FLOAT = 4  # bytes

#: What the processes use without a model: Python, libraries, and Qt's buffers for a small window. The one for pictures
#: runs for a while after each, so also while an answer is written; its libraries are those of the engine.
ENGINE_BASE, WINDOW_BASE, PICTURES_BASE = 76 * _MIB, 108 * _MIB, 24 * _MIB

#: Types of weights that llama.cpp can repack for the processor. Their rows must be a multiple of this number.
_REPACKED_TYPES = frozenset({"Q4_0", "Q4_K", "Q2_K", "IQ4_NL", "MXFP4"})
_REPACKED_ON_ARM = frozenset({"Q5_K", "Q6_K", "Q8_0"})  # these as well
_REPACKED_ROWS = 8

_CACHE_PADDING = 256  # llama.cpp rounds the context up to a multiple of it
_Q8_0_BLOCK, _Q8_0_BYTES = 32, 34
_SAVED_CELLS, _SAVED_COPIES = 64, 2  # of the KV cache, while it is saved or restored: see `saved_kv_cache.py`
DECODED_PHOTO = 12_000_000 * 4 * 2  # bytes: 12 megapixels while they are decoded and converted
_LOGITS_COPIES = 5  # of one token's: in the graph, beside it, and three times as much where the next token is chosen
_AMPLE = 2  # times the embeddings that fit into the context: kept where memory allows

_ANY_NUMBER = 1 << 20  # of tokens
_USUAL_PICTURE = (1024, 768)
#: Kind of projector -> how many patches along an edge become one token, if the file does not say.
_MERGED = {GEMMA3: 4, QWEN25_VL: 2, QWEN3_VL: 2}


@dataclass(frozen=True)
class MemoryEstimate:
    """How much memory a model needs, in bytes."""

    weights: int  # of the language model
    repacked: int  # a second copy of some weights, if they are both memory-mapped and repacked
    kv_cache: int
    compute_buffers: int  # of the language model
    projector: int  # weights of the image encoder (CLIP) and the projector
    encoder_buffers: int  # compute buffers of the image encoder and the projector
    decoded_photo: int  # a large photo while it is decoded
    embeddings: int  # of pictures, kept in memory
    save_buffers: int  # a part of the KV cache while it is saved to disk
    program: int  # our processes without a model

    swaps_projector: bool = False  # the KV cache and the projector are never in memory at the same time

    @property
    def parts(self) -> dict[str, int]:
        """Return the sizes by name."""
        return {name: size for name, size in asdict(self).items() if name != "swaps_projector"}

    @property
    def total(self) -> int:
        """Return the most that is in memory at the same time."""
        context = self.kv_cache + self.compute_buffers + self.save_buffers
        encoder = self.projector + self.encoder_buffers
        return sum(self.parts.values()) - (min(context, encoder) if self.swaps_projector else 0)


@dataclass(frozen=True)
class Shape:
    """The properties of a model that decide how much memory it needs. Counts of values, unless a unit is named."""

    weights: int  # bytes
    repackable: int  # bytes of the weights that llama.cpp can repack
    parameters: int
    trained_context: int  # tokens; 0: unknown
    width: int
    heads: int
    key_value_width: int  # of keys (or values) in the widest layer
    cache_per_token: int  # keys and values of all layers, for one token of the KV cache
    head_sizes: tuple[int, ...]  # of keys and values
    feed_forward: int
    vocabulary: int
    projector: int = 0  # bytes
    small_projector: int = 0  # bytes of its copy in q8_0; the same as `projector` if there is none
    encoder_buffers: int = 0  # bytes
    image_tokens: int = 0  # of a picture that is encoded as a whole
    min_batch: int = 0  # image tokens that must be in one micro-batch
    most_picture_tokens: int = 0  # of a picture with all its tiles
    can_free_projector: bool = False  # whether it can be freed and loaded again between pictures

    @classmethod
    def of(cls, header: GGUFHeader, projector: GGUFHeader | None = None) -> Shape:
        """Return the shape of a language model and, if given, its projector, from their headers."""
        keys = _Keys(header, header.architecture)
        width = keys.number("embedding_length")
        layers = min(keys.number("block_count"), len(header.tensors))  # a header may claim any number
        heads = keys.per_layer("attention.head_count", layers, 1)
        kv_heads = keys.per_layer("attention.head_count_kv", layers, max(heads, default=1))
        key = keys.number("attention.key_length") or width // max((1, *heads))
        value = keys.number("attention.value_length") or key
        embedding = header.tensors.get("token_embd.weight")
        shape = cls(
            weights=sum(tensor.size for tensor in header.tensors.values()),
            repackable=_repackable(header),
            parameters=sum(prod(tensor.shape) for tensor in header.tensors.values()),
            trained_context=keys.number("context_length"),
            width=width,
            heads=max(heads, default=1),
            key_value_width=max(kv_heads, default=1) * max(key, value),
            cache_per_token=sum(kv_heads) * (key + value),
            head_sizes=(key, value),
            feed_forward=max(keys.per_layer("feed_forward_length", layers, 4 * width), default=0),
            vocabulary=embedding.shape[-1] if embedding is not None else 0,
        )
        if projector is None:
            return shape
        of_projector = _projector_shape(projector)
        # A KV cache with a sliding window cannot be saved to a file and restored: see `kv_state.py`.
        of_projector["can_free_projector"] &= not keys.number("attention.sliding_window")
        return replace(shape, **of_projector)

    @classmethod
    def of_files(cls, files: ModelFiles) -> Shape:
        """Return the shape of files that were checked."""
        return cls.of(files.header, files.projector.header if files.projector is not None else None)

    @property
    def q8_0_possible(self) -> bool:
        """Return whether llama.cpp can keep this model's keys and values in blocks of q8_0."""
        return all(size % _Q8_0_BLOCK == 0 for size in self.head_sizes)

    def estimate(self, plan: LoadPlan) -> MemoryEstimate:
        """Return how much memory the model needs if it is loaded as `plan` says."""
        cells = -(-plan.n_ctx // _CACHE_PADDING) * _CACHE_PADDING
        return MemoryEstimate(
            weights=self.weights,
            repacked=self.repackable if plan.mapped and plan.repacked else 0,
            kv_cache=self._cache(cells, plan.kv_type),
            compute_buffers=self._compute_buffers(cells, plan.flash_attention, max(plan.n_ubatch, self.min_batch)),
            projector=self.small_projector if plan.small_projector else self.projector,
            encoder_buffers=self.encoder_buffers,
            decoded_photo=DECODED_PHOTO if self.image_tokens else 0,
            embeddings=plan.embedding_cache,
            save_buffers=self._cache(_SAVED_CELLS, plan.kv_type) * _SAVED_COPIES,
            program=ENGINE_BASE + WINDOW_BASE + (PICTURES_BASE if self.image_tokens else 0),
            swaps_projector=not plan.keeps_projector,
        )

    def embedding_cache(self, n_ctx: int, *, ample: bool) -> int:
        """Return how many bytes of embeddings to keep: those of all pictures that fit into the context, or more."""
        if not self.image_tokens:
            return 0
        rows = max(n_ctx // self.image_tokens * self.image_tokens, self.most_picture_tokens)
        if self.most_picture_tokens > self.image_tokens:
            rows *= 2  # the padding of tiles is kept as well, but is no part of the context
        size = rows * self.width * _FLOAT
        return size * _AMPLE if ample else size

    def _cache(self, cells: int, kv_type: str) -> int:
        values = cells * self.cache_per_token
        return values // _Q8_0_BLOCK * _Q8_0_BYTES if kv_type == "q8_0" else values * 2

    def _compute_buffers(self, cells: int, flash_attention: bool, tokens: int) -> int:
        """Return the bytes of compute buffers that are used: of the largest part of the graph.

        llama.cpp reserves room for the logits of all tokens of a micro-batch. But only the last token's are computed,
        and what is never written takes no memory. With a large vocabulary that would be half of what a small model
        needs.
        """
        mask = cells * (2 if flash_attention else _FLOAT)
        scores = 0 if flash_attention else cells * self.heads
        attention = 5 * self.width + 2 * self.key_value_width + scores
        feed_forward = 3 * self.feed_forward + 4 * self.width
        of_last_token = _LOGITS_COPIES * self.vocabulary
        return tokens * (mask + _FLOAT * max(attention, feed_forward)) + _FLOAT * of_last_token


def _repackable(header: GGUFHeader) -> int:
    """Return the bytes of the matrices that llama.cpp repacks: not the token embeddings, which are only looked up."""
    kinds = _REPACKED_TYPES | (_REPACKED_ON_ARM if platform.machine().lower() in ("arm64", "aarch64") else frozenset())
    return sum(
        tensor.size
        for tensor in header.tensors.values()
        if tensor.kind in kinds
        and len(tensor.shape) == 2
        and tensor.shape[1] % _REPACKED_ROWS == 0
        and tensor.name != "token_embd.weight"
    )


def _projector_shape(projector: GGUFHeader) -> _ProjectorShape:
    """Return what the projector adds. Its graph holds its output, the rows of the image encoder, and the picture."""
    if kind_of(projector) == GEMMA4:
        return _gemma4_shape(projector)
    keys = _Keys(projector, "clip.vision")
    tiling = tiling_of(projector)
    side, patch = max(1, keys.number("image_size")), max(1, keys.number("patch_size"))
    side = side if tiling is None else tiling.side
    width, inner = keys.number("embedding_length"), keys.number("feed_forward_length")
    tokens = (side // patch) ** 2
    makers = ("mm.2.weight", "mm.0.weight", "resampler.proj.weight", "mm.down.weight")
    last = next((projector.tensors[name] for name in makers if name in projector.tensors), None)
    output = last.shape[-1] if last is not None else width
    graph = tokens * (2 * max(output, inner) + width) + 3 * side**2
    kind = kind_of(projector)
    held = 3 if kind == MINICPM_V else 1  # the resampler's rows, their keys, and their sine position embeddings
    whole = tokens // (keys.number("projector.scale_factor") or _MERGED.get(kind, 1)) ** 2
    rows = whole if kind in (MINICPM_V46, LFM2) else held * tokens
    mask = tokens**2 if kind == MINICPM_V46 else 0  # of the attention within the patches that are merged
    return {
        "projector": loaded_size(projector, small=False),
        "small_projector": loaded_size(projector, small=True),
        "encoder_buffers": _FLOAT * (graph + mask + rows * output),
        # Tiles need not fit into the context: then a picture is encoded only as a whole.
        "image_tokens": whole if tiling is None else tiling.tokens(side, side, WHOLE),
        "most_picture_tokens": whole if tiling is None else tiling.part_tokens * tiling.most_parts,
        "min_batch": whole if kind == GEMMA3 else 0,
        "can_free_projector": kind in (LLAVA, INTERNVL, MINICPM_V, MINICPM_V46, LFM2),
    }


def _gemma4_shape(projector: GGUFHeader) -> _ProjectorShape:
    """Return what Gemma 4's projector adds, if the person lets it look as closely as it can."""
    keys = _Keys(projector, "clip.vision")
    sizes = any_size_of(projector, _ANY_NUMBER)
    if sizes is None:
        raise ValueError("no size of a patch")
    width, inner = keys.number("embedding_length"), keys.number("feed_forward_length")
    area = sizes.limit * sizes.edge**2
    patches = area // keys.number("patch_size") ** 2
    return {
        "projector": loaded_size(projector, small=False),
        "small_projector": loaded_size(projector, small=True),
        "encoder_buffers": _FLOAT * (patches * (3 * inner + 4 * width) + 3 * area),
        "image_tokens": sizes.tokens(*_USUAL_PICTURE),
        "most_picture_tokens": sizes.limit,
        "min_batch": sizes.limit if is_read_at_once(projector) else 0,
        "can_free_projector": False,
    }


class _ProjectorShape(TypedDict):
    """The fields of `Shape` that describe the projector."""

    projector: int
    small_projector: int
    encoder_buffers: int
    image_tokens: int
    most_picture_tokens: int
    min_batch: int
    can_free_projector: bool


class _Keys:
    """Reads numbers whose keys begin with `prefix` from a header."""

    def __init__(self, header: GGUFHeader, prefix: str) -> None:
        self._header = header
        self._prefix = prefix

    def number(self, name: str) -> int:
        """Return a number, 0 when it is absent."""
        return self._header.integer(f"{self._prefix}.{name}") or 0

    def per_layer(self, name: str, layers: int, usual: int) -> tuple[int, ...]:
        """Return a number for each layer; a header may give one number for all layers."""
        several = self._header.numbers(f"{self._prefix}.{name}")
        return tuple(int(number) for number in several) or (self.number(name) or usual,) * layers
