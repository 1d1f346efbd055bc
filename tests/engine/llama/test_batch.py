"""Rows of embeddings stand where tokens would: also where a decoder reads four positions for each row."""

from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.kv_cache import Block
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.weights.model_files import check_files
from tests.random_models.architectures import write_architecture

TOKENS = [(37 * number) % 300 for number in range(40)]
STEP = 16


@pytest.fixture(params=["qwen2", "qwen2vl"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_architecture(tmp_path / "model.gguf", request.param, ())


@pytest.fixture
def model(path: Path) -> Iterator[Model]:
    model = Model(check_files(path, None), EngineSettings(n_ctx=512, n_batch=STEP, threads=1), Interrupt())
    yield model
    model.close()


@pytest.fixture
def rows(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The embeddings of the tokens themselves."""
    [table] = [tensor for tensor in gguf.GGUFReader(path).tensors if tensor.name == "token_embd.weight"]
    return np.asarray(table.data, np.float32).reshape(-1, 64)[TOKENS]


def test_the_rows_of_tokens_are_evaluated_as_the_tokens(
    model: Model, rows: np.ndarray[tuple[int, int], np.dtype[np.float32]]
) -> None:
    for first in range(0, len(TOKENS), STEP):
        model.read_tokens(TOKENS[first : first + STEP], first, logits=True)
    expected = model.logits()
    model.forget_from(0)
    for first in range(0, len(TOKENS), STEP):
        model.read_rows(rows[first : first + STEP], first, logits=True)
    assert np.corrcoef(model.logits(), expected)[0, 1] > 0.99999
    model.forget_from(0)
    model.read_block(rows, 0, Block(0, len(TOKENS)), logits=True)
    assert np.corrcoef(model.logits(), expected)[0, 1] > 0.99999


@pytest.mark.parametrize("path", ["qwen2vl"], indirect=True)
def test_axes_say_where_the_rows_of_a_block_stand(
    model: Model, rows: np.ndarray[tuple[int, int], np.dtype[np.float32]]
) -> None:
    model.read_block(rows, 0, Block(0, len(TOKENS)), logits=True)
    expected = model.logits()
    model.forget_from(0)
    count = tuple(range(len(TOKENS)))
    model.read_block(rows, 0, Block(0, len(TOKENS), (count,) * 3), logits=True)
    assert np.array_equal(model.logits(), expected)
    model.forget_from(0)
    lines, columns = (tuple(int(place) for place in part) for part in np.divmod(count, 8))
    grid = Block(0, len(TOKENS), ((0,) * len(TOKENS), lines, columns))
    assert grid.positions == 8
    model.read_block(rows, 0, grid, logits=True)
    assert np.corrcoef(model.logits(), expected)[0, 1] < 0.95
