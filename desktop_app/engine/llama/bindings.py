"""Gives types to the functions of llama.cpp that the engine uses. The only module that imports llama_cpp.

It uses the low-level bindings, because the chat handlers of llama-cpp-python clear the KV cache on every turn, encode
every picture again, download addresses from the network and change the prompt. The type annotations of the bindings are
those of C, not those that ctypes accepts, so they are not used.

Importing this module loads the libraries; `backend.prepare` initialises them.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NewType, Protocol, cast

# Otherwise a failed assert would start a debugger. The variable is read when the library loads.
os.environ["GGML_NO_BACKTRACE"] = "1"

import llama_cpp
from llama_cpp import _ctypes_extensions, _ggml, mtmd_cpp
from llama_cpp import llama_cpp as _low_level

# Addresses of objects of llama.cpp. They are false (0 or None) if creating the object failed.
ModelPointer = NewType("ModelPointer", int)
ContextPointer = NewType("ContextPointer", int)
VocabularyPointer = NewType("VocabularyPointer", int)
MemoryPointer = NewType("MemoryPointer", int)
MtmdPointer = NewType("MtmdPointer", int)
BitmapPointer = NewType("BitmapPointer", int)
ChunksPointer = NewType("ChunksPointer", int)
ChunkPointer = NewType("ChunkPointer", int)
ImageTokensPointer = NewType("ImageTokensPointer", int)
SamplerPointer = NewType("SamplerPointer", object)
#: A function that C may call, as long as this object is kept alive.
Callback = NewType("Callback", object)

_Tokens = ctypes.Array[ctypes.c_int32]
_ByReference = Any  # ctypes.byref
_Numbers = Any  # a pointer to an array, which can be indexed


class ModelParameters(Protocol):
    """`struct llama_model_params`."""

    n_gpu_layers: int
    load_mode: int
    lazy_mode: int
    use_extra_bufts: bool  # whether weights are repacked for the processor
    kv_overrides: Any  # values of the metadata that are to be other than in the file; the last has no key
    progress_callback: Callback


class ContextParameters(Protocol):
    """`struct llama_context_params`."""

    n_ctx: int
    n_batch: int
    n_ubatch: int
    n_seq_max: int
    kv_unified: bool
    n_threads: int
    n_threads_batch: int
    type_k: int
    type_v: int
    flash_attn_type: int
    no_perf: bool
    cb_eval: Callback


class DecoderPosition(Protocol):
    """`struct mtmd_decoder_pos`: where a row of a picture stands, for M-RoPE."""

    t: int
    x: int
    y: int


class Batch(Protocol):
    """`struct llama_batch`."""

    n_tokens: int
    token: _Numbers
    embd: _Numbers
    pos: _Numbers
    n_seq_id: _Numbers
    seq_id: _Numbers
    logits: _Numbers


class MtmdParameters(Protocol):
    """`struct mtmd_context_params`."""

    use_gpu: bool
    print_timings: bool
    warmup: bool
    n_threads: int
    image_min_tokens: int
    image_max_tokens: int
    cb_eval: Callback


class _Llama(Protocol):
    """llama.h, and parts of ggml.h."""

    GGML_TYPE_F16: int
    GGML_TYPE_Q8_0: int
    LLAMA_FLASH_ATTN_TYPE_DISABLED: int
    LLAMA_FLASH_ATTN_TYPE_ENABLED: int
    LLAMA_KV_OVERRIDE_TYPE_STR: int
    LLAMA_STATE_SEQ_FLAGS_NONE: int
    LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY: int
    LLAMA_TOKEN_ATTR_UNKNOWN: int
    LLAMA_TOKEN_ATTR_UNUSED: int
    LLAMA_TOKEN_ATTR_CONTROL: int
    LLAMA_TOKEN_ATTR_USER_DEFINED: int
    LLAMA_LAZY_MODE_ON: int
    LLAMA_LOAD_MODE_MMAP: int
    LLAMA_LOAD_MODE_NONE: int
    LLAMA_ROPE_TYPE_IMROPE: int
    LLAMA_ROPE_TYPE_MROPE: int
    LLAMA_ROPE_TYPE_NEOX: int
    LLAMA_ROPE_TYPE_NORM: int

    # Callback types.
    def llama_log_callback(self, function: Callable[[int, bytes, object], None], /) -> Callback: ...
    def llama_progress_callback(self, function: Callable[[float, object], bool], /) -> Callback: ...
    def ggml_abort_callback(self, function: Callable[[object], bool] | int, /) -> Callback: ...
    def ggml_backend_sched_eval_callback(self, function: Callable[[Any, bool, object], bool], /) -> Callback: ...

    def llama_log_set(self, function: Callback, data: None, /) -> None: ...
    def llama_backend_init(self) -> None: ...
    def llama_print_system_info(self) -> bytes: ...

    def llama_model_default_params(self) -> ModelParameters: ...
    def llama_model_load_from_file(self, path: bytes, parameters: ModelParameters, /) -> ModelPointer: ...
    def llama_model_free(self, model: ModelPointer, /) -> None: ...
    def llama_model_get_vocab(self, model: ModelPointer, /) -> VocabularyPointer: ...
    def llama_model_n_embd_inp(self, model: ModelPointer, /) -> int: ...
    def llama_model_n_swa(self, model: ModelPointer, /) -> int: ...
    def llama_model_rope_type(self, model: ModelPointer, /) -> int: ...
    def llama_model_is_recurrent(self, model: ModelPointer, /) -> bool: ...
    def llama_model_is_hybrid(self, model: ModelPointer, /) -> bool: ...

    def llama_context_default_params(self) -> ContextParameters: ...
    def llama_init_from_model(self, model: ModelPointer, parameters: ContextParameters, /) -> ContextPointer: ...
    def llama_free(self, context: ContextPointer, /) -> None: ...
    def llama_n_ctx(self, context: ContextPointer, /) -> int: ...
    def llama_set_n_threads(self, context: ContextPointer, writing: int, reading: int, /) -> None: ...
    def llama_set_causal_attn(self, context: ContextPointer, causal: bool, /) -> None: ...
    def llama_set_abort_callback(self, context: ContextPointer, function: Callback, data: int | None, /) -> None: ...

    def llama_batch_init(self, tokens: int, width: int, sequences: int, /) -> Batch: ...
    def llama_batch_get_one(self, tokens: _Tokens, count: int, /) -> Batch: ...
    def llama_batch_free(self, batch: Batch, /) -> None: ...
    def llama_decode(self, context: ContextPointer, batch: Batch, /) -> int: ...
    def llama_get_logits_ith(self, context: ContextPointer, index: int, /) -> _Numbers: ...

    def llama_get_memory(self, context: ContextPointer, /) -> MemoryPointer: ...
    def llama_memory_seq_rm(self, memory: MemoryPointer, sequence: int, first: int, last: int, /) -> bool: ...
    def llama_memory_seq_cp(
        self, memory: MemoryPointer, source: int, target: int, first: int, last: int, /
    ) -> None: ...
    def llama_memory_seq_add(self, memory: MemoryPointer, sequence: int, first: int, last: int, by: int, /) -> None: ...
    def llama_memory_can_shift(self, memory: MemoryPointer, /) -> bool: ...
    def llama_memory_seq_pos_max(self, memory: MemoryPointer, sequence: int, /) -> int: ...
    def llama_state_seq_get_size_ext(self, context: ContextPointer, sequence: int, flags: int, /) -> int: ...
    def llama_state_seq_get_data_ext(
        self, context: ContextPointer, data: _Numbers, size: int, sequence: int, flags: int, /
    ) -> int: ...
    def llama_state_seq_set_data_ext(
        self, context: ContextPointer, data: _Numbers, size: int, sequence: int, flags: int, /
    ) -> int: ...
    def llama_state_seq_save_file(
        self, context: ContextPointer, path: bytes, sequence: int, tokens: _Tokens, count: int, /
    ) -> int: ...
    def llama_state_seq_load_file(
        self, context: ContextPointer, path: bytes, sequence: int, tokens: _Tokens, most: int, count: _ByReference, /
    ) -> int: ...

    def llama_tokenize(
        self,
        vocabulary: VocabularyPointer,
        text: bytes,
        length: int,
        tokens: _Tokens,
        most: int,
        adds_special: bool,
        parses_special: bool,
        /,
    ) -> int: ...
    def llama_token_to_piece(
        self,
        vocabulary: VocabularyPointer,
        token: int,
        buffer: ctypes.Array[ctypes.c_char],
        size: int,
        stripped: int,
        special: bool,
        /,
    ) -> int: ...
    def llama_vocab_n_tokens(self, vocabulary: VocabularyPointer, /) -> int: ...
    def llama_vocab_bos(self, vocabulary: VocabularyPointer, /) -> int: ...
    def llama_vocab_eos(self, vocabulary: VocabularyPointer, /) -> int: ...
    def llama_vocab_get_add_bos(self, vocabulary: VocabularyPointer, /) -> bool: ...
    def llama_vocab_get_text(self, vocabulary: VocabularyPointer, token: int, /) -> bytes: ...
    def llama_vocab_get_attr(self, vocabulary: VocabularyPointer, token: int, /) -> int: ...
    def llama_vocab_is_eog(self, vocabulary: VocabularyPointer, token: int, /) -> bool: ...

    def llama_sampler_chain_default_params(self) -> Any: ...
    def llama_sampler_chain_init(self, parameters: Any, /) -> SamplerPointer: ...
    def llama_sampler_chain_add(self, chain: SamplerPointer, step: SamplerPointer, /) -> None: ...
    def llama_sampler_init_penalties(
        self, n_vocabulary: int, window: int, repeat: float, frequency: float, presence: float, /
    ) -> SamplerPointer: ...
    def llama_sampler_init_greedy(self) -> SamplerPointer: ...
    def llama_sampler_init_top_k(self, k: int, /) -> SamplerPointer: ...
    def llama_sampler_init_top_p(self, p: float, least: int, /) -> SamplerPointer: ...
    def llama_sampler_init_min_p(self, p: float, least: int, /) -> SamplerPointer: ...
    def llama_sampler_init_temp(self, temperature: float, /) -> SamplerPointer: ...
    def llama_sampler_init_dist(self, seed: int, /) -> SamplerPointer: ...
    def llama_sampler_sample(self, chain: SamplerPointer, context: ContextPointer, index: int, /) -> int: ...
    def llama_sampler_accept(self, chain: SamplerPointer, token: int, /) -> None: ...
    def llama_sampler_free(self, chain: SamplerPointer, /) -> None: ...


class _Mtmd(Protocol):
    """mtmd.h and mtmd-helper.h: image encoders and projectors."""

    MTMD_INPUT_CHUNK_TYPE_IMAGE: int

    def mtmd_log_set(self, function: Callback, data: None, /) -> None: ...
    def mtmd_helper_log_set(self, function: Callback, data: None, /) -> None: ...

    def mtmd_context_params_default(self) -> MtmdParameters: ...
    def mtmd_init_from_file(self, path: bytes, model: ModelPointer, parameters: MtmdParameters, /) -> MtmdPointer: ...
    def mtmd_free(self, context: MtmdPointer, /) -> None: ...
    def mtmd_decode_use_mrope(self, context: MtmdPointer, /) -> bool: ...
    def mtmd_decode_use_non_causal(self, context: MtmdPointer, chunk: ChunkPointer, /) -> bool: ...

    def mtmd_bitmap_init(
        self, width: int, height: int, rgb: ctypes.Array[ctypes.c_uint8] | None, /
    ) -> BitmapPointer: ...
    def mtmd_bitmap_free(self, bitmap: BitmapPointer, /) -> None: ...
    def mtmd_default_marker(self) -> bytes: ...
    def mtmd_input_text(self, text: bytes, length: int, adds_special: bool, parses_special: bool, /) -> Any: ...
    def mtmd_tokenize(
        self,
        context: MtmdPointer,
        chunks: ChunksPointer,
        text: _ByReference,
        bitmaps: ctypes.Array[ctypes.c_void_p],
        count: int,
        /,
    ) -> int: ...

    def mtmd_input_chunks_init(self) -> ChunksPointer: ...
    def mtmd_input_chunks_free(self, chunks: ChunksPointer, /) -> None: ...
    def mtmd_input_chunks_size(self, chunks: ChunksPointer, /) -> int: ...
    def mtmd_input_chunks_get(self, chunks: ChunksPointer, index: int, /) -> ChunkPointer: ...
    def mtmd_input_chunk_get_type(self, chunk: ChunkPointer, /) -> int: ...
    def mtmd_input_chunk_get_n_tokens(self, chunk: ChunkPointer, /) -> int: ...
    def mtmd_input_chunk_get_n_pos(self, chunk: ChunkPointer, /) -> int: ...
    def mtmd_input_chunk_get_tokens_text(self, chunk: ChunkPointer, count: _ByReference, /) -> _Numbers: ...
    def mtmd_input_chunk_get_tokens_image(self, chunk: ChunkPointer, /) -> ImageTokensPointer: ...
    def mtmd_image_tokens_get_decoder_pos(
        self, tokens: ImageTokensPointer, position: int, row: int, /
    ) -> DecoderPosition: ...
    def mtmd_encode_chunk(self, context: MtmdPointer, chunk: ChunkPointer, /) -> int: ...
    def mtmd_get_output_embd(self, context: MtmdPointer, /) -> _Numbers: ...


llama = cast("_Llama", llama_cpp)
mtmd = cast("_Mtmd", mtmd_cpp)
KVOverride: Any = llama_cpp.llama_model_kv_override
#: The version, stored with everything that was computed.
VERSION: str = f"{llama_cpp.__version__} {llama_cpp.llama_version().decode()}"

#: The loaded libraries, and the folder that contains them.
LIBLLAMA: ctypes.CDLL = _low_level._lib
LIBGGML: ctypes.CDLL = _ggml.libggml
LIBRARIES: Path = _ggml.libggml_base_path


def ggml_functions() -> ctypes.CDLL:
    """Return the library with the functions of ggml.h that llama.cpp itself uses."""
    if sys.platform == "win32":  # where a library exports only its own functions
        found: ctypes.CDLL = _ctypes_extensions.load_shared_library("ggml-base", LIBRARIES)
        return found
    return LIBLLAMA  # it may be linked to another copy of libggml than LIBGGML
