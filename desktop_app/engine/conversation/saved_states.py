"""Saves the whole state of recent conversations to disk, for models of which no part can be restored on its own.

Those have recurrent layers, a sliding window, or positions with several dimensions. There is one file for each
conversation, whose notes say which cells it holds and to which of them the cache can be cut.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.llama.kv_cache import Cell, KVCache, PlainCell, common_start, plain_cells, whole_blocks
from desktop_app.engine.planning.recurrent_state import MOST_SAVED, SAVED_CHECKPOINTS

_LEAST = 64  # cells that are worth a file
_WORTH = 16  # cells: fewer are evaluated as fast


class State(Protocol):
    """The whole KV cache; see `KVState`."""

    identity: str

    @property
    def size(self) -> int:
        """Return how many bytes it has, without checkpoints."""

    def copy_all(self, checkpoints: int) -> tuple[memoryview, list[int] | None]:
        """Return it, and at which positions it can be cut when it was put back."""

    def put_all(self, state: bytes) -> bool:
        """Put it back."""


class SavedStates:
    """What is kept of the conversations of one model."""

    def __init__(self, folder: CheckedFolder, state: State, identity: str) -> None:
        """`identity` names the weights: of the language model and, for pictures, of the projector."""
        self._folder = folder
        self._state = state
        self._prefix = hashlib.sha256(f"whole, notes packed|{identity}|{state.identity}".encode()).hexdigest()[:30]
        self._notes: dict[str, _Notes] = {}

    def clear(self) -> None:
        """Forget what is in memory."""
        self._notes.clear()

    def restore(self, context: KVCache, cells: Sequence[Cell], keep: int, check: Callable[[], None]) -> int:
        """Bring `context`, whose first `keep` cells begin `cells`, nearer to `cells` with what was saved.

        Returns how many cells it then has in common with `cells`, at least `keep` unless a file is damaged. `check` may
        raise.
        """
        wanted = plain_cells(cells)
        reached = {name: notes.reach(cells, wanted) for name, notes in self._known().items()}
        best = max(reached, key=lambda name: reached[name], default=None)
        if best is None or reached[best] - keep < _WORTH:
            return keep
        check()
        file = self._folder.read(best)
        if file is None:
            return keep
        # Another engine may have written it anew meanwhile: the same cells, but cut at other places.
        notes = self._notes[best] = _Notes.read(file.notes)
        reach = notes.reach(cells, wanted)
        if reach - keep < _WORTH:
            return keep
        context.cut(0)
        if not self._state.put_all(file.data):
            self._folder.remove(best)
            return 0
        context.adopt(cells[:reach], cut=reach < len(notes.cells))
        self._folder.used(best)
        return len(context)

    def reach(self, cells: Sequence[Cell], keep: int) -> int:
        """Return how many of `cells` `restore` would find, at least `keep`."""
        wanted = plain_cells(cells)
        reached = max((notes.reach(cells, wanted) for notes in self._known().values()), default=keep)
        return reached if reached - keep >= _WORTH else keep

    def save(self, context: KVCache, check: Callable[[], None]) -> None:
        """Save what `context` holds, in place of what was saved of the same conversation before it grew.

        A few more cells are not worth a file of so many megabytes.
        """
        cells = plain_cells(context.cells)
        if len(cells) < _LEAST or self._state.size > MOST_SAVED:
            return
        begins = {name: held for name, held in self._known().items() if held.cells == cells[: len(held.cells)]}
        longest = max(begins, key=lambda name: len(begins[name].cells), default="")
        if not longest or len(cells) - len(begins[longest].cells) >= _WORTH:
            check()
            data, positions = self._state.copy_all(SAVED_CHECKPOINTS)
            cuts = None if positions is None else [context.cells_before(position) for position in positions]
            longest = f"{self._prefix}-{hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:30]}"
            if not self._folder.write(longest, _Notes(cells, cuts).written(), data):
                return
            for name in begins:
                self._folder.remove(name)
        self._folder.used(longest)

    def _known(self) -> dict[str, _Notes]:
        names = [name for name in self._folder.names() if name.startswith(f"{self._prefix}-")]
        for name in names:
            if name not in self._notes and (notes := self._folder.notes(name)) is not None:
                self._notes[name] = _Notes.read(notes)
        self._notes = {name: self._notes[name] for name in names if name in self._notes}
        return self._notes


@dataclass(frozen=True)
class _Notes:
    """What a file says of the conversation in it."""

    cells: list[PlainCell]
    cuts: list[int] | None  # to how many cells it can be cut; None: to any number

    @classmethod
    def read(cls, notes: bytes) -> _Notes:
        cells, cuts = json.loads(zlib.decompress(notes))
        return cls([cell if isinstance(cell, int) else (cell[0], cell[1]) for cell in cells], cuts)

    def written(self) -> bytes:
        # The name of a picture stands in each of its cells: unpacked, 12,000 of them would be too much for a file.
        return zlib.compress(json.dumps([self.cells, self.cuts], separators=(",", ":")).encode(), 1)

    def reach(self, cells: Sequence[Cell], plain: Sequence[PlainCell]) -> int:
        """Return how many of `cells`, from the start, could be had from the file; `plain`: the same cells."""
        common = common_start(self.cells, plain)
        if common == len(self.cells):
            return common
        if self.cuts is None:
            return whole_blocks(cells, common)
        return max((cut for cut in self.cuts if cut <= common), default=0)
