"""Reads a picture file that is not trusted into upright 8-bit RGB, or refuses it with a clear error.

The bytes are untrusted. The format is told by its first bytes, and Pillow gets that one decoder
only; the size stands in the header and is checked before a pixel is decoded. A picture that a
lenient reader shows whole is read. What is really missing is cut off and said: a model would describe
the grey half of a picture.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from desktop_app.errors import UserError
from desktop_app.images.decoding import Decoder, TooLargeError, TooMuchMemoryError
from desktop_app.images.formats.source import EndsEarlyError
from desktop_app.images.formats.spliced import Deadline, TooSlowError, size_of
from model_store.foreign_files import is_missing, open_file

MAX_PIXELS = 100_000_000
MAX_FILE_BYTES = 1_000_000_000  # 100 megapixels of 16-bit RGBA, uncompressed, and some

# Pillow warns at its limit and refuses at twice as much: of frames and pages too, which we do not see.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

_log = logging.getLogger(__name__)

_DIB_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


@dataclass(frozen=True)
class Picture:
    """A picture that was read."""

    image: Image.Image  # upright, mode RGB, without metadata; a large one is reduced to some 16 megapixels
    width: int  # of the whole, in pixels
    height: int
    notes: tuple[UserError, ...] = ()  # what the person should know: which frame is seen, what is missing


def open_picture(path: str | Path, name: str) -> Image.Image:
    """Return the image of `read_picture`."""
    return read_picture(path, name).image


def read_picture(path: str | Path, name: str) -> Picture:
    """Return the picture of the file `path`: one frame or page of it.

    Transparency is laid over a ground that shows it. `name` is what the person calls the file. Raises
    `UserError` with the codes file-missing, is-a-folder, file-unreadable, file-empty, file-too-large,
    not-a-picture, picture-damaged, picture-ends-early, picture-unusual, picture-too-large,
    picture-too-slow and picture-needs-memory.
    """
    with _opened(Path(path), name) as file:
        kind = picture_format(file.read(64))
        if kind is None:
            raise UserError("not-a-picture", name=name)
        size = size_of(file)
        if size > MAX_FILE_BYTES:
            raise UserError("file-too-large", name=name, megabytes=size // 1_000_000, limit=MAX_FILE_BYTES // 1_000_000)
        try:
            with warnings.catch_warnings():
                # Of what can be done without, such as broken EXIF data; it would appear on standard error.
                warnings.simplefilter("ignore")
                decoded = Decoder(file, kind, Deadline(), MAX_PIXELS).decode()
        except TooLargeError as error:
            limit = MAX_PIXELS // 1_000_000
            raise UserError("picture-too-large", name=name, megapixels=error.megapixels, limit=limit) from error
        except TooSlowError as error:
            raise UserError("picture-too-slow", name=name) from error
        except (TooMuchMemoryError, MemoryError) as error:
            raise UserError("picture-needs-memory", name=name) from error
        except EndsEarlyError as error:
            raise UserError("picture-ends-early", name=name) from error
        except UnidentifiedImageError as error:
            # Nearly always a broken header; sometimes a kind of TIFF or JPEG that Pillow does not know.
            raise UserError("picture-unusual", name=name) from error
        except Exception as error:
            # Decoders meet hostile bytes with nearly every exception there is. An OSError with a
            # number is the disk's; all others say the same to the person: this file is broken.
            if isinstance(error, OSError) and error.errno is not None:
                raise UserError("file-unreadable", name=name) from error
            _log.info("a %s file cannot be decoded: %s: %s", kind, type(error).__name__, error)
            raise UserError("picture-damaged", name=name) from error
    notes = tuple(UserError(code, name=name, **numbers) for code, numbers in decoded.notes)
    return Picture(decoded.image, decoded.width, decoded.height, notes)


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
        file = open_file(path)
    except IsADirectoryError as error:
        raise UserError("is-a-folder", name=name) from error
    except OSError as error:
        raise UserError("file-missing" if is_missing(error) else "file-unreadable", name=name) from error
    with file:
        if size_of(file) == 0:
            raise UserError("file-empty", name=name)
        yield file
