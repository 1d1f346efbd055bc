"""Draws scenes, with Pillow and the standard library only."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw, ImageFont

from pictures.scenes import Item, Scene, vary
from pictures.textures import draw_texture


def outline_points(shape: str) -> list[tuple[float, float]]:
    """Corners of a shape of radius 1 around the origin, y downwards (not for the circle)."""
    if shape == "square":
        return [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)]
    if shape == "triangle":
        return [(0.0, -0.95), (1.0, 0.8), (-1.0, 0.8)]
    if shape == "star":
        spikes = []
        for i in range(10):
            length = 1.1 if i % 2 == 0 else 0.44
            angle = -math.pi / 2 + i * math.pi / 5
            spikes.append((length * math.cos(angle), length * math.sin(angle) + 0.05))
        return spikes
    if shape == "cross":
        a, b = 0.34, 1.0
        return [
            (-a, -b),
            (a, -b),
            (a, -a),
            (b, -a),
            (b, a),
            (a, a),
            (a, b),
            (-a, b),
            (-a, a),
            (-b, a),
            (-b, -a),
            (-a, -a),
        ]
    if shape == "heart":
        heart = []
        for i in range(60):
            t = 2 * math.pi * i / 60
            x = 16 * math.sin(t) ** 3
            y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
            heart.append((x / 16.5, -(y + 2.5) / 15.5))
        return heart
    raise ValueError(f"{shape} has no corners")


def _corners(item: Item, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    if item.shape == "circle":
        points = [(0.97 * math.cos(math.pi * i / 60), 0.97 * math.sin(math.pi * i / 60)) for i in range(120)]
    else:
        points = outline_points(item.shape)
    wide, high = math.sqrt(item.stretch), 1 / math.sqrt(item.stretch)
    cos, sin = math.cos(math.radians(item.turn)), math.sin(math.radians(item.turn))
    return [
        (x + radius * (a * wide * cos - b * high * sin), y + radius * (a * wide * sin + b * high * cos))
        for a, b in points
    ]


def _draw_character(picture: Image.Image, item: Item, font_file: str) -> None:
    width, height = picture.size
    wanted = 2 * item.radius * min(width, height)
    size = max(6.0, wanted / 0.72)
    font = ImageFont.truetype(font_file, size) if font_file else ImageFont.load_default(size=size)
    left, top, right, bottom = font.getbbox(item.shape)
    pad = 4
    mask = Image.new("L", (int(right - left) + 2 * pad, int(bottom - top) + 2 * pad), 0)
    ImageDraw.Draw(mask).text((pad - left, pad - top), item.shape, fill=255, font=font)
    if item.turn:
        mask = mask.rotate(item.turn, Image.Resampling.BICUBIC, expand=True)
    corner = (round(item.x * width - mask.width / 2), round(item.y * height - mask.height / 2))
    picture.paste(Image.new("RGB", mask.size, item.rgb), corner, mask)


def _draw_background(scene: Scene, width: int, height: int) -> Image.Image:
    picture = Image.new("RGB", (width, height), scene.background_rgb)
    rng = random.Random(scene.texture_seed)
    pen = ImageDraw.Draw(picture)
    if scene.grain == "gradient":
        amount = rng.randint(6, 16)
        ramp = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270))).resize((width, height))
        light = (
            min(255, scene.background_rgb[0] + amount),
            min(255, scene.background_rgb[1] + amount),
            min(255, scene.background_rgb[2] + amount),
        )
        picture.paste(Image.new("RGB", (width, height), light), (0, 0), ramp)
    elif scene.grain == "lines":
        shade = vary(rng, scene.background_rgb, 14)
        for i in range(0, width, max(6, width // rng.randint(8, 16))):
            pen.line([(i, 0), (i, height)], fill=shade, width=max(1, width // 150))
    elif scene.grain == "frame":
        shade = rng.choice(((0, 0, 0), (90, 90, 90), (200, 200, 200)))
        pen.rectangle(
            [0, 0, width - 1, height - 1], outline=shade, width=max(1, min(width, height) // rng.randint(60, 150))
        )
    return picture


def size_of(scene: Scene, longer: int) -> tuple[int, int]:
    """Width and height in pixels of ``scene`` drawn with this longer edge."""
    if scene.aspect >= 1:
        return longer, max(8, round(longer / scene.aspect))
    return max(8, round(longer * scene.aspect)), longer


def draw(scene: Scene, longer: int) -> Image.Image:
    """Draw ``scene`` with a longer edge of ``longer`` pixels. The same call gives the same picture."""
    width, height = size_of(scene, longer)
    if scene.kind == "other":
        return draw_texture(random.Random(scene.texture_seed), width, height)
    factor = (4 if longer <= 200 else 3 if longer <= 420 else 2 if longer <= 1400 else 1) if scene.smooth else 1
    picture = _draw_background(scene, width * factor, height * factor)
    short = min(picture.size)
    pen = ImageDraw.Draw(picture)
    for item in scene.items:
        if item.is_character:
            _draw_character(picture, item, scene.font)
            continue
        radius = item.radius * short
        corners = _corners(item, item.x * picture.width, item.y * picture.height, radius)
        pen.polygon(corners, fill=item.rgb)
        if scene.outline is not None:
            pen.line(
                [*corners, corners[0], corners[1]],
                fill=scene.outline,
                width=max(1, round(radius * 0.07)),
                joint="curve",
            )
    return picture.reduce(factor) if factor > 1 else picture
