"""Saves parts of llama.cpp's KV cache and restores them.

llama.cpp can save only the state of a whole sequence. So a second sequence is made that shares the cells of one part of
the first, which copies nothing, and that sequence is saved.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from desktop_app.engine.llama.bindings import VERSION, ContextParameters, ContextPointer, ModelPointer, llama

_CONVERSATION, _PART = 0, 1  # sequence numbers
SEQUENCES = 2  # how many sequences a context needs


class KVState:
    """The KV cache of one context."""

    def __init__(self, context: ContextPointer, identity: str) -> None:
        """`identity`: everything that the content of the cache depends on, except the weights."""
        self.identity = identity
        self._context = context
        self._memory = llama.llama_get_memory(context)

    def use(self, context: ContextPointer) -> None:
        """Continue with another context that was made in the same way."""
        self._context = context
        self._memory = llama.llama_get_memory(context)

    def write(self, path: Path) -> bool:
        """Write the cache to a file, if it is not empty; return False if that failed."""
        if llama.llama_memory_seq_pos_max(self._memory, _CONVERSATION) < 0:
            return True
        none = (ctypes.c_int32 * 1)()
        written = llama.llama_state_seq_save_file(self._context, os.fsencode(path), _CONVERSATION, none, 0)
        return bool(written)

    def read(self, path: Path) -> bool:
        """Restore the cache from a file that `write` wrote; return False if that failed."""
        if not path.stat().st_size:
            return True
        tokens, count = (ctypes.c_int32 * 1)(), ctypes.c_size_t()
        read = llama.llama_state_seq_load_file(
            self._context, os.fsencode(path), _CONVERSATION, tokens, 1, ctypes.byref(count)
        )
        return bool(read)

    def copy_out(self, first: int, last: int) -> memoryview:
        """Return the state of the positions from `first` up to, not including, `last`."""
        llama.llama_memory_seq_cp(self._memory, _CONVERSATION, _PART, first, last)
        try:
            size = llama.llama_state_seq_get_size(self._context, _PART)
            buffer = (ctypes.c_uint8 * size)()
            written = llama.llama_state_seq_get_data(self._context, buffer, size, _PART)
        finally:
            self._drop_part()
        return memoryview(buffer).cast("B")[:written]

    def copy_in(self, state: bytes, first: int, last: int) -> bool:
        """Restore the positions from `first` up to `last` of a state from `copy_out`; return False if it does not fit.

        llama.cpp does not check the data: `state` must be what `copy_out` returned, byte for byte.
        """
        buffer = ctypes.cast(ctypes.c_char_p(state), ctypes.POINTER(ctypes.c_uint8))
        try:
            if not llama.llama_state_seq_set_data(self._context, buffer, len(state), _PART):
                return False
            llama.llama_memory_seq_cp(self._memory, _PART, _CONVERSATION, first, last)
        finally:
            self._drop_part()
        return True

    def _drop_part(self) -> None:
        llama.llama_memory_seq_rm(self._memory, _PART, -1, -1)


def kv_state(model: ModelPointer, context: ContextPointer, parameters: ContextParameters) -> KVState | None:
    """Return the KV cache of a context made with `parameters`; None if a part of it cannot be restored on its own.

    That is so if the model is recurrent, has a sliding window, or has positions with more than one dimension.
    """
    plain = not llama.llama_model_is_recurrent(model) and not llama.llama_model_is_hybrid(model)
    rope = llama.llama_model_rope_type(model) in {llama.LLAMA_ROPE_TYPE_NORM, llama.LLAMA_ROPE_TYPE_NEOX}
    if not plain or not rope or llama.llama_model_n_swa(model) > 0:
        return None
    kinds = (parameters.type_k, parameters.type_v, parameters.flash_attn_type, llama.llama_n_ctx(context))
    return KVState(context, f"{VERSION} {kinds}")
