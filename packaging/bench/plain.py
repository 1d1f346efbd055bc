"""Plain llama.cpp calls: the floor under what any program can reach, and other settings to compare with."""

from __future__ import annotations

import ctypes
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import llama_cpp
from llama_cpp import mtmd_cpp

from bench.job import Job
from bench.load_settings import Settings
from bench.memory import pss_mib
from bench.results import Sheet
from bench.vocabulary import word_tokens
from desktop_app.engine.cores import physical_cores

_llama: Any = llama_cpp
_mtmd: Any = mtmd_cpp


#: What else is worth trying; ours is left out.
_OTHERS = (
    Settings(batch=128),
    Settings(batch=512),
    Settings(batch=512, flash=True),
    Settings(batch=512, flash=True, short_cells=True),
)


@_llama.llama_log_callback  # type: ignore[untyped-decorator]
def _quiet(_level: int, _text: bytes, _data: object) -> None:
    """Drop what llama.cpp says."""


def measure(job: Job, sheet: Sheet) -> None:
    """Measure the floor with our settings, then reading and writing with others."""
    prepare()
    ours = job.settings
    started = time.monotonic()
    model = _load(job.model, ours)
    plain = Plain(model, job.n_ctx, ours)
    sheet.put("plain.load_s", time.monotonic() - started)
    with sheet.row("plain.encode_s"):
        sheet.put("plain.encode_s", _encode_s(model, job.projector, ours.threads))
    reading, writing = _compare(plain, job, ours, sheet)
    sheet.put("plain.reading_tok_s", reading)
    sheet.put("plain.writing_tok_s", writing)
    for turn, (depth, new) in enumerate(job.follow_ups, 2):
        with sheet.row(f"plain.first_token_s.{turn}"):
            plain.fill(depth)
            sheet.put(f"plain.first_token_s.{turn}", statistics.median(plain.read(new) for _ in range(job.repeats)))
    for threads in {1, physical_cores(), os.cpu_count() or 1} - {ours.threads}:
        with sheet.row(f"sweep.{ours.name}, threads {threads}.writing_tok_s"):
            plain.use_threads(threads)
            plain.fill(job.depth)
            sheet.put(f"sweep.{ours.name}, threads {threads}.writing_tok_s", plain.write(job.writing_tokens // 2))
    plain.close()
    _llama.llama_model_free(model)
    try_settings(job, sheet, [other for other in _OTHERS if other.name != ours.name])


def prepare() -> None:
    """Ready llama.cpp, and let it say nothing."""
    for set_log in (_llama.llama_log_set, _mtmd.mtmd_log_set, _mtmd.mtmd_helper_log_set):
        set_log(_quiet, None)
    _llama.llama_backend_init()


def try_settings(job: Job, sheet: Sheet, several: Sequence[Settings]) -> None:
    """Measure reading and writing with each of the settings, and our number of threads."""
    for settings in (replace(one, threads=job.settings.threads) for one in several):
        names = [f"sweep.{settings.name}.{what}_tok_s" for what in ("reading", "writing")]
        with sheet.row(*names), _loaded(job.model, settings) as model:
            plain = Plain(model, job.n_ctx, settings)
            try:
                _compare(plain, job, settings, sheet)
            finally:
                plain.close()


def _compare(plain: Plain, job: Job, settings: Settings, sheet: Sheet) -> tuple[float, float]:
    """Measure (reading, writing at the depth where ours was measured), in tokens per second; and memory."""
    name = f"sweep.{settings.name}"
    reading = job.reading_tokens / plain.read(job.reading_tokens)
    sheet.put(f"{name}.reading_tok_s", reading)
    plain.fill(job.depth)
    writing = max(plain.write(job.writing_tokens) for _ in range(job.repeats))
    sheet.put(f"{name}.writing_tok_s", writing)
    if (mib := pss_mib(os.getpid())) is not None:
        sheet.put(f"{name}.memory_mib", mib)
    return reading, writing


@contextmanager
def _loaded(path: str, settings: Settings) -> Iterator[Any]:
    model = _load(path, settings)
    try:
        yield model
    finally:
        _llama.llama_model_free(model)


def _load(path: str, settings: Settings) -> Any:
    parameters = _llama.llama_model_default_params()
    parameters.n_gpu_layers = 0
    parameters.load_mode = _llama.LLAMA_LOAD_MODE_MMAP if settings.mapped else _llama.LLAMA_LOAD_MODE_NONE
    parameters.use_extra_bufts = settings.repacked
    model = _llama.llama_model_load_from_file(os.fsencode(path), parameters)
    if not model:
        raise RuntimeError("llama.cpp could not load the model")
    return model


class Plain:
    """A context, filled with words that mean nothing."""

    def __init__(self, model: Any, n_ctx: int, settings: Settings) -> None:
        parameters = _llama.llama_context_default_params()
        parameters.n_ctx = n_ctx
        parameters.n_batch = parameters.n_ubatch = settings.batch
        parameters.n_seq_max = 1
        parameters.n_threads = parameters.n_threads_batch = settings.threads
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

    def read(self, count: int) -> float:
        """Evaluate `count` more tokens, choose one, and forget them; return the seconds."""
        depth = self._filled
        started = time.monotonic()
        self._evaluate(self._words[depth : depth + count])
        self._sample()
        seconds = time.monotonic() - started
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


def _encode_s(model: Any, projector: str, threads: int) -> float:
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
