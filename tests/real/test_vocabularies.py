"""Real vocabularies give the tokens that the authors' tokenisers give, and nobody can type their special tokens."""

import ctypes
import shutil
import struct
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desktop_app.chat.families.known import GEMMA4, INTERNVL3, LLAVA_LLAMA3, MOONDREAM2, QWEN25_VL
from desktop_app.chat.families.signs import family_for
from desktop_app.engine.conversation.text_tokens import TextTokens
from desktop_app.engine.llama.backend import prepare
from desktop_app.engine.llama.bindings import llama
from desktop_app.engine.llama.vocabulary import Vocabulary, pre_tokenizer_override
from desktop_app.engine.weights.model_files import PRE_TOKENIZER, ModelFiles
from model_store.gguf_header import read_header

pytestmark = pytest.mark.real

NAMES = ("llama-spm", "phi-3", "gpt-2", "qwen2", "llama-bpe", "gemma-4")
#: Vocabulary -> a family that was trained with it.
BYTE_PAIRS = {"gpt-2": MOONDREAM2, "qwen2": QWEN25_VL, "llama-bpe": LLAVA_LLAMA3}
_BETWEEN = "\n__ggml_vocab_test__\n"
_CONTROL, _USER_DEFINED = 3, 4


@contextmanager
def loaded(path: Path, pre_tokenizer: str = "") -> Iterator[Vocabulary]:
    prepare()
    parameters = llama.llama_model_default_params()
    parameters.vocab_only = True  # type: ignore[attr-defined]
    overrides = pre_tokenizer_override(pre_tokenizer)
    parameters.kv_overrides = overrides
    model = llama.llama_model_load_from_file(str(path).encode(), parameters)
    try:
        yield Vocabulary(llama.llama_model_get_vocab(model))
    finally:
        llama.llama_model_free(model)


def vocabulary_file(real: Path, name: str) -> Path:
    return real / "vocabularies" / f"ggml-vocab-{name}.gguf"


def cases(path: Path) -> list[tuple[str, list[int]]]:
    texts = Path(f"{path}.inp").read_text("utf-8").split(_BETWEEN)
    tokens = [[int(number) for number in line.split()] for line in Path(f"{path}.out").read_text().splitlines()]
    return list(zip(texts, tokens, strict=False))


def differing(vocabulary: Vocabulary, path: Path) -> list[str]:
    words = TextTokens(vocabulary, ())
    return [text for text, tokens in cases(path) if list(words.tokens(text)) != tokens]


def without_pre_tokenizer(path: Path, copy: Path) -> Path:
    copy.write_bytes(path.read_bytes().replace(PRE_TOKENIZER.encode(), b"tokenizer.ggml.prX", 1))
    return copy


def with_user_defined(path: Path, copy: Path) -> Path:
    """Copy a file, with its control tokens and its <tags> marked as user-defined."""
    shutil.copy(path, copy)
    raw = bytearray(copy.read_bytes())
    key = b"tokenizer.ggml.token_type"
    at = raw.index(key) + len(key)
    _kind, _elements, count = struct.unpack_from("<IIQ", raw, at)
    types = (ctypes.c_int32 * count).from_buffer(raw, at + 16)
    for index, kind in enumerate(types):
        if kind == _CONTROL:
            types[index] = _USER_DEFINED
    copy.write_bytes(raw)
    return copy


@pytest.mark.parametrize("name", NAMES)
def test_tokens_are_those_of_the_authors(real: Path, name: str) -> None:
    path = vocabulary_file(real, name)
    assert len(cases(path)) > 40
    with loaded(path) as vocabulary:
        assert differing(vocabulary, path) == []


@pytest.mark.parametrize("name", BYTE_PAIRS)
def test_a_file_without_a_pre_tokenizer_is_put_right(real: Path, tmp_path: Path, name: str) -> None:
    path = vocabulary_file(real, name)
    silent = without_pre_tokenizer(path, tmp_path / "silent.gguf")
    with loaded(silent) as vocabulary:
        assert differing(vocabulary, path), "llama.cpp takes another one"
    with loaded(silent, BYTE_PAIRS[name].pre_tokenizer) as vocabulary:
        assert differing(vocabulary, path) == []


def test_llama_3_is_recognised_without_it(real: Path, tmp_path: Path) -> None:
    silent = without_pre_tokenizer(vocabulary_file(real, "llama-bpe"), tmp_path / "silent.gguf")
    header = read_header(silent)
    assert family_for(header.metadata) is LLAVA_LLAMA3
    pre_tokenizer = ModelFiles(silent, header, None).missing_pre_tokenizer
    assert pre_tokenizer == "llama-bpe"
    with loaded(silent, pre_tokenizer) as vocabulary:
        assert vocabulary.special("<|begin_of_text|>") == 128000


def test_gemma_4_is_recognised_and_has_the_tokens_of_its_words(real: Path) -> None:
    path = vocabulary_file(real, "gemma-4")
    assert family_for(read_header(path).metadata) is GEMMA4
    with loaded(path) as vocabulary:
        assert {name: vocabulary.special(name) for name in ("<|turn>", "<turn|>", "<|image>", "<image|>")} == {
            "<|turn>": 105,
            "<turn|>": 106,
            "<|image>": 255999,
            "<image|>": 258882,
        }
        assert (vocabulary.special("<|channel>"), vocabulary.special("<channel|>")) == (100, 101)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("user_defined", [False, True])
def test_nobody_types_a_special_token(real: Path, tmp_path: Path, name: str, user_defined: bool) -> None:
    path = vocabulary_file(real, name)
    if user_defined:
        path = with_user_defined(path, tmp_path / "vocabulary.gguf")
    with loaded(path) as vocabulary:
        names = {token: vocabulary.special_name(token) for token in range(vocabulary.size)}
        special = {token: text for token, text in names.items() if len(text) > 1}
        assert special
        words = TextTokens(vocabulary, ())
        for text in [*list(special.values())[:300], "".join(list(special.values())[:20])]:
            for typed in (text, f"a {text} b", f"a{text}{text}b"):
                tokens = words.tokens(typed)
                assert special.keys().isdisjoint(tokens), typed
                said = b"".join(map(vocabulary.piece, tokens)).decode()
                assert said.removeprefix(" ") == typed


def test_korean_in_jamo_takes_as_few_tokens_as_in_syllables(real: Path) -> None:
    syllables = "안녕하세요, 이 그림에는 무엇이 있습니까? 한국어로 대답해 주세요."
    jamo = unicodedata.normalize("NFD", syllables)
    with loaded(vocabulary_file(real, "qwen2")) as vocabulary:
        composing = TextTokens(vocabulary, (), composed=INTERNVL3.composed)
        assert composing.tokens(jamo) == composing.tokens(syllables)
        assert len(TextTokens(vocabulary, ()).tokens(jamo)) > 1.5 * len(composing.tokens(jamo))
