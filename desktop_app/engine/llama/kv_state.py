"""Copies stretches of llama.cpp's KV cache out and in again.

llama.cpp gives the state of a sequence as a whole. A second sequence that shares the cells of one
stretch of the first makes a stretch such a whole; sharing copies nothing.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from desktop_app.engine.llama.bindings import VERSION, ContextParameters, ContextPointer, ModelPointer, llama

_CONVERSATION, _STRETCH = 0, 1  # sequence numbers
SEQUENCES = 2  # how many a context must allow


class KVState:
    """The KV cache of one context."""

    def __init__(self, context: ContextPointer, identity: str) -> None:
        """`identity` names everything, except the weights, on which the content of the cache depends."""
        self.identity = identity
        self._context = context
        self._memory = llama.llama_get_memory(context)

    def use(self, context: ContextPointer) -> None:
        """Go on with another context, made in the same way."""
        self._context = context
        self._memory = llama.llama_get_memory(context)

    def write(self, path: Path) -> bool:
        """Write the conversation to a file, if anything is in it, a part at a time; False if that failed."""
        if llama.llama_memory_seq_pos_max(self._memory, _CONVERSATION) < 0:
            return True
        none = (ctypes.c_int32 * 1)()
        written = llama.llama_state_seq_save_file(self._context, os.fsencode(path), _CONVERSATION, none, 0)
        return bool(written)

    def read(self, path: Path) -> bool:
        """Read the conversation that `write` wrote, if anything was in it."""
        if not path.stat().st_size:
            return True
        tokens, count = (ctypes.c_int32 * 1)(), ctypes.c_size_t()
        read = llama.llama_state_seq_load_file(
            self._context, os.fsencode(path), _CONVERSATION, tokens, 1, ctypes.byref(count)
        )
        return bool(read)

    def copy_out(self, first: int, last: int) -> memoryview:
        """Return the state of the positions from `first` up to, not including, `last`."""
        llama.llama_memory_seq_cp(self._memory, _CONVERSATION, _STRETCH, first, last)
        try:
            size = llama.llama_state_seq_get_size(self._context, _STRETCH)
            buffer = (ctypes.c_uint8 * size)()
            written = llama.llama_state_seq_get_data(self._context, buffer, size, _STRETCH)
        finally:
            self._drop_stretch()
        return memoryview(buffer).cast("B")[:written]

    def copy_in(self, state: bytes, first: int, last: int) -> bool:
        """Put back the positions from `first` up to `last` of what `copy_out` gave; False if it does not fit.

        llama.cpp trusts what it reads: `state` must be what was copied out, byte for byte.
        """
        buffer = ctypes.cast(ctypes.c_char_p(state), ctypes.POINTER(ctypes.c_uint8))
        try:
            if not llama.llama_state_seq_set_data(self._context, buffer, len(state), _STRETCH):
                return False
            llama.llama_memory_seq_cp(self._memory, _STRETCH, _CONVERSATION, first, last)
        finally:
            self._drop_stretch()
        return True

    def _drop_stretch(self) -> None:
        llama.llama_memory_seq_rm(self._memory, _STRETCH, -1, -1)


def kv_state(model: ModelPointer, context: ContextPointer, parameters: ContextParameters) -> KVState | None:
    """Return the KV cache of a context made with `parameters`; None where a part does not stand for itself.

    That is so when the model has a memory of another kind, sees only a sliding window, or counts
    positions in more than one dimension.
    """
    plain = not llama.llama_model_is_recurrent(model) and not llama.llama_model_is_hybrid(model)
    rope = llama.llama_model_rope_type(model) in {llama.LLAMA_ROPE_TYPE_NORM, llama.LLAMA_ROPE_TYPE_NEOX}
    if not plain or not rope or llama.llama_model_n_swa(model) > 0:
        return None
    kinds = (parameters.type_k, parameters.type_v, parameters.flash_attn_type, llama.llama_n_ctx(context))
    return KVState(context, f"{VERSION} {kinds}")
