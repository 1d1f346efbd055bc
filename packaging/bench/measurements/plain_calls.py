"""Plain llama.cpp calls: the best times that any program built on llama.cpp can reach."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llama_cpp
from llama_cpp import _ggml, mtmd_cpp
from llama_cpp import llama_cpp as _low_level

from bench.measurements.load_settings import Settings
from bench.vocabulary import word_tokens
from desktop_app.engine.llama.cpu_backend import load_processor

_llama: Any = llama_cpp
_mtmd: Any = mtmd_cpp


@_llama.llama_log_callback  # type: ignore[untyped-decorator]
def _quiet(_level: int, _text: bytes, _data: object) -> None:
    """Drop what llama.cpp says."""


def prepare() -> None:
    """Ready llama.cpp, and let it say nothing."""
    for set_log in (_llama.llama_log_set, _mtmd.mtmd_log_set, _mtmd.mtmd_helper_log_set):
        set_log(_quiet, None)
    load_processor(_low_level._lib, _ggml.libggml, _ggml.libggml_base_path)
    _llama.llama_backend_init()


@contextmanager
def loaded(path: str, settings: Settings) -> Iterator[Any]:
    """Load a model, for as long as it is wanted."""
    parameters = _llama.llama_model_default_params()
    parameters.n_gpu_layers = 0
    parameters.load_mode = _llama.LLAMA_LOAD_MODE_MMAP if settings.mapped else _llama.LLAMA_LOAD_MODE_NONE
    parameters.use_extra_bufts = settings.repacked
    model = _llama.llama_model_load_from_file(os.fsencode(path), parameters)
    if not model:
        raise RuntimeError("llama.cpp could not load the model")
    try:
        yield model
    finally:
        _llama.llama_model_free(model)


@contextmanager
def plain_context(model: Any, n_ctx: int, settings: Settings) -> Iterator[Plain]:
    """Make a context, for as long as it is wanted."""
    plain = Plain(model, n_ctx, settings)
    try:
        yield plain
    finally:
        plain.close()


class Plain:
    """A context, filled with words that mean nothing."""

    def __init__(self, model: Any, n_ctx: int, settings: Settings) -> None:
        parameters = _llama.llama_context_default_params()
        parameters.n_ctx = n_ctx
        parameters.n_batch = parameters.n_ubatch = settings.batch
        parameters.n_seq_max = 1
        parameters.n_threads = settings.threads
        parameters.n_threads_batch = settings.reading_threads or settings.threads
        flash = _llama.LLAMA_FLASH_ATTN_TYPE_ENABLED if settings.flash else _llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        parameters.flash_attn_type = flash
        if settings.short_cells:
            parameters.type_k = parameters.type_v = _llama.GGML_TYPE_Q8_0
        self._context = _llama.llama_init_from_model(model, parameters)
        if not self._context:
            raise RuntimeError("llama.cpp could not make a context")
        self._batch_size = settings.batch
        self._memory = _llama.llama_get_memory(self._context)
        self._batch = _llama.llama_batch_init(settings.batch, 0, 1)
        for index in range(settings.batch):
            self._batch.n_seq_id[index] = 1
            self._batch.seq_id[index][0] = 0
        self._sampler = _llama.llama_sampler_chain_init(_llama.llama_sampler_chain_default_params())
        _llama.llama_sampler_chain_add(self._sampler, _llama.llama_sampler_init_greedy())
        self._words = word_tokens(n_ctx)
        self._filled = 0

    def close(self) -> None:
        """Free the context."""
        _llama.llama_sampler_free(self._sampler)
        _llama.llama_batch_free(self._batch)
        _llama.llama_free(self._context)

    def use_threads(self, threads: int) -> None:
        """Change the number of threads."""
        _llama.llama_set_n_threads(self._context, threads, threads)

    def fill(self, depth: int) -> None:
        """Let the context hold exactly `depth` tokens."""
        if depth < self._filled:
            self._cut(depth)
        else:
            self._evaluate(self._words[self._filled : depth])

    def grow(self, count: int) -> float:
        """Evaluate `count` more tokens, and choose one; return the seconds."""
        started = time.monotonic()
        self._evaluate(self._words[self._filled : self._filled + count])
        self._sample()
        return time.monotonic() - started

    def read(self, count: int) -> float:
        """Evaluate `count` more tokens, choose one, and forget them; return the seconds."""
        depth = self._filled
        seconds = self.grow(count)
        self._cut(depth)
        return seconds

    def write(self, count: int) -> float:
        """Write `count` tokens and forget them; return the tokens per second."""
        depth = self._filled
        self._evaluate(self._words[depth : depth + 1])
        token = self._sample()
        started = time.monotonic()
        for _ in range(count):
            self._evaluate([token])
            token = self._sample()
        seconds = time.monotonic() - started
        self._cut(depth)
        return count / seconds

    def _sample(self) -> int:
        return int(_llama.llama_sampler_sample(self._sampler, self._context, -1))

    def _cut(self, depth: int) -> None:
        _llama.llama_memory_seq_rm(self._memory, 0, depth, -1)
        self._filled = depth

    def _evaluate(self, tokens: list[int]) -> None:
        for start in range(0, len(tokens), self._batch_size):
            part = tokens[start : start + self._batch_size]
            batch = self._batch
            batch.n_tokens = len(part)
            for index, token in enumerate(part):
                batch.token[index] = token
                batch.pos[index] = self._filled + index
                batch.logits[index] = start + index == len(tokens) - 1
            if (result := _llama.llama_decode(self._context, batch)) != 0:
                raise RuntimeError(f"llama_decode returned {result}")
            self._filled += len(part)


def encode_s(model: Any, projector: str, threads: int) -> float:
    """Return the seconds that CLIP takes for one picture, as llama.cpp runs it."""
    parameters = _mtmd.mtmd_context_params_default()
    parameters.use_gpu = False
    parameters.print_timings = False
    parameters.warmup = False
    parameters.n_threads = threads
    context = _mtmd.mtmd_init_from_file(os.fsencode(projector), model, parameters)
    if not context:
        raise RuntimeError("llama.cpp could not load the projector")
    side = 336  # it is resized to what the projector wants
    bitmap = _mtmd.mtmd_bitmap_init(side, side, (ctypes.c_uint8 * (side * side * 3))())
    chunks = _mtmd.mtmd_input_chunks_init()
    try:
        marker = _mtmd.mtmd_default_marker()
        text = _mtmd.mtmd_input_text(marker, len(marker), False, True)
        if _mtmd.mtmd_tokenize(context, chunks, ctypes.byref(text), (ctypes.c_void_p * 1)(bitmap), 1) != 0:
            raise RuntimeError("mtmd_tokenize failed")
        seconds = []
        for index in range(_mtmd.mtmd_input_chunks_size(chunks)):
            chunk = _mtmd.mtmd_input_chunks_get(chunks, index)
            if _mtmd.mtmd_input_chunk_get_type(chunk) == _mtmd.MTMD_INPUT_CHUNK_TYPE_IMAGE:
                started = time.monotonic()
                if _mtmd.mtmd_encode_chunk(context, chunk) != 0:
                    raise RuntimeError("mtmd_encode_chunk failed")
                seconds.append(time.monotonic() - started)
        return sum(seconds)
    finally:
        _mtmd.mtmd_input_chunks_free(chunks)
        _mtmd.mtmd_bitmap_free(bitmap)
        _mtmd.mtmd_free(context)
