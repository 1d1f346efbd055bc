"""Keeps track of what the KV cache contains, cell by cell, and evaluates only what is new.

A cell is a token id or one row of a picture's embedding. The part of a prompt that the cache has already, from the
start, is not evaluated again. A picture that was evaluated in part is continued.

Of a quick look the cells say only how many rows are read, and of how many; which ones is known once the picture is
encoded. So they form a block, which takes all the positions of the whole picture. llama.cpp refuses gaps between the
positions of a batch: the rows are read side by side and then moved to their places. It turns their keys at the next
evaluation; if that is stopped, the block is lost.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import Protocol

import numpy as np
import numpy.typing as npt

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.interrupt import Interrupt

Places = npt.NDArray[np.intp]  # of the rows of a quick look among those of the whole picture; the last is the last


@dataclass(frozen=True)
class Block:
    """Rows of a picture that are evaluated together, and can be removed from the cache only together."""

    first: int  # row
    rows: int
    #: The time, line and column of each row (M-RoPE), counted from where the block stands; (): consecutive positions.
    #: Of a quick look those of all rows of the whole.
    axes: tuple[tuple[int, ...], ...] = ()
    causal: bool = True  # whether a row attends only to those before it
    of_rows: int = 0  # of the whole picture, of which a quick look reads some; 0: all are read

    @property
    def positions(self) -> int:
        """Return how many positions the block takes."""
        return 1 + max(map(max, self.axes)) if self.axes else self.of_rows or self.rows

    def ends(self, places: Places | None) -> npt.NDArray[np.intp]:
        """Return for each row the position after it, counted from where the block stands.

        All rows with axes end together. `places`: where the rows of a quick look stand.
        """
        if self.axes:
            return np.full(self.rows, self.positions)
        return 1 + (np.arange(self.rows) if places is None else places)


@dataclass(frozen=True)
class PictureRow:
    """One row of a picture's embedding."""

    picture: str  # its SHA-256, its tiles if it has any, and how it is looked at
    row: int
    block: Block | None = None  # None: it is evaluated like a token


Cell = int | PictureRow
PlainCell = int | tuple[str, int]  # what tells cells apart, to be written: a token, or a picture and a row of it


class Place(IntEnum):
    """A place to which a conversation may return; those that are worth least come first."""

    BATCH = 0  # before one that may be stopped
    QUESTION = 1  # where the words of a question begin: it may be edited
    OPENING = 2  # after a long system prompt: old turns may be dropped, and another conversation begins so, too
    ANSWER = 3  # before an answer, and what is there only while it is written: it may be written again
    PICTURE = 4  # after one: the question about it may be edited


def common_start(first: Sequence[object], second: Sequence[object]) -> int:
    """Return how many cells two sequences have in common from the start."""
    pairs = zip(first, second, strict=False)
    return next((count for count, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def plain_cells(cells: Iterable[Cell]) -> list[PlainCell]:
    """Return what tells cells apart."""
    return [cell if isinstance(cell, int) else (cell.picture, cell.row) for cell in cells]


def positions(cells: Iterable[Cell]) -> int:
    """Return how many positions cells take."""
    runs = groupby(cells, key=_source_of)
    return sum(block.positions if block is not None else len(list(run)) for (_source, block), run in runs)


def whole_blocks(cells: Sequence[Cell], keep: int) -> int:
    """Return `keep`, or the start of the block that it would cut in two."""
    cell = cells[keep] if keep < len(cells) else None
    return keep - (cell.row - cell.block.first) if isinstance(cell, PictureRow) and cell.block else keep


class Evaluator(Protocol):
    """The part of a model that fills the KV cache: see `Model`."""

    @property
    def batch(self) -> int:
        """Return the largest number of cells per batch."""

    def read_tokens(self, tokens: Sequence[int], position: int, *, logits: bool) -> None:
        """Evaluate tokens."""

    def read_rows(self, rows: Embedding, position: int, *, logits: bool) -> None:
        """Evaluate rows of an embedding."""

    def read_block(
        self, rows: Embedding, position: int, block: Block, places: Places | None = None, *, logits: bool
    ) -> None:
        """Evaluate all rows of a block, and move those of a quick look to their `places`."""

    def take_checkpoint(self, position: int, place: Place) -> None:
        """Remember the end of the cache, `position`, as one where it can be cut, if it cannot be cut anywhere."""

    def cut_point(self, position: int) -> int:
        """Return from which position on everything would be removed, if it is to be from `position` on."""

    def forget_from(self, position: int) -> int:
        """Remove everything from `position` on from the cache, or from before it: see `cut_point`."""


class KVCache:
    """The KV cache of one model. After `Interrupted` it contains all batches that were complete."""

    def __init__(self, model: Evaluator, interrupt: Interrupt) -> None:
        self._model = model
        self._interrupt = interrupt
        self._cells: list[Cell] = []
        self._ends: list[int] = []  # the position after each cell
        self._unturned: int | None = None  # from this cell on, keys are turned at the next evaluation

    def __len__(self) -> int:
        return len(self._cells)

    @property
    def cells(self) -> Sequence[Cell]:
        """Return the content of the cache."""
        return self._cells

    @property
    def turned(self) -> Sequence[Cell]:
        """Return the content up to the first cell whose key is still to be turned."""
        return self._cells if self._unturned is None else self._cells[: self._unturned]

    def end(self, count: int | None = None) -> int:
        """Return the position after the first `count` cells, or after all."""
        count = len(self._cells) if count is None else count
        return self._ends[count - 1] if count else 0

    def drop_unturned(self) -> None:
        """Remove what has keys that are not turned yet, and all after it: it can be neither saved nor put aside."""
        if self._unturned is not None:
            self.cut(self._unturned)

    def begins_with(self, cells: Sequence[Cell]) -> bool:
        """Return whether all of `cells` are in the cache, from the start."""
        return common_start(self._cells, cells) == len(cells)

    def common(self, cells: Sequence[Cell]) -> int:
        """Return how many cells from the start can be kept for `cells`: see `reachable`."""
        return self.reachable(common_start(self._cells, cells))

    def reachable(self, keep: int) -> int:
        """Return how many cells remain if the cache is cut to its first `keep`.

        They are fewer if a block would be cut in two, and with models whose cache can be cut at some places only.
        """
        keep = whole_blocks(self._cells, keep)
        if keep >= len(self._cells):
            return len(self._cells)
        position = self.end(keep)
        found = self._model.cut_point(position)
        return keep if found == position else self.cells_before(found)

    def cut(self, keep: int) -> int:
        """Remove everything after the first `keep` cells, or after fewer; return how many remain: see `reachable`."""
        keep = self.reachable(keep)
        if keep < len(self._cells):
            position = self.end(keep)
            if self._model.forget_from(position) != position:
                raise RuntimeError("the KV cache was cut at another place")
            del self._cells[keep:], self._ends[keep:]
            if self._unturned is not None and self._unturned >= keep:
                self._unturned = None
        return keep

    def cells_before(self, position: int) -> int:
        """Return how many cells stand before a position."""
        return bisect_right(self._ends, position)

    def take_checkpoint(self, place: Place) -> None:
        """Have a place where the cache can be cut at its end, if it cannot be cut anywhere."""
        self._model.take_checkpoint(self.end(), place)

    def adopt(self, cells: Sequence[Cell], ends: Sequence[int] | None = None, *, cut: bool = False) -> None:
        """Record cells that were added to the end of the cache without being evaluated.

        `ends`: the positions after them; None: none of them is of a quick look without axes. `cut`: the cache holds
        more, which is removed; it must be possible to cut it there.
        """
        if ends is not None:
            self._cells += cells
            self._ends += ends
        else:
            for (_source, block), run in groupby(cells, key=_source_of):
                self._note(list(run), block)
        if cut and self._model.forget_from(self.end()) != self.end():
            raise RuntimeError("the KV cache was cut at another place")

    def append(
        self,
        cells: Sequence[Cell],
        embedding: Callable[[str], Embedding],
        progress: Callable[[int], None] = lambda _count: None,
        *,
        places: Callable[[str], Places | None] = lambda _key: None,
        logits: bool = True,
    ) -> None:
        """Evaluate `cells` and add them to the end of the cache; with `logits` the next token can be sampled then.

        `embedding` returns the rows of a picture, `places` where those of a quick look stand. `progress` is called
        after each batch with the number of cells done.
        """
        end = len(self._cells) + len(cells)
        done = 0
        for (source, block), run in groupby(cells, key=_source_of):
            whole = list(run)
            for part in _even_parts(whole, self._model.batch) if block is None else [whole]:
                if self._unturned is None:
                    self._interrupt.check()
                last = logits and len(self._cells) + len(part) == end
                found = places(source) if source is not None and block is not None else None
                try:
                    self._evaluate(source, block, part, embedding, found, last)
                except BaseException:
                    self.drop_unturned()
                    raise
                moved = found is not None and block is not None and not block.axes
                self._unturned = len(self._cells) if moved else None
                self._note(part, block, found)
                done += len(part)
                progress(done)

    def _evaluate(
        self,
        source: str | None,
        block: Block | None,
        part: list[Cell],
        embedding: Callable[[str], Embedding],
        places: Places | None,
        last: bool,
    ) -> None:
        if source is None:
            self._model.read_tokens([cell for cell in part if isinstance(cell, int)], self.end(), logits=last)
            return
        numbers = [cell.row for cell in part if isinstance(cell, PictureRow)]
        rows = embedding(source)[numbers[0] : numbers[-1] + 1]
        if block is None:
            self._model.read_rows(rows, self.end(), logits=last)
        else:
            self._model.read_block(rows, self.end(), block, places, logits=last)

    def _note(self, cells: Sequence[Cell], block: Block | None, places: Places | None = None) -> None:
        """Record cells that are in the cache now."""
        ends = block.ends(places) if block is not None else np.arange(1, len(cells) + 1)
        self._ends += (self.end() + ends).tolist()
        self._cells += cells


def _source_of(cell: Cell) -> tuple[str | None, Block | None]:
    return (cell.picture, cell.block) if isinstance(cell, PictureRow) else (None, None)


def _even_parts(cells: list[Cell], most: int) -> Iterator[list[Cell]]:
    """Divide `cells` into as few parts of at most `most` as possible, of about equal length: short ones are slow."""
    parts = -(-len(cells) // most)
    for index in range(parts):
        yield cells[len(cells) * index // parts : len(cells) * (index + 1) // parts]
