"""What a model will need of this computer's memory, and how to load it into what there is.

Everything is computed from GGUF headers, so it is known before a file is loaded, or even fetched.
The sizes of llama.cpp's buffers follow its graphs; the tests hold them against its own dry run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from math import prod
from typing import TypedDict

from desktop_app.engine.messages import EngineSettings, LoadPlan, gib_down, gib_up
from desktop_app.engine.model_files import ModelFiles
from desktop_app.engine.room import Room
from desktop_app.errors import UserError
from model_store.gguf_header import GGUFHeader

_MIB = 1 << 20
_FLOAT = 4  # bytes

#: The two processes before there is a model: Python, libraries, Qt's pictures of a small window.
ENGINE_BASE, WINDOW_BASE = 72 * _MIB, 120 * _MIB

#: Types of weights that llama.cpp can lay out anew for the processor, and how it counts their rows.
_REPACKED_TYPES = frozenset({"Q4_0", "Q4_K", "Q2_K", "IQ4_NL", "MXFP4"})
_REPACKED_ROWS = 8

_CACHE_PADDING = 256  # llama.cpp rounds the context up to it
_Q8_0_BLOCK, _Q8_0_BYTES = 32, 34
_LEAST_UBATCH = 32  # tokens: with fewer, reading gets slow
_LONGEST_CONTEXT = 1 << 20  # tokens
_CONTEXT_STEP = 512  # tokens: between contexts that are tried
_LEAST_TALK = 256  # tokens beside a picture: a question and its answer
_ROWS_KEPT = 3  # copies of a picture's embedding: as made, as kept, as written to the disk

#: Usual quantisations with the bits that a weight takes in them on average, the finest first.
_QUANTISATIONS = (("Q6_K", 6.57), ("Q5_K_M", 5.68), ("Q4_K_M", 4.85), ("Q3_K_M", 3.92), ("Q2_K", 3.0))
_COARSER = 0.95  # times the size of a file: a smaller one of the same model


@dataclass(frozen=True)
class Need:
    """Bytes, by what they are for."""

    weights: int  # of the language model
    repacked: int  # of them a second time, when they are mapped and laid out anew
    conversation: int  # the KV cache
    calculating: int  # buffers of the language model
    projector: int  # weights of CLIP and the projector
    looking: int  # buffers of those, and a picture's embedding
    program: int  # the window and the engine without a model

    @property
    def total(self) -> int:
        """Return the sum."""
        return sum(astuple(self))


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
    looking: int = 0  # bytes
    image_tokens: int = 0

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
        return replace(shape, **_seeing(projector)) if projector is not None else shape

    @classmethod
    def of_files(cls, files: ModelFiles) -> Shape:
        """Read it from a pair that was checked."""
        return cls.of(files.header, files.projector.header if files.projector is not None else None)

    @property
    def q8_0_possible(self) -> bool:
        """Return whether llama.cpp can keep this model's keys and values in blocks of q8_0."""
        return all(size % _Q8_0_BLOCK == 0 for size in self.head_sizes)

    def need(self, plan: LoadPlan) -> Need:
        """Return what the model needs when it is loaded as `plan` says."""
        cells = -(-plan.n_ctx // _CACHE_PADDING) * _CACHE_PADDING
        values = cells * self.cache_per_token
        q8_0 = plan.kv_type == "q8_0"
        return Need(
            weights=self.weights,
            repacked=self.repackable if plan.mapped and plan.repacked else 0,
            conversation=values // _Q8_0_BLOCK * _Q8_0_BYTES if q8_0 else values * 2,
            calculating=self._per_token(cells, plan.flash_attention) * plan.n_ubatch,
            projector=self.projector,
            looking=self.looking,
            program=ENGINE_BASE + WINDOW_BASE,
        )

    def _per_token(self, cells: int, flash_attention: bool) -> int:
        """Return the bytes of buffers per token of a micro-batch: of the greatest part of the graph."""
        mask = cells * (2 if flash_attention else _FLOAT)
        scores = 0 if flash_attention else cells * self.heads
        attention = 5 * self.width + 2 * self.key_value_width + scores
        feed_forward = 3 * self.feed_forward + 4 * self.width
        choice = self.vocabulary + 2 * self.width
        return mask + _FLOAT * max(attention, feed_forward, choice)


@dataclass(frozen=True)
class Outlook:
    """Whether a model fits, and how."""

    plan: LoadPlan  # the best that fits, or else the one that needs least
    fits: bool
    offer: str  # when the wish does not fit: see `smaller_file`


def plan_load(files: ModelFiles, settings: EngineSettings, room: Room | None = None) -> LoadPlan:
    """Return how to load a model as it is wished, or as near to that as `room` allows; None: as wished.

    Raises `UserError` (does-not-fit, does-not-fit-offer) when there is no way.
    """
    shape = Shape.of_files(files)
    if room is None:
        return next(_plans(shape, settings))
    found = outlook(shape, settings, room)
    if found.fits:
        return found.plan
    sizes = {"needed": gib_up(found.plan.needed), "available": gib_down(room.usable)}
    if found.offer:
        raise UserError("does-not-fit-offer", name=files.model.name, offer=found.offer, **sizes)
    raise UserError("does-not-fit", name=files.model.name, **sizes)


def outlook(shape: Shape, settings: EngineSettings, room: Room) -> Outlook:
    """Return how a model would be loaded into `room`."""
    plans = list(_plans(shape, settings))
    as_wished = min(plan.needed for plan in plans if not plan.reduced)
    # Others may use much of the memory just now. If nothing fits beside them, they are pushed out.
    fitting = (plan for most in (room.free, room.usable) for plan in plans if plan.needed <= most)
    best = next(fitting, None)
    plan = best or min(plans, key=lambda plan: plan.needed)
    offer = smaller_file(shape, settings, room.usable) if best is None or best.reduced else ""
    plan = replace(plan, needed_as_wished=as_wished, usable=room.usable, free=room.free)
    return Outlook(plan, best is not None, offer)


def smaller_file(shape: Shape, settings: EngineSettings, usable: int) -> str:
    """Return the finest usual quantisation of the model, coarser than this file, that fits; "" if none does.

    One that holds the wished context is preferred to a finer one that does not.
    """
    for reduced in (False, True):
        for quantisation, bits in _QUANTISATIONS:
            weights = int(shape.parameters * bits / 8)
            if weights > _COARSER * shape.weights:
                continue
            plans = _plans(replace(shape, weights=weights), settings)
            if any(plan.needed <= usable and (reduced or not plan.reduced) for plan in plans):
                return quantisation
    return ""


def _plans(shape: Shape, settings: EngineSettings) -> Iterator[LoadPlan]:
    """Yield the ways to load a model, the best first.

    A shorter context is the last resort, and a coarser KV cache, with which writing is slower by half,
    the one before. Smaller micro-batches cost little, and save little.
    """
    trained = shape.trained_context
    wished = min(settings.n_ctx or trained, trained or _LONGEST_CONTEXT, _LONGEST_CONTEXT)
    kv_types = ("f16", "q8_0") if shape.q8_0_possible else ("f16",)
    for n_ctx in _contexts(wished, shape.image_tokens + _LEAST_TALK):
        for kv_type in kv_types:
            for n_ubatch in _halves(max(1, settings.n_batch)):
                # Laid out anew the weights are a copy; then the file need not stay in memory beside it.
                plan = LoadPlan(n_ctx, n_ubatch, kv_type, not settings.repack, settings.repack, wished)
                yield replace(plan, needed=shape.need(plan).total)


def _contexts(wished: int, least: int) -> Iterator[int]:
    """Yield `wished` and what is shorter, in steps, as long as a picture and a few words have room."""
    yield wished
    longest = (wished - 1) // _CONTEXT_STEP * _CONTEXT_STEP
    yield from range(longest, -(-least // _CONTEXT_STEP) * _CONTEXT_STEP - 1, -_CONTEXT_STEP)


def _halves(most: int) -> Iterator[int]:
    """Yield `most` and its halves down to the least that is sensible."""
    yield most
    while (most := most // 2) >= _LEAST_UBATCH:
        yield most


def _repackable(header: GGUFHeader) -> int:
    """Return the bytes of the matrices that llama.cpp lays out anew: not the embeddings, only looked up in."""
    return sum(
        tensor.size
        for tensor in header.tensors.values()
        if tensor.kind in _REPACKED_TYPES
        and len(tensor.shape) == 2
        and tensor.shape[1] % _REPACKED_ROWS == 0
        and tensor.name != "token_embd.weight"
    )


def _seeing(projector: GGUFHeader) -> _Seeing:
    """Return what the projector adds: its graph holds its own output, and CLIP's rows and picture."""
    keys = _Keys(projector, "clip.vision")
    side, patch = keys.number("image_size"), max(1, keys.number("patch_size"))
    width, inner = keys.number("embedding_length"), keys.number("feed_forward_length")
    tokens = (side // patch) ** 2
    last = projector.tensors.get("mm.2.weight")
    output = last.shape[-1] if last is not None else width
    graph = tokens * (2 * max(output, inner) + width) + 3 * side**2
    return {
        "projector": sum(tensor.size for tensor in projector.tensors.values()),
        "looking": _FLOAT * (graph + _ROWS_KEPT * tokens * output),
        "image_tokens": tokens,
    }


class _Seeing(TypedDict):
    projector: int
    looking: int
    image_tokens: int


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
