"""The sizes to which pictures are resized, compared with those of transformers."""

import pytest

from desktop_app.images.resizing import Resizing, at_most, longest_edge, one_square, stretched
from desktop_app.images.tiling import AnySize, Filled
from tests.images.patterns import patterned

QWEN, QWEN3 = stretched(AnySize(28, 4, 1280)), stretched(AnySize(32, 64, 1280))


@pytest.mark.parametrize(
    ("fitting", "size", "wanted"),
    [
        (one_square(896), (4000, 30), (896, 896)),
        (QWEN, (640, 480), (644, 476)),  # rounded to whole patches
        (QWEN, (4000, 3000), (1148, 840)),  # as much as may be
        (QWEN, (20, 20), (56, 56)),  # as little
        (QWEN, (1, 1), (56, 56)),
        (QWEN, (6000, 10), (1372, 28)),
        (QWEN3, (60, 40), (320, 224)),
        (QWEN3, (255, 257), (256, 256)),
        (QWEN3, (80, 144), (192, 352)),  # of 2.5 and 4.5 patches: to the even number, then enlarged
        (QWEN3, (4000, 3000), (1312, 960)),
        (QWEN3, (900, 180), (896, 192)),
        (QWEN3, (16, 3000), (32, 3520)),
        (longest_edge(1536), (640, 480), (1536, 1152)),
        (longest_edge(1536), (480, 641), (1150, 1536)),
        (longest_edge(1536), (20000, 3), (1536, 1)),
        (longest_edge(1536), (1, 1), (1536, 1536)),
        (at_most(2048), (4096, 100), (2048, 50)),
        (at_most(2048), (100, 50), (100, 50)),
    ],
)
def test_sizes(fitting: Resizing, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert fitting.size_of(*size) == wanted


def test_a_picture_that_fits_is_left_alone() -> None:
    picture = patterned(56, 84)
    assert QWEN.resized(picture, *picture.size) is picture
    assert one_square(14).resized(picture, *picture.size).size == (14, 14)


GEMMA4 = Filled(48, 1, 280, (70, 140, 280, 560, 1120))


@pytest.mark.parametrize(
    ("width", "height", "wanted"),
    [
        (300, 170, ((528, 288), (720, 384), (1056, 576), (1488, 816), (2112, 1200))),
        (1, 1, ((384, 384), (528, 528), (768, 768), (1104, 1104), (1584, 1584))),
        (4000, 3000, ((432, 336), (624, 480), (912, 672), (1296, 960), (1824, 1344))),
        (1700, 1100, ((480, 288), (672, 432), (960, 624), (1392, 912), (1968, 1248))),
        (3000, 10, ((3360, 48), (6720, 48), (13440, 48), (19632, 48), (27792, 48))),
        (10, 3000, ((48, 3360), (48, 6720), (48, 13440), (48, 19632), (48, 27792))),
        (100000, 3, ((3360, 48), (6720, 48), (13440, 48), (26880, 48), (53760, 48))),
        (7, 5000, ((48, 3360), (48, 6720), (48, 13440), (48, 26880), (48, 42912))),
    ],
)
def test_gemma_4_fills_the_number_of_tokens(width: int, height: int, wanted: tuple[tuple[int, int], ...]) -> None:
    """As `get_aspect_ratio_preserving_size` of transformers 5.24."""
    for choice, size in zip(GEMMA4.choices, wanted, strict=True):
        sizes = GEMMA4.chosen(choice)
        assert sizes.size_of(width, height) == size
        assert sizes.tokens(width, height) == size[0] * size[1] // 48**2 <= choice
    assert GEMMA4.size_of(width, height) == wanted[2]
    assert (GEMMA4.chosen(1).most, GEMMA4.chosen(300).most, GEMMA4.chosen(9999).most) == (70, 280, 1120)
