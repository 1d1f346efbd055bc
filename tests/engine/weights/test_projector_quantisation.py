"""A copy of a projector in q8_0 is half as large, and its embeddings are nearly the same."""

import errno
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.weights import projector_copy
from desktop_app.engine.weights.gguf_copy import q8_0
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.engine.weights.projector_copy import prepare_projector
from desktop_app.engine.weights.projector_header import LastLayer, Projector
from desktop_app.engine.weights.projector_quantisation import loaded_size
from desktop_app.paths import demo_model
from model_store.gguf_header import read_header
from tests.engine.clip_reference import Array, image_features, mean_cosine
from tests.helpers.strays import Expected
from tests.random_models.headers_only import write_tower
from tests.random_models.llava import Sizes, write_language_model, write_projector

# Wide enough that the matrices are most of the file.
SIZES = Sizes(width=128, vision_width=96, vision_layers=3, vision_heads=3, vision_feed_forward=160, feature_layer=False)


def files_of(folder: Path, sizes: Sizes = SIZES) -> ModelFiles:
    return check_files(
        write_language_model(folder / "model.gguf", sizes), write_projector(folder / "mmproj.gguf", sizes)
    )


def small(files: ModelFiles, cache: Path) -> Projector:
    projector = prepare_projector(files, lambda: cache, small=True).projector
    assert projector is not None
    return projector


def embeddings(files: ModelFiles) -> list[Array]:
    assert files.projector is not None
    side = files.projector.side
    random = np.random.default_rng(3)
    noise = random.integers(0, 256, side**2 * 3, np.uint8)
    slope = np.repeat(np.linspace(0, 255, side, dtype=np.uint8), side * 3)
    model = Model(files, EngineSettings(n_ctx=256, threads=1), Interrupt())
    try:
        return [model.encode(pixels.tobytes()).astype(float) for pixels in (noise, slope)]
    finally:
        model.close()


def test_values_are_rounded_as_ggml_rounds_them() -> None:
    values = (np.random.default_rng(1).standard_normal((64, 96)) * 3).astype(np.float32)
    values[5] = 0
    values[6] *= 1e-6
    theirs = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
    ours = np.frombuffer(q8_0(values), np.uint8).reshape(theirs.shape)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "sizes",
    [
        SIZES,
        replace(SIZES, feature_layer=True),
        replace(
            SIZES, vision_width=80, vision_heads=4, vision_feed_forward=512
        ),  # rows that are no whole blocks stay as they are
        replace(SIZES, vision_feed_forward=100, width=160, heads=5, side=70),
        replace(SIZES, class_token=False),
        replace(SIZES, linear=True),
    ],
)
def test_it_sees_nearly_the_same(tmp_path: Path, sizes: Sizes) -> None:
    files = files_of(tmp_path, sizes)
    assert files.projector is not None
    projector = small(files, tmp_path / "cache")
    assert projector.small
    assert projector.last_layer is not LastLayer.MISSING
    kept, shrunk = files.projector.header, read_header(projector.path)
    for name, tensor in kept.tensors.items():
        matrix = len(tensor.shape) == 2 and "position" not in name and tensor.shape[0] % 32 == 0
        assert shrunk.tensors[name].kind == ("Q8_0" if matrix else tensor.kind), name
    assert loaded_size(kept, small=True) == sum(tensor.size for tensor in shrunk.tensors.values())
    plain = prepare_projector(files, lambda: tmp_path / "cache")
    for one, other in zip(embeddings(plain), embeddings(replace(files, projector=projector)), strict=True):
        assert mean_cosine(one, other) >= 0.999


def test_it_agrees_with_what_all_layers_make_of_a_picture(tmp_path: Path) -> None:
    files = files_of(tmp_path)
    shrunk = replace(files, projector=small(files, tmp_path / "cache"))
    pixels = np.random.default_rng(3).integers(0, 256, SIZES.side**2 * 3, np.uint8).tobytes()
    assert files.projector is not None
    theirs = image_features(files.projector.path, pixels)
    assert mean_cosine(embeddings(shrunk)[0], theirs) >= 0.999


def test_the_built_in_model_sees_nearly_the_same(tmp_path: Path) -> None:
    files = check_files(*demo_model())
    projector = small(files, tmp_path)
    for one, other in zip(embeddings(files), embeddings(replace(files, projector=projector)), strict=True):
        assert mean_cosine(one, other) >= 0.999


def test_it_is_written_once_beside_the_other_copy(tmp_path: Path) -> None:
    files = files_of(tmp_path)
    first = small(files, tmp_path / "cache")
    written = first.path.stat().st_ino
    other = prepare_projector(files, lambda: tmp_path / "cache").projector
    assert other is not None
    assert (other.small, other.last_layer) == (False, LastLayer.CORRECTED)
    assert sorted((tmp_path / "cache" / "projectors").iterdir()) == sorted([first.path, other.path])
    assert small(files, tmp_path / "cache") == first
    assert first.path.stat().st_ino == written
    assert first.path.stat().st_size < other.path.stat().st_size * 0.7


def test_a_stale_copy_is_written_again(tmp_path: Path) -> None:
    stale = small(files_of(tmp_path), tmp_path / "cache").path.read_bytes()
    fresh = small(files_of(tmp_path, replace(SIZES, seed=9)), tmp_path / "cache").path
    assert fresh.read_bytes() != stale
    fresh.write_bytes(fresh.read_bytes()[:-1000])
    files = files_of(tmp_path, replace(SIZES, seed=9))
    assert len(embeddings(replace(files, projector=small(files, tmp_path / "cache")))) == 2


def test_without_room_on_the_disk_the_projector_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: Expected
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    expected.log("no copy can be written")
    monkeypatch.setattr(projector_copy, "finish", full)
    files = files_of(tmp_path)
    assert small(files, tmp_path / "cache") is files.projector


def test_half_of_the_real_shape_is_saved(tmp_path: Path) -> None:
    header = read_header(write_tower(tmp_path / "mmproj.gguf", 4096))
    assert loaded_size(header, small=True) / 2**20 == pytest.approx(318, abs=1)


def test_a_projector_that_is_small_already_is_used_as_it_is(tmp_path: Path) -> None:
    files = files_of(tmp_path, replace(SIZES, feature_layer=True))
    once = small(files, tmp_path / "cache")
    again = check_files(files.model, once.path)
    assert prepare_projector(again, lambda: tmp_path / "other", small=True) is again
    assert not (tmp_path / "other").exists()
