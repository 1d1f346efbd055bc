"""Wrong or damaged model files are refused with a clear sentence, before llama.cpp opens them."""

import random
from pathlib import Path

import pytest

from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from model_store.gguf_header import read_header
from tests.random_models.llava import Sizes, write_language_model, write_projector


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    write_language_model(folder / "model.gguf")
    write_projector(folder / "mmproj.gguf")
    write_projector(folder / "wide.gguf", Sizes(projected=96))
    for name in ("model", "mmproj"):
        whole = (folder / f"{name}.gguf").read_bytes()
        (folder / f"{name}-short.gguf").write_bytes(whole[: len(whole) * 2 // 3])
        (folder / f"{name}-header.gguf").write_bytes(whole[:100])
    (folder / "page.gguf").write_text("<html>404</html>")
    (folder / "empty.gguf").write_bytes(b"")
    return folder


def test_a_sound_pair(folder: Path) -> None:
    files = check_files(folder / "model.gguf", folder / "mmproj.gguf")
    assert files.header.integer("llama.context_length") == 1024
    assert files.projector is not None
    assert files.projector.side == 56
    assert files.projector.fill == (122, 116, 104)
    assert files.projector.width == 64
    assert files.projector.has_class_embedding


@pytest.mark.parametrize(
    ("model", "mmproj", "code", "name"),
    [
        ("nowhere", None, "model-away", "nowhere.gguf"),
        ("model", "nowhere", "model-away", "nowhere.gguf"),
        ("model-short", None, "model-damaged", "model-short.gguf"),
        ("model-header", None, "model-damaged", "model-header.gguf"),
        ("page", "mmproj", "not-gguf", "page.gguf"),
        ("empty", "mmproj", "not-gguf", "empty.gguf"),
        ("mmproj", None, "swapped-files", "mmproj.gguf"),
        ("mmproj", "model", "swapped-files", "mmproj.gguf"),
        ("model", "model", "not-a-projector", "model.gguf"),
        ("model", "mmproj-short", "projector-damaged", "mmproj-short.gguf"),
        ("model", "mmproj-header", "projector-damaged", "mmproj-header.gguf"),
        ("model", "page", "not-gguf", "page.gguf"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, model: str, mmproj: str | None, code: str, name: str) -> None:
    with pytest.raises(UserError) as caught:
        check_files(folder / f"{model}.gguf", folder / f"{mmproj}.gguf" if mmproj else None)
    assert (caught.value.code, caught.value.parameters["name"]) == (code, name)
    assert name in caught.value.sentence()


def test_a_projector_of_another_model(folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        check_files(folder / "model.gguf", folder / "wide.gguf")
    assert caught.value.code == "projector-mismatch"
    assert caught.value.parameters["projector_width"] == 96
    assert caught.value.parameters["model_width"] == 64


def test_a_folder_is_not_a_model(folder: Path) -> None:
    with pytest.raises(UserError):
        check_files(folder, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("clip.vision.block_count", 3),  # more than the file holds
        ("clip.vision.block_count", 1 << 31),
        ("clip.vision.attention.head_count", 0),
        ("clip.vision.attention.head_count", 3),  # does not divide the width
        ("clip.vision.image_size", 0),
        ("clip.vision.image_size", 70),  # other positions than the file holds
        ("clip.vision.patch_size", 0),
        ("clip.vision.patch_size", 13),
        ("clip.vision.embedding_length", 64),
        ("clip.vision.feed_forward_length", 0),
    ],
)
def test_a_projector_that_contradicts_itself(folder: Path, tmp_path: Path, key: str, value: int) -> None:
    raw = bytearray((folder / "mmproj.gguf").read_bytes())
    at = raw.index(key.encode()) + len(key) + 4
    raw[at : at + 4] = value.to_bytes(4, "little")
    path = tmp_path / "mmproj.gguf"
    path.write_bytes(raw)
    assert read_header(path).integer(key) == value
    with pytest.raises(UserError) as caught:
        check_files(folder / "model.gguf", path)
    assert caught.value.code == "projector-damaged"


def test_values_of_another_type_are_refused(folder: Path, tmp_path: Path) -> None:
    raw = bytearray((folder / "mmproj.gguf").read_bytes())
    at = raw.index(b"clip.vision.image_size") + len("clip.vision.image_size")
    raw[at : at + 4] = (5).to_bytes(4, "little")  # a signed integer: llama.cpp asserts an unsigned one
    path = tmp_path / "mmproj.gguf"
    path.write_bytes(raw)
    with pytest.raises(UserError):
        check_files(folder / "model.gguf", path)


def test_damaged_headers_end_in_user_errors_only(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "mmproj.gguf").read_bytes()
    end = min(tensor.offset for tensor in read_header(folder / "mmproj.gguf").tensors.values())
    chance = random.Random(11)
    path = tmp_path / "mmproj.gguf"
    refused = 0
    for _ in range(200):
        raw = bytearray(whole)
        raw[chance.randrange(end)] = chance.randrange(256)
        path.write_bytes(raw)
        try:
            check_files(folder / "model.gguf", path)
        except UserError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("kind", ["ldpv2", "resampler", "qwen2vl_merger", "pixtral"])
def test_projectors_of_other_models_are_named(folder: Path, tmp_path: Path, kind: str) -> None:
    path = write_projector(tmp_path / "mmproj-other.gguf", Sizes(kind=kind))
    with pytest.raises(UserError) as caught:
        check_files(folder / "model.gguf", path)
    assert caught.value.code == "projector-unsupported"
    assert kind in caught.value.sentence()
    assert "mmproj-other.gguf" in caught.value.sentence()


def test_the_first_llava_has_a_projector_of_one_layer(folder: Path, tmp_path: Path) -> None:
    files = check_files(folder / "model.gguf", write_projector(tmp_path / "mmproj.gguf", Sizes(linear=True)))
    assert files.projector is not None
    assert (files.projector.linear, files.projector.width) == (True, 64)
    with pytest.raises(UserError) as caught:
        check_files(folder / "model.gguf", write_projector(tmp_path / "wide.gguf", Sizes(linear=True, projected=96)))
    assert caught.value.code == "projector-mismatch"
