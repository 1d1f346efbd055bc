"""Test pictures computed from numbers: the same on every computer, with edges and slopes."""

import numpy as np
from PIL import Image


def patterned(width: int, height: int) -> Image.Image:
    """Return slopes of red and green under a chequered blue."""
    rows, columns = np.indices((height, width))
    red = columns * 255 // max(1, width - 1)
    green = rows * 255 // max(1, height - 1)
    blue = (columns // 5 + rows // 7) % 2 * 200 + (columns * rows) % 56
    return Image.fromarray(np.stack([red, green, blue], 2).astype(np.uint8))
