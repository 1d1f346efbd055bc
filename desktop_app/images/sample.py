"""Pictures drawn by the program itself, to check an installation with."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")


def red_circle() -> Image.Image:
    """Return a red circle on white, 200 x 150 pixels."""
    picture = Image.new("RGB", (200, 150), "white")
    ImageDraw.Draw(picture).ellipse((50, 25, 150, 125), fill=(220, 30, 30))
    return picture


def red_circle_in(kind: str) -> bytes:
    """Return a picture file of Pillow's format `kind`."""
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    red_circle().save(out, kind)
    return out.getvalue()


def formats() -> tuple[str, ...]:
    """Return the formats that are read everywhere, as Pillow names them."""
    return _FORMATS
