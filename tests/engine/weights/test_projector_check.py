"""A projector of Qwen3-VL in which a tensor is missing or has another shape is refused, before it ends the engine."""

from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.engine.weights.model_files import check_files
from desktop_app.engine.weights.projector_check import checked_projector
from desktop_app.errors import UserError
from model_store.gguf_header import GGUFHeader, read_header
from tests.random_models.qwen3_vl import EYES, EYES_OF_QWEN35, Eyes, Sizes, write_eyes, write_qwen3_vl


@pytest.fixture(params=[EYES, EYES_OF_QWEN35], ids=["with taps", "without"])
def eyes(request: pytest.FixtureRequest) -> Eyes:
    found: Eyes = request.param
    return found


@pytest.fixture
def path(eyes: Eyes, tmp_path: Path) -> Path:
    return write_eyes(tmp_path / "mmproj.gguf", eyes)


def is_refused(path: Path, header: GGUFHeader) -> bool:
    try:
        checked_projector(path, header)
    except UserError as error:
        return error.code == "projector-damaged" and path.name in error.sentence()
    return False


def test_its_rows_are_as_wide_as_with_the_taps(path: Path, eyes: Eyes) -> None:
    assert checked_projector(path, read_header(path)).width == 128 * (1 + len(eyes.taps))


def test_no_tensor_may_be_missing_or_have_another_shape(path: Path) -> None:
    header = read_header(path)
    for name, tensor in header.tensors.items():
        others = {other: info for other, info in header.tensors.items() if other != name}
        wrong = others | {name: replace(tensor, shape=(*tensor.shape[:-1], tensor.shape[-1] + 1))}
        assert is_refused(path, replace(header, tensors=wrong)), name
        if name.startswith("v.deepstack") and name.endswith("fc1.weight"):
            continue  # then the layer is not tapped, and the rows are too narrow for the model
        assert is_refused(path, replace(header, tensors=others)), name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spatial_merge_size", 1),  # 2 x 2 patches are one token, whatever the file says
        ("attention.head_count", 3),
        ("attention.head_count", 32),  # heads that cannot be turned in four parts
        ("image_size", 208),
        ("patch_size", 8),
        ("block_count", 5),
        ("feed_forward_length", 64),
    ],
)
def test_no_number_may_be_wrong(path: Path, key: str, value: int) -> None:
    header = read_header(path)
    assert is_refused(path, replace(header, metadata={**header.metadata, f"clip.vision.{key}": value}))


@pytest.mark.parametrize("taps", [0, 1, 3])
def test_a_model_for_another_number_of_taps_is_refused(path: Path, eyes: Eyes, tmp_path: Path, taps: int) -> None:
    model = write_qwen3_vl(tmp_path / "model.gguf", Sizes(taps=taps))
    if taps == len(eyes.taps):
        assert check_files(model, path).projector is not None
        return
    with pytest.raises(UserError) as caught:
        check_files(model, path)
    assert caught.value.code == "projector-mismatch"
