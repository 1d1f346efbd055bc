"""Which models can look at pictures quickly, and what cells and rows a quick look takes with each."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.kv_cache import KVCache, PictureRow, positions
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, Look
from desktop_app.engine.vision.picture_encoder import PictureEncoder
from desktop_app.engine.vision.row_selection import choose_rows
from desktop_app.engine.weights.model_files import check_files
from desktop_app.images import tiling
from tests.engine.vision import test_mtmd_processor as mtmd
from tests.engine.vision.test_tiled_processor import save
from tests.random_models.divided import write_model
from tests.random_models.divided import write_projector as write_divided
from tests.random_models.llava import Sizes, write_language_model, write_projector

Pair = tuple[Path, Path]


def llava(folder: Path, newline: str = "") -> Pair:
    sizes = Sizes(side=168, newline=newline, context=2048)
    return write_language_model(folder / "model.gguf", sizes), write_projector(folder / "mmproj.gguf", sizes)


MODELS: dict[str, Callable[[Path], Pair]] = {
    "llava 1.5": llava,
    "llava 1.6": lambda folder: llava(folder, "model.image_newline"),
    "internvl3": lambda folder: (write_model(folder, "internvl3"), write_divided(folder, "internvl3")),
    "qwen2.5_vl": lambda folder: mtmd.write(folder, "qwen2.5_vl"),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_quick_look_takes_some_rows_and_all_positions(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiling, "_LEAST_QUICK", 4)  # the pictures of small models have few rows
    interrupt = Interrupt()
    model = Model(check_files(*MODELS[name](tmp_path)), EngineSettings(n_ctx=2048, threads=1), interrupt)
    encoder = PictureEncoder(model, interrupt, EmbeddingStore(), lambda _event: None)
    processor = encoder.processor
    picture = save(tmp_path, 620, 500)
    whole, quick = (processor.layout(picture._replace(look=look)) for look in (Look.WHOLE, Look.QUICK))
    try:
        assert processor.quick is not None
        count = processor.quick.rows(whole.rows, tiled=len(whole.parts) > 1)
        assert (quick.rows, quick.of_rows, quick.parts) == (count, whole.rows, whole.parts)
        assert count < whole.rows
        all_rows, _ = encoder.encode(1, [whole])
        looked, encodes = encoder.encode(1, [quick])
        assert encodes == 0
        rows, places = encoder.choose([quick], looked)
        np.testing.assert_array_equal(places[quick.key], choose_rows(all_rows[whole.key], count))
        np.testing.assert_array_equal(rows[quick.key], all_rows[whole.key][places[quick.key]])
        cells, of_whole = processor.cells(quick.picture), processor.cells(whole.picture)
        assert positions(cells) == positions(of_whole)
        assert len(of_whole) - len(cells) == whole.rows - count
        assert [cell for cell in cells if isinstance(cell, int)] == [cell for cell in of_whole if isinstance(cell, int)]
        cache = KVCache(model, interrupt)
        cache.append([1, *cells, 5], rows.__getitem__, places=places.get)
        assert cache.end() == positions([1, *of_whole, 5])
        assert np.isfinite(model.logits()).all()
        closed = processor.cells(picture._replace(look=Look.CLOSED_UP))
        assert len(closed) == len(cells)
        assert (positions(closed) == len(closed)) == (name != "qwen2.5_vl")
    finally:
        encoder.close()
        model.close()


@pytest.mark.parametrize("name", ["gemma3", "smolvlm2", "minicpm_v"])
def test_others_can_not(name: str, tmp_path: Path) -> None:
    """Their rows attend to one another, or have special tokens between them."""
    if name == "minicpm_v":
        pair = write_model(tmp_path, name), write_divided(tmp_path, name)
    else:
        pair = mtmd.write(tmp_path, name)
    model = Model(check_files(*pair), EngineSettings(n_ctx=1024, threads=1), Interrupt())
    encoder = PictureEncoder(model, Interrupt(), EmbeddingStore(), lambda _event: None)
    picture = save(tmp_path, 620, 500)
    try:
        assert encoder.processor.quick is None
        quick = picture._replace(look=Look.QUICK)
        assert encoder.processor.cells(quick) == encoder.processor.cells(picture)
        assert any(isinstance(cell, PictureRow) for cell in encoder.processor.cells(quick))
    finally:
        encoder.close()
        model.close()
