"""The random model files of the benchmark have the right shapes, load, and write text that keeps its tokens."""

from pathlib import Path

import pytest
from bench import random_blocks
from bench.qwen_shapes import QWENS, Qwen
from bench.real_shapes import REAL, TINY, make_pair
from bench.vocabulary import vocabulary, word_tokens

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.weights.model_files import check_files
from model_store.gguf_header import read_header

#: llava-v1.5-7b-Q4_K_M.gguf as it is downloaded; headers differ by some kilobytes.
_REAL_BYTES = 4.08e9


def test_the_real_shapes_are_as_large_as_the_real_model() -> None:
    size = sum(matrix.size for matrix in REAL.matrices())
    assert size == pytest.approx(_REAL_BYTES, rel=0.002)
    assert REAL.cells_per_token() == 512 * 1024


@pytest.mark.parametrize(("name", "megabytes"), [("qwen3-vl-2b", 1100), ("qwen3.5-2b", 1223)])
def test_qwens_shapes_are_as_large_as_the_real_models(name: str, megabytes: int) -> None:
    assert sum(matrix.size for matrix in QWENS[name]["real"].matrices()) / 1e6 == pytest.approx(megabytes, rel=0.01)


@pytest.mark.parametrize("shapes", [scales["tiny"] for scales in QWENS.values()])
def test_qwens_files_load_and_write_words(shapes: Qwen, tmp_path: Path) -> None:
    files = check_files(*make_pair(shapes, tmp_path))
    assert (files.projector.width if files.projector is not None else 0) == shapes.width * (1 + len(shapes.taps))
    model = Model(files, EngineSettings(n_ctx=256), Interrupt())
    try:
        tokens = word_tokens(50)
        text = b"".join(map(model.vocabulary.piece, tokens)).decode()
        assert model.vocabulary.tokenize(text.removeprefix(" ")) == tokens
        model.read_tokens(tokens, 0, logits=True)
        assert len(model.vocabulary.piece(int(model.logits().argmax()))) == 4
        assert model.image_tokens > 0
    finally:
        model.close()


def test_words_are_read_as_they_were_written(tiny_pair: tuple[Path, Path]) -> None:
    model = Model(check_files(*tiny_pair), EngineSettings(n_ctx=256), Interrupt())
    try:
        tokens = word_tokens(100)
        text = b"".join(map(model.vocabulary.piece, tokens)).decode()
        assert model.vocabulary.tokenize(text.removeprefix(" ")) == tokens
        assert len(set(tokens)) == 100
        model.read_tokens(tokens[:100], 0, logits=True)
        best = int(model.logits().argmax())
        assert len(model.vocabulary.piece(best)) == 4, "the head chose something else than a word of three letters"
        assert model.image_tokens == (TINY.side // TINY.patch) ** 2
    finally:
        model.close()


def test_headers_say_what_the_shapes_are(tiny_pair: tuple[Path, Path]) -> None:
    header = read_header(tiny_pair[0])
    assert header.architecture == "llama"
    assert header.integer("llama.embedding_length") == TINY.width
    assert header.integer("llama.block_count") == TINY.layers


@pytest.mark.parametrize("size", [TINY.vocabulary, REAL.vocabulary])
def test_the_vocabulary_has_no_piece_twice(size: int) -> None:
    pieces, scores, types = vocabulary(size)
    assert len(set(pieces)) == len(pieces) == len(scores) == len(types) == size
    assert pieces[word_tokens(1)[0]] == "▁aaa".encode()


def test_files_are_made_once_and_never_by_halves(
    tiny_pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = [path.stat().st_mtime_ns for path in tiny_pair]
    assert make_pair(TINY, tiny_pair[0].parent) == tiny_pair
    assert [path.stat().st_mtime_ns for path in tiny_pair] == before

    def fail(*_anything: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(random_blocks, "random_blocks", fail)
    with pytest.raises(OSError, match="no space"):
        make_pair(TINY, tmp_path)
    assert list(tmp_path.iterdir()) == []
