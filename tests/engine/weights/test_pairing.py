"""One check says which projector a model takes: when files are loaded, in whatever way, and when they are added."""

from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.chat.families import known
from desktop_app.engine.client import EngineClient
from desktop_app.engine.weights.model_files import check_files, check_headers
from desktop_app.errors import UserError
from model_store.gguf_header import read_header
from model_store.library.import_plan import plan_import
from tests.random_models.architectures import write_architecture
from tests.random_models.llava import Sizes, write_language_model, write_projector
from tests.random_models.projectors import write_eyes

WIDTH = 64
SMOLVLM2 = tuple(sorted(known.SMOLVLM2.specials))
INTERNVL3 = (*sorted(known.INTERNVL3.specials), "<IMG_CONTEXT>")


def model_file(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.gguf"
    if kind in {"qwen2vl", "gemma3"}:
        family = known.QWEN25_VL if kind == "qwen2vl" else known.GEMMA3
        return write_architecture(path, kind, tuple(sorted(family.specials)))
    specials = {"llama": (), "smolvlm2": SMOLVLM2, "internvl3": INTERNVL3}[kind]
    return write_language_model(path, Sizes(width=WIDTH, specials=specials))


def projector_file(folder: Path, kind: str) -> Path:
    path = folder / f"mmproj-{kind}.gguf"
    if kind == "mlp":
        return write_projector(path, Sizes(width=WIDTH))
    return write_eyes(path, kind, WIDTH)


OTHER = [
    ("llama", "idefics3"),  # without its tokens
    ("llama", "qwen2.5vl_merger"),
    ("llama", "gemma3"),
    ("qwen2vl", "mlp"),
    ("qwen2vl", "idefics3"),
    ("gemma3", "qwen2.5vl_merger"),
    ("gemma3", "mlp"),
    ("smolvlm2", "mlp"),
    ("internvl3", "mlp"),
    ("internvl3", "idefics3"),
]


@pytest.mark.parametrize(("model", "projector"), OTHER)
def test_a_projector_of_another_family_of_the_same_width(tmp_path: Path, model: str, projector: str) -> None:
    files = model_file(tmp_path, model), projector_file(tmp_path, projector)
    with pytest.raises(UserError) as caught:
        check_files(*files)
    assert caught.value.code == "projector-other-kind"
    assert {path.name for path in files} == {caught.value.parameters["model"], caught.value.parameters["projector"]}
    assert [error.code for error in plan_import(files).refused] == ["pair-other-kind"]


@pytest.mark.parametrize(
    ("model", "projector"),
    [("llama", "mlp"), ("qwen2vl", "qwen2.5vl_merger"), ("gemma3", "gemma3"), ("smolvlm2", "idefics3")],
)
def test_their_own_is_taken(tmp_path: Path, model: str, projector: str) -> None:
    files = model_file(tmp_path, model), projector_file(tmp_path, projector)
    assert check_files(*files).projector is not None
    assert not plan_import(files).refused


def test_another_version_of_llava(tmp_path: Path) -> None:
    model = write_language_model(tmp_path / "llava-v1.5-7b.gguf", Sizes())
    sizes = Sizes(newline="model.image_newline", pinpoints=(56, 112, 112, 56))
    projector = write_projector(tmp_path / "mmproj.gguf", sizes)
    with pytest.raises(UserError) as caught:
        check_files(model, projector)
    assert (caught.value.code, caught.value.parameters["version"]) == ("projector-other-version", "1.5")
    assert [error.code for error in plan_import((model, projector)).refused] == ["pair-other-version"]


def test_the_engine_refuses_it_in_a_sentence_and_lives(empty: EngineClient, tmp_path: Path) -> None:
    model = model_file(tmp_path, "llama")
    with pytest.raises(UserError) as caught:
        empty.load(model, projector_file(tmp_path, "idefics3"))
    assert "mmproj-idefics3.gguf" in str(caught.value)
    assert "without a projector" in str(caught.value)
    assert empty.load(model, None).image_tokens == 0


def test_a_model_whose_words_are_not_known_sees_no_pictures(tmp_path: Path) -> None:
    """It is refused, never given Vicuna's words in silence; without a projector it talks, and that is said."""
    model, mmproj = model_file(tmp_path, "llama"), projector_file(tmp_path, "mlp")
    header, eyes = read_header(model), read_header(mmproj)
    other = {"general.name": "Zephyr 7B", "tokenizer.chat_template": "{{ '<|user|>\\n' + words }}"}
    zephyr = replace(header, metadata={**header.metadata, **other})
    with pytest.raises(UserError) as caught:
        check_headers(model, zephyr, mmproj, eyes)
    assert caught.value.code == "family-unknown"
    assert "llama.gguf was trained with words that Eyebright does not know" in str(caught.value)
    wording = check_headers(model, zephyr, None, None).wording
    assert wording is not None
    assert wording.code == "words-unknown"
    assert check_headers(model, header, mmproj, eyes).wording is None
