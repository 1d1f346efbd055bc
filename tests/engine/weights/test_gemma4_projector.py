"""Gemma 4's eyes are checked, get the activation that their file leaves out, and are loaded without what hears."""

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import pytest

from desktop_app.cli import texts
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import PictureRef, Turn
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.weights import projector_copy
from desktop_app.engine.weights.decoder_check import is_sound_decoder
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.engine.weights.projector_check import checked_projector
from desktop_app.engine.weights.projector_copy import prepare_projector
from desktop_app.engine.weights.projector_header import Activation
from desktop_app.engine.weights.projector_quantisation import matrices_to_quantise
from desktop_app.errors import UserError
from model_store.gguf_header import GGUFHeader, read_header
from tests.engine.questions import ask
from tests.helpers.strays import Expected
from tests.random_models.gemma4 import EYES, LIKE_E2B, THAT_HEAR, Eyes, Sizes, write_eyes, write_gemma4
from tests.random_models.qwen3_vl import write_qwen3_vl


def write(folder: Path, eyes: Eyes) -> ModelFiles:
    sizes = LIKE_E2B if eyes.output == LIKE_E2B.width else Sizes()
    return check_files(write_gemma4(folder / "model.gguf", sizes), write_eyes(folder / "mmproj.gguf", eyes))


def made(files: ModelFiles, folder: Path, *, small: bool = False) -> Any:
    return prepare_projector(files, lambda: folder, small=small).projector


def is_refused(path: Path, header: GGUFHeader) -> bool:
    try:
        checked_projector(path, header)
    except UserError as error:
        return error.code == "projector-damaged" and path.name in error.sentence()
    return False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_eyes(tmp_path / "mmproj.gguf")


def test_no_tensor_may_be_missing_or_have_another_shape(path: Path) -> None:
    header = read_header(path)
    for name, tensor in header.tensors.items():
        others = {other: info for other, info in header.tensors.items() if other != name}
        if name != "mm.input_projection.weight":  # then it is for a wider model
            wrong = others | {name: replace(tensor, shape=(*tensor.shape[:-1], tensor.shape[-1] + 1))}
            assert is_refused(path, replace(header, tensors=wrong)), name
        if not name.endswith(("_min", "_max", "std_bias", "std_scale")):  # not all have these
            assert is_refused(path, replace(header, tensors=others)), name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attention.head_count", 3),
        ("attention.head_count", 32),  # heads that cannot be turned in four parts
        ("attention.head_count_kv", 1),
        ("attention.head_dim", 64),
        ("patch_size", 8),
        ("block_count", 4),
        ("feed_forward_length", 64),
        ("projector.scale_factor", 2),  # 3 x 3 patches are one token
    ],
)
def test_no_number_may_be_wrong(path: Path, key: str, value: int) -> None:
    header = read_header(path)
    assert is_refused(path, replace(header, metadata={**header.metadata, f"clip.vision.{key}": value}))


@pytest.mark.parametrize("kind", ["I32", "F16"])
@pytest.mark.parametrize("name", ["v.std_scale", "v.std_bias"])
def test_what_is_added_and_multiplied_is_f32(path: Path, name: str, kind: str) -> None:
    header = read_header(path)
    other = replace(header.tensors[name], kind=kind)
    assert is_refused(path, replace(header, tensors=header.tensors | {name: other}))


def test_a_picture_of_one_line_needs_as_many_positions(path: Path) -> None:
    header = read_header(path)
    tensor = header.tensors["v.position_embd.weight"]
    short = replace(tensor, shape=(tensor.shape[0], 3359, 2))
    assert is_refused(path, replace(header, tensors=header.tensors | {tensor.name: short}))


@pytest.mark.parametrize("turned", [None, 64, 31, 0])
def test_a_decoder_that_turns_more_than_its_heads_have_is_refused(tmp_path: Path, turned: int | None) -> None:
    """llama.cpp would end the process."""
    model = write_gemma4(tmp_path / "model.gguf")
    header = read_header(model)
    key = "gemma4.rope.dimension_count_swa"
    metadata = {name: value for name, value in header.metadata.items() if name != key}
    metadata |= {} if turned is None else {key: turned}
    assert is_sound_decoder(header)
    assert not is_sound_decoder(replace(header, metadata=metadata))


@pytest.mark.parametrize("turned", [5, 66])
def test_a_decoder_that_does_not_turn_pairs_is_refused(tmp_path: Path, turned: int) -> None:
    """llama.cpp would end the process."""
    header = read_header(write_gemma4(tmp_path / "model.gguf"))
    other = header.metadata | {"gemma4.rope.dimension_count": turned}
    assert not is_sound_decoder(replace(header, metadata=other))


def test_it_is_for_gemma_4_alone(tmp_path: Path, path: Path) -> None:
    with pytest.raises(UserError) as caught:
        check_files(write_qwen3_vl(tmp_path / "other.gguf"), path)
    assert caught.value.code == "projector-other-kind"
    narrow = write_eyes(tmp_path / "narrow.gguf", replace(EYES, output=64))
    with pytest.raises(UserError) as caught:
        check_files(write_gemma4(tmp_path / "model.gguf"), narrow)
    assert caught.value.code == "projector-mismatch"


# ---- the activation ---------------------------------------------------------------------------


def test_a_copy_says_which_activation_it_has(tmp_path: Path) -> None:
    files = write(tmp_path, EYES)
    assert files.projector is not None
    assert files.projector.activation is Activation.UNSTATED
    before = files.projector.path.read_bytes()
    projector = made(files, tmp_path)
    assert projector.activation is Activation.CORRECTED
    assert files.projector.path.read_bytes() == before
    old, new = (gguf.GGUFReader(str(path)) for path in (projector.chosen, projector.path))
    assert set(new.fields) - set(old.fields) == {"clip.use_gelu", "eyebright.copy_of"}
    assert new.fields["clip.use_gelu"].contents() is True
    for one, other in zip(old.tensors, new.tensors, strict=True):
        assert (one.name, one.data.tobytes()) == (other.name, other.data.tobytes())


@pytest.mark.parametrize("gelu", [True, False])
def test_a_file_that_says_it_is_left_alone(tmp_path: Path, gelu: bool) -> None:
    files = write(tmp_path, replace(EYES, gelu=gelu))
    assert files.projector is not None
    assert files.projector.activation is Activation.RIGHT
    assert made(files, tmp_path) is files.projector


def test_without_room_it_stays_as_it_is_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: Expected
) -> None:
    expected.log("no copy can be written")

    def full(_folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(projector_copy, "new_file", full)
    assert made(write(tmp_path, EYES), tmp_path).activation is Activation.UNSTATED
    with pytest.raises(UserError) as caught:  # what hears is never given to llama.cpp
        made(write(tmp_path, THAT_HEAR), tmp_path)
    assert caught.value.code == "disk-full"


def test_the_engine_says_what_was_corrected(empty: EngineClient, tmp_path: Path) -> None:
    files = write(tmp_path, EYES)
    assert files.projector is not None
    info = empty.load(files.model, files.projector.path)
    assert (info.activation, info.last_layer) == ("corrected", "complete")
    assert empty.load(files.model, None).activation == "none"
    said = write_eyes(tmp_path / "said.gguf", replace(EYES, gelu=True))
    assert empty.load(files.model, said).activation == "right"
    assert set(texts.DOCTOR_ACTIVATIONS) == {state.value for state in Activation}


# ---- eyes that can also hear ------------------------------------------------------------------


def test_what_hears_is_left_out_of_the_copy(tmp_path: Path) -> None:
    """In the file it is not whole: llama.cpp could not load it."""
    files = write(tmp_path, THAT_HEAR)
    assert files.projector is not None
    assert files.projector.hears
    projector = made(files, tmp_path)
    assert not projector.hears
    old, new = (gguf.GGUFReader(str(path)) for path in (projector.chosen, projector.path))
    assert new.fields["clip.has_audio_encoder"].contents() is False
    left_out = {tensor.name for tensor in old.tensors} - {tensor.name for tensor in new.tensors}
    assert left_out == {"a.blk.0.attn_q.weight", "mm.a.input_projection.weight"}
    for name, field in old.fields.items():
        if not name.startswith("GGUF.") and name != "clip.has_audio_encoder":
            assert new.fields[name].contents() == field.contents()
    values = {tensor.name: tensor.data.tobytes() for tensor in old.tensors}
    assert all(values[tensor.name] == tensor.data.tobytes() for tensor in new.tensors)
    checked = check_files(files.model, projector.path).projector
    assert checked is not None
    assert (checked.hears, checked.activation) == (False, Activation.RIGHT)


def test_a_copy_is_written_once(tmp_path: Path) -> None:
    files = write(tmp_path, THAT_HEAR)
    first = made(files, tmp_path)
    written = first.path.stat().st_ino
    assert made(files, tmp_path) == first
    assert first.path.stat().st_ino == written


def test_also_what_makes_sounds_is_left_out(tmp_path: Path) -> None:
    files = write(tmp_path, EYES)
    header = read_header(files.projector.path if files.projector is not None else Path())
    makes = replace(header, metadata={**header.metadata, "clip.has_gen_audio_encoder": True})
    assert checked_projector(Path("mmproj.gguf"), makes).hears


def test_memory_is_planned_without_what_hears(tmp_path: Path) -> None:
    with_ears, without = (write(tmp_path, eyes) for eyes in (THAT_HEAR, replace(THAT_HEAR, hears=False)))
    assert Shape.of_files(with_ears).projector == Shape.of_files(without).projector


def test_it_sees_with_eyes_that_can_also_hear(empty: EngineClient, tmp_path: Path, star: PictureRef) -> None:
    files = write(tmp_path, THAT_HEAR)
    assert files.projector is not None
    empty.load(files.model, files.projector.path)
    answer = ask(empty, Turn("What is red?", (star,)))
    assert answer.stats.image_encodes == 1


def test_a_small_copy_has_all_large_matrices_in_q8_0(tmp_path: Path) -> None:
    files = write(tmp_path, replace(EYES, hears=True))
    assert files.projector is not None
    names = matrices_to_quantise(files.projector.header)
    matrices = ("attn_q", "attn_k", "attn_v", "attn_out", "ffn_gate", "ffn_up", "ffn_down")
    assert names == {f"v.blk.{layer}.{name}.weight" for layer in range(3) for name in matrices}
    projector = made(files, tmp_path, small=True)
    assert (projector.small, projector.hears, projector.activation) == (True, False, Activation.CORRECTED)
