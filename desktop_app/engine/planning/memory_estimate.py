"""What a model will need of this computer's memory, computed from GGUF headers.

The sizes of llama.cpp's buffers follow its graphs; the tests hold them against its own dry run.
"""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import TypedDict

from desktop_app.engine.messages import LoadPlan
from desktop_app.engine.weights.model_files import ModelFiles
from desktop_app.engine.weights.projector_header import GEMMA3, INTERNVL, LLAVA, MINICPM_V, kind_of
from desktop_app.engine.weights.projector_quantisation import loaded_size
from desktop_app.engine.weights.tile_layout import tiling_of
from desktop_app.images.tiling import WHOLE
from model_store.gguf_header import GGUFHeader

_MIB = 1 << 20
_FLOAT = 4  # bytes

#: The two processes apart from what a model takes: Python, libraries, Qt's pictures of a small window.
ENGINE_BASE, WINDOW_BASE = 88 * _MIB, 120 * _MIB

#: Types of weights that llama.cpp can repack for the processor, and how it counts their rows.
_REPACKED_TYPES = frozenset({"Q4_0", "Q4_K", "Q2_K", "IQ4_NL", "MXFP4"})
_REPACKED_ON_ARM = frozenset({"Q5_K", "Q6_K", "Q8_0"})  # these as well
_REPACKED_ROWS = 8

_CACHE_PADDING = 256  # llama.cpp rounds the context up to it
_Q8_0_BLOCK, _Q8_0_BYTES = 32, 34
_SAVED_CELLS, _SAVED_COPIES = 64, 2  # of the KV cache, on their way to the disk and back: see `saved_kv_cache.py`
_PHOTOGRAPH = 12_000_000 * 4 * 2  # bytes: 12 megapixels, while they are decoded and converted
_ROOMY = 2  # times the embeddings that a context can hold at once, kept where there is room

#: Patches along an edge that become one token, where a file does not say it.
_MERGED = {"gemma3": 4, "qwen2.5vl_merger": 2}


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes, by what they are for."""

    weights: int  # of the language model
    repacked: int  # of them a second time, when they are mapped and repacked
    conversation: int  # the KV cache
    calculating: int  # buffers of the language model
    projector: int  # weights of CLIP and the projector
    looking: int  # buffers of those
    photograph: int  # one that is decoded
    pictures: int  # embeddings that are kept
    saving: int  # a part of the KV cache on its way to the disk
    program: int  # the window and the engine without a model

    in_turn: bool = False  # the conversation makes room for the projector while a picture is looked at

    @property
    def parts(self) -> dict[str, int]:
        """Return the sizes by name."""
        return {name: size for name, size in asdict(self).items() if name != "in_turn"}

    @property
    def total(self) -> int:
        """Return the most that is held at once."""
        talking = self.conversation + self.calculating + self.saving
        seeing = self.projector + self.looking
        return sum(self.parts.values()) - (min(talking, seeing) if self.in_turn else 0)


@dataclass(frozen=True)
class Shape:
    """What of a model decides how much memory it takes. Numbers of values, unless a unit is named."""

    weights: int  # bytes
    repackable: int  # bytes of them
    parameters: int
    trained_context: int  # tokens, 0 when it is not told
    width: int
    heads: int
    key_value_width: int  # of keys (or values) in the widest layer
    cache_per_token: int  # keys and values of all layers
    head_sizes: tuple[int, ...]  # of keys and values
    feed_forward: int
    vocabulary: int
    projector: int = 0  # bytes
    small_projector: int = 0  # bytes of its copy in q8_0; the same number where there is none
    looking: int = 0  # bytes
    image_tokens: int = 0  # of one look
    at_once: int = 0  # image tokens that are evaluated in one go, however small micro-batches are
    picture_tokens: int = 0  # the most that a picture may take, in several looks
    projector_may_go: bool = False  # whether it can be freed and loaded again

    @classmethod
    def of(cls, header: GGUFHeader, projector: GGUFHeader | None = None) -> Shape:
        """Read it from the headers of a language model and, maybe, its projector."""
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
        seeing = _seeing(projector)
        # A KV cache that is a window on the conversation cannot be put aside: see `kv_state.py`.
        seeing["projector_may_go"] &= not keys.number("attention.sliding_window")
        return replace(shape, **seeing)

    @classmethod
    def of_files(cls, files: ModelFiles) -> Shape:
        """Read it from a pair that was checked."""
        return cls.of(files.header, files.projector.header if files.projector is not None else None)

    @property
    def q8_0_possible(self) -> bool:
        """Return whether llama.cpp can keep this model's keys and values in blocks of q8_0."""
        return all(size % _Q8_0_BLOCK == 0 for size in self.head_sizes)

    def need(self, plan: LoadPlan) -> MemoryEstimate:
        """Return what the model needs when it is loaded as `plan` says."""
        cells = -(-plan.n_ctx // _CACHE_PADDING) * _CACHE_PADDING
        return MemoryEstimate(
            weights=self.weights,
            repacked=self.repackable if plan.mapped and plan.repacked else 0,
            conversation=self._cache(cells, plan.kv_type),
            calculating=self._per_token(cells, plan.flash_attention) * max(plan.n_ubatch, self.at_once),
            projector=self.small_projector if plan.small_projector else self.projector,
            looking=self.looking,
            photograph=_PHOTOGRAPH if self.image_tokens else 0,
            pictures=plan.pictures,
            saving=self._cache(_SAVED_CELLS, plan.kv_type) * _SAVED_COPIES,
            program=ENGINE_BASE + WINDOW_BASE,
            in_turn=not plan.keeps_projector,
        )

    def pictures(self, n_ctx: int, *, roomy: bool) -> int:
        """Return the bytes of embeddings to keep: of all pictures that a context can hold at once, or more."""
        if not self.image_tokens:
            return 0
        rows = max(n_ctx // self.image_tokens * self.image_tokens, self.picture_tokens)
        if self.picture_tokens > self.image_tokens:
            rows *= 2  # what of the looks is only padding is kept, but takes no place in the context
        at_once = rows * self.width * _FLOAT
        return at_once * _ROOMY if roomy else at_once

    def _cache(self, cells: int, kv_type: str) -> int:
        values = cells * self.cache_per_token
        return values // _Q8_0_BLOCK * _Q8_0_BYTES if kv_type == "q8_0" else values * 2

    def _per_token(self, cells: int, flash_attention: bool) -> int:
        """Return the bytes of buffers per token of a micro-batch: of the greatest part of the graph."""
        mask = cells * (2 if flash_attention else _FLOAT)
        scores = 0 if flash_attention else cells * self.heads
        attention = 5 * self.width + 2 * self.key_value_width + scores
        feed_forward = 3 * self.feed_forward + 4 * self.width
        choice = self.vocabulary + 2 * self.width
        return mask + _FLOAT * max(attention, feed_forward, choice)


def _repackable(header: GGUFHeader) -> int:
    """Return the bytes of the matrices that llama.cpp repacks: not the embeddings, only looked up in."""
    kinds = _REPACKED_TYPES | (_REPACKED_ON_ARM if platform.machine().lower() in ("arm64", "aarch64") else frozenset())
    return sum(
        tensor.size
        for tensor in header.tensors.values()
        if tensor.kind in kinds
        and len(tensor.shape) == 2
        and tensor.shape[1] % _REPACKED_ROWS == 0
        and tensor.name != "token_embd.weight"
    )


def _seeing(projector: GGUFHeader) -> _Seeing:
    """Return what the projector adds: its graph holds its own output, and CLIP's rows and picture."""
    keys = _Keys(projector, "clip.vision")
    side, patch = max(1, keys.number("image_size")), max(1, keys.number("patch_size"))
    width, inner = keys.number("embedding_length"), keys.number("feed_forward_length")
    tokens = (side // patch) ** 2
    makers = ("mm.2.weight", "mm.0.weight", "resampler.proj.weight")
    last = next((projector.tensors[name] for name in makers if name in projector.tensors), None)
    output = last.shape[-1] if last is not None else width
    graph = tokens * (2 * max(output, inner) + width) + 3 * side**2
    tiling = tiling_of(projector)
    kind = kind_of(projector)
    held = 3 if kind == MINICPM_V else 1  # the resampler's rows, their keys, and the waves of their places
    looked = tokens // (keys.number("projector.scale_factor") or _MERGED.get(kind, 1)) ** 2
    return {
        "projector": loaded_size(projector, small=False),
        "small_projector": loaded_size(projector, small=True),
        "looking": _FLOAT * (graph + held * tokens * output),
        # There need not be room for tiles: a picture can be seen as a whole only.
        "image_tokens": looked if tiling is None else tiling.tokens(side, side, WHOLE),
        "picture_tokens": looked if tiling is None else tiling.part_tokens * tiling.most_parts,
        "at_once": looked if kind == GEMMA3 else 0,
        "projector_may_go": kind in (LLAVA, INTERNVL, MINICPM_V),
    }


class _Seeing(TypedDict):
    projector: int
    small_projector: int
    looking: int
    image_tokens: int
    picture_tokens: int
    at_once: int
    projector_may_go: bool


class _Keys:
    """The numbers of one part of a header."""

    def __init__(self, header: GGUFHeader, prefix: str) -> None:
        self._header = header
        self._prefix = prefix

    def number(self, name: str) -> int:
        """Return a number, 0 when it is absent."""
        return self._header.integer(f"{self._prefix}.{name}") or 0

    def per_layer(self, name: str, layers: int, usual: int) -> tuple[int, ...]:
        """Return a number for each layer, which may be given once for all."""
        several = self._header.numbers(f"{self._prefix}.{name}")
        return tuple(int(number) for number in several) or (self.number(name) or usual,) * layers
