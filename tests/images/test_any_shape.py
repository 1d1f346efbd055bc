"""Every way to divide or resize a picture takes pictures of all shapes, however long, small or large."""

import pytest

from desktop_app.images.internvl_tiling import InternVLTiling
from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.llava_tiling import LlavaTiling
from desktop_app.images.minicpm_tiling import MiniCPM46Tiling, MiniCPMTiling
from desktop_app.images.tiling import WHOLE, AnySize, Filled, Tiling

EDGES = (1, 2, 13, 14, 15, 27, 42, 100, 333, 448, 1000, 3000, 10000, 50000)
SHAPES = [(width, height) for width in EDGES for height in EDGES]
#: Longest edge to which anything is resized, in pixels: that of which llama.cpp still reads the size.
LONGEST = 1 << 16
TILINGS = {
    "LLaVA-1.6": LlavaTiling(336, 24),
    "InternVL3": InternVLTiling(448),
    "MiniCPM-V 2.6": MiniCPMTiling(448, 14),
    "MiniCPM-V 4.6": MiniCPM46Tiling(448, 56, 64),
    "MiniCPM-V 4.6, closer": MiniCPM46Tiling(448, 28, 256, always_fitted=True),
    "LFM2-VL": Lfm2Tiling(512),
}
ANY_SIZES = {
    "Qwen2.5-VL": AnySize(28, 4, 1280),
    "Qwen3-VL": AnySize(32, 64, 1280),
    "little room": AnySize(32, 16, 16),
    "Gemma 4": Filled(48, 1, 280, (70, 140, 280, 560, 1120)),
}


@pytest.mark.parametrize("name", TILINGS)
@pytest.mark.parametrize("most", [None, 0, 1, 4])
def test_every_shape_has_parts(name: str, most: int | None) -> None:
    tiling: Tiling = TILINGS[name]
    for size in SHAPES:
        grid = tiling.grid_for(*size, most)
        assert tiling.tokens(*size, grid) > 0, size
        assert 0 < min(tiling.whole(*size)) <= max(tiling.whole(*size)) < LONGEST, size
        if grid != WHOLE:
            assert grid in tiling.grids, size
            across, down = tiling.canvas(*size, grid)
            assert (across % grid.columns, down % grid.rows) == (0, 0), size
            place = tiling.placed(*size, grid)
            assert 0 <= place.left < place.right <= across, size
            assert 0 <= place.top < place.bottom <= down, size


@pytest.mark.parametrize("name", ANY_SIZES)
@pytest.mark.parametrize("most", [None, 1, 70])
def test_every_shape_keeps_to_the_limit(name: str, most: int | None) -> None:
    sizes = ANY_SIZES[name].chosen(most)
    for size in SHAPES:
        assert 0 < sizes.tokens(*size) <= sizes.most, size
        assert min(sizes.size_of(*size)) > 0, size
