"""How a scene varies before the model sees it: size, resizing, JPEG quality, padding.

Pillow and the standard library only.
"""

from __future__ import annotations

import io
import random
import sys
from pathlib import Path
from typing import Final

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from desktop_app.images.preprocess import CLIP_MEAN_RGB, fit_square
from pictures.drawing import draw
from pictures.scenes import Scene, make_scene
from pictures.textures import grainy

SIDE: Final = 112
VARIANTS: Final = ("clean", "jpeg", "resized", "odd aspect", "megapixels")


def fitted(picture: Image.Image) -> Image.Image:
    """The picture as the image tower gets it, by the program's own preprocessing."""
    return fit_square(picture, SIDE, CLIP_MEAN_RGB)


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    """Save as JPEG in memory and read back, artefacts included."""
    store = io.BytesIO()
    picture.save(store, "JPEG", quality=quality)
    store.seek(0)
    with Image.open(store) as opened:
        return opened.convert("RGB")


def resized(picture: Image.Image, longer: int, resample: Image.Resampling) -> Image.Image:
    """Scale to a longer edge of ``longer`` pixels."""
    scale = longer / max(picture.size)
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), resample)


def training_picture(scene: Scene, rng: random.Random) -> Image.Image:
    """Draw ``scene`` in one of many ways and fit it to the model's square."""
    chance = rng.random()
    if chance < 0.04:
        longer = rng.randint(700, 1600)
    elif chance < 0.25:
        longer = rng.choice((64, 80, 96, 100, 112, 128, 150))
    else:
        longer = round(90 * 5.5 ** rng.random())
    picture = draw(scene, longer)
    if rng.random() < 0.2:
        filters = (
            Image.Resampling.NEAREST,
            Image.Resampling.BILINEAR,
            Image.Resampling.BICUBIC,
            Image.Resampling.LANCZOS,
        )
        picture = resized(
            picture,
            round(longer * rng.uniform(0.6, 1.8)) if longer > 100 else rng.randint(90, 260),
            rng.choice(filters),
        )
    if rng.random() < 0.12:
        picture = grainy(picture, rng, rng.uniform(0.02, 0.1))
    if rng.random() < 0.3:
        picture = as_jpeg(picture, rng.randint(30, 95))
    return fitted(picture)


def make_variant_scene(rng: random.Random, variant: str, kind: str = "") -> Scene:
    """A scene suited to one of `VARIANTS`: long ones for "odd aspect", others as they come."""
    if variant != "odd aspect":
        return make_scene(rng, kind)
    wide = rng.uniform(1.6, 2.5) if kind != "character" else rng.uniform(1.4, 1.8)
    return make_scene(rng, kind, aspect=wide if rng.random() < 0.5 else 1 / wide)


def variant_picture(scene: Scene, variant: str, rng: random.Random) -> Image.Image:
    """The picture as a person would drop it on the window, not yet fitted."""
    if variant == "megapixels":
        return draw(scene, rng.randint(2000, 4000))
    picture = draw(scene, round(64 * 12 ** rng.random()))
    if variant == "jpeg":
        return as_jpeg(picture, rng.randint(30, 90))
    if variant == "resized":
        return resized(
            picture,
            round(max(picture.size) * rng.uniform(0.5, 2.5)) if max(picture.size) > 180 else rng.randint(80, 400),
            rng.choice((Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS)),
        )
    return picture
