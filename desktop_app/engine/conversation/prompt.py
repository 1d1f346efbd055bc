"""The prompt of one request as cells, and the turns of the conversation that did not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from desktop_app.engine.llama.kv_cache import Cell, PictureRow, Place
from desktop_app.engine.messages import PartsReduced, Seen, TurnsDropped
from desktop_app.engine.vision.picture_processor import PictureLayout

_LONG = 16  # cells: fewer are evaluated as soon as a checkpoint is put back
_LONG_QUESTION = 48  # cells: fewer are evaluated again sooner than every answer waits for a batch more


@dataclass(frozen=True)
class Prompt:
    """The cells of one request, and how the requested turns became them."""

    cells: list[Cell]
    certain: int  # cells that are the same whatever the question will be
    closing: int  # cells after the question
    pictures: Mapping[str, PictureLayout]  # those in the cells, by their names there
    dropped_turns: tuple[int, ...] = ()  # indices of requested turns that did not fit
    dropped_pictures: int = 0  # in those turns
    #: Parts a picture is seen in, and parts it is worth, if those are more; and whether they are tokens.
    reduced: tuple[int, int, bool] | None = None
    goes_on: bool = False  # whether something of the answer is there
    begun: str = ""  # the beginning of the answer
    begun_thought: str = ""  # of the thought before it, instead, if it goes on inside that
    begun_tokens: tuple[int, ...] = ()  # of the one or the other; they are the last cells
    opening: int = 0  # cells before the first turn
    lasting: int = 0  # cells that will be there when the turn is answered and another follows

    def edges(self, batch: int) -> list[int]:
        """Return where evaluation always begins a new batch of at most `batch` cells.

        The first is at the question, the others divide a long one: its beginning may have been read ahead.
        """
        return [self.certain, *range(self.certain + batch, len(self.cells) - batch // 2, batch)]

    def places(self) -> dict[int, Place]:
        """Return after how many cells a conversation may come back to: see `Place`."""
        found: dict[int, Place] = {}
        if self.opening >= _LONG:
            found[self.opening] = Place.OPENING
        found[self.certain] = Place.QUESTION
        for end in self.picture_ends():
            found[self.certain if end <= self.certain < end + _LONG else end] = Place.PICTURE
        if self.closing:
            answer = min(self.lasting, len(self.cells) - len(self.begun_tokens) - 1)
            if answer - self.certain >= _LONG_QUESTION or self.begun_tokens:
                found[answer] = Place.ANSWER
        return found

    def read_ahead_prefix(self, batch: int) -> Prompt:
        """Return what can be evaluated while the question is only begun: up to an edge half a batch before its end.

        How its last words are tokenised may depend on those that follow.
        """
        written = len(self.cells) - self.closing
        certain, *others = self.edges(batch)
        last = max((edge for edge in others if edge < written - batch // 2), default=certain)
        return replace(self, cells=self.cells[:last], closing=0)

    @property
    def looks(self) -> tuple[Seen, ...]:
        """Return how each picture is read, in order."""
        return tuple(map(seen_as, self.pictures.values()))

    def picture_ends(self) -> dict[int, PictureLayout]:
        """Return after how many cells a picture is complete, and which."""
        return {
            count: self.pictures[cell.picture]
            for count, cell in enumerate(self.cells, 1)
            if isinstance(cell, PictureRow) and cell.row == self.pictures[cell.picture].rows - 1
        }

    def notices(self, request: int) -> Iterator[TurnsDropped | PartsReduced]:
        """Yield what the person must be told of it."""
        if self.dropped_turns:
            yield TurnsDropped(request, len(self.dropped_turns), self.dropped_pictures, self.dropped_turns)
        if self.reduced is not None:
            yield PartsReduced(request, *self.reduced)


def seen_as(layout: PictureLayout) -> Seen:
    """Return how a picture is read."""
    return Seen(layout.picture.sha256, layout.rows, layout.of_rows or layout.rows)
