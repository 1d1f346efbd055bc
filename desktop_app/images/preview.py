"""Makes the small pictures that the window shows, so that the window never decodes a file from outside."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from desktop_app.errors import UserError
from desktop_app.images.picture_kinds import has_fine_structure, looks_photographic
from desktop_app.images.reading import read_picture

PREVIEW_SIDE = 2048
THUMBNAIL_SIDE = 192
_LEAST_SIDE = 1600  # a preview is not smaller, if the picture is not
_FEW_COLOURS = 1024  # drawings and screenshots: PNG keeps them sharp and is the smaller one


@dataclass(frozen=True)
class Inspection:
    """What is known of a readable picture. Sizes in pixels, upright."""

    width: int
    height: int
    preview: bytes  # PNG or JPEG, longest side at most PREVIEW_SIDE
    thumbnail: bytes  # PNG, longest side at most THUMBNAIL_SIDE
    looks_photographic: bool
    has_fine_structure: bool  # as a document or a screenshot
    notes: tuple[UserError, ...] = ()  # what the person should know of it


def inspect(path: str | Path, name: str) -> Inspection:
    """Read the picture `path`, called `name`, and make what is shown of it. Raises `UserError` as `read_picture`."""
    read = read_picture(path, name)
    picture = _reduced(read.image)
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    preview, thumbnail = _preview(picture), _encoded(small, "PNG")
    kinds = looks_photographic(picture), has_fine_structure(picture)
    return Inspection(read.width, read.height, preview, thumbnail, *kinds, read.notes)


def _reduced(picture: Image.Image) -> Image.Image:
    """Return `picture` in the size of a preview: averaged where that suffices, which takes a tenth of the time."""
    factor = -(-max(picture.size) // PREVIEW_SIDE)
    if factor > 1 and max(picture.size) >= factor * _LEAST_SIDE:
        return picture.reduce(factor)
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return picture


def _preview(picture: Image.Image) -> bytes:
    if picture.getcolors(_FEW_COLOURS) is not None:
        return _encoded(picture, "PNG")
    return _encoded(picture, "JPEG")


def _encoded(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "PNG":
        picture.save(out, "PNG", compress_level=4)
    else:
        picture.save(out, "JPEG", quality=90)
    return out.getvalue()
