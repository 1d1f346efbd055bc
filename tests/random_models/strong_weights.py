"""Random weights so strong that wrong positions, masks or states show in the logits.

The usual start of a training (0.02 everywhere) hides them behind the residual stream. Matrices are rounded to f16 and
written as f32, so that another program can compute with the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SHARP = 3.0  # around which the norms of queries and keys lie: with 1, attention is too even to show wrong positions


class StrongWeights:
    """Adds tensors to a GGUF; the same seed gives the same values."""

    def __init__(self, writer: Any, seed: int) -> None:
        self._writer = writer
        self.random = np.random.default_rng(seed)

    def matrix(self, name: str, *shape: int) -> None:
        """Add a matrix (rows, then columns, ...), whose rows keep the size of what they are multiplied with."""
        self._writer.add_tensor(name, self.values(shape))

    def values(self, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Return the values of a matrix."""
        values = self.random.standard_normal(shape, np.float32) / np.float32(np.sqrt(np.prod(shape[1:])))
        return values.astype(np.float16).astype(np.float32)

    def vector(self, name: str, length: int, around: float = 0.0) -> None:
        """Add a vector near `around`: 0 for biases, 1 for norms."""
        self._writer.add_tensor(name, np.float32(around) + self.random.standard_normal(length, np.float32) / 10)

    def norm(self, name: str, length: int) -> None:
        """Add the weights of a norm."""
        self.vector(f"{name}.weight", length, 1.0)

    def sharp_norm(self, name: str, length: int) -> None:
        """Add the weights of a norm of queries or keys."""
        self.vector(f"{name}.weight", length, SHARP)
