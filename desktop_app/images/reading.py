"""Reads a picture file that is not trusted into upright 8-bit RGB, or refuses it with a clear error.

The bytes are untrusted. The format is told by its first bytes, and Pillow gets that one decoder
only; the size stands in the header and is checked before a pixel is decoded. What ends early is
refused: a model would describe the grey half of it.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, UnidentifiedImageError

from desktop_app.errors import UserError
from desktop_app.images.colours import to_rgb
from desktop_app.images.completeness import is_whole

MAX_PIXELS = 100_000_000  # 400 MB as Pillow keeps them; twice that while they are converted
MAX_FILE_BYTES = 1_000_000_000  # 100 megapixels of 16-bit RGBA, uncompressed, and some

# Our limit is lower than Pillow's, holds for every format, and is no warning.
Image.MAX_IMAGE_PIXELS = None

_log = logging.getLogger(__name__)

_DIB_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_picture(path: str | Path, name: str) -> Image.Image:
    """Return the picture of the file `path` (its first frame or page): upright, mode RGB, without metadata.

    Transparency is laid over white. `name` is what the person calls the file. Raises `UserError`
    with the codes file-missing, is-a-folder, file-unreadable, file-empty, file-too-large,
    not-a-picture, picture-damaged, picture-unusual, picture-too-large and out-of-memory.
    """
    with _opened(Path(path), name) as file:
        kind = picture_format(file.read(64))
        if kind is None:
            raise UserError("not-a-picture", name=name)
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE_BYTES:
            raise UserError("file-too-large", name=name, megabytes=size // 1_000_000, limit=MAX_FILE_BYTES // 1_000_000)
        try:
            if not is_whole(file, kind):
                raise UserError("picture-damaged", name=name)
            with warnings.catch_warnings():
                # Of what can be done without, such as broken EXIF data; it would appear on standard error.
                warnings.simplefilter("ignore")
                return _decoded(file, kind, name)
        except UserError:
            raise
        except UnidentifiedImageError as error:
            # Nearly always a broken header; sometimes a kind of TIFF or JPEG that Pillow does not know.
            raise UserError("picture-unusual", name=name) from error
        except MemoryError as error:
            raise UserError("out-of-memory", name=name) from error
        except Exception as error:
            # Decoders meet hostile bytes with nearly every exception there is. An OSError with a
            # number is the disk's; all others say the same to the person: this file is broken.
            if isinstance(error, OSError) and error.errno is not None:
                raise UserError("file-unreadable", name=name) from error
            _log.info("a %s file cannot be decoded: %s: %s", kind, type(error).__name__, error)
            raise UserError("picture-damaged", name=name) from error


def picture_format(head: bytes) -> str | None:
    """Return Pillow's name of the format that a file beginning with `head` (64 bytes) has, or None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _DIB_HEADER_SIZES:
        return "BMP"
    if head[4:8] == b"ftyp":  # also MP4's: the brands tell
        brands = {head[at : at + 4] for at in (8, *range(16, min(int.from_bytes(head[:4], "big"), 64), 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if head[8:12] in _HEIF_BRANDS:
            return "HEIF"
    return None


@contextmanager
def _opened(path: Path, name: str) -> Iterator[BinaryIO]:
    """Open a regular file, not empty. Pipes and devices are refused: they may never answer."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UserError("is-a-folder", name=name)
        if not stat.S_ISREG(status.st_mode):
            raise UserError("file-unreadable", name=name)
        if status.st_size == 0:
            raise UserError("file-empty", name=name)
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError("file-missing", name=name) from error
    except ValueError as error:  # a null character in the path
        raise UserError("file-missing", name=name) from error
    except OSError as error:
        code = "file-missing" if error.errno in (errno.ENAMETOOLONG, errno.ELOOP) else "file-unreadable"
        raise UserError(code, name=name) from error
    with file:
        yield file


def _decoded(file: BinaryIO, kind: str, name: str) -> Image.Image:
    if kind == "HEIF":
        _register_heif()
    file.seek(0)
    with Image.open(file, formats=[kind]) as image:
        pixels = image.width * image.height
        if pixels > MAX_PIXELS:
            raise UserError(
                "picture-too-large", name=name, megapixels=math.ceil(pixels / 1e6), limit=MAX_PIXELS // 1_000_000
            )
        image.load()
        turn = _UPRIGHT.get(_orientation(image))
        picture = to_rgb(image)
    return picture.transpose(turn) if turn is not None else picture


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
