"""Computes the size a picture is scaled to for each model that is not a LLaVA, as in its training.

mtmd would keep the proportions and add black borders where Gemma 3 and 4 and Qwen's models were trained without;
a picture that comes in the right size it leaves alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from desktop_app.images.tiling import AnySize, Size


@dataclass(frozen=True)
class Resizing:
    """How one family's pictures are resized."""

    size_of: Callable[[int, int], Size]
    filter: Image.Resampling

    def resized(self, image: Image.Image, width: int, height: int) -> Image.Image:
        """Return a picture of `width` x `height` pixels in the size that it is to have; it may come reduced."""
        size = self.size_of(width, height)
        return image if image.size == size else image.resize(size, self.filter)


def one_square(side: int) -> Resizing:
    """Gemma 3: one square, whatever the proportions (`image_processing_gemma3.py` of transformers)."""
    return Resizing(lambda _width, _height: (side, side), Image.Resampling.BILINEAR)


def stretched(sizes: AnySize) -> Resizing:
    """Qwen's models and Gemma 4: edges of whole patches, within limits for the number of tokens."""
    return Resizing(sizes.size_of, Image.Resampling.BICUBIC)


def longest_edge(longest: int) -> Resizing:
    """SmolVLM2: a longest edge of `longest` pixels, the other one even; what divides it further is mtmd.

    As `image_processing_idefics3.py` of transformers.
    """

    def size_of(width: int, height: int) -> Size:
        if width >= height:
            other = int(longest / (width / height))
            return longest, max(1, other + other % 2)
        other = int(longest * (width / height))
        return max(1, other + other % 2), longest

    return Resizing(size_of, Image.Resampling.LANCZOS)


def at_most(longest: int) -> Resizing:
    """No model looks closer: larger pictures are reduced to a longest edge of `longest` pixels."""

    def size_of(width: int, height: int) -> Size:
        scale = min(1.0, longest / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    return Resizing(size_of, Image.Resampling.BICUBIC)
