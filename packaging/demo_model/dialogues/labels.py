"""What every patch of a drawn picture shows, as numbers: the training targets of the image tower."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pictures.scenes import BACKGROUNDS, COLOURS, DIGITS, LETTERS, SHAPES, Scene
from pictures.variants import SIDE

PATCH = 14
GRID = SIDE // PATCH
CHARACTERS = DIGITS + LETTERS
# name -> number of classes; class 0 means "nothing of the kind here", except for number
HEADS = {
    "shape": 1 + len(SHAPES) + 1,
    "character": 1 + len(CHARACTERS),
    "colour": 1 + len(COLOURS),
    "place": 1 + 9,
    "anchor": 2,
    "size": 3,
    "background": 1 + len(BACKGROUNDS),
    "own": 1 + 9,
    "number": 6,
}


def patch_labels(scene: Scene) -> dict[str, npt.NDArray[Any]]:
    """Return for every head an array of 64 classes, rows from the top.

    "own" is the third of the picture that the patch itself lies in (0 on the padding),
    "place" that of the item which the patch is part of; "background" and "number" are
    the same in all patches; number 5 stands for a picture of another kind.
    """
    out: dict[str, npt.NDArray[Any]] = {name: np.zeros((GRID, GRID), np.int64) for name in HEADS}
    if scene.kind == "other":
        out["number"][:] = 5
        return {name: a.ravel() for name, a in out.items()}
    wide, high = min(1.0, scene.aspect), min(1.0, 1 / scene.aspect)
    left, top = (1 - wide) / 2, (1 - high) / 2
    centres = (np.arange(GRID) + 0.5) / GRID
    px, py = np.meshgrid(centres, centres)
    inside = (abs(px - 0.5) < wide / 2) & (abs(py - 0.5) < high / 2)
    column = np.clip((px - left) / wide * 3, 0, 2.999).astype(int)
    row = np.clip((py - top) / high * 3, 0, 2.999).astype(int)
    out["own"] = np.where(inside, row * 3 + column + 1, 0)
    out["background"][:] = 1 + BACKGROUNDS.index(scene.background)
    out["number"][:] = len(scene.items)
    for item in scene.items:
        x, y = left + item.x * wide, top + item.y * high
        radius = item.radius * min(wide, high)
        reach = radius + 0.02
        here = np.hypot(px - x, py - y) < reach
        centre = min(int(y * GRID), GRID - 1), min(int(x * GRID), GRID - 1)
        here[centre] = True
        if item.is_character:
            out["shape"][here] = 1 + len(SHAPES)
            out["character"][here] = 1 + CHARACTERS.index(item.shape)
        else:
            out["shape"][here] = 1 + SHAPES.index(item.shape)
            out["size"][here] = ("", "small", "big").index(item.size)
        out["colour"][here] = 1 + COLOURS.index(item.colour)
        out["place"][here] = 1 + item.row * 3 + item.column
        out["anchor"][centre] = 1
    return {name: a.ravel() for name, a in out.items()}
