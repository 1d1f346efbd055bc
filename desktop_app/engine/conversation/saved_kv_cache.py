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
from typing import Protocol

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.llama.kv_cache import Cell, KVCache, PictureRow, common_start

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
        self._identity = f"{identity}|{state.identity}"
        self._cells_of: dict[str, list[Cell]] = {}

    def clear(self) -> None:
        """Forget what is in memory."""
        self._cells_of.clear()

    def restore(self, context: KVCache, cells: Sequence[Cell], keep: int, check: Callable[[], None]) -> int:
        """Bring `context`, whose first `keep` cells begin `cells`, nearer to `cells` with what was saved.

        Returns how many cells it then has in common with `cells`, at least `keep` unless a file is
        damaged. `check` is called between blocks and may raise.
        """
        plan = list(self._plan(cells, keep - keep % BLOCK))
        if not plan or plan[-1][2] - keep < _WORTH:
            return keep
        for name, first, last in plan:
            check()
            block = self._folder.read(name)
            if block is None:
                break
            context.cut(first)
            if not self._state.copy_in(block.data, first, last):
                self._folder.remove(name)
                break
            context.adopt(cells[first:last])
        self._folder.used(*(name for name, _, _ in plan))
        return context.common(cells)

    def save(self, context: KVCache, check: Callable[[], None]) -> None:
        """Save what is new in the context. `check` as above: then it is saved in part."""
        cells = context.cells
        if len(cells) < BLOCK:
            return
        chain: list[str] = []
        for first, before in self._starts(cells):
            part = list(cells[first : first + BLOCK])
            known = self._known(before)
            whole = next((name for name, held in known.items() if common_start(held, part) == len(part)), None)
            if whole is not None:
                chain.append(whole)
                continue
            check()
            name = f"{before}-{_digest(self._identity, part)}"
            state = self._state.copy_out(first, first + len(part))
            if not self._folder.write(name, _written(part), state, chain):
                break
            chain.append(name)
            for shorter, held in known.items():
                if common_start(held, part) == len(held):
                    self._folder.remove(shorter)
        # The end of a chain is to seem older than its beginning, without which it is worth nothing.
        self._folder.used(*chain)

    def _plan(self, cells: Sequence[Cell], start: int) -> Iterator[tuple[str, int, int]]:
        """Yield the blocks that continue `cells` from `start`: (name, first cell, end of what is in common)."""
        for first, before in self._starts(cells):
            if first < start:
                continue
            part = cells[first : first + BLOCK]
            common = {name: common_start(held, part) for name, held in self._known(before).items()}
            best = max(common, key=lambda name: common[name], default=None)
            if best is None or not common[best]:
                return
            yield best, first, first + common[best]
            if common[best] < BLOCK:
                return

    def _starts(self, cells: Sequence[Cell]) -> Iterator[tuple[int, str]]:
        """Yield where blocks begin, with a digest of all that comes before."""
        before = _digest(self._identity, [])
        for first in range(0, len(cells), BLOCK):
            yield first, before
            before = _digest(before, cells[first : first + BLOCK])

    def _known(self, before: str) -> dict[str, list[Cell]]:
        """Return the blocks that come after what has the digest `before`, and their cells."""
        names = [name for name in self._folder.names() if name.startswith(f"{before}-")]
        for name in names:
            if name not in self._cells_of:
                notes = self._folder.notes(name)
                self._cells_of[name] = _read(notes) if notes is not None else []
        return {name: self._cells_of[name] for name in names}


def _digest(before: str, cells: Sequence[Cell]) -> str:
    return hashlib.sha256(before.encode() + b"|" + _written(cells)).hexdigest()[:30]


def _written(cells: Sequence[Cell]) -> bytes:
    """Return cells as JSON: numbers for tokens, pairs for the rows of pictures."""
    return json.dumps(
        [cell if isinstance(cell, int) else (cell.picture, cell.row) for cell in cells], separators=(",", ":")
    ).encode()


def _read(notes: bytes) -> list[Cell]:
    return [cell if isinstance(cell, int) else PictureRow(*cell) for cell in json.loads(notes)]
