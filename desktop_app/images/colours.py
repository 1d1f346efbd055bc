"""Converts any picture to 8-bit sRGB: 16-bit greys, CMYK, Lab, palettes, colour profiles, transparency.

It goes through a picture in bands, and reduces large ones at once: a picture of 100 megapixels takes
400 MB already as it comes from the decoder.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms, TiffImagePlugin

from desktop_app.images.bands import bands_of
from desktop_app.images.colour_coding import ColourCoding
from desktop_app.images.transparency import ground_of, parted

_log = logging.getLogger(__name__)

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # TIFF tags
_PROFILE_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}
_SAME = 2  # of 255: so little a profile may change, and is sRGB all the same

_Step = Callable[[Image.Image], Image.Image]


def to_rgb(image: Image.Image, coding: ColourCoding | None = None, factor: int = 1) -> Image.Image:
    """Return a new RGB image without metadata: colours in sRGB, transparency laid over the ground that shows it.

    `factor`: of so many pixels along each edge one is made.
    """
    picture = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    shallow = _without_depth(image)
    transparent = image.has_transparency_data
    ground = ground_of(image.size, (shallow(band) for _, band in bands_of(image))) if transparent else None
    in_srgb: _Step | None = None
    for row, whole in bands_of(image, factor):
        band, alpha = shallow(whole), None
        if transparent:
            band, alpha = parted(band)
        band = _in_one_space(band)
        if in_srgb is None:  # now the mode is known
            in_srgb = _to_srgb(band.mode, image.info.get("icc_profile"), coding)
        band = in_srgb(band)
        if ground is not None and alpha is not None:
            band = Image.composite(band, Image.new("RGB", band.size, ground), alpha)
        picture.paste(band.reduce(factor) if factor > 1 else band, (0, row // factor))
    return picture


def _in_one_space(image: Image.Image) -> Image.Image:
    """Return a picture in a mode that colour profiles are made for."""
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in _PROFILE_SPACES else image.convert("RGB")


@dataclass(frozen=True)
class _Depth:
    """What means black and white in a picture with more than 8 bits, and what means "nothing here"."""

    black: float
    white: float
    transparent: object

    def to_grey(self, image: Image.Image) -> Image.Image:
        """Return mode L, or LA."""
        values = _values(image)
        scaled = np.clip((values - self.black) * (255.0 / (self.white - self.black)), 0, 255)
        grey = Image.fromarray(np.rint(scaled).astype(np.uint8))
        if isinstance(self.transparent, int):
            grey.putalpha(Image.fromarray(np.where(values == self.transparent, 0, 255).astype(np.uint8)))
        return grey


def _without_depth(image: Image.Image) -> _Step:
    """Return how to make 8-bit grey of a picture with 16 or 32 bits, or floats, for a grey; others stay as they are.

    16 bits are divided by 257. Floats are meant as 0 to 1. Numbers outside such a range have no
    meaning of their own: the smallest becomes black, the largest white. In some TIFFs 0 is white.
    """
    if not (image.mode.startswith("I") or image.mode == "F"):
        return lambda band: band
    lowest, highest = 0.0, 0.0
    for _, band in bands_of(image):
        values = _values(band)
        numbers = values[np.isfinite(values)]
        lowest, highest = float(numbers.min(initial=lowest)), float(numbers.max(initial=highest))
    if lowest < 0.0 or (image.mode == "F" and highest > 1.0) or highest > 65535.0:
        black, white = lowest, highest
    elif image.mode == "F":
        black, white = 0.0, 1.0
    elif image.mode == "I" and highest <= 255.0:
        black, white = 0.0, 255.0
    else:
        black, white = 0.0, float(2 ** _tag(image, _BITS_PER_SAMPLE, 16) - 1)
    if _tag(image, _PHOTOMETRIC, 1) == 0:
        black, white = white, black
    return _Depth(black, white, image.info.get("transparency")).to_grey


def _values(band: Image.Image) -> NDArray[np.float32]:
    """Return the numbers; infinity is beyond all of them, and what is none is zero."""
    return np.nan_to_num(np.asarray(band, dtype=np.float32), nan=0.0, posinf=np.inf, neginf=-np.inf)


def _tag(image: Image.Image, tag: int, most: int) -> int:
    """Return the number of a TIFF's tag, or of anything else `most`."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return most
    value = image.tag_v2.get(tag, most)
    return min(int(value[0] if isinstance(value, tuple) else value), most)


def _to_srgb(mode: str, profile: object, coding: ColourCoding | None) -> _Step:
    """Return how colours become sRGB, by their profile or coding; a missing or broken one means sRGB."""
    if coding is not None and profile is None and mode in ("RGB", "L"):
        return lambda band: coding.in_srgb(band.convert("RGB"))
    try:
        if mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif isinstance(profile, bytes) and profile[16:20] == _PROFILE_SPACES[mode].encode():
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        else:
            return _plain
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode == "RGB" and _changes_nothing(transform):
            return _plain
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        _log.info("a colour profile cannot be used: %s", error)
        return _plain
    return lambda band: _transformed(band, transform)


def _transformed(band: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(band, transform)
    assert converted is not None  # None only with inPlace
    return converted


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether a profile is sRGB, whatever it is called."""
    steps = np.linspace(0, 255, 18).round().astype(np.uint8)
    every = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(1, -1, 3)
    colours = Image.fromarray(every)
    changed = ImageChops.difference(_transformed(colours, transform), colours)
    return int(np.asarray(changed).max()) <= _SAME


def _plain(band: Image.Image) -> Image.Image:
    return band.convert("RGB") if band.mode != "RGB" else band
