"""Draws the three example pictures of the empty screen.

python packaging/demo_model/make_examples.py resources/examples
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from pictures.drawing import draw
from pictures.scenes import PLACES, RGB, Item, Scene

SKY: Final = (205, 228, 247)
WHITE: Final = (255, 255, 255)
RED: Final = (224, 49, 49)
BLUE: Final = (34, 100, 230)
GREEN: Final = (40, 152, 66)
ORANGE: Final = (252, 140, 20)
PURPLE: Final = (132, 40, 166)


def _item(shape: str, colour: str, rgb: RGB, place: str, x: float, y: float, radius: float) -> Item:
    row, column = next((r, c) for r in range(3) for c in range(3) if PLACES[r][c] == place)
    return Item(shape, colour, rgb, row, column, x, y, radius)


def examples() -> dict[str, Scene]:
    """Name -> scene. desktop_app/services/examples.py has the question to each."""
    pair = Scene(
        "shapes",
        "light blue",
        SKY,
        4 / 3,
        (
            _item("circle", "red", RED, "on the left", 0.26, 0.5, 0.25),
            _item("star", "blue", BLUE, "on the right", 0.74, 0.5, 0.25),
        ),
    )
    seven = Scene("character", "white", WHITE, 4 / 3, (_item("7", "purple", PURPLE, "in the middle", 0.5, 0.5, 0.36),))
    several = Scene(
        "shapes",
        "white",
        WHITE,
        4 / 3,
        (
            _item("heart", "red", RED, "at the top left", 0.2, 0.24, 0.155),
            _item("triangle", "green", GREEN, "at the top right", 0.8, 0.24, 0.16),
            _item("square", "orange", ORANGE, "at the bottom left", 0.2, 0.76, 0.155),
            _item("star", "blue", BLUE, "at the bottom right", 0.8, 0.76, 0.16),
        ),
    )
    return {
        "circle-and-star": pair,
        "digit": seven,
        "shapes": several,
    }


def main() -> None:
    """Write the pictures, large and small."""
    parser = argparse.ArgumentParser(description="Draws the example pictures of the empty screen.")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, scene in examples().items():
        draw(scene, 640).save(folder / f"{name}.png", optimize=True)
        draw(scene, 144).save(folder / f"{name}-small.png", optimize=True)  # read before the window is seen


if __name__ == "__main__":
    main()
