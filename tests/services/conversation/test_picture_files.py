"""Which files may be pictures, and what ending belongs to their bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from desktop_app.services.conversation.picture_files import PICTURE_SUFFIXES, count_pictures, ending_of, is_folder
from tests.helpers.paths import DATA


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp", "bmp", "tiff", "avif"])
def test_a_picture_under_any_name_is_one(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "Screenshot from 2026-11-30 10.30.15"
    Image.new("RGB", (8, 8), "red").save(file, kind)
    assert count_pictures([str(file), file.as_uri(), f"file://localhost{file}"]) == 3
    assert ending_of(file) in PICTURE_SUFFIXES
    assert ending_of(file)[1:3] == kind[:2]


def test_every_picture_of_the_tests_is_known_by_its_bytes() -> None:
    pictures = [path for path in (DATA / "pictures").iterdir() if path.suffix in PICTURE_SUFFIXES]
    assert [path.name for path in pictures if not ending_of(path)] == []


def test_other_things_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "words.v2").write_text("words")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.png").mkdir()
    names = [str(path) for path in tmp_path.iterdir()]
    assert count_pictures([*names, "https://a.b/c.png", str(tmp_path / "gone.v2")]) == 0
    assert count_pictures([str(tmp_path / "gone.png"), str(tmp_path / "gone")]) == 2, "the engine says what is wrong"
    assert [is_folder(name) for name in names] == [Path(name).is_dir() for name in names]
