"""Decodes one picture with Pillow: finds what is missing of it, which frame is seen, and reduces it meanwhile."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from PIL import ExifTags, Image, ImagePalette, TiffImagePlugin

from desktop_app.images import frames, missing
from desktop_app.images.colours import to_rgb
from desktop_app.images.formats.source import DamagedError, Note, Source, prepared
from desktop_app.images.formats.spliced import Deadline, Piece, Span, size_of, spliced
from desktop_app.images.memory import memory_left

_log = logging.getLogger(__name__)

#: A larger picture is reduced by whole numbers: no model looks closer, and most telephones' stay as they are.
_MOST_KEPT = 16_500_000  # pixels
_LEAST_PART = 10  # of a picture of which less than one part in so many is there, nothing is shown
_KEPT_BYTES = 8  # for each pixel of what is kept, while it is converted
_SECONDS_EACH = 3e-7  # of work for each pixel, on a slow computer
_COLOUR_MAP = 320  # TIFF tag
_ANIMATED = ("GIF", "WEBP", "AVIF")
_IN_LINES = ("PNG", "GIF", "BMP", "TIFF")  # what is decoded before a gap is right

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = [turn for number, turn in _UPRIGHT.items() if number >= 5]

# Pillow reads this kind in little-endian order only; which end is white, `colours.py` sees to.
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", 0, (1,), 1, (16,), ()), ("I;16B", "I;16B"))


class TooLargeError(Exception):
    """A picture, or a frame of it, has too many pixels."""

    def __init__(self, pixels: int) -> None:
        super().__init__(pixels)
        self.megapixels = math.ceil(pixels / 1e6)


class TooMuchMemoryError(Exception):
    """There is not enough memory for a picture now."""


@dataclass(frozen=True)
class Decoded:
    """A picture, upright and in RGB. `width` and `height` are those before it was reduced."""

    image: Image.Image
    width: int
    height: int
    notes: list[Note] = field(default_factory=list)


class Decoder:
    """Decodes one file. Raises `TooLargeError`, `TooSlowError`, `TooMuchMemoryError`, and whatever Pillow raises."""

    def __init__(self, file: BinaryIO, kind: str, deadline: Deadline, max_pixels: int) -> None:
        self._file = file
        self._deadline = deadline
        self._max_pixels = max_pixels
        self._source = Source(kind)

    def decode(self) -> Decoded:
        """Return the picture."""
        try:
            self._source = prepared(self._file, self._source.kind, self._deadline)
            return self._decoded()
        except Image.DecompressionBombError as error:
            found = re.search(r"\d+", str(error))
            raise TooLargeError(int(found[0]) if found else 2 * self._max_pixels) from error

    def _decoded(self) -> Decoded:
        source = self._source
        with self._opened(source.pieces) as image:
            width, height = image.size
            self._check(width * height)
            factor = _factor(width, height)
            several = frames.count_of(image) if source.kind in _ANIMATED else source.frames
            if factor > 1 and source.kind == "JPEG":
                image.draft(None, (width // factor, height // factor))
                factor = _factor(*image.size)
            kept, notes = self._load(image)
            picture = to_rgb(image, source.coding, factor) if not source.planes else self._joined(image, factor)
            notes += source.notes
            if several > 1:
                picture, number = self._frame(image, picture, several, factor)
                notes.append(("picture-frame", {"frame": number + 1, "frames": several}))
            elif source.kind == "HEIF" and (pages := frames.count_of(image)) > 1:  # such as a burst of photographs
                notes.append(("picture-page", {"page": image.tell() + 1, "pages": pages}))
            shown = source.shown.crop_box(width, height) if source.shown is not None else kept
            if kept is not None and frames.is_blank(picture.crop(_scaled(kept, image, picture))):
                raise DamagedError  # nothing to be seen, or what is there is transparent
            if shown is not None:
                picture = picture.crop(_scaled(shown, image, picture))
                width = round((shown[2] - shown[0]) * width / image.width)
                height = round((shown[3] - shown[1]) * height / image.height)
            own = _orientation(image)
            turn = _UPRIGHT.get(own if own != 1 else source.orientation)
        if turn is None:
            return Decoded(picture, width, height, notes)
        if turn in _ON_ITS_SIDE:
            width, height = height, width
        return Decoded(picture.transpose(turn), width, height, notes)

    def _opened(self, pieces: list[Piece] | None) -> Image.Image:
        source = self._source
        if source.kind == "HEIF":
            _register_heif()
        self._file.seek(0)
        file = self._file if pieces is None else spliced(self._file, pieces, self._deadline)
        image = Image.open(file, formats=[source.kind])
        if source.page:
            image.seek(source.page)
        if source.profile is not None:
            image.info["icc_profile"] = source.profile
        if isinstance(image, TiffImagePlugin.TiffImageFile) and image.mode in ("P", "PA"):
            colours = image.tag_v2[_COLOUR_MAP]
            if max(colours) < 256:  # 8 bits, where 16 are meant
                image.palette = ImagePalette.raw("RGB;L", bytes(colours))
        return image

    def _check(self, pixels: int) -> None:
        if pixels > self._max_pixels:
            raise TooLargeError(pixels)
        left = memory_left()
        needed = pixels * self._source.bytes_each + min(pixels, _MOST_KEPT) * _KEPT_BYTES
        if left is not None and needed > left:
            raise TooMuchMemoryError
        self._deadline.extend(pixels * _SECONDS_EACH)

    def _load(self, image: Image.Image) -> tuple[missing.Box | None, list[Note]]:
        """Decode a picture; return the part of it that is there, None for all, and what has to be said."""
        source = self._source
        try:
            image.load()
        except OSError as error:
            if error.errno is not None or source.kind not in _IN_LINES or source.padded is not None:
                raise
            with self._opened(source.pieces) as other:
                gap = missing.undecoded(image, other)
            if gap is None and source.kind == "GIF" and "transparency" in image.info:
                return None, [("picture-end-missing", {})]
        else:
            if source.padded is None or (source.ends and not missing.may_end_early(image)):
                return None, []
            with self._opened(source.padded) as other:
                other.draft(None, image.size)
                other.load()
                gap = missing.difference(image, other)
            if source.coarse and (gap is not None or not source.precise):
                return None, [("picture-end-missing", {})]
            if gap is not None:  # from there on nothing is as it was
                gap = missing.Box(0, gap.top, image.width, image.height)
        if gap is None:
            return None, []
        kept = missing.largest_beside(gap, *image.size)
        if kept.area * _LEAST_PART < image.width * image.height:
            raise DamagedError
        turned = source.kind != "TIFF" and _orientation(image) not in (1, 2)
        lower = kept.top == 0 and kept.right == image.width and not turned
        return kept, [("picture-lower-part-missing" if lower else "picture-part-missing", {})]

    def _joined(self, first: Image.Image, factor: int) -> Image.Image:
        """Return the picture whose planes have to be read one by one."""
        planes = [to_rgb(first, None, factor).getchannel(0)]
        for pieces in self._source.planes[1:]:
            with self._opened(pieces) as plane:
                planes.append(to_rgb(plane, None, factor).getchannel(0))
        return to_rgb(Image.merge(self._source.plane_mode, planes))

    def _frame(self, image: Image.Image, first: Image.Image, several: int, factor: int) -> tuple[Image.Image, int]:
        """Return the frame of an animation that is seen, and its number from 0."""
        if not frames.is_blank(first):
            return first, 0
        convert = partial(to_rgb, coding=self._source.coding, factor=factor)
        if self._source.kind != "PNG":
            return frames.with_something(image, first, several, convert)
        try:  # so far only the first frame was wanted, and nothing that can spoil it
            with self._opened([Span(0, size_of(self._file))]) as film:
                return frames.with_something(film, first, several, convert)
        except Exception as error:  # as in `frames.py`
            _log.info("an animation cannot be opened: %s: %s", type(error).__name__, error)
            return first, 0


def _scaled(box: tuple[int, int, int, int], image: Image.Image, picture: Image.Image) -> tuple[int, int, int, int]:
    """Return a part of `image` in the pixels of `picture`, which is the same reduced."""
    across, down = picture.width / image.width, picture.height / image.height
    return round(box[0] * across), round(box[1] * down), round(box[2] * across), round(box[3] * down)


def _factor(width: int, height: int) -> int:
    """Return by how much a picture is reduced along each edge."""
    factor = 1
    while -(-width // factor) * -(-height // factor) > _MOST_KEPT:
        factor += 1
    return factor


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation (1-8). TIFF and HEIF are already upright when loaded."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception as error:  # the same hostile bytes, but the picture itself is whole
        _log.info("EXIF data cannot be read: %s: %s", type(error).__name__, error)
        return 1


def _register_heif() -> None:
    import pillow_heif  # 10 MB of libraries, for those who have such pictures

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
