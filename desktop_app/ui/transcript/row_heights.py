"""The heights of all messages, most of them estimates, with fast lookup by position."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate


class RowHeights:
    """Heights in px of rows below one another. Their tops are summed up only when they are asked for."""

    def __init__(self) -> None:
        self._heights: list[int] = []
        self._tops: list[int] = [0]  # one more than heights: the last is the total
        self._clean = 0  # so many heights are summed up in _tops

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, row: int) -> int:
        return self._heights[row]

    def reset(self, heights: Iterable[int]) -> None:
        """Replace all heights."""
        self._heights = list(heights)
        self._clean = 0

    def append(self, height: int) -> None:
        """Add a row at the end."""
        self._heights.append(height)

    def truncate(self, count: int) -> None:
        """Keep the first `count` rows."""
        del self._heights[count:]
        self._clean = min(self._clean, count)

    def set(self, row: int, height: int) -> None:
        """Correct the height of a row."""
        if self._heights[row] != height:
            self._heights[row] = height
            self._clean = min(self._clean, row)

    def top(self, row: int) -> int:
        """Return the sum of the heights above `row`; `row` may be the count, which gives the total."""
        self._sum_up()
        return self._tops[row]

    def total(self) -> int:
        """Return the sum of all heights."""
        return self.top(len(self._heights))

    def row_at(self, y: int) -> int:
        """Return the row that covers `y`, or the nearest one; there must be a row."""
        self._sum_up()
        return max(0, min(bisect_right(self._tops, y) - 1, len(self._heights) - 1))

    def _sum_up(self) -> None:
        if self._clean < len(self._heights) or len(self._tops) != len(self._heights) + 1:
            known = self._tops[: self._clean + 1]
            tail = accumulate(self._heights[self._clean :], initial=known.pop())
            self._tops = [*known, *tail]
            self._clean = len(self._heights)
