"""Rows of a picture keep the places that they have in the whole, as transformers reads them there."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.kv_cache import Block, Cell, KVCache, PictureRow, Places, positions
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.weights.model_files import check_files
from tests.helpers.paths import DATA
from tests.random_models.architectures import write_architecture
from tests.recording.looked_at import AFTER, BEFORE, BETWEEN, DECODERS, PROMPTS, Shown

#: The KV cache as it usually is; in blocks of eight bits, whose keys llama.cpp turns too; and with flash attention.
PLANS = {
    "f16": LoadPlan(n_ctx=1024, n_ubatch=64),
    "q8_0": LoadPlan(n_ctx=1024, n_ubatch=64, kv_type="q8_0"),
    "flash attention": LoadPlan(n_ctx=1024, n_ubatch=64, flash_wanted=True),
}
LEAST = {"f16": 0.9999, "q8_0": 0.999, "flash attention": 0.9999}  # correlation of logits


class Prompt:
    """The cells of a prompt, and what the pictures in it are."""

    def __init__(self, decoder: str, pictures: list[Shown]) -> None:
        self._width = DECODERS[decoder]
        self.pictures = {f"{number}": picture for number, picture in enumerate(pictures)}
        self.cells: list[Cell] = [*BEFORE]
        for key, picture in self.pictures.items():
            self.cells += BETWEEN if int(key) else []
            grid = tuple(tuple(map(int, axis)) for axis in picture.axes) if decoder == "qwen2vl" else ()
            block = Block(0, len(picture.places), grid, of_rows=picture.of_rows)
            self.cells += [PictureRow(key, row, block) for row in range(len(picture.places))]
        self.cells += AFTER

    def rows(self, key: str) -> Embedding:
        return self.pictures[key].rows(self._width)

    def places(self, key: str) -> Places:
        return self.pictures[key].places


@pytest.fixture(params=DECODERS)
def decoder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PLANS)
def plan(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def interrupt() -> Interrupt:
    return Interrupt()


@pytest.fixture
def model(decoder: str, plan: str, interrupt: Interrupt, tmp_path: Path) -> Iterator[Model]:
    if (decoder, plan) == ("qwen2vl", "q8_0"):
        pytest.skip("its heads are narrower than a block of q8_0")
    path = write_architecture(tmp_path / "model.gguf", decoder, (), DECODERS[decoder])
    model = Model(check_files(path, None), EngineSettings(threads=1), interrupt, PLANS[plan])
    yield model
    model.close()


def expected(decoder: str, prompt: str) -> npt.NDArray[np.float32]:
    with np.load(DATA / "quick_looks.npz") as recorded:
        found: npt.NDArray[np.float32] = recorded[f"{decoder} {prompt}"]
    return found


def alike(model: Model, wanted: npt.NDArray[np.float32]) -> float:
    return float(np.corrcoef(model.logits(), wanted)[0, 1])


def test_what_follows_is_what_transformers_says(model: Model, decoder: str, plan: str, interrupt: Interrupt) -> None:
    if not (model.can_move or decoder == "qwen2vl"):
        pytest.skip("llama.cpp would crash: see `Model.can_move`")
    for name, pictures in PROMPTS.items():
        cache, prompt, wanted = KVCache(model, interrupt), Prompt(decoder, pictures), expected(decoder, name)
        model.forget_from(0)
        cache.append(prompt.cells, prompt.rows, places=prompt.places)
        assert cache.end() == positions(prompt.cells)
        assert alike(model, wanted) >= LEAST[plan], name
        # Cut behind the last picture, and before all, and read again from there.
        for keep in (len(cache) - len(AFTER), len(BEFORE)):
            assert cache.cut(keep) == keep
            cache.append(prompt.cells[keep:], prompt.rows, places=prompt.places)
            assert cache.end() == positions(prompt.cells)
            assert alike(model, wanted) >= LEAST[plan], name


@pytest.mark.parametrize("plan", ["f16"], indirect=True)
def test_other_places_would_be_noticed(model: Model, decoder: str, interrupt: Interrupt) -> None:
    """All rows but the last side by side, or turned round; in the second picture only."""
    prompt, wanted = Prompt(decoder, PROMPTS["two"]), expected(decoder, "two")

    def closed_up(key: str) -> Places:
        places = prompt.places(key)
        return np.append(np.arange(len(places) - 1), places[-1]) if key == "1" else places

    def turned_round(key: str) -> Places:
        places = prompt.places(key)
        return np.append(places[-2] - places[-2::-1] + places[0], places[-1]) if key == "1" else places

    for wrong in (closed_up, turned_round):
        model.forget_from(0)
        KVCache(model, interrupt).append(prompt.cells, prompt.rows, places=wrong)
        assert alike(model, wanted) < LEAST["f16"]


@pytest.mark.parametrize("decoder", ["llama"], indirect=True)
def test_a_picture_is_lost_whose_keys_are_half_turned(
    model: Model, decoder: str, plan: str, interrupt: Interrupt
) -> None:
    """A stop during the next evaluation may come while llama.cpp turns keys."""
    prompt = Prompt(decoder, PROMPTS["square"])
    cache = KVCache(model, interrupt)
    with_picture = len(prompt.cells) - len(AFTER)
    cache.append(prompt.cells[:with_picture], prompt.rows, places=prompt.places)
    assert list(cache.turned) == BEFORE
    interrupt.stop_now()
    with pytest.raises(Interrupted):
        cache.append(AFTER, prompt.rows)
    assert list(cache.cells) == BEFORE
    interrupt.clear()
    cache.append(prompt.cells[len(BEFORE) :], prompt.rows, places=prompt.places)
    assert alike(model, expected(decoder, "square")) >= LEAST[plan]
    assert list(cache.turned) == prompt.cells


def test_rows_are_moved_where_llama_cpp_can(model: Model, decoder: str, plan: str) -> None:
    """Not where positions have several axes, nor keys in blocks that it would not mix."""
    assert model.can_move == (decoder == "llama" or (decoder == "qwen2" and plan != "q8_0"))
