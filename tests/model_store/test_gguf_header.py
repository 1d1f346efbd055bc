"""GGUF headers are read with limits, and inconsistent files are refused."""

import random
import struct
from pathlib import Path

import gguf
import pytest
from gguf_writing import new_gguf

from model_store.gguf_header import (
    TENSOR_TYPES,
    DamagedGGUFError,
    LongArray,
    NotGGUFError,
    read_header,
)
from tests.random_models.llava import Sizes, write_language_model, write_projector


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_language_model(tmp_path_factory.mktemp("gguf") / "model.gguf", Sizes(width=32, layers=1))


@pytest.fixture(scope="module")
def projector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_projector(tmp_path_factory.mktemp("gguf") / "mmproj.gguf", Sizes(vision_layers=1))


def test_metadata_and_tensors_are_read(model: Path) -> None:
    header = read_header(model)
    assert header.architecture == "llama"
    assert header.integer("llama.embedding_length") == 32
    assert header.text("tokenizer.ggml.model") == "llama"
    assert header.metadata["tokenizer.ggml.add_bos_token"] is True
    embedding = header.tensors["token_embd.weight"]
    assert embedding.kind == "F16"
    assert embedding.shape[0] == 32
    assert embedding.size == embedding.shape[0] * embedding.shape[1] * 2
    assert max(tensor.offset + tensor.size for tensor in header.tensors.values()) <= header.file_size


def test_what_it_reads_is_what_the_reference_reader_reads(projector: Path) -> None:
    header = read_header(projector)
    reference = gguf.GGUFReader(str(projector))
    assert [(t.name, t.offset, t.size) for t in header.tensors.values()] == [
        (t.name, t.data_offset, t.n_bytes) for t in reference.tensors
    ]
    assert header.numbers("clip.vision.image_mean") == pytest.approx((0.4814547, 0.4578275, 0.4082107))


def test_names_are_short_lines_without_control_characters(tmp_path: Path) -> None:
    """A name of a megabyte would freeze the window, and an escape sequence command the terminal."""
    with new_gguf(tmp_path / "x.gguf", "llama") as writer:
        writer.add_name("a\nname \x1b[31m" + "x" * 1_000_000)
    name = read_header(tmp_path / "x.gguf").text("general.name")
    assert name.startswith("a name \ufffd[31mxxx")
    assert len(name) <= 200


def test_long_arrays_are_passed_over(tmp_path: Path) -> None:
    with new_gguf(tmp_path / "x.gguf", "llama") as writer:
        writer.add_array("words", [f"word {number}" for number in range(5000)])
        writer.add_array("numbers", list(range(5000)))
        writer.add_string("after", "here")
    header = read_header(tmp_path / "x.gguf")
    assert header.metadata["words"] == LongArray(5000)
    assert header.metadata["numbers"] == LongArray(5000)
    assert header.text("after") == "here"


def test_the_table_of_types_agrees_with_the_reference() -> None:
    reference = {int(kind): (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    ours = {number: TENSOR_TYPES[number] for number in reference if number in TENSOR_TYPES}
    assert ours == reference


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04 a zip", b"\x89PNG\r\n\x1a\n"])
def test_other_files_are_not_gguf(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.gguf"
    path.write_bytes(content)
    with pytest.raises(NotGGUFError):
        read_header(path)


def test_a_file_cut_short_anywhere_is_damaged(model: Path, tmp_path: Path) -> None:
    whole = model.read_bytes()
    path = tmp_path / "short.gguf"
    for end in [*range(4, len(whole), len(whole) // 60), len(whole) - 40, len(whole) - 33]:
        path.write_bytes(whole[:end])
        with pytest.raises(DamagedGGUFError):
            read_header(path)


@pytest.mark.parametrize(
    "counts",
    [
        struct.pack("<IQQ", 3, 1 << 60, 0),  # tensors
        struct.pack("<IQQ", 3, 0, 1 << 60),  # keys
        struct.pack("<IQQQ", 3, 0, 1, 1 << 62),  # length of a key
        struct.pack("<IQQ", 77, 0, 0),  # version
    ],
)
def test_absurd_counts_are_refused_at_once(tmp_path: Path, counts: bytes) -> None:
    path = tmp_path / "absurd.gguf"
    path.write_bytes(b"GGUF" + counts + bytes(100))
    with pytest.raises(DamagedGGUFError):
        read_header(path)


def test_damaged_bytes_end_in_a_clear_error_or_a_sound_header(projector: Path, tmp_path: Path) -> None:
    whole = projector.read_bytes()
    end = min(tensor.offset for tensor in read_header(projector).tensors.values())
    chance = random.Random(7)
    path = tmp_path / "mutated.gguf"
    for _ in range(400):
        mutated = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            mutated[chance.randrange(4, end)] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        path.write_bytes(mutated)
        try:
            header = read_header(path)
        except DamagedGGUFError:
            continue
        assert all(tensor.offset + tensor.size <= header.file_size for tensor in header.tensors.values())
