"""Large pictures are reduced while they are decoded, and take no more memory than is planned for and free."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from desktop_app.engine.planning.memory_estimate import DECODED_PHOTO
from desktop_app.images import decoding
from desktop_app.images.preview import inspect
from desktop_app.images.reading import read_picture
from tests.helpers.paths import REPOSITORY
from tests.images.files import scene
from tests.images.test_reading import code_of, difference

_SOME = 24_000_000  # bytes: modules and buffers
_MOST = 800_000_000  # of the largest pictures; 1.7 GB before they were reduced
#: Prints how much more memory a picture takes at its peak than what was held before.
_CHILD = """
import sys
from desktop_app.engine.planning.process_memory import peak_memory
from desktop_app.images.preview import inspect
inspect(sys.argv[1], "x")
before = peak_memory()
seen = inspect(sys.argv[2], "x")
print(seen.width, seen.height, peak_memory() - before)
"""


def peak_of(path: Path) -> tuple[int, int, int]:
    """Return width, height, and the bytes that a picture took in a process that had read a small one."""
    small = path.with_suffix(".small.png")
    scene().save(small)
    command = [sys.executable, "-c", _CHILD, str(small), str(path)]
    out = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True, timeout=300).stdout
    width, height, peak = map(int, out.split())
    return width, height, peak


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the peak of a short time")


@LINUX
@pytest.mark.parametrize("name", ["photograph.jpg", "photograph.png", "alpha.png", "photograph.bmp"])
def test_a_photograph_takes_what_is_planned(tmp_path: Path, name: str) -> None:
    """12 megapixels, as most telephones take them."""
    mode = "RGBA" if name == "alpha.png" else "RGB"
    scene(mode).resize((4000, 3000)).save(tmp_path / name)
    width, height, peak = peak_of(tmp_path / name)
    assert (width, height) == (4000, 3000)
    assert peak <= DECODED_PHOTO + _SOME


@LINUX
@pytest.mark.parametrize("name", ["alpha.png", "usual.jpg", "progressive.jpg", "lzw.tif"])
def test_a_hundred_megapixels_take_little_more_than_the_decoder_itself(tmp_path: Path, name: str) -> None:
    picture = scene("RGBA" if name == "alpha.png" else "RGB").resize((10_000, 10_000), Image.Resampling.NEAREST)
    options: dict[str, Any] = {"progressive": True, "subsampling": 0} if name == "progressive.jpg" else {}
    options |= {"compression": "tiff_lzw"} if name == "lzw.tif" else {}
    options |= {"compress_level": 1} if name == "alpha.png" else {}
    picture.save(tmp_path / name, **options)
    width, height, peak = peak_of(tmp_path / name)
    assert (width, height) == (10_000, 10_000)
    assert peak < (150_000_000 if name == "usual.jpg" else _MOST)


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_a_large_picture_is_reduced_and_keeps_its_size(tmp_path: Path, kind: str) -> None:
    large = scene().resize((6400, 4000))
    large.save(tmp_path / f"large.{kind}")
    read = read_picture(tmp_path / f"large.{kind}", "x")
    assert (read.width, read.height) == (6400, 4000)
    assert read.image.size == (3200, 2000)
    assert difference(read.image, large.reduce(2)) < 1


def test_what_does_not_fit_into_the_memory_there_is_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene().resize((3000, 2000)).save(tmp_path / "large.png")
    monkeypatch.setattr(decoding, "memory_left", lambda: 60_000_000)
    assert code_of(tmp_path / "large.png") == "picture-needs-memory"
    monkeypatch.setattr(decoding, "memory_left", lambda: 80_000_000)
    assert inspect(tmp_path / "large.png", "x").width == 3000
    monkeypatch.setattr(decoding, "memory_left", lambda: None)  # not told
    assert inspect(tmp_path / "large.png", "x").width == 3000
