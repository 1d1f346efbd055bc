"""Finds what is missing of a picture whose file ends early, by decoding it twice with something else in the gap."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFile

from desktop_app.images.bands import bands_of

_GREY = 128


class Box(NamedTuple):
    """A rectangle in pixels, as Pillow's `crop` takes it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Return how many pixels are in it."""
        return (self.right - self.left) * (self.bottom - self.top)


def undecoded(image: Image.Image, other: Image.Image) -> Box | None:
    """Return the smallest box around what was not decoded of `image`; `other` is the same picture, not yet loaded."""
    assert isinstance(image, ImageFile.ImageFile)
    assert isinstance(other, ImageFile.ImageFile)
    bands = len(image.getbands())
    other.im = Image.new(other.mode, image.im.size, 255 if bands == 1 else (255,) * bands).im
    with suppress(OSError):
        other.load()
    image.tile, other.tile = [], []  # there is no more to come
    if image.im.size != image.size:
        raise OSError("a turned picture was not turned")
    return difference(image, other)


def may_end_early(image: Image.Image) -> bool:
    """Return whether a JPEG ends in the grey that decoders put in place of data that is missing."""
    last = image.getpixel((image.width - 1, image.height - 1))
    values = last if isinstance(last, tuple) else (last,)
    return all(value is not None and abs(value - _GREY) <= 1 for value in values)


def difference(image: Image.Image, other: Image.Image) -> Box | None:
    """Return the smallest box around all in which two pictures of one size differ, None if they are the same."""
    boxes = []
    for (row, mine), (_, theirs) in zip(bands_of(image), bands_of(other), strict=True):
        differs = np.asarray(mine) != np.asarray(theirs)
        if not differs.any():  # which is quick
            continue
        height, width = differs.shape[:2]
        differs = differs.reshape(height, -1)  # numpy is slow where the last axis has three numbers
        columns = np.flatnonzero(differs.any(axis=0).reshape(width, -1).any(axis=1))
        rows = np.flatnonzero(differs.any(axis=1))
        boxes.append((int(columns[0]), row + int(rows[0]), int(columns[-1]) + 1, row + int(rows[-1]) + 1))
    if not boxes:
        return None
    left, top, right, bottom = zip(*boxes, strict=True)
    return Box(min(left), min(top), max(right), max(bottom))


def largest_beside(gap: Box, width: int, height: int) -> Box:
    """Return the largest part of a picture that is above, below, left or right of a gap."""
    parts = (
        Box(0, 0, width, gap.top),
        Box(0, gap.bottom, width, height),
        Box(0, 0, gap.left, height),
        Box(gap.right, 0, width, height),
    )
    return max(parts, key=lambda part: part.area)
