"""The size and the tokens of a picture in one piece, for models that see pictures of any size. Numbers only."""

from __future__ import annotations

import math
from dataclasses import dataclass

Size = tuple[int, int]  # width and height in pixels
_USUAL = (1024, 768)


@dataclass(frozen=True)
class AnySize:
    """Pictures become squares of `edge` pixels, one token each; there are `fewest` to `most` of them.

    As `smart_resize` in `image_processing_qwen2_vl.py` of transformers.
    """

    edge: int
    fewest: int
    most: int

    def size_of(self, width: int, height: int) -> Size:
        """Return the size to which a picture is stretched."""
        across, down = self._squares(width, height)
        return across * self.edge, down * self.edge

    def tokens(self, width: int, height: int) -> int:
        """Return how many tokens a picture takes, without those before and after it."""
        across, down = self._squares(width, height)
        return across * down

    def shares(self, tokens: int) -> float:
        """Return how much work it is to encode so many tokens, compared with a photo of usual size."""
        return tokens / self.tokens(*_USUAL)

    def _squares(self, width: int, height: int) -> Size:
        across, down = round(width / self.edge), round(height / self.edge)
        if across * down > self.most:
            scale = math.sqrt(width * height / (self.most * self.edge**2))
            across, down = (max(1, math.floor(length / scale / self.edge)) for length in (width, height))
        elif across * down < self.fewest:
            scale = math.sqrt(self.fewest * self.edge**2 / (width * height))
            across, down = (math.ceil(length * scale / self.edge) for length in (width, height))
        return across, down
