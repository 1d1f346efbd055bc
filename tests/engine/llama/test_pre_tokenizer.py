"""A file that does not say how its text is split is tokenised as its family was trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desktop_app.chat.families.signs import FAMILIES, family_for
from desktop_app.chat.prompt import Family
from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, Turn
from desktop_app.engine.weights.model_files import check_files
from tests.random_models.llava import Sizes, write_language_model

BY_NAME = {family.name: family for family in FAMILIES}
#: The families with one that are told by their tokens alone, so that a random model can be one.
TRAINED = ["llava_llama3", "minicpm_v", "internvl3", "smolvlm2"]
SIGNS = {"internvl3": {"<IMG_CONTEXT>"}}  # tokens that show a family, but are not in its prompts


@contextmanager
def loaded(folder: Path, family: Family, pre: str = "") -> Iterator[Model]:
    sizes = Sizes(byte_pairs=True, pre=pre, specials=tuple(sorted(family.specials | SIGNS.get(family.name, set()))))
    path = write_language_model(folder / f"{family.name}.gguf", sizes)
    model = Model(check_files(path, None), EngineSettings(n_ctx=256, threads=1), Interrupt())
    try:
        yield model
    finally:
        model.close()


def joined(model: Model) -> bool:
    """Whether a space and the mark after it are one token, as with every pre-tokeniser but llama.cpp's default."""
    return len(model.vocabulary.tokenize("a !")) == 2


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("pre", ["", "default"])
def test_the_family_says_what_the_file_does_not(tmp_path: Path, name: str, pre: str) -> None:
    with loaded(tmp_path, BY_NAME[name], pre) as model:
        assert family_for(model.files.header.metadata).name == name
        assert joined(model)
        assert not any("pre-tokenizer" in text for text in model.warnings)


@pytest.mark.parametrize(("name", "pre"), [("moondream2", "gpt-2"), ("qwen2.5_vl", "qwen2")])
def test_families_of_other_architectures(name: str, pre: str) -> None:
    assert BY_NAME[name].pre_tokenizer == pre


def test_what_the_file_says_is_left_alone(tmp_path: Path) -> None:
    with loaded(tmp_path, BY_NAME["llava_llama3"], "deepseek-coder") as model:
        assert model.files.missing_pre_tokenizer == ""
        assert len(model.vocabulary.tokenize("12")) == 2


def test_a_warning_is_kept_where_nobody_knows_better(tmp_path: Path) -> None:
    with loaded(tmp_path, BY_NAME["chatml"]) as model:
        assert not joined(model)
        assert any("missing pre-tokenizer" in text for text in model.warnings)
        assert not any("***" in text for text in model.warnings)


def test_vocabularies_of_other_kinds_have_none(tmp_path: Path) -> None:
    path = write_language_model(tmp_path / "model.gguf", Sizes(specials=tuple(BY_NAME["llava_llama3"].specials)))
    assert check_files(path, None).missing_pre_tokenizer == ""


def test_llama_3_begins_with_its_first_token(tmp_path: Path) -> None:
    """Whether the file says that its vocabulary adds it or not."""
    with loaded(tmp_path, BY_NAME["llava_llama3"], "gpt-2") as model:
        assert model.vocabulary.special("bos") is None
        session = Session(model, Interrupt(), EmbeddingStore(), lambda _event: None)
        cells = session.prompts.asking([Turn("What is it?")], None)
        assert cells[0] == model.vocabulary.special("<|begin_of_text|>")


def test_llava_on_yi_begins_with_none() -> None:
    """A file that does not say so has llama.cpp add one, which the model was not trained with."""
    assert "bos" not in {getattr(item, "name", "") for item in BY_NAME["llava_chatml"].opening}
