"""Pictures are divided as LFM2-VL and MiniCPM-V 4.6 were trained; `tests/recording/pieces.py` recorded how."""

import json
import math
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.minicpm_tiling import MiniCPM46Tiling
from desktop_app.images.tiles import parts
from desktop_app.images.tiling import WHOLE, Grid, Tiling
from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models.pieces import PIXELS

MINICPM = "minicpm_v4.6"
LONGEST = {MINICPM: MiniCPM46Tiling.longest}  # times the shorter edge
LFM2, CLOSER = Lfm2Tiling(512), MiniCPM46Tiling(448, 28, 256)
#: Name of the recorded sizes, and of what is recorded -> tiling.
TILINGS: dict[tuple[str, str], Tiling] = {
    ("lfm2_vl", "sizes"): LFM2,
    (MINICPM, "sizes"): MiniCPM46Tiling(448, 56, 64),
    (MINICPM, "closer"): CLOSER,
}
#: Name of the recorded pixels -> the tiling that made them, and how far they may be from the original's. LFM2-VL's were
#: made by torchvision, whose filter rounds otherwise than Pillow's.
SMALL: dict[str, tuple[Tiling, int]] = {
    "lfm2_vl": (Lfm2Tiling(64, 32, 1, 4), 1),
    MINICPM: (MiniCPM46Tiling(112, 56, 4), 1),
}


@pytest.fixture(params=TILINGS, ids=" ".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    name: tuple[str, str] = request.param
    return name


def recorded(case: tuple[str, str]) -> list[Any]:
    name, key = case
    found: list[Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))[key]
    return found


def test_grids_sizes_and_costs_are_those_of_the_original(case: tuple[str, str]) -> None:
    tiling, name = TILINGS[case], case[0]
    assert len(recorded(case)) > 70
    for width, height, rows, columns, count, text, (whole, *tile) in recorded(case):
        grid, size = tiling.grid_for(width, height), (width, height)
        assert grid == Grid(rows, columns), size
        if max(size) > LONGEST.get(name, math.inf) * min(size):
            continue  # it is squeezed
        assert grid == WHOLE or grid in tiling.grids, size
        assert list(tiling.whole(*size)) == whole, size
        if tile:
            across, down = tiling.canvas(*size, grid)
            assert [across // columns, down // rows] == tile[0], size
        between = len(re.findall(r"<\|img_|</?slice>|\n", text))
        assert tiling.tokens(*size, grid) == count + between, size
        assert count + between <= tiling.most_tokens, size


@pytest.mark.parametrize("name", SMALL)
def test_pixels_are_those_of_the_original(name: str) -> None:
    tiling, most = SMALL[name]
    counts = []
    for size, theirs in recorded_pixels(name):
        ours = list(parts(patterned(*size), size, tiling, tiling.grid_for(*size)))
        assert farthest(ours, theirs) <= most, size
        counts.append(len(ours))
    assert max(counts) > 4


@pytest.mark.parametrize("name", SMALL)
def test_letterboxed_tiles_would_be_noticed(name: str) -> None:
    """As llama.cpp makes them: the picture keeps its proportions, and the rest of the grid is black."""
    tiling, most = SMALL[name]
    noticed = 0
    for size, theirs in recorded_pixels(name):
        grid = tiling.grid_for(*size)
        if grid != WHOLE:
            whole, *_ = ours = list(parts(patterned(*size), size, tiling, grid))
            across, down = tiling.canvas(*size, grid)
            scale = min(across / size[0], down / size[1])
            canvas = Image.new("RGB", (across, down))
            canvas.paste(patterned(*size).resize((max(1, int(size[0] * scale)), max(1, int(size[1] * scale)))))
            width, height = ours[1].size
            corners = ((left, top) for top in range(0, down, height) for left in range(0, across, width))
            boxed = [canvas.crop((left, top, left + width, top + height)) for left, top in corners]
            noticed += farthest([whole, *boxed], theirs) > 10 * most
    assert noticed >= 3


def recorded_pixels(name: str) -> list[tuple[tuple[int, int], list[Any]]]:
    with np.load(DATA / f"{name}.npz") as file:
        found = {key: file[key] for key in file.files if " pixels " in key}
    pictures = []
    for width, height in PIXELS:
        count = sum(key.startswith(f"{width}x{height} ") for key in found)
        pictures.append(((width, height), [found[f"{width}x{height} pixels {number}"] for number in range(count)]))
    return pictures


def farthest(ours: list[Image.Image], theirs: list[Any]) -> int:
    """Return the greatest difference of a value; the shapes have to be the same."""
    assert [part.size[::-1] for part in ours] == [part.shape[:2] for part in theirs]
    differences = (np.abs(np.asarray(one, np.int16) - other) for one, other in zip(ours, theirs, strict=True))
    return max(int(difference.max()) for difference in differences)


def test_fewer_tiles_are_taken_where_there_is_no_room_for_more(case: tuple[str, str]) -> None:
    tiling = TILINGS[case]
    for picture in ((4000, 3000), (1080, 2400), (3000, 1000)):
        limits = range(tiling.most_parts - 1, -1, -1)
        grids = [tiling.grid_for(*picture, most) for most in limits]
        assert grids[0] == tiling.grid_for(*picture)
        assert all(grid.tiles <= most for grid, most in zip(grids, limits, strict=True))
        assert [grid.tiles for grid in grids] == sorted((grid.tiles for grid in grids), reverse=True)
        assert grids[-1] == WHOLE


def test_a_whole_has_never_more_tokens_than_the_tower_takes() -> None:
    """However long a picture is: llama.cpp would resize what has more."""
    for longest in (1, 63, 200, 2000, 20_000, 65_000, 1_000_000):
        for size in ((longest, 1), (1, longest), (longest, 30)):
            assert 64 <= LFM2.tokens(*size, WHOLE) <= 256, size


def test_a_picture_for_a_glance_costs_least() -> None:
    assert LFM2.tokens(1400, 1000, WHOLE) == 234
    assert LFM2.tokens(1400, 1000, LFM2.grid_for(1400, 1000)) == 6 * 257 + 1 + 234
    assert CLOSER.tokens(448, 448, WHOLE) == 256
