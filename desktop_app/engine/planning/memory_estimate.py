"""Estimates how much memory a model needs, from the headers of its GGUF files.

The sizes of the compute buffers follow from the graphs that llama.cpp builds. The tests compare them with a dry run of
llama.cpp.
"""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, replace
from math import prod

from desktop_app.engine.messages import LoadPlan
from desktop_app.engine.planning.attention_layers import AttentionLayers
from desktop_app.engine.planning.encoder_memory import projector_shape
from desktop_app.engine.planning.header_numbers import HeaderNumbers
from desktop_app.engine.planning.recurrent_state import MOST_SAVED, SAVED_CHECKPOINTS, RecurrentState
from desktop_app.engine.weights.model_files import ModelFiles
from model_store.gguf_header import GGUFHeader

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
_LOOKED_UP = "per_layer_token_embd.weight"  # Gemma 4: a row of it for each token, which llama.cpp reads from the file


@dataclass(frozen=True)
class MemoryEstimate:
    """How much memory a model needs, in bytes."""

    weights: int  # of the language model
    repacked: int  # a second copy of some weights, if they are both memory-mapped and repacked
    kv_cache: int
    recurrent_state: int  # of layers without keys and values, with its checkpoints
    compute_buffers: int  # of the language model
    projector: int  # weights of the image encoder (CLIP) and the projector
    encoder_buffers: int  # compute buffers of the image encoder and the projector
    decoded_photo: int  # a large photo while it is decoded
    embeddings: int  # of pictures, kept in memory
    save_buffers: int  # of the KV cache, or a part of it, while it is saved to disk
    program: int  # our processes without a model

    swaps_projector: bool = False  # the KV cache and the projector are never in memory at the same time

    @property
    def parts(self) -> dict[str, int]:
        """Return the sizes by name."""
        return {name: size for name, size in asdict(self).items() if name != "swaps_projector"}

    @property
    def total(self) -> int:
        """Return the most that is in memory at the same time."""
        context = self.kv_cache + self.recurrent_state + self.compute_buffers + self.save_buffers
        encoder = self.projector + self.encoder_buffers
        return sum(self.parts.values()) - (min(context, encoder) if self.swaps_projector else 0)


@dataclass(frozen=True)
class Shape:
    """The properties of a model that decide how much memory it needs. Counts of values, unless a unit is named."""

    weights: int  # bytes; without those that are only looked up
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
    attention_width: int = 0  # values of a token in the attention of a layer, besides keys and values; 0: as usual
    padding_per_token: int = 0  # of the KV cache: see `AttentionLayers`
    masks: int = 1
    state: int = 0  # bytes of a recurrent state
    layer_state: int = 0  # bytes, of one layer
    state_memory: int = 0  # bytes of a recurrent state and its checkpoints
    convolved: int = 0  # values of a token in a recurrent layer
    row: int = 0  # values of a row of a picture; 0: as wide as the model
    kept: int = 0  # values of a token that are kept from the first layer on
    saved_whole: bool = False  # whether the KV cache is saved to disk as a whole
    projector: int = 0  # bytes
    small_projector: int = 0  # bytes of its copy in q8_0; the same as `projector` if there is none
    encoder_buffers: int = 0  # bytes
    image_tokens: int = 0  # of a picture that is encoded as a whole
    min_batch: int = 0  # image tokens that must be in one micro-batch
    most_picture_tokens: int = 0  # of a picture with all its tiles, or of the largest
    any_size: bool = False  # whether pictures of any size are encoded in one piece
    can_free_projector: bool = False  # whether it can be freed and loaded again between pictures

    @classmethod
    def of(cls, header: GGUFHeader, projector: GGUFHeader | None = None) -> Shape:
        """Return the shape of a language model and, if given, its projector, from their headers."""
        numbers = HeaderNumbers(header, header.architecture)
        width = numbers.number("embedding_length")
        layers = min(numbers.number("block_count"), len(header.tensors))  # a header may claim any number
        attention, recurrent = AttentionLayers.of(header, layers), RecurrentState.of(header)
        taps = numbers.number("n_deepstack_layers")
        row = width * (1 + taps)
        embedding = header.tensors.get("token_embd.weight")
        looked_up = header.tensors.get(_LOOKED_UP)
        shape = cls(
            weights=sum(tensor.size for tensor in header.tensors.values() if tensor is not looked_up),
            repackable=_repackable(header),
            parameters=sum(prod(tensor.shape) for tensor in header.tensors.values() if tensor is not looked_up),
            trained_context=numbers.number("context_length"),
            width=width,
            heads=attention.heads,
            key_value_width=attention.key_value_width,
            cache_per_token=attention.cache_per_token,
            head_sizes=attention.head_sizes,
            feed_forward=max(numbers.per_layer("feed_forward_length", layers, 4 * width), default=0),
            vocabulary=embedding.shape[-1] if embedding is not None else 0,
            attention_width=3 * width + attention.query_width + attention.output_width,
            padding_per_token=attention.padding_per_token,
            masks=attention.masks,
            state=recurrent.size,
            layer_state=recurrent.size // max(1, len(recurrent.layers)),
            state_memory=recurrent.memory,
            convolved=_convolved(header),
            row=row,
            # With taps the whole rows, and what is added from them; of Gemma 4 the embeddings of all layers, twice.
            kept=(row + 3 * width if taps else 0) + 2 * layers * numbers.number("embedding_length_per_layer_input"),
            saved_whole=bool(recurrent.layers) or attention.masks > 1 or _has_mrope(header),
        )
        if projector is None:
            return shape
        of_projector = projector_shape(projector)
        # A KV cache with a sliding window cannot be saved to a file and restored: see `kv_state.py`.
        of_projector["can_free_projector"] &= attention.masks == 1
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
            kv_cache=self._cache(cells, plan),
            recurrent_state=self.state_memory,
            compute_buffers=self._compute_buffers(cells, plan.flash_attention, max(plan.n_ubatch, self.min_batch)),
            projector=self.small_projector if plan.small_projector else self.projector,
            encoder_buffers=self.encoder_buffers,
            decoded_photo=DECODED_PHOTO if self.image_tokens else 0,
            embeddings=plan.embedding_cache,
            save_buffers=self._save_buffers(cells, plan),
            program=ENGINE_BASE + WINDOW_BASE + (PICTURES_BASE if self.image_tokens else 0),
            swaps_projector=not plan.keeps_projector,
        )

    def embedding_cache(self, n_ctx: int, *, ample: bool) -> int:
        """Return how many bytes of embeddings to keep: those of all pictures that fit into the context, or more."""
        if not self.image_tokens:
            return 0
        rows = max(n_ctx // self.image_tokens * self.image_tokens, self.most_picture_tokens)
        if self.most_picture_tokens > self.image_tokens and not self.any_size:
            rows *= 2  # the padding of tiles is kept as well, but is no part of the context
        size = rows * (self.row or self.width) * _FLOAT
        return size * _AMPLE if ample else size

    def _cache(self, cells: int, plan: LoadPlan) -> int:
        across = not plan.flash_attention  # the values
        values = cells * (self.cache_per_token + (self.padding_per_token if across else 0))
        return values // _Q8_0_BLOCK * _Q8_0_BYTES if plan.kv_type == "q8_0" else values * 2

    def _save_buffers(self, cells: int, plan: LoadPlan) -> int:
        if not self.saved_whole:
            return self._cache(_SAVED_CELLS, plan) * _SAVED_COPIES
        checkpoints = min(SAVED_CHECKPOINTS, self.state_memory)
        return min(MOST_SAVED, self._cache(cells, plan) + self.state) + checkpoints

    def _compute_buffers(self, cells: int, flash_attention: bool, tokens: int) -> int:
        """Return the bytes of compute buffers that are used: of the largest part of the graph.

        llama.cpp reserves room for the logits of all tokens of a micro-batch. But only the last token's are computed,
        and what is never written takes no memory. With a large vocabulary that would be half of what a small model
        needs.
        """
        mask = self.masks * cells * (2 if flash_attention else _FLOAT)
        scores = 0 if flash_attention else cells * self.heads
        attention = (self.attention_width or 5 * self.width) + 2 * self.key_value_width + scores
        feed_forward = 3 * self.feed_forward + 4 * self.width
        largest = max(tokens * max(attention, feed_forward) * _FLOAT, self._recurrent_buffers(tokens))
        of_last_token = _LOGITS_COPIES * self.vocabulary
        return largest + tokens * (mask + _FLOAT * self.kept) + _FLOAT * of_last_token

    def _recurrent_buffers(self, tokens: int) -> int:
        """Return the bytes of compute buffers of a recurrent layer."""
        return _FLOAT * 3 * tokens * (self.convolved + self.width) + self.layer_state * 4 // 3 if self.convolved else 0


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


def _convolved(header: GGUFHeader) -> int:
    """Return how many values of a token a recurrent layer convolves."""
    found = (tensor.shape[-1] for name, tensor in header.tensors.items() if name.endswith(".ssm_conv1d.weight"))
    return max(found, default=0)


def _has_mrope(header: GGUFHeader) -> bool:
    """Return whether positions have several dimensions."""
    return bool(header.numbers(f"{header.architecture}.rope.dimension_sections"))
