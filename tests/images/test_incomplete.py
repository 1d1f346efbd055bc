"""Of an incomplete picture what is there is shown, and that something is missing is said."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from desktop_app.images.reading import Picture, read_picture
from tests.images.files import saved
from tests.images.test_reading import difference

LOWER = ["picture-lower-part-missing"]
END = ["picture-end-missing"]


def photograph() -> Image.Image:
    """Return a picture with something everywhere."""
    rows, columns = np.mgrid[0:480, 0:640]
    noise = np.random.default_rng(1).integers(0, 40, (480, 640))
    layers = (columns * 200 // 640 + noise, rows * 200 // 480 + noise, (columns // 8 + rows // 8) % 2 * 150 + noise)
    return Image.fromarray(np.stack(layers, axis=-1).astype(np.uint8))


WHOLE = {
    "baseline": saved(photograph(), "JPEG", quality=90),
    "optimised": saved(photograph(), "JPEG", quality=90, optimize=True),
    "restarts": saved(photograph(), "JPEG", quality=90, restart_marker_rows=1),
    "grey": saved(photograph().convert("L"), "JPEG", quality=90),
    "progressive": saved(photograph(), "JPEG", quality=90, progressive=True),
}
IN_LINES = sorted({*WHOLE} - {"progressive"})


def read(folder: Path, content: bytes) -> Picture:
    path = folder / "a.jpg"
    path.write_bytes(content)
    return read_picture(path, "a.jpg")


def codes(picture: Picture) -> list[str]:
    return [note.code for note in picture.notes]


def is_upper_part(picture: Picture, whole: bytes, least: int, most: int) -> bool:
    with Image.open(io.BytesIO(whole)) as image:
        expected = image.convert("RGB").crop((0, 0, *picture.image.size))
    right = picture.image.width == 640 and least <= picture.image.height <= most
    return right and difference(picture.image, expected) < 3


#: What stands in place of the missing rest of a file -> bytes of this many.
RESTS: dict[str, Callable[[int], bytes]] = {
    "zeros": lambda length: bytes(length),  # noqa: PLW0108 - as the others
    "erased flash": lambda length: b"\xff" * length,
    "zeros, then erased flash": lambda length: bytes(length // 2) + b"\xff" * (length - length // 2),
    "an end": lambda _length: b"\xff\xd9",
    "zeros and an end": lambda length: bytes(length) + b"\xff\xd9",
    "erased flash and an end": lambda length: b"\xff" * length + b"\xff\xd9",
}


@pytest.mark.parametrize("rest", sorted(RESTS))
@pytest.mark.parametrize("kind", IN_LINES)
@pytest.mark.parametrize("part", [0.35, 0.6, 0.95])
def test_the_lower_part_of_a_jpeg_is_missing(tmp_path: Path, kind: str, rest: str, part: float) -> None:
    whole = WHOLE[kind]
    length = round(len(whole) * part)
    picture = read(tmp_path, whole[:length] + RESTS[rest](len(whole) - length))
    assert codes(picture) == LOWER
    assert is_upper_part(picture, whole, round(480 * part) - 60, round(480 * part) + 40)


@pytest.mark.parametrize("rest", sorted(RESTS))
def test_the_end_of_a_progressive_jpeg_is_missing(tmp_path: Path, rest: str) -> None:
    whole = WHOLE["progressive"]
    length = len(whole) * 3 // 10  # what is added to it in the last scan is hardly seen
    picture = read(tmp_path, whole[:length] + RESTS[rest](len(whole) - length))
    assert codes(picture) == END
    assert picture.image.size == (640, 480)


@pytest.mark.parametrize("kind", ["baseline", "restarts", "grey"])
@pytest.mark.parametrize("filled", [0, 255])
def test_a_block_of_a_jpeg_is_lost(tmp_path: Path, kind: str, filled: int) -> None:
    whole = WHOLE[kind]
    start = len(whole) // 3
    picture = read(tmp_path, whole[:start] + bytes([filled]) * 4096 + whole[start + 4096 :])
    assert codes(picture) == LOWER
    assert is_upper_part(picture, whole, 100, 200)


@pytest.mark.parametrize("kind", sorted(WHOLE))
@pytest.mark.parametrize("more", [b"", bytes(1000), *(b"\xff" * length for length in (64, 65, 200, 256, 5000))])
def test_a_jpeg_without_its_mark_of_the_end_is_whole(tmp_path: Path, kind: str, more: bytes) -> None:
    picture = read(tmp_path, WHOLE[kind][:-2] + more)
    assert codes(picture) == []
    assert picture.image.size == (640, 480)


@pytest.mark.parametrize("grey", [0, 127, 128, 129, 255])
@pytest.mark.parametrize("optimize", [False, True])
def test_an_even_jpeg_is_whole(tmp_path: Path, grey: int, optimize: bool) -> None:
    """Also one whose data are nothing but zeros, and one that ends in the grey of what is missing."""
    for mode in ("L", "RGB", "CMYK"):
        even = Image.new("RGB", (2000, 2000), (grey,) * 3).convert(mode)
        for progressive in (False, True):
            content = saved(even, "JPEG", optimize=optimize, progressive=progressive)
            assert codes(read(tmp_path, content)) == []
            half = photograph().convert(mode)
            half.paste(even.crop((0, 0, 640, 300)), (0, 180))
            assert codes(read(tmp_path, saved(half, "JPEG", optimize=optimize, progressive=progressive))) == []


@pytest.mark.parametrize("filled", [0, 255])
def test_the_rest_of_a_png_was_never_written(tmp_path: Path, filled: int) -> None:
    whole = saved(photograph(), "PNG")
    length = len(whole) * 6 // 10
    picture = read(tmp_path, whole[:length] + bytes([filled]) * (len(whole) - length))
    assert codes(picture) == LOWER
    assert 220 <= picture.image.height <= 350
    assert difference(picture.image, photograph().crop((0, 0, *picture.image.size))) == 0
