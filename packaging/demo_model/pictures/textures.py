"""Pictures that are no simple drawings: clouds, gradients, noise, clutter.

They stand for photographs, which the built-in model cannot describe; with them it
learns to say so. Pillow and the standard library only.
"""

from __future__ import annotations

import random

from PIL import Image, ImageDraw, ImageFilter


def _noise(rng: random.Random, width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), rng.randbytes(width * height * 3))


def grainy(picture: Image.Image, rng: random.Random, amount: float) -> Image.Image:
    """The picture with grey noise of a given share (0 to 1) mixed in."""
    grain = Image.frombytes("L", picture.size, rng.randbytes(picture.width * picture.height))
    return Image.blend(picture, grain.convert("RGB"), amount)


def _clouds(rng: random.Random, width: int, height: int) -> Image.Image:
    """Several octaves of smooth noise, the look of a blurred photograph."""
    picture: Image.Image | None = None
    for octave in range(rng.randint(2, 5)):
        cells = 2 + int(rng.uniform(1, 3) * 2**octave)
        layer = _noise(rng, cells, max(2, cells * height // width)).resize((width, height), Image.Resampling.BICUBIC)
        picture = layer if picture is None else Image.blend(picture, layer, rng.uniform(0.2, 0.5))
    assert picture is not None
    if rng.random() < 0.6:
        grey = picture.convert("L").convert("RGB")
        tint = Image.new("RGB", (width, height), tuple(rng.randrange(256) for _ in range(3)))
        picture = Image.blend(Image.blend(picture, grey, rng.uniform(0.2, 0.9)), tint, rng.uniform(0.0, 0.4))
    return picture


def _clutter(rng: random.Random, width: int, height: int) -> Image.Image:
    """Dozens of overlapping patches, the look of a crowded scene."""
    picture = _clouds(rng, width, height)
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.randint(25, 90)):
        x, y = rng.uniform(-0.1, 1.0) * width, rng.uniform(-0.1, 1.0) * height
        w, h = rng.uniform(0.03, 0.4) * width, rng.uniform(0.03, 0.4) * height
        fill = tuple(rng.randrange(256) for _ in range(3))
        kind = rng.random()
        if kind < 0.35:
            pen.rectangle([x, y, x + w, y + h], fill=fill)
        elif kind < 0.6:
            pen.ellipse([x, y, x + w, y + h], fill=fill)
        elif kind < 0.8:
            pen.polygon([(x + rng.uniform(-w, w), y + rng.uniform(-h, h)) for _ in range(rng.randint(3, 7))], fill=fill)
        else:
            pen.line(
                [x, y, x + rng.uniform(-w, w) * 3, y + rng.uniform(-h, h) * 3],
                fill=fill,
                width=rng.randint(1, max(2, width // 30)),
            )
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.0, width / 60)))


def _horizon(rng: random.Random, width: int, height: int) -> Image.Image:
    """A bright and a dark part with rough edges, the look of a landscape."""
    sky = Image.blend(
        _clouds(rng, width, height), Image.new("RGB", (width, height), (170, 200, 235)), rng.uniform(0.3, 0.8)
    )
    ground = _clouds(rng, width, height).point(lambda v: v * 0.6)
    mask = Image.new("L", (width, height), 0)
    points = [(0.0, float(height))]
    steps = rng.randint(4, 14)
    for i in range(steps + 1):
        points.append((width * i / steps, height * rng.uniform(0.3, 0.8)))
    ImageDraw.Draw(mask).polygon([*points, (float(width), float(height))], fill=255)
    return Image.composite(ground, sky, mask.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3))))


def _page(rng: random.Random, width: int, height: int) -> Image.Image:
    """Lines of writing, the look of a page or a screen."""
    paper = tuple(rng.randint(225, 255) for _ in range(3)) if rng.random() < 0.8 else (30, 30, 34)
    ink = (30, 30, 40) if sum(paper) > 300 else (210, 210, 210)
    picture = Image.new("RGB", (width, height), paper)
    pen = ImageDraw.Draw(picture)
    step = max(3.0, height / rng.randint(10, 30))
    y = step
    while y < height - step:
        x = width * 0.06
        end = width * rng.uniform(0.5, 0.95)
        while x < end:
            word = step * rng.uniform(0.4, 2.5)
            pen.rectangle([x, y, x + word, y + step * 0.45], fill=ink)
            x += word + step * 0.5
        y += step
    return picture


def draw_texture(rng: random.Random, width: int, height: int) -> Image.Image:
    """One picture outside the model's world, ``width`` x ``height`` pixels."""
    makers = (_clouds, _clutter, _horizon, _page)
    work = (min(width, 480), max(8, min(width, 480) * height // width))
    kind = rng.choices((0, 1, 2, 3, 4), (3, 3, 3, 1, 0.6))[0]
    if kind == 4:
        picture = _noise(rng, *work).filter(ImageFilter.GaussianBlur(rng.uniform(0.0, 2.0)))
    else:
        picture = makers[kind](rng, *work)
    if rng.random() < 0.5:
        picture = grainy(picture, rng, rng.uniform(0.02, 0.12))
    return picture if picture.size == (width, height) else picture.resize((width, height), Image.Resampling.BICUBIC)
