"""Takes pictures in bands, so that a large one is converted without a copy of the whole."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

_PIXELS = 1_000_000


def bands_of(image: Image.Image, multiple: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Yield (first row, band) of a picture from above; each has a multiple of so many rows, but for the last."""
    rows = max(1, _PIXELS // image.width // multiple) * multiple
    for row in range(0, image.height, rows):
        yield row, image.crop((0, row, image.width, min(row + rows, image.height)))
