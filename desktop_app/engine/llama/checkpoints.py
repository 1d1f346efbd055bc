"""Checkpoints of a model whose KV cache cannot be cut at any place, because some of its layers are recurrent.

Such layers keep a state of the last token alone, from which what came before cannot be had. So the state is copied at
the places to which a conversation is likely to return. Put back, and with the later cells of the other layers removed,
everything is bit for bit as it was. (llama.cpp can also keep states by itself, `n_rs_seq`, but they are wrong after
tokens that were evaluated one by one: ggml-org/llama.cpp#26695.)

A state may take 20 MB and more, so only some are kept: see `Checkpoints.take`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from desktop_app.engine.llama.kv_cache import Place
from desktop_app.engine.planning.recurrent_state import most_checkpoints

_HEADER = struct.Struct("<iIQ")  # position, place, bytes of the state


@dataclass(frozen=True)
class Checkpoint:
    """The recurrent state at one place."""

    position: int  # of the next token
    place: Place
    state: memoryview


class Recurrent(Protocol):
    """A recurrent state: see `KVState`."""

    def copy_recurrent(self, into: memoryview | None = None) -> memoryview:
        """Return the state; `into`: memory that may be used for it."""

    def put_recurrent(self, state: memoryview, position: int) -> bool:
        """Restore it, and remove the cells from `position` on; return False if that failed."""


class Checkpoints:
    """The checkpoints of one KV cache."""

    def __init__(self, recurrent: Recurrent, most: Callable[[int], int] = most_checkpoints) -> None:
        """`most`: bytes of a state -> how many to keep, besides the one before the batch that is evaluated."""
        self._recurrent = recurrent
        self._most = most
        self._kept: list[Checkpoint] = []  # by position
        self._before_batch: Checkpoint | None = None

    def cut_point(self, position: int) -> int:
        """Return the place nearest to `position`, there or before it, to which `go_back` can return."""
        return max((one.position for one in self._all() if one.position <= position), default=0)

    def take(self, position: int, place: Place) -> None:
        """Take a checkpoint where the cache ends now, at `position`. If there are too many, the least useful goes.

        That is the oldest of its kind, of the first kind in `Place` that has more than one; if none has, the first.
        """
        if not position:
            return
        there = self._at(position)
        found = Checkpoint(position, place, there.state if there is not None else self._recurrent.copy_recurrent())
        self._kept = [*(one for one in self._kept if one.position < position), found]
        self._kept = _most_useful(self._kept, self._most(len(found.state)))

    def take_before_batch(self, position: int) -> None:
        """Take a checkpoint for the case that the batch at `position` is stopped, in place of the one before."""
        if not position or self._at(position) is not None:
            return
        old = self._before_batch.state if self._before_batch is not None else None
        if any(one.state is old for one in self._kept):
            old = None
        self._before_batch = Checkpoint(position, Place.BATCH, self._recurrent.copy_recurrent(old))

    def go_back(self, position: int) -> None:
        """Put the state at `position` back, which `cut_point` has returned, and drop all checkpoints behind it.

        At 0 there is none: llama.cpp begins anew where nothing is left.
        """
        if position:
            found = self._at(position)
            if found is None or not self._recurrent.put_recurrent(found.state, position):
                raise RuntimeError("a recurrent state cannot be put back")
        self._kept = [one for one in self._kept if one.position <= position]
        if self._before_batch is not None and self._before_batch.position > position:
            self._before_batch = None

    def most_useful(self, most_bytes: int) -> list[Checkpoint]:
        """Return the most useful checkpoints of at most so many bytes."""
        size = max((len(one.state) for one in self._kept), default=1)
        return _most_useful(self._kept, most_bytes // size)

    def replace(self, checkpoints: list[Checkpoint]) -> None:
        """Have others, because the cache has another content now."""
        self._kept, self._before_batch = checkpoints, None

    def _all(self) -> Iterable[Checkpoint]:
        return self._kept if self._before_batch is None else [*self._kept, self._before_batch]

    def _at(self, position: int) -> Checkpoint | None:
        return next((one for one in self._all() if one.position == position), None)


def pack(checkpoints: Sequence[Checkpoint]) -> list[bytes | memoryview]:
    """Return checkpoints as bytes, in pieces; all of them are for `unpack`."""
    return [part for one in checkpoints for part in (_HEADER.pack(one.position, one.place, len(one.state)), one.state)]


def unpack(packed: memoryview) -> list[Checkpoint]:
    """Return the checkpoints that were packed."""
    found = []
    while packed:
        position, place, size = _HEADER.unpack_from(packed)
        end = _HEADER.size + size
        found.append(Checkpoint(position, Place(place), memoryview(bytes(packed[_HEADER.size : end]))))
        packed = packed[end:]
    return found


def _most_useful(checkpoints: Sequence[Checkpoint], most: int) -> list[Checkpoint]:
    """Return the `most` checkpoints that are worth most, by position."""
    kept = list(checkpoints)
    while len(kept) > most:
        newest = {one.place: one for one in kept}
        older = [one for one in kept if newest[one.place] is not one]
        kept.remove(min(older or kept, key=lambda one: (one.place, one.position)))
    return kept
