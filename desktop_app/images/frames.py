"""Chooses the frame of an animation that is seen: the first with anything on it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PIL import Image

_log = logging.getLogger(__name__)

_MOST_PIXELS = 50_000_000  # of all frames that are looked at
_EVEN = 4  # of 255: so little the pixels of an empty frame differ


def count_of(image: Image.Image) -> int:
    """Return how many frames a picture has that was opened and not yet loaded; 1 when that cannot be told."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception as error:  # hostile bytes, behind a first frame that may be whole
        _log.info("the frames cannot be counted: %s: %s", type(error).__name__, error)
        return 1


def is_blank(picture: Image.Image) -> bool:
    """Return whether an RGB picture is one even colour."""
    return all(high - low <= _EVEN for low, high in (band.getextrema() for band in picture.split()))  # type: ignore[operator]


def with_something(
    image: Image.Image, first: Image.Image, frames: int, convert: Callable[[Image.Image], Image.Image]
) -> tuple[Image.Image, int]:
    """Return the first frame that is not blank as `convert` makes it of `image`, and its number from 0.

    It is `first` when there is none, or none that can be read with reasonable work.
    """
    try:
        for number in range(1, min(frames, 1 + _MOST_PIXELS // (image.width * image.height))):
            image.seek(number)
            image.load()
            picture = convert(image)
            if not is_blank(picture):
                return picture, number
    except Exception as error:  # as above
        _log.info("frames cannot be read: %s: %s", type(error).__name__, error)
    return first, 0
