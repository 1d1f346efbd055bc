"""Pictures are divided as LLaVA-1.6 was trained, compared with transformers (`tests/recording/tiles.py`)."""

import json

import numpy as np
import pytest

from desktop_app.images.llava_tiling import USUAL_GRIDS, LlavaTiling, grids_of
from desktop_app.images.tiles import parts
from desktop_app.images.tiling import WHOLE, Grid
from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models.tiled import MODELS, PICTURES

CLIP = LlavaTiling(336, 24)


def test_grids_and_costs_are_those_of_transformers() -> None:
    recorded = json.loads((DATA / "tiles.json").read_text(encoding="utf-8"))["sizes"]
    assert len(recorded) > 40
    for width, height, rows, columns, tokens in recorded:
        grid = CLIP.grid_for(width, height)
        assert (grid, CLIP.tokens(width, height, grid)) == (Grid(rows, columns), tokens), (width, height)
    assert max(tokens for *_, tokens in recorded) == CLIP.most_tokens == 2928


@pytest.mark.parametrize("name", MODELS)
def test_squares_are_those_of_transformers(name: str) -> None:
    sizes = MODELS[name]
    tiling = LlavaTiling(sizes.side, sizes.side // sizes.patch, grids_of(sizes.pinpoints, sizes.side))
    with np.load(DATA / "tiles.npz") as recorded:
        for width, height in PICTURES:
            picture = patterned(width, height)
            ours = np.stack(
                [np.asarray(part) for part in parts(picture, picture.size, tiling, tiling.grid_for(width, height))]
            )
            theirs = recorded[f"{name} {width}x{height} pixels"]
            assert ours.shape == theirs.shape, (width, height)
            assert np.abs(ours.astype(int) - theirs).max() <= 1, (width, height)


def test_fewer_tiles_are_taken_where_there_is_no_room_for_more() -> None:
    picture = (4000, 3000)
    grids = [CLIP.grid_for(*picture, most) for most in (None, 4, 3, 2, 1, 0)]
    assert grids == [Grid(2, 2), Grid(2, 2), Grid(1, 2), Grid(1, 2), WHOLE, WHOLE]
    tokens = [CLIP.tokens(*picture, grid) for grid in grids]
    assert tokens == sorted(tokens, reverse=True)
    assert tokens[-1] == 24 * 24 + 1
    assert len(list(parts(patterned(40, 30), (40, 30), CLIP, WHOLE))) == WHOLE.parts == 1


@pytest.mark.parametrize(
    ("pinpoints", "grids"),
    [
        ((), USUAL_GRIDS),
        ((336, 672, 672, 336, 672, 672, 1008, 336, 336, 1008), USUAL_GRIDS),
        ((336, 336, 672, 1008), (Grid(1, 1), Grid(2, 3))),
        ((336, 336, 336, 336, 300, 336, 0, 336, -336, 336, 336), (Grid(1, 1),)),
    ],
)
def test_pinpoints_are_heights_and_widths(pinpoints: tuple[int, ...], grids: tuple[Grid, ...]) -> None:
    assert grids_of(pinpoints, 336) == grids
