"""Test pictures computed from integers alone, so that they are the same on every computer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]  # height x width x 3

#: What every model looks at.
NAMES = ("photo", "scene", "wide", "tall", "dot")
#: Too large to be looked at often: for the preparation of pictures alone.
LARGE = ("twelve megapixels", "panorama")


def picture(name: str) -> Pixels:
    """Return one of the pictures."""
    if name == "photo":
        return _photo(150, 113, 1)
    if name == "scene":
        return _scene(121, 96)
    if name == "wide":
        return _photo(160, 23, 2)
    if name == "tall":
        return _photo(18, 131, 3)
    if name == "dot":
        return np.array([[[200, 30, 90]]], np.uint8)
    if name == "twelve megapixels":
        return np.tile(_photo(500, 375, 4), (8, 8, 1))
    if name == "panorama":
        return np.tile(_photo(450, 137, 5), (8, 20, 1))
    raise ValueError(f"no picture is called {name}")


def _photo(width: int, height: int, seed: int) -> Pixels:
    """Return colours that change in large areas and in small ones, as in a photograph."""
    chance = np.random.RandomState(seed)
    total = np.zeros((height, width, 3), np.int64)
    for cell in (64, 32, 16, 8, 4, 2, 1):
        coarse = chance.randint(-128, 128, (height // cell + 1, width // cell + 1, 3))
        fine = coarse.repeat(cell, 0).repeat(cell, 1)[:height, :width]
        total += fine * (cell + 12)
    return np.clip(128 + total // 96, 0, 255).astype(np.uint8)


def _scene(width: int, height: int) -> Pixels:
    """Return a drawing: a disc and a box on white, a fine pattern that aliases where it is reduced carelessly."""
    drawn = np.full((height, width, 3), 255, np.uint8)
    rows, columns = np.mgrid[:height, :width]
    drawn[(rows - 40) ** 2 + (columns - 35) ** 2 < 28**2] = (210, 20, 30)
    drawn[50:90, 55:100] = (20, 60, 200)
    pattern = (rows[:45, 60:] + columns[:45, 60:]) % 2 == 0
    drawn[:45, 60:][pattern] = (0, 90, 0)
    return drawn
