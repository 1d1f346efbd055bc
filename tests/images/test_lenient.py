"""Pictures that every other program opens are read, whatever is wrong beside their pixels."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from desktop_app.images.reading import read_picture
from tests.images.files import chunk, png_with, saved, scene
from tests.images.test_reading import PICTURES, difference

MIB = 1 << 20


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def padded_exif(webp: bytes) -> bytes:
    """Return a WebP with a canvas header and an EXIF chunk that ends in zeros."""
    width, height = scene().size
    canvas = bytes([8, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    exif = b"II*\0\x08\0\0\0\0\0\0\0" + bytes(2000)
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas + webp[12:] + b"EXIF" + struct.pack("<I", len(exif)) + exif
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lenient() -> dict[str, bytes]:
    """Return files that are not as they should be, and whole: name -> bytes."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = chunk(b"iCCP", b"large\0\0" + zlib.compress(srgb + bytes(2 * MIB)))
    png, jpeg, webp = saved(scene(), "PNG"), saved(scene(), "JPEG", quality=95), saved(scene(), "WEBP", quality=95)
    heic, avif = ((PICTURES / name).read_bytes() for name in ("plain.heic", "plain.avif"))
    ends = png.index(b"IEND") - 4
    return {
        "large-profile.png": png_with(profile),
        "broken-profile.png": png_with(chunk(b"iCCP", b"broken\0\0" + b"nonsense")),
        "unknown-packing.png": png_with(chunk(b"iCCP", b"broken\0\7" + zlib.compress(srgb))),
        "large-text.png": png_with(chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 2 * MIB))),
        "large-itxt.png": png_with(chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"x" * 2 * MIB))),
        "many-texts.png": png_with(*[chunk(b"tEXt", b"a\0" + b"x" * 65536) for _ in range(1100)]),
        "text-sum.png": png_with(chunk(b"tEXt", b"Software\0x", bytes(4))),
        "gamma-sum.png": png_with(chunk(b"gAMA", struct.pack(">I", 100_000), bytes(4))),
        "short-resolution.png": png_with(chunk(b"pHYs", bytes(4))),
        "short-gamma.png": png_with(chunk(b"gAMA", bytes(2))),
        "short-primaries.png": png_with(chunk(b"cHRM", bytes(9))),
        "short-intent.png": png_with(chunk(b"sRGB", b"")),
        "short-transparency.png": png_with(chunk(b"tRNS", b"\0")),
        "short-animation.png": png_with(chunk(b"acTL", b"\0")),
        "wrong-frame.png": png_with(chunk(b"acTL", struct.pack(">II", 1, 0)), chunk(b"fcTL", bytes(26))),
        "no-end.png": png[:ends],
        "zeros-behind.png": png + bytes(5000),
        "pixels-sum.png": png[: ends - 4] + b"\1\2\3\4" + png[ends:],
        "no-end.jpg": jpeg[:-2],
        "half-an-end.jpg": jpeg[:-1],
        "progressive-no-end.jpg": saved(scene(), "JPEG", quality=95, progressive=True)[:-2],
        "trailer.jpg": jpeg + b"SEFT" + bytes(3000),
        "padded.webp": padded_exif(webp),
        "cut-in-exif.webp": padded_exif(webp)[:-700],
        "padded.heic": heic + box(b"free", bytes(4096)),
        "padded.avif": avif + box(b"free", bytes(4096)),
    }


LENIENT = lenient()


@pytest.mark.parametrize("name", sorted(LENIENT))
def test_a_whole_picture_is_read_without_a_word(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(LENIENT[name])
    read = read_picture(path, name)
    expected = scene()
    if name.startswith("padded.") and not name.endswith(".webp"):
        expected = read_picture(PICTURES / f"plain.{name[-4:]}", name).image
    assert read.image.size == expected.size
    assert difference(read.image, expected) < 3
    assert read.notes == ()


def test_the_direction_of_a_png_is_kept(tmp_path: Path) -> None:
    """What is left out of a PNG is not what says which way is up."""
    exif = Image.Exif()
    exif[0x0112] = 6
    scene().save(tmp_path / "turned.png", exif=exif)
    assert read_picture(tmp_path / "turned.png", "x").image.size == (200, 320)
    hexed = b"\nexif\n%8d\n" % len(exif.tobytes()) + exif.tobytes().hex().encode()
    (tmp_path / "old.png").write_bytes(png_with(chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(hexed))))
    assert read_picture(tmp_path / "old.png", "x").image.size == (200, 320)


def test_the_padding_of_a_jpeg_tells_how_much_of_it_is_missing(tmp_path: Path) -> None:
    whole = saved(scene(), "JPEG", quality=95)
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    read = read_picture(tmp_path / "cut.jpg", "cut.jpg")
    assert str(read.notes[0]) == "cut.jpg is incomplete: its lower part is missing. What is there is shown."
    assert read.image.width == 320
    assert 60 < read.image.height < 190
    assert difference(read.image, scene().crop((0, 0, *read.image.size))) < 3
