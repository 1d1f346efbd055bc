"""Make of a picture the squares that LLaVA-1.6 looks at: the whole, and the tiles of a grid.

See `tiling.py` for what goes where. Nothing here keeps the picture's proportions for the whole:
LLaVA-1.6 was trained with it squeezed into a square.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from desktop_app.images.tiling import WHOLE, Grid, Tiling

_BORDER = (0, 0, 0)


def squares(image: Image.Image, tiling: Tiling, grid: Grid) -> Iterator[Image.Image]:
    """Yield the whole, then the tiles line by line; each RGB, of the side that `tiling` says.

    Resized with Pillow's BICUBIC filter, which widens its kernel when it reduces, as the reference does.
    """
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    yield rgb.resize((tiling.side, tiling.side), Image.Resampling.BICUBIC)
    if grid == WHOLE:
        return
    place = tiling.placed(rgb.width, rgb.height, grid)
    canvas = Image.new("RGB", tiling.canvas(grid), _BORDER)
    fitted = rgb.resize((place.right - place.left, place.bottom - place.top), Image.Resampling.BICUBIC)
    canvas.paste(fitted, (place.left, place.top))
    for row in range(grid.rows):
        for column in range(grid.columns):
            left, top = column * tiling.side, row * tiling.side
            yield canvas.crop((left, top, left + tiling.side, top + tiling.side))
