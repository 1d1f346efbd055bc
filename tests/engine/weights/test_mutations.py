"""Models and projectors with wrong values in their headers are refused before they end the engine."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.engine.loading import check_and_plan
from desktop_app.engine.messages import Load
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from desktop_app.paths import demo_model
from tests.engine.weights.mutations import File, parse, try_all
from tests.helpers.strays import Expected

U32, F32, STRING = 4, 6, 8


def text(words: str) -> bytes:
    return struct.pack("<Q", len(words)) + words.encode()


def number(key: str, value: int) -> Callable[[File], None]:
    def change(file: File) -> None:
        file.keys[key.encode()] = (U32, struct.pack("<I", value))

    return change


def epsilon(key: str, value: float) -> Callable[[File], None]:
    def change(file: File) -> None:
        assert key.encode() in file.keys
        file.keys[key.encode()] = (F32, struct.pack("<f", value))

    return change


def tokenizer(name: str) -> Callable[[File], None]:
    def change(file: File) -> None:
        file.keys[b"tokenizer.ggml.model"] = (STRING, text(name))

    return change


def kind(name: str, value: int) -> Callable[[File], None]:
    def change(file: File) -> None:
        [index] = [index for index, tensor in enumerate(file.tensors) if tensor.name == name.encode()]
        file.tensors[index] = file.tensors[index]._replace(kind=value)

    return change


def token(old: str, new: str) -> Callable[[File], None]:
    def change(file: File) -> None:
        kind, value = file.keys[b"tokenizer.ggml.tokens"]
        assert text(old) in value
        file.keys[b"tokenizer.ggml.tokens"] = (kind, value.replace(text(old), text(new)))

    return change


def fewer_scores(file: File) -> None:
    key = b"tokenizer.ggml.scores"
    of, (element, length) = file.keys[key][0], struct.unpack_from("<IQ", file.keys[key][1])
    file.keys[key] = (of, struct.pack("<IQ", element, length - 1) + file.keys[key][1][12:-4])


EPSILON = "llama.attention.layer_norm_rms_epsilon"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(tokenizer("bert"), id="the tokenizer of BERT"),
        pytest.param(token("<0xA1>", "<0xA2>"), id="a token twice"),
        pytest.param(token("<0x0A>", "<0x0B4>"), id="a byte without a token"),
        pytest.param(fewer_scores, id="a score too few"),
        pytest.param(epsilon(EPSILON, float("nan")), id="epsilon is no number"),
        pytest.param(epsilon(EPSILON, -1e-5), id="epsilon is negative"),
        pytest.param(number("general.alignment", 8), id="alignment of 8"),
        pytest.param(number("llama.block_count", 513), id="513 layers"),
        pytest.param(number("llama.block_count", 0), id="no layers"),
        pytest.param(number("llama.expert_count", 2), id="experts of which none is used"),
        pytest.param(number("llama.expert_count", 4096), id="too many experts"),
        pytest.param(number("llama.expert_used_count", 1), id="more experts used than there are"),
        pytest.param(number("llama.n_deepstack_layers", 1 << 30), id="more taps than layers"),
        pytest.param(number("llama.context_length", 2), id="a context of 2 tokens"),
        pytest.param(kind("blk.0.attn_norm.weight", 26), id="a norm of whole numbers"),
        pytest.param(kind("blk.0.attn_q.weight", 25), id="weights of whole numbers"),
    ],
)
def test_a_model_with_a_value_that_llama_cpp_asserts_is_refused(tmp_path: Path, change: Callable[[File], None]) -> None:
    path = tmp_path / "wrong.gguf"
    file = parse(demo_model()[0].read_bytes())
    path.write_bytes(file.raw())
    check_files(path, None)
    change(file)
    path.write_bytes(file.raw() + bytes(1 << 20))  # so that nothing lies beyond the end
    with pytest.raises(UserError) as caught:
        check_files(path, None)
    assert caught.value.code == "model-damaged"
    assert "wrong.gguf" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(epsilon("clip.vision.attention.layer_norm_epsilon", float("nan")), id="epsilon is no number"),
        pytest.param(epsilon("clip.vision.attention.layer_norm_epsilon", -1e-5), id="epsilon is negative"),
        pytest.param(number("general.alignment", 16), id="alignment of 16"),
        pytest.param(kind("v.blk.2.attn_v.bias", 26), id="a bias of whole numbers"),
        pytest.param(kind("v.class_embd", 26), id="a class token of whole numbers"),
        pytest.param(kind("v.blk.2.attn_v.bias", 1), id="a bias of half precision"),
    ],
)
def test_a_projector_with_a_value_that_ggml_asserts_is_refused(tmp_path: Path, change: Callable[[File], None]) -> None:
    path = tmp_path / "wrong.gguf"
    file = parse(demo_model()[1].read_bytes())
    path.write_bytes(file.raw())
    check_files(demo_model()[0], path)
    change(file)
    path.write_bytes(file.raw() + bytes(1 << 20))
    with pytest.raises(UserError) as caught:
        check_files(demo_model()[0], path)
    assert caught.value.code == "projector-damaged"
    assert "wrong.gguf" in str(caught.value)


@pytest.mark.parametrize("name", ["none", "no_vocab"])
def test_a_model_without_a_vocabulary_is_not_loaded(tmp_path: Path, name: str) -> None:
    path = tmp_path / "wrong.gguf"
    file = parse(demo_model()[0].read_bytes())
    tokenizer(name)(file)
    path.write_bytes(file.raw())
    with pytest.raises(UserError) as caught:
        check_and_plan(Load(1, str(path), None))
    assert caught.value.code == "model-damaged"


@pytest.mark.parametrize("part", ["model", "projector"])
def test_a_sample_of_mutations_ends_no_engine(part: str, tmp_path: Path, expected: Expected) -> None:
    """`make test-faults` tries 1,500 of each."""
    expected.log("llama.cpp did not load", optional=True)
    expected.log("", logger="desktop_app.engine.llama.mtmd", optional=True)
    outcome = try_all(part, seed=20261130, count=40, folder=tmp_path)
    assert outcome.deaths == []
    assert outcome.complaints == []
    assert outcome.ends["answered"] >= 5
