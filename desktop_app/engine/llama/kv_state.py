"""Cuts llama.cpp's KV cache, moves its cells, saves and restores it: all of it, parts, or the recurrent state alone.

llama.cpp can save only the state of a whole sequence. To save a part, a second sequence is made that shares the cells
of that part, which copies nothing, and that sequence is saved. Of some models no part can be restored on its own.
"""

from __future__ import annotations

import ctypes
import os
import struct
from enum import Enum, auto
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop_app.engine.llama.bindings import (
    VERSION,
    ContextParameters,
    ContextPointer,
    MemoryPointer,
    ModelPointer,
    llama,
)
from desktop_app.engine.llama.checkpoints import Checkpoints, pack, unpack
from desktop_app.engine.llama.kv_cache import Place, Places

_CONVERSATION, _PART = 0, 1  # sequence numbers
SEQUENCES = 2  # how many sequences a context needs if parts of it are saved
_BYTES = ctypes.POINTER(ctypes.c_uint8)
_PACKED = struct.Struct("<Q")  # bytes of the checkpoints before a whole state
_WHOLE, _RECURRENT = llama.LLAMA_STATE_SEQ_FLAGS_NONE, llama.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY


class Kind(Enum):
    """What can be done with a KV cache."""

    PLAIN = auto()  # it can be cut anywhere, and every part of it can be restored on its own
    PLACED = auto()  # its positions have several dimensions (M-RoPE): only the whole can be restored
    WINDOWED = auto()  # so too, and nothing before the sliding window is saved: what was restored cannot be cut
    RECURRENT = auto()  # it can be cut only at checkpoints


class KVState:
    """The KV cache of one context."""

    def __init__(self, context: ContextPointer, identity: str, kind: Kind) -> None:
        """`identity`: everything that the content of the cache depends on, except the weights."""
        self.identity = identity
        self.kind = kind
        self.use(context)
        self._cut_from = 0  # the cache can be cut from here on, and at 0
        self._checkpoints: Checkpoints | None = None
        if kind is Kind.RECURRENT:
            self._checkpoints = Checkpoints(self)

    # ---- cutting ---------------------------------------------------------------------------

    def cut_point(self, position: int) -> int:
        """Return where the cache can be cut to forget everything from `position` on: there, or before it."""
        if self._checkpoints is not None:
            return self._checkpoints.cut_point(position)
        return position if position >= self._cut_from else 0

    def forget_from(self, position: int) -> int:
        """Remove everything from `cut_point` on; return where that was."""
        position = self.cut_point(position)
        if self._checkpoints is not None:
            self._checkpoints.go_back(position)
        if self._memory and not llama.llama_memory_seq_rm(self._memory, _CONVERSATION, position, -1):
            raise RuntimeError("the KV cache cannot be cut")
        if not position:
            self._cut_from = 0
        return position

    def take_checkpoint(self, position: int, place: Place) -> None:
        """Have `cut_point` know the end of the cache, `position`, if it does not know every place."""
        if self._checkpoints is not None:
            self._checkpoints.take(position, place)

    def take_before_batch(self, position: int) -> None:
        """Have `cut_point` know `position`, where a batch begins that may be stopped."""
        if self._checkpoints is not None:
            self._checkpoints.take_before_batch(position)

    # ---- moving ----------------------------------------------------------------------------

    @property
    def can_move(self) -> bool:
        """Return whether cells can be moved to other positions."""
        return self.kind is Kind.PLAIN and llama.llama_memory_can_shift(self._memory)

    def move(self, position: int, places: Places) -> None:
        """Move the cells that stand side by side from `position` on to `places`, counted from there.

        llama.cpp turns their keys at the next evaluation.
        """
        for index in range(len(places) - 1, -1, -1):  # from the last, so that none gets into the way of another
            here, by = position + index, int(places[index]) - index
            llama.llama_memory_seq_add(self._memory, _CONVERSATION, here, here + 1, by)

    # ---- saving ----------------------------------------------------------------------------

    def use(self, context: ContextPointer) -> None:
        """Continue with another context that was made in the same way, or without one: then all can be forgotten."""
        self._context = context
        self._memory = llama.llama_get_memory(context) if context else MemoryPointer(0)

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

    @property
    def size(self) -> int:
        """Return about how many bytes `copy_all` returns, without checkpoints."""
        return self._size(_CONVERSATION, _WHOLE)

    def copy_all(self, checkpoints: int) -> tuple[memoryview, list[int] | None]:
        """Return the whole state, with the most useful checkpoints, of at most so many bytes.

        And the positions at which it can be cut when it was put back; None: at any.
        """
        kept = self._checkpoints.most_useful(checkpoints) if self._checkpoints is not None else []
        pieces = pack(kept)
        packed = sum(map(len, pieces))
        end = _PACKED.size + packed
        buffer = np.empty(end + self.size, np.uint8)
        start = 0
        for piece in (_PACKED.pack(packed), *pieces):  # joining them would need as much memory again
            buffer[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
            start += len(piece)
        state = self._copy(_CONVERSATION, _WHOLE, buffer, end)
        return state, None if self.kind is Kind.PLACED else [one.position for one in kept]

    def put_all(self, state: bytes) -> bool:
        """Restore what `copy_all` returned, byte for byte, in place of what is there; return False if that failed."""
        (size,) = _PACKED.unpack_from(state)
        packed, whole = memoryview(state)[_PACKED.size :][:size], memoryview(state)[_PACKED.size + size :]
        self.forget_from(0)
        if not self._put(whole, _CONVERSATION, _WHOLE):
            self.forget_from(0)
            return False
        if self._checkpoints is not None:
            self._checkpoints.replace(unpack(packed))
        if self.kind is Kind.WINDOWED:
            self._cut_from = llama.llama_memory_seq_pos_max(self._memory, _CONVERSATION) + 1
        return True

    def copy_recurrent(self, into: memoryview | None = None) -> memoryview:
        """Return the recurrent state, without the cells of the layers that have attention.

        `into`: one that is not needed any more, and is overwritten: new memory would take longer than the copy.
        """
        size = self._size(_CONVERSATION, _RECURRENT)
        buffer = np.frombuffer(into, np.uint8) if into is not None and len(into) == size else np.empty(size, np.uint8)
        return self._copy(_CONVERSATION, _RECURRENT, buffer)

    def put_recurrent(self, state: memoryview, position: int) -> bool:
        """Restore what `copy_recurrent` returned when the next position was `position`; return False if that failed.

        The cells of the other layers up to there must be the same as then; the later ones are removed. Without that
        llama.cpp would go on with both, wrongly and without an error.
        """
        put = self._put(state, _CONVERSATION, _RECURRENT)
        return put and llama.llama_memory_seq_rm(self._memory, _CONVERSATION, position, -1)

    def copy_out(self, first: int, last: int) -> memoryview:
        """Return the state of the positions from `first` up to, not including, `last`."""
        llama.llama_memory_seq_cp(self._memory, _CONVERSATION, _PART, first, last)
        try:
            return self._copy(_PART, _WHOLE, np.empty(self._size(_PART, _WHOLE), np.uint8))
        finally:
            self._drop_part()

    def copy_in(self, state: bytes, first: int, last: int) -> bool:
        """Restore the positions from `first` up to `last` of a state from `copy_out`; return False if it does not fit.

        llama.cpp does not check the data: `state` must be what `copy_out` returned, byte for byte.
        """
        try:
            if not self._put(memoryview(state), _PART, _WHOLE):
                return False
            llama.llama_memory_seq_cp(self._memory, _PART, _CONVERSATION, first, last)
        finally:
            self._drop_part()
        return True

    def _size(self, sequence: int, flags: int) -> int:
        return llama.llama_state_seq_get_size_ext(self._context, sequence, flags)

    def _copy(self, sequence: int, flags: int, buffer: npt.NDArray[np.uint8], first: int = 0) -> memoryview:
        """Write a state into `buffer`, from its byte `first` on; return the buffer up to its end."""
        start = ctypes.cast(buffer.ctypes.data + first, _BYTES)
        size = len(buffer) - first
        written = llama.llama_state_seq_get_data_ext(self._context, start, size, sequence, flags)
        return buffer.data[: first + written]

    def _put(self, state: memoryview, sequence: int, flags: int) -> bool:
        raw = np.frombuffer(state, np.uint8)
        start = ctypes.cast(raw.ctypes.data, _BYTES)
        return bool(llama.llama_state_seq_set_data_ext(self._context, start, len(raw), sequence, flags))

    def _drop_part(self) -> None:
        llama.llama_memory_seq_rm(self._memory, _PART, -1, -1)


def kind_of(model: ModelPointer) -> Kind:
    """Return what can be done with the KV cache of a model."""
    if llama.llama_model_is_recurrent(model) or llama.llama_model_is_hybrid(model):
        return Kind.RECURRENT
    if llama.llama_model_n_swa(model) > 0:
        return Kind.WINDOWED
    plain_rope = llama.llama_model_rope_type(model) in {llama.LLAMA_ROPE_TYPE_NORM, llama.LLAMA_ROPE_TYPE_NEOX}
    return Kind.PLAIN if plain_rope else Kind.PLACED


def sequences(kind: Kind) -> int:
    """Return how many sequences a context needs. Each has a recurrent state of its own, which may be large."""
    return 1 if kind is Kind.RECURRENT else SEQUENCES


def kv_state(model: ModelPointer, context: ContextPointer, parameters: ContextParameters) -> KVState:
    """Return the KV cache of a context made with `parameters`."""
    kinds = (parameters.type_k, parameters.type_v, parameters.flash_attn_type, llama.llama_n_ctx(context))
    return KVState(context, f"{VERSION} {kinds}", kind_of(model))
