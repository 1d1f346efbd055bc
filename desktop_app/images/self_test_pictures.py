"""Draws the pictures that `eyebright self-test` checks an installation with."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def red_circle() -> Image.Image:
    """Return a red circle on white, 200 x 150 pixels."""
    picture = Image.new("RGB", (200, 150), "white")
    ImageDraw.Draw(picture).ellipse((50, 25, 150, 125), fill=(220, 30, 30))
    return picture


def red_circle_in(kind: str) -> bytes:
    """Return a picture file of Pillow's format `kind`."""
    out = io.BytesIO()
    red_circle().save(out, kind)
    return out.getvalue()


def formats() -> tuple[str, ...]:
    """Return the formats in which it can be drawn, as Pillow names them."""
    return _FORMATS
