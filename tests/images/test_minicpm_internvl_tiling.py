"""Pictures are divided as InternVL3 and MiniCPM-V were trained; `tests/recording/divided.py` recorded how."""

import json
from typing import Any

import numpy as np
import pytest

from desktop_app.images.internvl_tiling import InternVLTiling
from desktop_app.images.minicpm_tiling import MiniCPMTiling
from desktop_app.images.tiles import parts
from desktop_app.images.tiling import WHOLE, Grid, Tiling
from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models.divided import PICTURES

#: Family -> its tiling in its own size, and in that of the recorded pictures.
TILINGS: dict[str, tuple[Tiling, Tiling]] = {
    "internvl3": (InternVLTiling(448, 256), InternVLTiling(56, 4)),
    "minicpm_v": (MiniCPMTiling(448, 14, 64), MiniCPMTiling(56, 14, 5)),
}


@pytest.fixture(params=TILINGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def recorded_sizes(name: str) -> list[Any]:
    recorded: dict[str, list[Any]] = json.loads((DATA / "divided.json").read_text(encoding="utf-8"))
    return recorded[name]


def test_grids_and_costs_are_those_of_the_original(name: str) -> None:
    tiling, _ = TILINGS[name]
    assert len(recorded_sizes(name)) > 50
    for width, height, rows, columns, tokens, *_ in recorded_sizes(name):
        grid = tiling.grid_for(width, height)
        assert (grid, tiling.tokens(width, height, grid)) == (Grid(rows, columns), tokens), (width, height)
        assert grid == WHOLE or grid in tiling.grids
    assert max(row[4] for row in recorded_sizes(name)) <= tiling.most_tokens
    assert max(tiling.tokens(1, 1, grid) for grid in tiling.grids) == tiling.most_tokens


def test_sizes_of_parts_are_those_of_the_original() -> None:
    """MiniCPM-V's have all shapes."""
    tiling, _ = TILINGS["minicpm_v"]
    for width, height, rows, columns, _, _, (overview, *slices) in recorded_sizes("minicpm_v"):
        assert [*tiling.whole(width, height)] == overview, (width, height)
        if slices:
            across, down = tiling.canvas(width, height, Grid(rows, columns))
            assert [across // columns, down // rows] == slices[0], (width, height)


def test_pixels_are_those_of_the_original(name: str) -> None:
    _, tiling = TILINGS[name]
    with np.load(DATA / "divided.npz") as recorded:
        for width, height in PICTURES:
            ours = list(parts(patterned(width, height), (width, height), tiling, tiling.grid_for(width, height)))
            theirs = pixels_of(recorded, f"{name} {width}x{height}")
            assert len(ours) == len(theirs), (width, height)
            for one, other in zip(ours, theirs, strict=True):
                assert np.asarray(one).shape == other.shape, (width, height)
                assert np.abs(np.asarray(one).astype(int) - other).max() <= 1, (width, height)


def pixels_of(recorded: Any, picture: str) -> list[Any]:
    found = [key for key in recorded.files if key.startswith(f"{picture} pixels ")]
    return [recorded[f"{picture} pixels {number}"] for number in range(len(found))]


def test_fewer_tiles_are_taken_where_there_is_no_room_for_more(name: str) -> None:
    tiling, _ = TILINGS[name]
    for picture in ((4000, 3000), (1080, 2400), (3000, 1000)):
        grids = [tiling.grid_for(*picture, most) for most in (None, *range(tiling.most_parts - 1, -1, -1))]
        assert grids[0] == grids[1]
        assert all(
            grid.tiles <= most for grid, most in zip(grids[1:], range(tiling.most_parts - 1, -1, -1), strict=True)
        )
        tokens = [tiling.tokens(*picture, grid) for grid in grids]
        assert tokens == sorted(tokens, reverse=True)
        assert grids[-1] == WHOLE
