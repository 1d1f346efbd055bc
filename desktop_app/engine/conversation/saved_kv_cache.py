"""Saves the KV cache of recent conversations to disk, and restores it.

It is kept in blocks of some cells, each named by everything that comes before it and by what it
holds. So a conversation that grows adds blocks, conversations share what they have in common, and
between two blocks the engine can turn to a question. Which blocks continue a prompt is told by
their names and notes; the state itself is read only when it is wanted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.llama.kv_cache import (
    Cell,
    KVCache,
    PlainCell,
    common_start,
    plain_cells,
    whole_blocks,
)

_FORMAT = 2  # of the notes
BLOCK = 64  # cells: 32 MiB of a 7B model
_WORTH = 16  # cells: fewer are evaluated as fast


class State(Protocol):
    """The KV cache itself; see `KVState`."""

    identity: str

    def copy_out(self, first: int, last: int) -> memoryview:
        """Return the state of positions."""

    def copy_in(self, state: bytes, first: int, last: int) -> bool:
        """Put positions back."""


class SavedKVCache:
    """What is kept of the KV caches of one model."""

    def __init__(self, folder: CheckedFolder, state: State, identity: str) -> None:
        """`identity` names the weights: of the language model and, for pictures, of the projector."""
        self._folder = folder
        self._state = state
        self._identity = f"{_FORMAT}|{identity}|{state.identity}"
        self._held: dict[str, _Held] = {}

    def clear(self) -> None:
        """Forget what is in memory."""
        self._held.clear()

    def restore(self, context: KVCache, cells: Sequence[Cell], keep: int, check: Callable[[], None]) -> int:
        """Bring `context`, whose first `keep` cells begin `cells`, nearer to `cells` with what was saved.

        Returns how many cells it then has in common with `cells`, at least `keep` unless a file is
        damaged. `check` is called between blocks and may raise.
        """
        plan = list(self._plan(cells, keep))
        if not plan or plan[-1].last - keep < _WORTH:
            return keep
        for part in plan:
            check()
            block = self._folder.read(part.name)
            if block is None:
                break
            context.cut(part.first)
            ends = self._held[part.name].ends[: part.last - part.first]
            if not self._state.copy_in(block.data, context.end(), ends[-1]):
                self._folder.remove(part.name)
                break
            context.adopt(cells[part.first : part.last], ends)
        context.cut(whole_blocks(cells, len(context)))
        self._folder.used(*(part.name for part in plan))
        return context.common(cells)

    def reach(self, cells: Sequence[Cell], keep: int) -> int:
        """Return how many of `cells` `restore` would find, at least `keep`."""
        reached = max((part.last for part in self._plan(cells, keep)), default=keep)
        return reached if reached - keep >= _WORTH else keep

    def save(self, context: KVCache, check: Callable[[], None]) -> None:
        """Save what is new in the context. `check` as above: then it is saved in part."""
        cells = context.turned
        if len(cells) < BLOCK:
            return
        chain: list[str] = []
        for first, before in self._starts(cells):
            part = list(cells[first : first + BLOCK])
            known = self._known(before)
            plain = plain_cells(part)
            whole = next((name for name, held in known.items() if common_start(held.cells, plain) == len(part)), None)
            if whole is not None:
                chain.append(whole)
                continue
            check()
            name = f"{before}-{_digest(self._identity, plain)}"
            ends = [context.end(count) for count in range(first, first + len(part) + 1)]
            state = self._state.copy_out(ends[0], ends[-1])
            if not self._folder.write(name, _Held(plain, ends[1:]).written(), state, chain):
                break
            chain.append(name)
            for shorter, held in known.items():
                if common_start(held.cells, plain) == len(held.cells):
                    self._folder.remove(shorter)
        # The end of a chain is to seem older than its beginning, without which it is worth nothing.
        self._folder.used(*chain)

    def _plan(self, cells: Sequence[Cell], keep: int) -> Iterator[_Part]:
        """Yield the blocks that continue the first `keep` of `cells`."""
        start = keep - keep % BLOCK
        while (whole := whole_blocks(cells, start)) != start:  # no picture is cut that is in the cache as a whole
            start = whole - whole % BLOCK
        for first, before in self._starts(cells):
            if first < start:
                continue
            part = plain_cells(cells[first : first + BLOCK])
            common = {name: common_start(held.cells, part) for name, held in self._known(before).items()}
            best = max(common, key=lambda name: common[name], default=None)
            if best is None or not common[best]:
                return
            yield _Part(best, first, first + common[best])
            if common[best] < BLOCK:
                return

    def _starts(self, cells: Sequence[Cell]) -> Iterator[tuple[int, str]]:
        """Yield where blocks begin, with a digest of all that comes before."""
        before = _digest(self._identity, [])
        for first in range(0, len(cells), BLOCK):
            yield first, before
            before = _digest(before, plain_cells(cells[first : first + BLOCK]))

    def _known(self, before: str) -> dict[str, _Held]:
        """Return the blocks that come after what has the digest `before`."""
        names = [name for name in self._folder.names() if name.startswith(f"{before}-")]
        for name in names:
            if name not in self._held:
                notes = self._folder.notes(name)
                self._held[name] = _Held.read(notes) if notes is not None else _Held([], [])
        return {name: self._held[name] for name in names}


class _Part(NamedTuple):
    """A block of which cells are wanted."""

    name: str
    first: int  # cell
    last: int  # the first cell that is not wanted


@dataclass(frozen=True)
class _Held:
    """What a block holds, and the position after each of its cells."""

    cells: list[PlainCell]
    ends: list[int]

    @classmethod
    def read(cls, notes: bytes) -> _Held:
        cells, ends = json.loads(notes)
        return cls([cell if isinstance(cell, int) else (cell[0], cell[1]) for cell in cells], ends)

    def written(self) -> bytes:
        return json.dumps([self.cells, self.ends], separators=(",", ":")).encode()


def _digest(before: str, cells: Sequence[PlainCell]) -> str:
    return hashlib.sha256(f"{before}|{json.dumps(cells)}".encode()).hexdigest()[:30]
