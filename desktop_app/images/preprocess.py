"""Scales and pads a picture to the square that the image encoder of LLaVA-1.5 expects.

The same function serves the program and the training of the built-in model, so the
model sees in the program exactly what it saw while it learnt.
"""

from __future__ import annotations

from typing import Final

from PIL import Image

CLIP_MEAN_RGB: Final = (122, 116, 104)
"""int(255 * mean) of CLIP's normalisation: the colour LLaVA-1.5 pads with."""

MAX_PADDED_PIXELS: Final = 64_000_000
"""Largest padded square that is built in memory; larger ones are reduced first."""


def fit_square(image: Image.Image, side: int, fill: tuple[int, int, int]) -> Image.Image:
    """Return ``image`` centred on a square of ``fill`` and resized to ``side`` pixels.

    This is LLaVA-1.5's ``expand2square`` followed by its resize: the picture is pasted
    at ``floor((longer - shorter) / 2)`` on a square of the colour ``fill`` as wide as
    the longer edge, and that square is resized with Pillow's BICUBIC filter, which
    widens its kernel when it reduces and so does not alias.

    Where the square would have more than ``MAX_PADDED_PIXELS`` pixels (a panorama of
    20000 x 1000, say) the picture is first averaged over whole blocks of k x k pixels,
    with the smallest k that keeps the square below the bound. The blocks are tiny
    beside the bicubic kernel of the resize that follows, so the result is the same to
    within rounding, while the memory needed stays below 200 MB.

    Args:
        image: a picture of any size and mode; it is converted to RGB and not changed.
        side: edge of the result in pixels, at least 1.
        fill: colour of the padding, normally ``CLIP_MEAN_RGB``.

    Returns:
        A new RGB picture of ``side`` x ``side`` pixels.

    Raises:
        ValueError: if ``side`` is smaller than 1 or the picture has no pixels.
    """
    if side < 1:
        raise ValueError(f"side must be at least 1, not {side}")
    if image.width < 1 or image.height < 1:
        raise ValueError("the picture has no pixels")
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    longer = max(rgb.size)
    if longer * longer > MAX_PADDED_PIXELS:
        bound = max(int(MAX_PADDED_PIXELS**0.5), 1)
        rgb = rgb.reduce(-(-longer // bound))
        longer = max(rgb.size)
    if rgb.width != rgb.height:
        square = Image.new("RGB", (longer, longer), fill)
        square.paste(rgb, ((longer - rgb.width) // 2, (longer - rgb.height) // 2))
        rgb = square
    if rgb.size == (side, side):
        return rgb.copy()
    return rgb.resize((side, side), Image.Resampling.BICUBIC)
