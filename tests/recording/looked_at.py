"""Pictures of which some rows are read, for a decoder of random numbers: what is recorded, and what is tested."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

#: How wide each decoder is: with rotary positions of neighbours, of halves, and of three axes. They have heads of 64,
#: of 32 and of 16 values.
DECODERS = {"llama": 256, "qwen2": 128, "qwen2vl": 64}
BEFORE, BETWEEN, AFTER = [1, 300, 310, 290], [305, 330], [301, 345, 302]


class Shown(NamedTuple):
    """A picture of `lines` x `columns` rows, of which those at `places` are read."""

    lines: int
    columns: int
    places: npt.NDArray[np.intp]

    @property
    def of_rows(self) -> int:
        return self.lines * self.columns

    @property
    def axes(self) -> npt.NDArray[np.intp]:
        """The time, line and column of each of its rows."""
        lines, columns = np.divmod(np.arange(self.of_rows), self.columns)
        return np.stack([np.zeros_like(lines), lines, columns])

    def rows(self, width: int) -> npt.NDArray[np.float32]:
        """The rows that are read."""
        chance = np.random.RandomState(self.of_rows)
        return chance.standard_normal((self.of_rows, width)).astype(np.float32)[self.places] / np.float32(8)


def shown(lines: int, columns: int, count: int) -> Shown:
    """Return a picture of which `count` rows are read, the last among them."""
    others = np.random.RandomState(count).permutation(lines * columns - 1)[: count - 1]
    return Shown(lines, columns, np.sort(np.append(others, lines * columns - 1)))


#: Each is one prompt: a picture whose first row is read or not, an odd shape, two pictures, more rows than a batch has.
PROMPTS: dict[str, list[Shown]] = {
    "square": [shown(16, 16, 86)],
    "a line": [shown(1, 67, 64)],
    "two": [shown(12, 10, 40), shown(7, 11, 26)],
    "only its last row": [shown(9, 5, 1)],
    "large": [shown(24, 24, 192)],
}
