"""Qwen2.5-VL, Gemma 3 and SmolVLM2 encode pictures as transformers does, and evaluate them as mtmd does."""

import ctypes
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest
from llama_cpp import mtmd_cpp
from PIL import Image

from desktop_app.chat.families.signs import FAMILIES
from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.client import EngineClient
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.kv_cache import Cell, KVCache, PictureRow
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, LoadPlan, PictureRef, Stop, Turn
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.vision.mtmd_processor import MtmdProcessor
from desktop_app.engine.vision.picture_encoder import PictureEncoder
from desktop_app.engine.vision.quick_looks import whole_of
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from tests.engine.clip_reference import mean_cosine
from tests.engine.questions import ask, read_ahead
from tests.engine.vision.test_tiled_processor import save
from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models.architectures import WIDTH, write_architecture
from tests.random_models.llava import Sizes, write_language_model
from tests.random_models.projectors import SHAPES, SIDE, UNEVEN, write_eyes

KINDS = {"qwen2.5_vl": "qwen2.5vl_merger", "gemma3": "gemma3", "smolvlm2": "idefics3", "smolvlm2, 2.2B": "idefics3"}
BEFORE, AFTER = [1, 300, 310, 290], [305, 330, 301]


def family_of(name: str) -> str:
    return name.split(",", maxsplit=1)[0]


def write(folder: Path, name: str) -> tuple[Path, Path]:
    family = next(family for family in FAMILIES if family.name == name.split(",", maxsplit=1)[0])
    specials = tuple(sorted(family.specials))
    model = folder / "model.gguf"
    side = UNEVEN if name == "smolvlm2, 2.2B" else SIDE
    if KINDS[name] == "idefics3":
        rows = tuple(f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5))
        write_language_model(model, Sizes(width=WIDTH, specials=(*specials, *rows, "\n\n", "\n")))
    else:
        write_architecture(model, "qwen2vl" if name == "qwen2.5_vl" else name, specials)
    longest = 2 * side if KINDS[name] == "idefics3" else 0
    return model, write_eyes(folder / "mmproj.gguf", KINDS[name], WIDTH, longest=longest, side=side)


@pytest.fixture(params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pair(name: str, tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path, name)


@pytest.fixture
def model(pair: tuple[Path, Path]) -> Iterator[Model]:
    # Fewer at once than Gemma's pictures have tokens.
    model = Model(check_files(*pair), EngineSettings(n_ctx=1024, n_batch=3, threads=1), Interrupt())
    yield model
    model.close()


def as_mtmd_evaluates(model: Model, image: Image.Image) -> Any:
    """The logits after BEFORE, the picture and AFTER, all through mtmd's helper."""
    loaded = model.projector
    context, projector = model._context, loaded._context
    llama_cpp.llama_memory_clear(model._memory, True)
    model.read_tokens(BEFORE[:3], 0, logits=False)
    model.read_tokens(BEFORE[3:], 3, logits=False)
    rgb = image.tobytes()
    bitmap = mtmd_cpp.mtmd_bitmap_init(*image.size, (ctypes.c_uint8 * len(rgb)).from_buffer_copy(rgb))
    chunks = mtmd_cpp.mtmd_input_chunks_init()
    marker = mtmd_cpp.mtmd_default_marker()
    text = mtmd_cpp.mtmd_input_text(marker, len(marker), False, True)
    bitmaps = (ctypes.c_void_p * 1)(bitmap)
    assert mtmd_cpp.mtmd_tokenize(projector, chunks, ctypes.byref(text), bitmaps, 1) == 0
    past = ctypes.c_int32(0)
    assert (
        mtmd_cpp.mtmd_helper_eval_chunks(projector, context, chunks, 4, 0, model._most, True, ctypes.byref(past)) == 0
    )
    model.read_tokens(AFTER, past.value, logits=True)
    mtmd_cpp.mtmd_input_chunks_free(chunks)
    mtmd_cpp.mtmd_bitmap_free(bitmap)
    return model.logits()


def test_embeddings_are_those_of_transformers_and_logits_those_of_mtmd(model: Model, name: str, tmp_path: Path) -> None:
    interrupt = Interrupt()
    encoder = PictureEncoder(model, interrupt, EmbeddingStore(), lambda _event: None)
    for width, height in SHAPES:
        seen = encoder.processor.layout(save(tmp_path, width, height))
        cells = encoder.processor.cells(seen.picture)
        assert sum(isinstance(cell, PictureRow) for cell in cells) == seen.rows
        rows, encodes = encoder.encode(1, [seen])
        assert (encodes, len(rows[seen.key])) == (len(seen.parts), seen.rows)
        processor = whole_of(encoder.processor)
        assert isinstance(processor, MtmdProcessor)
        with np.load(DATA / "eyes.npz") as recorded:
            wanted = recorded[f"{name} {width}x{height}"].astype(np.float64)
        assert mean_cosine(rows[seen.key].astype(np.float64), wanted) >= 0.9999, (width, height)
        resizing = processor._resizing(seen.picture)
        theirs = as_mtmd_evaluates(model, resizing.resized(patterned(width, height), width, height))
        llama_cpp.llama_memory_clear(model._memory, True)
        context = KVCache(model, interrupt)
        context.append([*BEFORE, *cells, *AFTER], rows.__getitem__)
        assert np.corrcoef(model.logits(), theirs)[0, 1] >= 0.9999, (width, height)
        # Cut inside the picture and read again from there, or from where it begins: still the same.
        for keep in (len(context) - 2, 6, len(BEFORE) + len(cells) // 2):
            context.cut(keep)
            again: list[Cell] = [*BEFORE, *cells, *AFTER]
            context.append(again[len(context) :], rows.__getitem__)
            assert np.corrcoef(model.logits(), theirs)[0, 1] >= 0.9999, (width, height, keep)
    encoder.close()


def test_a_conversation_about_a_picture(
    empty: EngineClient, name: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    info = empty.load(*pair)
    assert (info.family, info.tiling, info.class_token) == (family_of(name), None, "not-needed")
    assert info.image_tokens == {"qwen2.5_vl": 494, "gemma3": 4, "smolvlm2": 20}[family_of(name)]
    picture, other = save(tmp_path, 150, 90), save(tmp_path, 60, 200)
    ahead = read_ahead(empty, pictures=(picture,))
    assert ahead.complete
    first = ask(empty, Turn("What is red?", (picture,)))
    assert first.stats.image_encodes == 0
    assert first.stats.reused_tokens == ahead.context_used
    second = ask(empty, Turn("What is red?", (picture,), first.text), Turn("Which colour?"))
    assert second.stats.reused_tokens >= first.stats.prompt_tokens
    unmeasured = PictureRef(picture.sha256, picture.path, picture.name)
    both = ask(empty, Turn("What is red?", (picture, other)))
    assert both.stats.prompt_tokens > first.stats.prompt_tokens
    again = ask(empty, Turn("What is red?", (unmeasured,)))
    assert again.token_ids == first.token_ids
    assert again.stats.image_encodes == 0


def test_the_special_tokens_around_a_picture_stand_there_once(model: Model, name: str, tmp_path: Path) -> None:
    from desktop_app.engine.conversation.session import Session

    session = Session(model, Interrupt(), EmbeddingStore(), lambda _event: None)
    cells = session.prompts.asking([Turn("What is red?", (save(tmp_path, 150, 90),))], None)
    framing = {
        "qwen2.5_vl": ("<|vision_start|>", "<|vision_end|>"),
        "gemma3": ("<start_of_image>", "<end_of_image>"),
        "smolvlm2": ("<global-img>", "<row_1_col_1>"),
    }[family_of(name)]
    assert [cells.count(model.vocabulary.special(token) or -1) for token in framing] == [1, 1]
    rows = [index for index, cell in enumerate(cells) if isinstance(cell, PictureRow)]
    if family_of(name) != "smolvlm2":
        assert cells[rows[0] - 1] == model.vocabulary.special(framing[0])
        assert cells[rows[-1] + 1] == model.vocabulary.special(framing[1])
    else:
        fake = model.vocabulary.special("<fake_token_around_image>")
        assert cells[rows[0] - 2 : rows[0]] == [fake, model.vocabulary.special("<row_1_col_1>")]
        assert cells[rows[-1] + 1] == fake
    session._encoder.close()


def test_projectors_that_do_not_hold_together_are_refused(tmp_path: Path, name: str) -> None:
    model, _ = write(tmp_path, name)
    with pytest.raises(UserError) as caught:
        check_files(model, write_eyes(tmp_path / "other.gguf", KINDS[name], WIDTH + 8))
    assert caught.value.code == "projector-mismatch"


def test_stop_leaves_no_half_picture(empty: EngineClient, pair: tuple[Path, Path], tmp_path: Path) -> None:
    empty.load(*pair)
    turn = Turn("What is red?", (save(tmp_path, 150, 90),))
    expected = ask(empty, turn).token_ids
    empty.load(*pair)
    other = Turn("What is blue?", (save(tmp_path, 60, 200),))
    ask(empty, other, hear=lambda _event: empty.send(Stop()))
    assert ask(empty, turn).token_ids == expected


def test_memory_is_planned_for_merged_tokens(pair: tuple[Path, Path], name: str) -> None:
    """A picture of 4 x 4 patches has four tokens; those of Gemma are evaluated together. Qwen sees any size."""
    shape = Shape.of_files(check_files(*pair))
    of_photo = 37 * 27  # 1024 x 768 pixels in squares of 28
    assert (shape.image_tokens, shape.min_batch) == (of_photo if name == "qwen2.5_vl" else 4, 4 * (name == "gemma3"))
    plan = LoadPlan(512, 2)
    larger = plan._replace(n_ubatch=max(2, shape.min_batch))
    assert shape.estimate(plan).compute_buffers == replace(shape, min_batch=0).estimate(larger).compute_buffers
