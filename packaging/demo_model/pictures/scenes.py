"""Scenes for the built-in model: what is in a picture.

A `Scene` is drawn from a seed and holds everything there is to say about the picture.
Standard library only, so that tests can import it anywhere; drawing.py draws it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from typing import Final

RGB = tuple[int, int, int]

SHAPES: Final = ("circle", "square", "triangle", "star", "cross", "heart")
DIGITS: Final = "0123456789"
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No I and no O: in many typefaces they cannot be told from 1 and 0."""

TINTS: Final[dict[str, tuple[RGB, ...]]] = {
    "red": ((255, 0, 0), (220, 30, 30), (200, 15, 25), (230, 57, 70), (235, 40, 30)),
    "orange": ((255, 140, 0), (255, 165, 0), (245, 125, 15), (255, 127, 20)),
    "yellow": ((255, 255, 0), (250, 220, 30), (255, 235, 59), (245, 225, 60)),
    "green": ((0, 128, 0), (30, 150, 50), (0, 200, 0), (34, 139, 34), (0, 255, 0), (76, 175, 80)),
    "blue": ((0, 0, 255), (35, 70, 220), (25, 25, 180), (30, 100, 230), (33, 120, 243)),
    "purple": ((128, 0, 128), (140, 40, 170), (148, 0, 211), (110, 30, 160)),
    "pink": ((255, 192, 203), (255, 160, 190), (255, 105, 180), (250, 185, 205), (255, 130, 170)),
    "brown": ((139, 69, 19), (120, 70, 35), (101, 60, 30), (150, 85, 40)),
    "gray": ((128, 128, 128), (150, 150, 150), (110, 110, 112), (165, 165, 165)),
    "black": ((0, 0, 0), (20, 20, 20), (12, 12, 16)),
    "white": ((255, 255, 255), (248, 248, 248)),
}
BACK_TINTS: Final[dict[str, tuple[RGB, ...]]] = {
    **TINTS,
    "gray": ((150, 150, 150), (165, 165, 165), (190, 190, 190), (128, 128, 128), (205, 205, 205)),
    "white": ((255, 255, 255), (255, 255, 255), (250, 250, 250)),
    "light blue": ((170, 210, 245), (173, 216, 230), (190, 225, 250)),
    "light green": ((180, 235, 180), (144, 238, 144), (205, 240, 205)),
}
COLOURS: Final = tuple(TINTS)
BACKGROUNDS: Final = tuple(BACK_TINTS)
_BACK_WEIGHTS: Final = [2.0 if n.startswith("light") else 12.0 if n == "white" else 1.3 for n in BACKGROUNDS]
_BACK_WEIGHTS[BACKGROUNDS.index("black")] = 2.5

PLACES: Final = (
    ("at the top left", "at the top", "at the top right"),
    ("on the left", "in the middle", "on the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)
_SAFE: Final = ((0.08, 0.275), (0.41, 0.59), (0.725, 0.92))
"""Where a centre may lie, as a fraction of the edge, for its third to be beyond doubt."""

_ASPECTS: Final = (1.0, 1.0, 1.0, 4 / 3, 4 / 3, 3 / 4, 3 / 2, 2 / 3, 5 / 4, 16 / 9, 9 / 16)
LEAST_CONTRAST: Final = 78.0
"""Smallest distance of an item's colour from the background's."""
_WIDEST: Final = {"circle": 0.49, "square": 0.56, "triangle": 0.48, "star": 0.44, "cross": 0.48, "heart": 0.48}
"""Radius at which a shape all but fills the picture."""
MIN_RADIUS: Final = 0.075
"""Smallest radius of an item as a fraction of the padded square's edge (8.4 of 112 pixels)."""


@dataclass(frozen=True)
class Item:
    """One shape, digit or letter. Lengths are fractions of the picture's shorter edge."""

    shape: str
    colour: str
    rgb: RGB
    row: int
    column: int
    x: float
    """Centre, as a fraction of the picture's width."""
    y: float
    """Centre, as a fraction of the picture's height."""
    radius: float
    turn: float = 0.0
    """Rotation in degrees."""
    stretch: float = 1.0
    """Width divided by height, 1 for a regular shape."""

    @property
    def place(self) -> str:
        """The place in words, such as "at the top left"."""
        return PLACES[self.row][self.column]

    @property
    def is_character(self) -> bool:
        """Whether this is a digit or a letter rather than a shape."""
        return len(self.shape) == 1

    @property
    def size(self) -> str:
        """Say "big", "small", or "" where people could differ."""
        return "big" if self.radius >= 0.27 else "small" if self.radius <= 0.17 else ""


@dataclass(frozen=True)
class Scene:
    """A whole picture. Items are in reading order: rows from the top, then columns."""

    kind: str
    """"shapes", "character" (one digit or letter) or "other" (nothing the model knows)."""
    background: str
    background_rgb: RGB
    aspect: float
    """Width divided by height."""
    items: tuple[Item, ...] = ()
    outline: RGB | None = None
    """Colour of a thin line around every shape, or None."""
    font: str = ""
    """Font file of the character, empty for the one inside Pillow."""
    smooth: bool = True
    """Whether edges are anti-aliased."""
    texture_seed: int = 0
    grain: str = field(default="plain")
    """How even the background is: "plain", "gradient", "lines" or "frame"."""


def distance(first: RGB, second: RGB) -> float:
    """Euclidean distance of two colours."""
    return math.dist(first, second)


def vary(rng: random.Random, colour: RGB, by: int) -> RGB:
    """A colour at most ``by`` away in every channel."""
    r, g, b = (max(0, min(255, v + rng.randint(-by, by))) for v in colour)
    return r, g, b


def _pick_background(rng: random.Random) -> tuple[str, RGB]:
    name = rng.choices(BACKGROUNDS, _BACK_WEIGHTS)[0]
    rgb = rng.choice(BACK_TINTS[name])
    return name, rgb if rng.random() < 0.5 else vary(rng, rgb, 5)


def _pick_colour(rng: random.Random, background: RGB, wish: str = "") -> tuple[str, RGB]:
    for _ in range(60):
        name = wish or rng.choice(COLOURS)
        rgb = rng.choice(TINTS[name])
        rgb = rgb if rng.random() < 0.4 else vary(rng, rgb, 9)
        if distance(rgb, background) > LEAST_CONTRAST:
            return name, rgb
        wish = ""
    return ("black", (0, 0, 0)) if sum(background) > 380 else ("white", (255, 255, 255))


def _pick_aspect(rng: random.Random, widest: float) -> float:
    if rng.random() < 0.7:
        return rng.choice([a for a in _ASPECTS if max(a, 1 / a) <= widest])
    wide = math.exp(rng.uniform(0.0, math.log(widest)))
    return wide if rng.random() < 0.5 else 1 / wide


def _cells(rng: random.Random, number: int, aspect: float) -> tuple[list[tuple[int, int]], float, float]:
    """Choose thirds for ``number`` items; returns them with the range of radii that suits."""
    if aspect > 1.55:
        return [(1, c) for c in rng.sample(range(3), number)], 0.17, 0.37
    if aspect < 1 / 1.55:
        return [(r, 1) for r in rng.sample(range(3), number)], 0.17, 0.37
    if number == 1 and rng.random() < 0.6:
        return [(1, 1)], 0.13, 0.46
    corners = [(0, 0), (0, 2), (2, 0), (2, 2)]
    if number == 2 and rng.random() < 0.5:
        pair = [(1, 0), (1, 2)] if rng.random() < 0.65 else [(0, 1), (2, 1)]
        return pair, 0.12, 0.25
    if number >= 2 and rng.random() < 0.3:
        return rng.sample(corners, number), 0.11, 0.22
    if number == 3 and rng.random() < 0.25:
        return [(1, c) for c in range(3)] if rng.random() < 0.7 else [(r, 1) for r in range(3)], 0.1, 0.155
    return rng.sample([(r, c) for r in range(3) for c in range(3)], number), 0.1, 0.165


def _place(
    rng: random.Random, cells: list[tuple[int, int]], low: float, high: float, aspect: float
) -> list[tuple[float, float, float]]:
    """Centres and radii that stay inside the picture and apart from each other."""
    width, height = max(aspect, 1.0), max(1 / aspect, 1.0)
    least = max(low, MIN_RADIUS * max(width, height))
    for attempt in range(400):
        top = max(least, high * (1 - attempt / 400))
        spots: list[tuple[float, float, float]] = []
        for row, column in cells:
            radius = rng.uniform(least, top)
            margin_x, margin_y = radius * 1.08 / width, radius * 1.08 / height
            x = min(max(rng.uniform(*_SAFE[column]), margin_x), 1 - margin_x)
            y = min(max(rng.uniform(*_SAFE[row]), margin_y), 1 - margin_y)
            if not (
                _SAFE[column][0] - 1e-9 <= x <= _SAFE[column][1] + 1e-9
                and _SAFE[row][0] - 1e-9 <= y <= _SAFE[row][1] + 1e-9
            ):
                break
            if any(math.hypot((x - a) * width, (y - b) * height) < 1.22 * (radius + c) for a, b, c in spots):
                break
            spots.append((x, y, radius))
        else:
            return spots
    raise ValueError(f"no room for {cells}")


def make_scene(
    rng: random.Random,
    kind: str = "",
    number: int | None = None,
    fonts: tuple[str, ...] = ("",),
    aspect: float | None = None,
) -> Scene:
    """Draw the contents of a picture from ``rng``.

    Args:
        rng: source of chance; the same state gives the same scene.
        kind: one of `Scene.kind`, chosen by chance if empty.
        number: how many shapes (0 to 4), chosen by chance if None.
        fonts: font files a character may be drawn with; "" is the one inside Pillow.
        aspect: width divided by height, 0.4 to 2.5, chosen by chance if None.
    """
    kind = kind or rng.choices(("shapes", "character", "other"), (80, 15, 5))[0]
    background, back_rgb = _pick_background(rng)
    seed = rng.randrange(1 << 30)
    smooth = rng.random() < 0.7
    grain = rng.choices(("plain", "gradient", "lines", "frame"), (80, 10, 5, 5))[0]
    if kind == "other":
        return Scene(kind, background, back_rgb, aspect or _pick_aspect(rng, 2.0), texture_seed=seed)
    if kind == "character":
        shape = rng.choice(DIGITS) if rng.random() < 0.45 else rng.choice(LETTERS)
        ratio = aspect or _pick_aspect(rng, 1.8)
        colour, rgb = _pick_colour(rng, back_rgb)
        item = Item(
            shape,
            colour,
            rgb,
            1,
            1,
            rng.uniform(0.43, 0.57),
            rng.uniform(0.45, 0.55),
            rng.uniform(0.22, 0.44) if max(ratio, 1 / ratio) < 1.4 else rng.uniform(0.3, 0.45),
            turn=rng.uniform(-6, 6) if rng.random() < 0.3 else 0.0,
        )
        return Scene(kind, background, back_rgb, ratio, (item,), None, rng.choice(fonts), smooth, seed, grain)
    ratio = aspect or _pick_aspect(rng, 2.5)
    most = 3 if max(ratio, 1 / ratio) > 1.55 else 4
    if number is None:
        number = rng.choices((0, 1, 2, 3, 4), (3, 32, 32, 21, 14))[0]
    cells, low, high = _cells(rng, min(number, most), ratio)
    spots = _place(rng, cells, low, high, ratio)
    items: list[Item] = []
    for (row, column), (x, y, radius) in zip(cells, spots, strict=True):
        shape = rng.choice(items).shape if items and rng.random() < 0.22 else rng.choice(SHAPES)
        wish = rng.choice(items).colour if items and rng.random() < 0.15 else ""
        colour, rgb = _pick_colour(rng, back_rgb, wish)
        turn = 0.0 if rng.random() < 0.5 else rng.uniform(-14, 14)
        stretch = 1.0 if rng.random() < 0.6 else rng.uniform(0.9, 1.1)
        items.append(Item(shape, colour, rgb, row, column, x, y, radius, turn, stretch))
    if len(items) == 1 and (items[0].row, items[0].column) == (1, 1) and rng.random() < 0.4:
        radius = rng.uniform(0.36, _WIDEST[items[0].shape])
        items = [replace(items[0], x=0.5, y=0.5, radius=radius, turn=0.0, stretch=1.0)]
    items.sort(key=lambda i: (i.row, i.column))
    outline = None
    if rng.random() < 0.15:
        outline = rng.choice(((0, 0, 0), (40, 40, 40), (255, 255, 255), (90, 90, 90)))
    return Scene(kind, background, back_rgb, ratio, tuple(items), outline, "", smooth, seed, grain)
