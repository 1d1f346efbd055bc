"""Checks that a picture file is complete: decoders do not report some damage and fill the gap with grey.

Truncated files are refused by the decoders themselves. What they miss are files of the right
length that go on with zeros, as after a crash, on a failing disk or in the middle of a download.
"""

from __future__ import annotations

import os
import zlib
from typing import BinaryIO

_CHUNK = 1 << 20
_ZEROS = 256  # compressed data does not end with so many


def is_whole(file: BinaryIO, kind: str) -> bool:
    """Return False if `file`, of Pillow's format `kind`, is certainly incomplete. Moves the file position."""
    if kind == "JPEG":
        return _ends_as_jpeg(file)
    if kind == "PNG":
        return _sums_are_right(file)
    if kind in ("WEBP", "HEIF", "AVIF"):
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _ZEROS))
        return any(file.read(_ZEROS))
    return True


def _ends_as_jpeg(file: BinaryIO) -> bool:
    """Return whether the end marker follows the first scan, anywhere: cameras put films behind the picture."""
    file.seek(2)
    while True:  # the segments before the first scan; a thumbnail inside one has markers of its own
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            break
        if head[1] == 0xFF:  # fill byte
            file.seek(-3, os.SEEK_CUR)
            continue
        file.seek(max(0, int.from_bytes(head[2:], "big") - 2), os.SEEK_CUR)
        if head[1] == 0xDA:
            break
    last = b""
    while chunk := file.read(_CHUNK):
        if b"\xff\xd9" in last + chunk:
            return True
        last = chunk[-1:]
    return False


def _sums_are_right(file: BinaryIO) -> bool:
    """Return whether the checksums of the image data of a PNG are right; Pillow does not look at them."""
    file.seek(8)
    while True:
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return True  # what is missing before the end, the decoder will notice
        length = int.from_bytes(head[:4], "big")
        if head[4:] != b"IDAT":
            file.seek(length + 4, os.SEEK_CUR)
            continue
        total = zlib.crc32(b"IDAT")
        while length > 0:
            chunk = file.read(min(length, _CHUNK))
            if not chunk:
                return False
            total = zlib.crc32(chunk, total)
            length -= len(chunk)
        if file.read(4) != total.to_bytes(4, "big"):
            return False
