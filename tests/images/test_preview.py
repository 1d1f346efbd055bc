"""Previews and thumbnails: small, encoded by us, without any metadata of the original file."""

from __future__ import annotations

import io
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from desktop_app.errors import UserError
from desktop_app.images.picture_kinds import has_fine_structure, looks_photographic
from desktop_app.images.preview import inspect
from tests.helpers.paths import REPOSITORY
from tests.images.test_reading import PICTURES, difference

DEMO_MODEL = REPOSITORY / "packaging" / "demo_model"


def decoded(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        return picture


def clouds(seed: int, roughness: float, size: int = 320) -> Image.Image:
    """Return smooth noise of seven octaves in colour; the look of a photograph."""
    rng = np.random.default_rng(seed)
    light = np.zeros((size, size, 3), np.float32)
    for octave in range(7):
        for channel in range(3):
            grid = rng.normal(size=(2 ** (octave + 1) + 1,) * 2).astype(np.float32)
            layer = Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC)
            light[..., channel] += np.asarray(layer) * roughness**octave
    light = light * 0.4 + light.mean(axis=2, keepdims=True)
    return Image.fromarray(np.clip(128 + 60 * light, 0, 255).astype(np.uint8))


def test_a_small_picture_is_shown_as_it_is() -> None:
    seen = inspect(PICTURES / "orientation-6.jpg", "x")
    assert (seen.width, seen.height) == (200, 150)
    preview, thumbnail = decoded(seen.preview), decoded(seen.thumbnail)
    assert preview.size == (200, 150)
    assert (thumbnail.format, thumbnail.size) == ("PNG", (192, 144))
    assert difference(preview, decoded(inspect(PICTURES / "plain.png", "x").preview)) < 3


@pytest.mark.parametrize(
    ("size", "shown"),
    [((5000, 2500), (1667, 834)), ((2500, 1250), (2048, 1024)), ((100, 4096), (50, 2048)), ((9000, 2), (1800, 1))],
)
def test_a_large_picture_is_shown_smaller(tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]) -> None:
    Image.new("RGB", size, "teal").save(tmp_path / "large.png")
    seen = inspect(tmp_path / "large.png", "x")
    assert (seen.width, seen.height) == size
    assert decoded(seen.preview).size == shown
    assert max(decoded(seen.thumbnail).size) == 192


def test_a_drawing_is_shown_as_png() -> None:
    assert decoded(inspect(PICTURES / "plain.png", "x").preview).format == "PNG"


def test_a_photograph_is_shown_as_jpeg(tmp_path: Path) -> None:
    clouds(1, 0.6, 1024).save(tmp_path / "photo.png")
    seen = inspect(tmp_path / "photo.png", "x")
    assert decoded(seen.preview).format == "JPEG"
    assert seen.looks_photographic


def test_nothing_of_the_file_reaches_the_window(tmp_path: Path) -> None:
    secret = "Anna's garden"
    picture = clouds(2, 0.6)
    exif = Image.Exif()
    exif[0x010E] = secret
    with Image.open(PICTURES / "profile.png") as other:
        profile = other.info["icc_profile"]
    picture.save(tmp_path / "secret.jpg", exif=exif, icc_profile=profile, comment=secret.encode(), dpi=(72, 72))
    seen = inspect(tmp_path / "secret.jpg", "x")
    for content in (seen.preview, seen.thumbnail):
        assert secret.encode() not in content
        assert profile[:60] not in content
        shown = decoded(content)
        assert not shown.getexif()
        assert not {"exif", "icc_profile", "comment", "dpi", "xmp"} & shown.info.keys()


def test_a_refused_picture_has_no_preview() -> None:
    with pytest.raises(UserError):
        inspect(PICTURES / "unusual.tif", "x")


@pytest.mark.parametrize(("roughness", "grey"), [(0.5, False), (0.6, False), (0.7, False), (0.7, True)])
def test_photographs_are_told(roughness: float, grey: bool) -> None:
    """Soft greys are let pass: a drawing must not be called a photograph."""
    for seed in range(6):
        picture = clouds(seed, roughness)
        assert looks_photographic(picture.convert("L").convert("RGB") if grey else picture)


def drawn_scenes(count: int) -> list[Image.Image]:
    """Return scenes as the built-in model knows them, in the ways people store them."""
    sys.path.insert(0, str(DEMO_MODEL))
    try:
        from pictures.drawing import draw
        from pictures.scenes import make_scene
    finally:
        sys.path.remove(str(DEMO_MODEL))
    rng = random.Random(20261123)
    noise = np.random.default_rng(1)
    pictures = []
    for number in range(count):
        scene = make_scene(rng, kind=("shapes", "shapes", "character")[number % 3])
        picture = draw(scene, rng.choice((64, 112, 150, 200, 320, 640)))
        if number % 4 == 1:
            stored = io.BytesIO()
            picture.save(stored, "JPEG", quality=rng.choice((15, 30, 60, 90)))
            picture = Image.open(stored).convert("RGB")
        elif number % 4 == 2:
            grain = noise.normal(0, rng.uniform(2, 6), (picture.height, picture.width, 3))
            picture = Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))
        elif number % 4 == 3:
            picture = picture.filter(ImageFilter.GaussianBlur(picture.width / rng.uniform(60, 200)))
        pictures.append(picture)
    return pictures


def test_no_drawn_scene_is_called_a_photograph() -> None:
    for picture in drawn_scenes(240):
        assert not looks_photographic(picture)


def test_tiny_and_thin_pictures_say_nothing() -> None:
    for size in ((1, 1), (20, 20), (63, 4000), (4000, 63), (64, 64)):
        assert not looks_photographic(Image.new("RGB", size, "navy"))


def page(width: int, height: int, size: int, lines: int, *, dark: bool = False) -> Image.Image:
    """Return a page with so many lines of text, `size` pixels high."""
    ink, paper = ("#ddd", "#181818") if dark else ("#202020", "#fafafa")
    picture = Image.new("RGB", (width, height), paper)
    font = ImageFont.truetype(str(REPOSITORY / "resources/fonts/eyebright-inter-regular.ttf"), size)
    draw = ImageDraw.Draw(picture)
    for line in range(lines):
        words = "Two apples, 3 pears and one quince: 4.50 in all. " * 4
        draw.text((width // 12, height // 12 + line * size * 3 // 2), words, ink, font)
    return picture


def table(width: int, height: int) -> Image.Image:
    """Return a table full of numbers."""
    picture = page(width, height, 18, 0)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype(str(REPOSITORY / "resources/fonts/eyebright-inter-regular.ttf"), 18)
    for y in range(0, height, 40):
        draw.line((0, y, width, y), "black")
        for x in range(0, width, 120):
            draw.line((x, 0, x, height), "black")
            draw.text((x + 10, y + 8), str((x * 7 + y * 13) % 9999), "black", font)
    return picture


def foliage(seed: int) -> Image.Image:
    """Return leaves of many greens, one over the other: as many edges as text, and no paper."""
    rng = random.Random(seed)
    picture = Image.new("RGB", (900, 600), "#264020")
    draw = ImageDraw.Draw(picture)
    for _ in range(9000):
        x, y, long = rng.randrange(900), rng.randrange(600), rng.randrange(6, 26)
        green = rng.randrange(40, 230)
        draw.ellipse((x, y, x + long, y + long // 2), (green // 2, green, rng.randrange(90)))
    grain = np.random.default_rng(seed).normal(0, 6, (600, 900, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("dark", [False, True])
def test_documents_tables_and_screenshots_have_fine_structure(dark: bool) -> None:
    for width, height, size, lines in ((1240, 1754, 24, 30), (2048, 1536, 30, 20), (640, 480, 14, 12)):
        assert has_fine_structure(page(width, height, size, lines, dark=dark))
    assert has_fine_structure(page(1366, 768, 13, 20, dark=dark))
    assert has_fine_structure(table(1000, 800))


def test_drawn_scenes_and_photographs_have_none() -> None:
    for picture in drawn_scenes(240):
        assert not has_fine_structure(picture)
    for seed in range(6):
        assert not has_fine_structure(clouds(seed, 0.6))
        assert not has_fine_structure(foliage(seed))
    for size in ((1, 1), (20, 20), (63, 4000), (4000, 63)):
        assert not has_fine_structure(Image.new("RGB", size, "navy"))


def test_fine_structure_is_told_with_the_preview(tmp_path: Path) -> None:
    page(1240, 1754, 24, 30).save(tmp_path / "page.png")
    clouds(1, 0.6).save(tmp_path / "clouds.png")
    assert inspect(tmp_path / "page.png", "x").has_fine_structure
    assert not inspect(tmp_path / "clouds.png", "x").has_fine_structure
