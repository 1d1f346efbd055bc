"""Every kind of picture file is read completely, upright and in its colours."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageStat

from desktop_app.errors import UserError
from desktop_app.images.reading import open_picture
from tests.helpers.paths import DATA

PICTURES = DATA / "pictures"
REFUSED = {"unusual.tif"}
ALL = sorted(path.name for path in PICTURES.iterdir() if path.name not in REFUSED)
COLOURED = [name for name in ALL if not name.startswith(("grey", "one-bit"))]


def difference(first: Image.Image, second: Image.Image) -> float:
    """Return the mean difference of two pictures of one size (0-255)."""
    return float(np.mean(ImageStat.Stat(ImageChops.difference(first, second)).mean))


def code_of(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_picture(path, path.name)
    assert path.name in str(caught.value)
    return caught.value.code


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """The upright scene, 200 x 150: a red circle left of and above the middle, on white."""
    return open_picture(PICTURES / "plain.png", "plain.png")


def test_every_format_is_there() -> None:
    kinds = {Path(name).suffix for name in ALL}
    assert kinds == {".png", ".jpg", ".webp", ".gif", ".bmp", ".tif", ".heic", ".avif"}


@pytest.mark.parametrize("name", ALL)
def test_a_plain_rgb_picture_comes_out(name: str) -> None:
    picture = open_picture(PICTURES / name, name)
    assert type(picture) is Image.Image
    assert picture.mode == "RGB"
    assert picture.info == {}
    assert not picture.getexif()


@pytest.mark.parametrize("name", COLOURED)
def test_the_scene_is_upright_and_red_on_white(name: str, scene: Image.Image) -> None:
    picture = open_picture(PICTURES / name, name)
    expected = scene if picture.size == scene.size else scene.resize(picture.size)
    assert picture.width * 3 == picture.height * 4
    assert difference(picture, expected) < 3  # turned the wrong way it is at least 15


@pytest.mark.parametrize("name", [name for name in ALL if name not in COLOURED])
def test_grey_pictures_keep_their_brightness(name: str) -> None:
    picture = open_picture(PICTURES / name, name)
    circle, corner = picture.getpixel((90, 68)), picture.getpixel((2, 2))
    assert isinstance(circle, tuple)
    assert isinstance(corner, tuple)
    assert max(abs(value - (0 if "one-bit" in name else 70)) for value in circle) <= 2
    assert min(corner) >= 254


def test_a_turned_picture_would_be_noticed(scene: Image.Image) -> None:
    assert difference(scene, scene.transpose(Image.Transpose.ROTATE_180)) > 15


def test_sixteen_bits_are_divided_not_cut(tmp_path: Path) -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    read = np.asarray(open_picture(tmp_path / "ramp.png", "ramp.png"))[..., 0]
    assert np.array_equal(read, np.rint(ramp / 257).astype(np.uint8))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 900.0), (0.0, 1e9)])
def test_floats_use_the_whole_range(tmp_path: Path, low: float, high: float) -> None:
    values = np.linspace(low, high, 10_000, dtype=np.float32).reshape(100, 100)
    values[50, 50] = np.nan
    Image.fromarray(values).save(tmp_path / "float.tif")
    read = np.asarray(open_picture(tmp_path / "float.tif", "float.tif"))[..., 0]
    assert (read[0, 0], read[99, 99]) == (0, 255)
    assert abs(int(read[49, 99]) - 127) <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA", "PA", "RGBA", "I;16"])
def test_transparency_is_white(tmp_path: Path, mode: str) -> None:
    """Black everywhere, opaque in the left half only."""
    path = tmp_path / "transparent.png"
    if mode in ("L", "RGB", "I;16"):  # one colour means transparent
        white: int | tuple[int, int, int] = {"L": 255, "RGB": (255, 0, 255), "I;16": 999}[mode]  # type: ignore[assignment]
        picture = Image.new(mode, (20, 10), 0)
        if mode == "I;16":  # pasting numbers into this mode repeats their low byte
            picture = Image.fromarray(np.where(np.arange(20) < 10, 0, 999)[None].repeat(10, 0).astype(np.uint16))
        else:
            picture.paste(white, (10, 0, 20, 10))
        picture.save(path, transparency=white)
    elif mode == "P":
        picture = Image.new("P", (20, 10), 1)
        picture.putpalette([0, 255, 0, 0, 0, 0])
        picture.paste(0, (10, 0, 20, 10))
        picture.save(path, transparency=0)
    else:
        picture = Image.new("RGBA", (20, 10), (0, 0, 0, 255))
        picture.paste((0, 0, 0, 0), (10, 0, 20, 10))
        picture.convert(mode).save(path) if mode != "PA" else picture.quantize(8).save(path)
    read = open_picture(path, "x")
    assert read.getpixel((2, 5)) == (0, 0, 0)
    assert read.getpixel((17, 5)) == (255, 255, 255)


def test_a_broken_colour_profile_is_ignored(tmp_path: Path, scene: Image.Image) -> None:
    with Image.open(PICTURES / "profile.png") as picture:
        good = picture.info["icc_profile"]
    for number, profile in enumerate(
        (good[:200], good[:16] + b"GRAY" + good[20:], b"\0" * 500, good[:132] + b"\xff" * 300)
    ):
        path = tmp_path / f"{number}.png"
        scene.save(path, icc_profile=profile)
        assert difference(open_picture(path, "x"), scene) == 0


def test_broken_exif_is_ignored(tmp_path: Path, scene: Image.Image) -> None:
    for number, exif in enumerate(
        (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*" + bytes(30), b"nonsense")
    ):
        path = tmp_path / f"{number}.png"
        scene.save(path, exif=exif)
        assert difference(open_picture(path, "x"), scene) == 0


@pytest.mark.parametrize("name", ["plain.png", "plain.jpg", "lossy.webp", "plain.heic", "plain.avif", "lzw.tif"])
def test_the_content_counts_not_the_name(tmp_path: Path, name: str, scene: Image.Image) -> None:
    other = tmp_path / "holiday.gif"
    other.write_bytes((PICTURES / name).read_bytes())
    assert difference(open_picture(other, other.name), scene) < 3


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 5)])
def test_tiny_and_thin_pictures_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, "blue").save(tmp_path / "thin.png")
    assert open_picture(tmp_path / "thin.png", "thin.png").size == size


def test_files_that_are_not_there_or_not_files(tmp_path: Path) -> None:
    assert code_of(tmp_path / "gone.png") == "file-missing"
    assert code_of(PICTURES / "plain.png" / "below.png") == "file-missing"
    assert code_of(tmp_path / ("long" * 100 + ".png")) == "file-missing"
    assert code_of(tmp_path) == "is-a-folder"
    (tmp_path / "empty.png").touch()
    assert code_of(tmp_path / "empty.png") == "file-empty"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert code_of(tmp_path / "pipe.png") == "file-unreadable"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes((PICTURES / "plain.png").read_bytes())
    path.chmod(0)
    assert code_of(path) == "file-unreadable"
