"""Plain text stays plain whatever the file says of its tokens, and is composed where the tokeniser does so."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.chat.families.signs import FAMILIES
from desktop_app.engine.conversation.text_tokens import TextTokens
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.llama.vocabulary import Vocabulary
from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.weights.model_files import check_files
from tests.random_models.llava import Sizes, write_language_model

#: Special tokens of no family's prompt: "user defined", as in the files of several converters.
TYPED = ("<image>", "<s>", "</s>", "<pad>", "<unk>", "<tool_call>", "<|box_start|>", "[INST]")


@pytest.fixture(scope="module", params=["SentencePiece", "byte pairs"])
def vocabulary(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vocabulary]:
    pairs = request.param == "byte pairs"
    usual = () if pairs else ("<image>", "<s>", "</s>", "<pad>", "<unk>")
    sizes = Sizes(width=32, layers=1, byte_pairs=pairs, specials=(*TYPED, "<h1>"), user_defined=usual)
    path = write_language_model(tmp_path_factory.mktemp("vocabulary") / "model.gguf", sizes)
    model = Model(check_files(path, None), EngineSettings(n_ctx=256, threads=1), Interrupt())
    yield model.vocabulary
    model.close()


@pytest.mark.parametrize("typed", [*TYPED, "".join(TYPED), "a<s>b<image> <s><s>", "<<s>s>", "<image", "x <pad>"])
def test_what_is_typed_is_letters(vocabulary: Vocabulary, typed: str) -> None:
    names = {vocabulary.special(name) for name in TYPED}
    tokens = TextTokens(vocabulary, ()).tokens(typed)
    assert names.isdisjoint(tokens)
    text = b"".join(map(vocabulary.piece, tokens)).decode()
    assert text.removeprefix(" ") == typed, "nothing is added and nothing is lost"


def test_llama_finds_them_otherwise(vocabulary: Vocabulary) -> None:
    assert vocabulary.special("<image>") in vocabulary.tokenize("an <image>")


def test_markup_that_models_read_in_any_text_stays_a_token(vocabulary: Vocabulary) -> None:
    """As that of Gemma, whose authors' tokeniser reads it so."""
    assert vocabulary.special("<h1>") in TextTokens(vocabulary, ()).tokens("a <h1> b")


def test_korean_in_jamo_is_composed_where_the_tokeniser_does_so(vocabulary: Vocabulary) -> None:
    syllables = "한국어"
    jamo = unicodedata.normalize("NFD", syllables)
    composing, other = TextTokens(vocabulary, (), composed=True), TextTokens(vocabulary, ())
    assert composing.tokens(jamo) == composing.tokens(syllables) == other.tokens(syllables)
    assert other.tokens(jamo) != other.tokens(syllables)
    assert composing.tokens_after("e", "\u0301!") != ()


def test_which_families_compose() -> None:
    """Those on Qwen2.5: https://huggingface.co/Qwen/Qwen2.5-VL-3B-Instruct/blob/main/tokenizer.json (normalizer)."""
    composing = {family.name for family in FAMILIES if family.composed}
    assert composing == {"qwen2.5_vl", "qwen3_vl", "qwen3.5", "minicpm_v", "minicpm_v4.6", "internvl3"}


def test_a_special_token_may_be_marked_as_a_word(tmp_path: Path) -> None:
    path = write_language_model(tmp_path / "model.gguf", Sizes(byte_pairs=True, specials=("<slice>",)))
    raw = path.read_bytes()
    types = raw.index(b"tokenizer.ggml.token_type")
    at = raw.index(b"\x04\x00\x00\x00", types + 60)
    path.write_bytes(raw[:at] + b"\x01" + raw[at + 1 :])
    model = Model(check_files(path, None), EngineSettings(n_ctx=256, threads=1), Interrupt())
    try:
        assert model.vocabulary.special("<slice>") == model.vocabulary.size - 1
    finally:
        model.close()
