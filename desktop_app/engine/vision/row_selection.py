"""Chooses which rows of a picture are read in a quick look.

Rows that differ most from one another are taken: each next one is the row farthest from all that were taken before
(greedy farthest points, as in DivPrune, arXiv:2503.02175; the distance is that of their directions). A row that
resembles one already taken tells little that is new, so an even background costs few rows. The choice depends on the
rows alone, not on the question: a picture is read before the question is written.

The first taken is the last row: it holds the place where the picture ends, and what follows stands where it would
stand behind the whole picture.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from desktop_app.engine.cache.embeddings import Embedding

NARROW = 256
"""Wider rows are compared by this many random sums of their values, which keep the distances to some 6 %."""


def choose_rows(rows: Embedding, keep: int) -> npt.NDArray[np.intp]:
    """Return the sorted indices of ``keep`` of the ``rows`` (number x width), the last one always among them.

    Equal input gives equal output. All are returned if there are no more than ``keep``. Rows of zeros, or with
    values that are no numbers, count as equal to one another.
    """
    if keep < 1:
        raise ValueError("at least one row must be kept")
    if keep >= len(rows):
        return np.arange(len(rows))
    directions = _directions(rows)
    squares = np.einsum("ij,ij->i", directions, directions)
    chosen = np.empty(keep, np.intp)
    distances = np.full(len(rows), np.inf, np.float32)
    newest = len(rows) - 1
    for count in range(keep):
        chosen[count] = newest
        to_newest = squares + squares[newest] - 2 * (directions @ directions[newest])
        np.minimum(distances, to_newest, out=distances)
        distances[chosen[: count + 1]] = -np.inf  # rounding must not bring a row twice
        newest = int(distances.argmax())
    return np.sort(chosen)


def _directions(rows: Embedding) -> Embedding:
    """Return the rows at length 1, or 0 where they have no direction; wide ones in fewer dimensions."""
    with np.errstate(invalid="ignore", over="ignore"):
        if rows.shape[1] > NARROW:
            rows = rows @ _signs(rows.shape[1])
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    usable = np.isfinite(lengths) & (lengths > 0)
    directions = np.zeros_like(rows)
    np.divide(rows, lengths, out=directions, where=usable)
    return directions


@lru_cache(maxsize=1)
def _signs(width: int) -> Embedding:
    """Return a fixed matrix (width x NARROW) of random signs."""
    return np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (width, NARROW))
