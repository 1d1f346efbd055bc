"""Keeps track of what the KV cache contains, cell by cell, and evaluates only what is new.

A cell is a token id or one row of a picture's embedding. The part of a prompt that the cache has already, from the
start, is not evaluated again. A picture that was evaluated in part is continued.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import Protocol

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.interrupt import Interrupt


@dataclass(frozen=True)
class Block:
    """Rows of a picture that are evaluated together, and can be removed from the cache only together."""

    first: int  # row
    rows: int
    #: The time, line and column of each row (M-RoPE), counted from where the block stands; (): consecutive positions.
    axes: tuple[tuple[int, ...], ...] = ()
    causal: bool = True  # whether a row attends only to those before it

    @property
    def positions(self) -> int:
        """Return how many positions the block takes."""
        return 1 + max(map(max, self.axes)) if self.axes else self.rows


@dataclass(frozen=True)
class PictureRow:
    """One row of a picture's embedding."""

    picture: str  # its SHA-256, and its tiles if it has any
    row: int
    block: Block | None = None  # None: it is evaluated like a token


Cell = int | PictureRow


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

    def read_block(self, rows: Embedding, position: int, block: Block, *, logits: bool) -> None:
        """Evaluate all rows of a block."""

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
        self._positions: list[int] = []  # of the cells
        self._next = 0  # position

    def __len__(self) -> int:
        return len(self._cells)

    @property
    def cells(self) -> Sequence[Cell]:
        """Return the content of the cache."""
        return self._cells

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
        position = self._positions[keep]
        found = self._model.cut_point(position)
        return keep if found == position else self.cells_before(found)

    def cut(self, keep: int) -> int:
        """Remove everything after the first `keep` cells, or after fewer; return how many remain: see `reachable`."""
        keep = self.reachable(keep)
        if keep < len(self._cells):
            self._next = self._positions[keep]
            if self._model.forget_from(self._next) != self._next:
                raise RuntimeError("the KV cache was cut at another place")
            del self._cells[keep:], self._positions[keep:]
        return keep

    def cells_before(self, position: int) -> int:
        """Return how many cells stand before a position."""
        return bisect_left(self._positions, position)

    def take_checkpoint(self, place: Place) -> None:
        """Have a place where the cache can be cut at its end, if it cannot be cut anywhere."""
        self._model.take_checkpoint(self._next, place)

    def adopt(self, cells: Sequence[Cell], *, cut: bool = False) -> None:
        """Record cells that were added to the end of the cache without being evaluated.

        `cut`: the cache holds more, which is removed; it must be possible to cut it there.
        """
        for (_source, block), run in groupby(cells, key=_source_of):
            self._note(list(run), block)
        if cut and self._model.forget_from(self._next) != self._next:
            raise RuntimeError("the KV cache was cut at another place")

    def append(
        self,
        cells: Sequence[Cell],
        embedding: Callable[[str], Embedding],
        progress: Callable[[int], None] = lambda _count: None,
        *,
        logits: bool = True,
    ) -> None:
        """Evaluate `cells` and add them to the end of the cache; with `logits` the next token can be sampled then.

        `embedding` returns the rows of a picture. `progress` is called after each batch with the number of cells done.
        """
        end = len(self._cells) + len(cells)
        done = 0
        for (source, block), run in groupby(cells, key=_source_of):
            whole = list(run)
            for part in _even_parts(whole, self._model.batch) if block is None else [whole]:
                self._interrupt.check()
                last = logits and len(self._cells) + len(part) == end
                self._evaluate(source, block, part, embedding, last)
                self._note(part, block)
                done += len(part)
                progress(done)

    def _evaluate(
        self,
        source: str | None,
        block: Block | None,
        part: list[Cell],
        embedding: Callable[[str], Embedding],
        last: bool,
    ) -> None:
        if source is None:
            self._model.read_tokens([cell for cell in part if isinstance(cell, int)], self._next, logits=last)
            return
        numbers = [cell.row for cell in part if isinstance(cell, PictureRow)]
        rows = embedding(source)[numbers[0] : numbers[-1] + 1]
        if block is None:
            self._model.read_rows(rows, self._next, logits=last)
        else:
            self._model.read_block(rows, self._next, block, logits=last)

    def _note(self, cells: Sequence[Cell], block: Block | None) -> None:
        """Record cells that are in the cache now."""
        self._cells += cells
        placed = block is not None and bool(block.axes)
        self._positions += [self._next] * len(cells) if placed else range(self._next, self._next + len(cells))
        self._next += block.positions if block is not None else len(cells)


def _source_of(cell: Cell) -> tuple[str | None, Block | None]:
    return (cell.picture, cell.block) if isinstance(cell, PictureRow) else (None, None)


def _even_parts(cells: list[Cell], most: int) -> Iterator[list[Cell]]:
    """Divide `cells` into as few parts of at most `most` as possible, of about equal length: short ones are slow."""
    parts = -(-len(cells) // most)
    for index in range(parts):
        yield cells[len(cells) * index // parts : len(cells) * (index + 1) // parts]
