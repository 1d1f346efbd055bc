"""Converts any picture to 8-bit sRGB: 16-bit greys, CMYK, Lab, palettes, colour profiles, transparency."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, TiffImagePlugin

_log = logging.getLogger(__name__)

_BITS_PER_SAMPLE = 258  # TIFF tag
_PROFILE_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}


def to_rgb(image: Image.Image) -> Image.Image:
    """Return a new RGB image without metadata: colours in sRGB, transparency laid over white."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        image = _deep_to_grey(image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    elif image.mode in ("1", "La"):
        image = image.convert("L")
    elif image.mode not in _PROFILE_SPACES:
        image = image.convert("RGB")
    picture = _in_srgb(image, profile)
    if alpha is not None:
        picture = Image.composite(picture, Image.new("RGB", picture.size, "white"), alpha)
    elif picture is image:
        picture = image.copy()  # away from the file it was loaded from
    picture.info.clear()
    return picture


def _deep_to_grey(image: Image.Image) -> Image.Image:
    """Return mode L (or LA) of a picture with 16 or 32 bits, or floats, for a grey.

    16 bits are divided by 257. Floats are meant as 0 to 1. Numbers outside such a range have no
    meaning of their own: the smallest becomes black, the largest white.
    """
    lowest, highest = 0.0, 0.0
    for _, values in _bands(image):
        lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
    if lowest < 0.0 or (image.mode == "F" and highest > 1.0) or highest > 65535.0:
        black, white = lowest, highest
    elif image.mode == "F":
        black, white = 0.0, 1.0
    elif image.mode == "I" and highest <= 255.0:
        black, white = 0.0, 255.0
    else:
        black, white = 0.0, float(2 ** _bits(image) - 1)
    transparent = image.info.get("transparency")  # the one value of a PNG that means "nothing here"
    grey = Image.new("LA" if isinstance(transparent, int) else "L", image.size)
    for row, values in _bands(image):
        scaled = np.clip((values - black) * (255.0 / (white - black)), 0, 255)
        band = Image.fromarray(np.rint(scaled).astype(np.uint8))
        if grey.mode == "LA":
            band.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
        grey.paste(band, (0, row))
    return grey


def _bands(image: Image.Image) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (first row, values) of bands of about a million pixels, so that no copy of the whole is needed."""
    rows = max(1, 1_000_000 // image.width)
    for row in range(0, image.height, rows):
        band = image.crop((0, row, image.width, min(row + rows, image.height)))
        yield row, np.nan_to_num(np.asarray(band, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _bits(image: Image.Image) -> int:
    """Return how many bits of a sample are used: 16, or less in some TIFFs."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return min(int(image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0]), 16)
    return 16


def _in_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Return an image in RGB by its colour profile; a missing or broken one means sRGB."""
    if image.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    elif isinstance(profile, bytes) and profile[16:20] == _PROFILE_SPACES[image.mode].encode():
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(source):
                return image
        except (ImageCms.PyCMSError, OSError) as error:
            _log.info("a colour profile cannot be read: %s", error)
            return image.convert("RGB")
    else:
        return image.convert("RGB") if image.mode != "RGB" else image
    try:
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        _log.info("a colour profile cannot be used: %s", error)
        return image.convert("RGB")
    assert converted is not None  # None only with inPlace
    return converted
