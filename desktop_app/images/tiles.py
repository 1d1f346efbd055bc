"""Cuts a picture for models that see it in tiles: an overview of the whole, and each tile of a grid.

`tiling.py` and its kinds say what goes where. The whole need not keep the picture's proportions:
LLaVA-1.6 and InternVL3 were trained with it squeezed into a square.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from desktop_app.images.tiling import WHOLE, Grid, Size, Tiling

_BORDER = (0, 0, 0)


def parts(image: Image.Image, size: Size, tiling: Tiling, grid: Grid) -> Iterator[Image.Image]:
    """Yield the whole, then the tiles line by line; all RGB.

    `size`: what the picture has by itself; `image` may have been reduced. Pillow's filters widen their
    kernel when they reduce, as the references do.
    """
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    kernel = Image.Resampling.BILINEAR if tiling.bilinear else Image.Resampling.BICUBIC
    yield rgb.resize(tiling.whole(*size), kernel)
    if grid == WHOLE:
        return
    place = tiling.placed(*size, grid)
    canvas = Image.new("RGB", tiling.canvas(*size, grid), _BORDER)
    fitted = rgb.resize((place.right - place.left, place.bottom - place.top), kernel)
    canvas.paste(fitted, (place.left, place.top))
    width, height = canvas.width // grid.columns, canvas.height // grid.rows
    for row in range(grid.rows):
        for column in range(grid.columns):
            left, top = column * width, row * height
            yield canvas.crop((left, top, left + width, top + height))
