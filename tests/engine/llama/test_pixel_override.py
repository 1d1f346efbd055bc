"""Parts of any size reach the graph of MiniCPM-V's image tower pixel by pixel."""

import ctypes
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama import pixel_override
from desktop_app.engine.llama.ggml_tensor import Tensor
from desktop_app.engine.llama.minicpm_positions import positions
from desktop_app.engine.llama.model import Model
from desktop_app.engine.llama.pixel_override import PixelOverride, dummy_size
from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from desktop_app.images.minicpm_tiling import MiniCPM46Tiling, MiniCPMTiling
from tests.engine.llama.test_class_token_fix import F32, I32, Graph
from tests.helpers.paths import DATA
from tests.random_models.divided import PICTURES, SIZES, WIDTHS, write_model
from tests.random_models.projectors import QUERIES, write_eyes

SLICES = MiniCPMTiling(448, 14, QUERIES)
HALF = (0.5, 0.5, 0.5)


@pytest.fixture
def side() -> int:
    """Pixels along the square that the tower was made for."""
    return 448


@pytest.fixture
def model(tmp_path: Path, side: int) -> Iterator[Model]:
    width = WIDTHS["minicpm_v"]
    projector = write_eyes(tmp_path / "mmproj.gguf", "resampler", width, side=side)
    files = check_files(write_model(tmp_path, "minicpm_v"), projector)
    model = Model(files, EngineSettings(n_ctx=512, threads=2), Interrupt())
    yield model
    model.close()


def sizes_of_parts(slices: MiniCPMTiling, pictures: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found = set()
    for width, height in pictures:
        grid = slices.grid_for(width, height)
        found.add(slices.whole(width, height))
        if grid.tiles:
            across, down = slices.canvas(width, height, grid)
            found.add((across // grid.columns, down // grid.rows))
    return sorted(found)


def test_parts_of_all_shapes_can_be_encoded(model: Model) -> None:
    sizes = sizes_of_parts(SLICES, [*SIZES, (1, 5000), (5000, 1)])
    assert len(sizes) > 30
    for width, height in sizes:
        assert model.encode_sized(bytes(width * height * 3), width, height).shape == (QUERIES, model.width)


@pytest.mark.parametrize("side", [56])
def test_parts_of_a_small_tower_can_be_encoded(model: Model, side: int) -> None:
    sizes = sizes_of_parts(MiniCPMTiling(side, 14, QUERIES), [*PICTURES, (4000, 3000), (3000, 4000)])
    assert (56, 42) in sizes  # where a stand-in of few pixels has other proportions
    for width, height in sizes:
        assert model.encode_sized(bytes(width * height * 3), width, height).shape == (QUERIES, model.width)


def test_every_pixel_counts(model: Model) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (322, 630, 3), np.uint8)
    first = model.encode_sized(pixels.tobytes(), 630, 322)
    assert np.array_equal(model.encode_sized(pixels.tobytes(), 630, 322), first)
    for row, column in ((0, 0), (321, 629), (160, 3)):
        other = pixels.copy()
        other[row, column] ^= 128
        assert not np.array_equal(model.encode_sized(other.tobytes(), 630, 322), first)


def test_pixels_that_are_not_used_are_noticed(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PixelOverride, "on_node", lambda *_: None)
    with pytest.raises(RuntimeError, match="did not get into the graph"):
        model.encode_sized(bytes(448 * 448 * 3), 448, 448)


def test_positions_count(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, 574 * 350 * 3, np.uint8).tobytes()
    first = model.encode_sized(pixels, 574, 350)
    exact = [70 * row // 25 * 70 + 70 * column // 41 for row in range(25) for column in range(41)]
    monkeypatch.setattr(pixel_override, "positions", lambda *_: np.array(exact, np.int32))
    assert not np.array_equal(model.encode_sized(pixels, 574, 350), first)


def test_stop_is_heard(model: Model) -> None:
    expected = model.encode_sized(bytes(448 * 448 * 3), 448, 448)
    model._interrupt.stop_now()
    with pytest.raises(Interrupted):
        model.encode_sized(bytes(448 * 448 * 3), 448, 448)
    model._interrupt.clear()
    assert np.array_equal(model.encode_sized(bytes(448 * 448 * 3), 448, 448), expected)


@pytest.mark.parametrize(("kind", "shape"), [(I32, (28, 14, 3, 1)), (F32, (14, 28, 3, 1)), (F32, (28, 14, 3, 2))])
def test_another_input_is_left_alone(kind: int, shape: tuple[int, ...]) -> None:
    pixels, graph = PixelOverride(bytes(28 * 14 * 3), (28, 14), 14, HALF, HALF), Graph()
    values = (ctypes.c_float * 2352)()
    tensor: Any = graph.tensor("inp_raw", kind=kind)
    tensor.ne[:], tensor.data = shape, ctypes.addressof(values)
    pixels.on_node(ctypes.addressof(graph.tensor("im2col", graph.tensor("kernel"), tensor)))
    assert not pixels.used
    assert not any(values)


def test_memory_that_is_no_tensor_is_left_alone() -> None:
    pixels = PixelOverride(bytes(28 * 14 * 3), (28, 14), 14, HALF, HALF)
    rubbish = (ctypes.c_uint8 * ctypes.sizeof(Tensor))(*([0xA5] * ctypes.sizeof(Tensor)))
    pixels.on_node(ctypes.addressof(rubbish))  # would crash if what it points at were read
    assert not pixels.used


def test_patches_stand_where_the_original_puts_them() -> None:
    recorded = json.loads((DATA / "divided.json").read_text(encoding="utf-8"))["places"]
    assert len(recorded) > 10
    for wanted in recorded:
        assert positions(len(wanted), 1).tolist() == wanted
        assert positions(1, len(wanted)).tolist() == [70 * place for place in wanted]
    exact = [70 * patch // 25 for patch in range(25)]
    assert [patch for patch in range(25) if positions(25, 1)[patch] != exact[patch]] == [5, 10, 15, 20]


def test_every_part_of_version_46_has_a_picture_that_leads_to_it() -> None:
    """Also where the original rounds half a step down, and mtmd up."""
    tiling = MiniCPM46Tiling(448, 56, 64)
    assert tiling.whole(289, 254) == (448, 392)
    edges = [289, 254, *(round(1.3**power) for power in range(36))]
    parts = set()
    for size in ((width, height) for width in edges for height in edges):
        parts |= {tiling.whole(*size), tiling.slice(*size, tiling.grid_for(*size))}
    assert len(parts) > 150
    for part in parts:
        across, down = dummy_size(*part, 448, 56)
        assert across * down < 1_000_000, part


@pytest.mark.parametrize(
    ("tiling", "keeps"),
    [(MiniCPM46Tiling(448, 56, 64), True), (MiniCPM46Tiling(448, 28, 256, always_fitted=True), False)],
)
def test_pictures_of_all_proportions_have_parts_that_can_be_encoded(tiling: MiniCPM46Tiling, keeps: bool) -> None:
    """Some proportions, among them 1 : 8.46, are met by few pictures and lead to half a step in both edges."""
    proportions = (300 ** (step / 10000) for step in range(-10000, 10001))
    parts = {tiling.whole(round(100_000 * min(each, 1)), round(100_000 * min(1 / each, 1))) for each in proportions}
    assert len(parts) > 200
    for part in parts:
        assert max(dummy_size(*part, 448, tiling.step, keeps=keeps)) < 1 << 16, part


def test_a_size_that_no_picture_leads_to_is_refused() -> None:
    with pytest.raises(ValueError, match="no picture"):
        dummy_size(896, 896, 448, 14)


def test_other_versions_and_other_models_are_refused(tmp_path: Path) -> None:
    """MiniCPM-V 2.5 divides and speaks otherwise; and a model without the special tokens cannot be shown slices."""
    width = WIDTHS["minicpm_v"]
    projector, old = (
        write_eyes(tmp_path / f"mmproj-{version}.gguf", "resampler", width, version=version) for version in (3, 2)
    )
    with pytest.raises(UserError) as caught:
        check_files(write_model(tmp_path, "minicpm_v"), old)
    assert caught.value.code == "projector-unsupported"
    with pytest.raises(UserError) as caught:
        check_files(write_model(tmp_path, "internvl3", width), projector)
    assert caught.value.code == "projector-other-kind"
