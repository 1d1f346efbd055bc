"""What the KV cache holds, cell by cell, and how it comes to hold something else.

A cell is a token id, or one row of a picture's embedding. Whatever a prompt has in common with
the cache from the start is not evaluated again; a picture that was read halfway goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.interrupt import Interrupt


@dataclass(frozen=True)
class Block:
    """Rows of a picture that are read in one piece, and that the cache can only lose together."""

    first: int  # row
    rows: int
    columns: int = 0  # of a grid in which rows are placed by line and column (M-RoPE); 0: one after the other
    causal: bool = True  # whether a row sees only those before it

    @property
    def positions(self) -> int:
        """Return how many positions it takes."""
        return max(self.columns, self.rows // self.columns) if self.columns else self.rows


@dataclass(frozen=True)
class PictureRow:
    """One row of a picture's embedding."""

    picture: str  # its SHA-256, and how it is seen if there are several ways
    row: int
    block: Block | None = None  # None: it is read like a token


Cell = int | PictureRow


def common_start(first: Sequence[Cell], second: Sequence[Cell]) -> int:
    """Return how many cells from the start two rows have in common."""
    pairs = zip(first, second, strict=False)
    return next((count for count, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


class Evaluator(Protocol):
    """The part of a model that fills the KV cache."""

    @property
    def batch(self) -> int:
        """Return how many cells are evaluated in one go."""

    def read_tokens(self, tokens: Sequence[int], position: int, *, logits: bool) -> None:
        """Evaluate tokens."""

    def read_rows(self, rows: Embedding, position: int, *, logits: bool) -> None:
        """Evaluate rows of an embedding."""

    def read_block(self, rows: Embedding, position: int, block: Block, *, logits: bool) -> None:
        """Evaluate all rows of a block."""

    def forget_from(self, position: int) -> None:
        """Cut the cache."""


class KVCache:
    """The KV cache of one model. After `Interrupted` it holds what was evaluated completely."""

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
        """Return what the cache holds."""
        return self._cells

    def common(self, cells: Sequence[Cell]) -> int:
        """Return how many cells from the start the cache has in common with `cells`."""
        return self._whole(common_start(self._cells, cells))

    def cut(self, keep: int) -> None:
        """Forget everything after the first `keep` cells, and the block of which they are only a part."""
        keep = self._whole(keep)
        if keep < len(self._cells):
            self._next = self._positions[keep]
            self._model.forget_from(self._next)
            del self._cells[keep:], self._positions[keep:]

    def adopt(self, cells: Sequence[Cell]) -> None:
        """Take note of cells that were put into the cache, after what is there, without being evaluated."""
        self._note(cells, None)

    def append(
        self,
        cells: Sequence[Cell],
        embedding: Callable[[str], Embedding],
        progress: Callable[[int], None] = lambda _count: None,
    ) -> None:
        """Evaluate `cells` after what is there; the logits of the last can be sampled from.

        `embedding` gives the rows of a picture; `progress` hears how many of
        `cells` are done, after each batch.
        """
        end = len(self._cells) + len(cells)
        done = 0
        for (source, block), run in groupby(cells, key=_source):
            whole = list(run)
            for part in _even_parts(whole, self._model.batch) if block is None else [whole]:
                self._interrupt.check()
                last = len(self._cells) + len(part) == end
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
        """Take note of cells that are in the cache now."""
        self._cells += cells
        placed = block is not None and block.columns > 0
        self._positions += [self._next] * len(cells) if placed else range(self._next, self._next + len(cells))
        self._next += block.positions if block is not None else len(cells)

    def _whole(self, keep: int) -> int:
        """Return `keep`, or where the block begins that it would cut."""
        cell = self._cells[keep] if keep < len(self._cells) else None
        return keep - (cell.row - cell.block.first) if isinstance(cell, PictureRow) and cell.block else keep


def _source(cell: Cell) -> tuple[str | None, Block | None]:
    return (cell.picture, cell.block) if isinstance(cell, PictureRow) else (None, None)


def _even_parts(cells: list[Cell], most: int) -> Iterator[list[Cell]]:
    """Divide `cells` into as few parts of at most `most` as will do, all about as long: short ones are slow."""
    parts = -(-len(cells) // most)
    for index in range(parts):
        yield cells[len(cells) * index // parts : len(cells) * (index + 1) // parts]
