"""InternVL3 and MiniCPM-V see pictures in parts, as their authors' code does; in fewer if the context is small."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from desktop_app.chat.families.known import INTERNVL3, MINICPM_V
from desktop_app.chat.families.signs import family_for
from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.client import EngineClient
from desktop_app.engine.conversation.prompt_builder import PromptBuilder
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.class_token_fix import ClassTokenOrder
from desktop_app.engine.llama.kv_cache import Cell, KVCache, PictureRow
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, Event, LoadPlan, PartsReduced, PictureRef, Turn
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.vision.minicpm_processor import MiniCPMProcessor
from desktop_app.engine.vision.picture_encoder import PictureEncoder
from desktop_app.engine.weights.model_files import check_files, check_headers
from desktop_app.errors import UserError
from desktop_app.images.minicpm_tiling import MiniCPMTiling
from desktop_app.images.tiling import WHOLE
from model_store.gguf_header import TensorInfo, read_header
from tests.engine.questions import GREEDY, ask, read_ahead
from tests.engine.vision.test_tiled_processor import save
from tests.helpers.paths import DATA
from tests.helpers.strays import Expected
from tests.random_models.architectures import write_architecture
from tests.random_models.divided import AFTER, BEFORE, KINDS, PICTURES, WIDTHS, write_model, write_projector
from tests.random_models.projectors import LAYERS

FloatArray = npt.NDArray[np.floating[Any]]
#: Tensors without which llama.cpp does nothing.
OPTIONAL = {
    f"v.blk.{index}.{name}"
    for index in range(LAYERS)
    for name in (
        *("ls1.weight", "ls2.weight", "ln1.bias", "ln2.bias", "ffn_up.bias", "ffn_down.bias"),
        *(f"attn_{part}.bias" for part in ("q", "k", "v", "out")),
    )
} | {"v.patch_embd.bias", "v.post_ln.weight", "v.post_ln.bias"}
CLASS_TOKENS = {"internvl3": "corrected", "minicpm_v": "not-needed"}


@pytest.fixture(params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pair(name: str, tmp_path: Path) -> tuple[Path, Path]:
    return write_model(tmp_path, name), write_projector(tmp_path, name)


@dataclass
class Eyes:
    """A model with what looks and reads for it."""

    model: Model
    encoder: PictureEncoder
    context: KVCache


@contextmanager
def opened(pair: tuple[Path, Path], plan: LoadPlan | None = None, cache: Path | None = None) -> Iterator[Eyes]:
    interrupt, settings = Interrupt(), EngineSettings(n_ctx=1024, cache_folder=str(cache or ""))
    model = Model(check_files(*pair), settings, interrupt, plan)
    encoder = PictureEncoder(model, interrupt, EmbeddingStore(), lambda _event: None)
    try:
        yield Eyes(model, encoder, KVCache(model, interrupt))
    finally:
        encoder.close()
        model.close()


@pytest.fixture
def eyes(pair: tuple[Path, Path]) -> Iterator[Eyes]:
    with opened(pair) as eyes:
        yield eyes


def test_pictures_and_answers_are_those_of_the_original(eyes: Eyes, name: str, tmp_path: Path) -> None:
    processor = eyes.encoder.processor
    with np.load(DATA / "divided.npz") as recorded:
        for width, height in PICTURES:
            seen = processor.layout(save(tmp_path, width, height))
            rows, encodes = eyes.encoder.encode(1, [seen])
            theirs = {key: recorded[f"{name} {width}x{height} {key}"] for key in ("rows", "logits")}
            assert rows[seen.key].shape == theirs["rows"].shape, (width, height)
            assert (encodes, len(rows[seen.key])) == (len(seen.parts), seen.rows)
            cosine = least_cosine(rows[seen.key], theirs["rows"])
            assert cosine >= 0.9999, (width, height, cosine)
            eyes.context.cut(0)
            eyes.context.append([*BEFORE, *processor.cells(seen.picture), *AFTER], rows.__getitem__)
            correlation = np.corrcoef(eyes.model.logits(), theirs["logits"])[0, 1]
            assert correlation >= 0.995, (width, height, correlation)
    assert eyes.model.class_token.value == CLASS_TOKENS[name]


def test_the_tokens_around_parts_are_those_of_the_original(tmp_path: Path) -> None:
    """MiniCPM-V numbers pictures, and puts special tokens around overview and slices."""
    recorded = json.loads((DATA / "divided.json").read_text(encoding="utf-8"))["minicpm_v"]
    model = write_model(tmp_path, "minicpm_v"), write_projector(tmp_path, "minicpm_v")
    with opened(model) as eyes:
        processor = MiniCPMProcessor(MiniCPMTiling(448, 14, 64), eyes.model, eyes.model.vocabulary)
        prompts = PromptBuilder(eyes.model.vocabulary, eyes.model.n_ctx, MINICPM_V, processor)
        for width, height, _, _, _, text, _ in recorded:
            picture = PictureRef("", "", "", width, height)
            cells = prompts.asking([Turn("red", (picture,))], None)
            assert f"user\n{text}\nred<|im_end|>" in written(eyes.model, cells), written(eyes.model, cells)
        turns = [Turn("red", (picture, picture), "blue"), Turn("red"), Turn("red", (picture,))]
        whole = written(eyes.model, prompts.asking(turns, None))
        assert re.findall(r"<image_id>(.*?)</image_id><image>", whole) == ["0", "1", "2"]


def test_the_parts_of_internvl_stand_in_one_frame(tmp_path: Path) -> None:
    with opened((write_model(tmp_path, "internvl3"), write_projector(tmp_path, "internvl3"))) as eyes:
        prompts = PromptBuilder(eyes.model.vocabulary, eyes.model.n_ctx, INTERNVL3, eyes.encoder.processor)
        picture = save(tmp_path, 150, 90)
        rows = eyes.encoder.processor.layout(picture).rows
        cells = prompts.asking([Turn("red", (picture, picture._replace(most_tiles=0)))], "blue")
        assert f"user\n<img>{{{rows}}}</img>\n<img>{{4}}</img>\nred<|im_end|>" in written(eyes.model, cells)


def written(model: Model, cells: Sequence[Cell]) -> str:
    """Return the prompt as text, with the number of rows for each part of a picture."""
    family = family_for(model.files.header.metadata)
    specials = {model.vocabulary.special(name): name for name in family.specials}

    def text(cell: Cell) -> str:
        return "\0" if isinstance(cell, PictureRow) else specials.get(cell) or model.vocabulary.piece(cell).decode()

    return re.sub("\0+", lambda rows: f"{{{len(rows[0])}}}", "".join(map(text, cells)))


@pytest.mark.parametrize("name", [name for name, state in CLASS_TOKENS.items() if state == "corrected"])
def test_a_class_token_at_the_end_would_be_noticed(
    pair: tuple[Path, Path], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: Expected
) -> None:
    expected.log("order of the class token is unknown")
    monkeypatch.setattr(ClassTokenOrder, "on_node", lambda *_: None)
    width, height = PICTURES[0]
    with opened(pair) as eyes, np.load(DATA / "divided.npz") as recorded:
        seen = eyes.encoder.processor.layout(save(tmp_path, width, height))
        rows, _ = eyes.encoder.encode(1, [seen])
        assert least_cosine(rows[seen.key], recorded[f"{name} {width}x{height} rows"]) < 0.98


def test_the_projector_may_make_room_for_the_conversation(pair: tuple[Path, Path], name: str, tmp_path: Path) -> None:
    """What is loaded anew for every picture sees as what is kept."""
    assert Shape.of_files(check_files(*pair)).can_free_projector
    usual = LoadPlan(512, 32, embedding_cache=1 << 20)
    found = []
    for plan in (usual, usual._replace(keeps_projector=False)):
        with opened(pair, plan, tmp_path) as eyes:
            pictures = [eyes.encoder.processor.layout(save(tmp_path, width, height)) for width, height in PICTURES[:2]]
            found.append([eyes.encoder.encode(1, [seen])[0][seen.key] for seen in pictures])
            assert eyes.model.class_token.value == CLASS_TOKENS[name]
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)


def test_a_picture_may_be_as_long_as_it_likes(eyes: Eyes, tmp_path: Path) -> None:
    for size in ((1, 5000), (5000, 1)):
        seen = eyes.encoder.processor.layout(save(tmp_path, *size))
        rows, _ = eyes.encoder.encode(1, [seen])
        assert len(rows[seen.key]) == seen.rows, size


def test_parts_that_were_seen_are_kept(eyes: Eyes, tmp_path: Path) -> None:
    processor = eyes.encoder.processor
    seen = processor.layout(save(tmp_path, 150, 90))
    _, encodes = eyes.encoder.encode(1, [seen])
    assert encodes == len(seen.parts) > 3
    glance = processor.layout(seen.picture._replace(most_tiles=0))
    rows, encodes = eyes.encoder.encode(1, [glance])
    assert (encodes, len(glance.parts), len(rows[glance.key])) == (0, 1, eyes.model.image_tokens)
    fewer = processor.layout(seen.picture._replace(most_tiles=2))
    _, encodes = eyes.encoder.encode(1, [fewer])
    assert encodes == len(fewer.parts) - 1 == 2


def test_a_conversation_about_a_picture_in_parts(
    empty: EngineClient, name: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    info = empty.load(*pair, EngineSettings(cache_folder=str(tmp_path / "cache"), cache_mb=64))
    assert (info.family, info.class_token) == (name, CLASS_TOKENS[name])
    assert info.tiling is not None
    picture, other = save(tmp_path, 150, 90), save(tmp_path, 60, 200)
    grid = info.tiling.grid_for(150, 90)
    ahead = read_ahead(empty, pictures=(picture,))
    assert (ahead.complete, ahead.image_encodes) == (True, grid.parts)
    heard: list[Event] = []
    first = ask(empty, Turn("What is red?", (picture,)), hear=heard.append)
    assert not [event for event in heard if isinstance(event, PartsReduced)]
    assert (first.stats.image_encodes, first.stats.reused_tokens) == (0, ahead.context_used)
    glance = ask(empty, Turn("What is red?", (picture._replace(most_tiles=0),)))
    saved = info.tiling.tokens(150, 90, grid) - info.tiling.tokens(150, 90, WHOLE)
    assert glance.stats.prompt_tokens == first.stats.prompt_tokens - saved
    assert glance.stats.image_encodes == 0
    # The size of a picture that came without is found out.
    unmeasured = PictureRef(picture.sha256, picture.path, picture.name)
    assert ask(empty, Turn("What is red?", (unmeasured,))).token_ids == first.token_ids
    second = ask(empty, Turn("What is red?", (picture,), first.text), Turn("And here?", (other,)))
    assert second.stats.image_encodes == info.tiling.grid_for(60, 200).parts
    assert second.stats.reused_tokens >= first.stats.prompt_tokens


def test_internvl35_has_another_decoder_and_the_same_eyes(empty: EngineClient, tmp_path: Path) -> None:
    specials = (*sorted(INTERNVL3.specials), "<IMG_CONTEXT>")
    model = write_architecture(tmp_path / "InternVL3_5-1B.gguf", "qwen3", specials, WIDTHS["internvl3"])
    info = empty.load(model, write_projector(tmp_path, "internvl3"))
    assert (info.family, info.class_token) == ("internvl3", "corrected")
    picture = save(tmp_path, 150, 90)
    first = ask(empty, Turn("What is red?", (picture,)))
    assert info.tiling is not None
    assert first.stats.image_encodes == info.tiling.grid_for(150, 90).parts
    second = ask(empty, Turn("What is red?", (picture,), first.text), Turn("And here?"))
    assert second.stats.reused_tokens >= first.stats.prompt_tokens


def test_fewer_parts_where_the_context_is_too_small(
    empty: EngineClient, name: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    info = empty.load(*pair, EngineSettings(n_ctx=512))
    assert info.tiling is not None
    picture = save(tmp_path, 150, 90)
    sampling = GREEDY._replace(max_tokens=128)
    turns = [Turn("red", (picture,), "a"), Turn("red " * 64, (picture,))]
    missing = 512 - 128 - ask(empty, *turns, sampling=sampling).stats.prompt_tokens
    turns[0] = turns[0]._replace(text="red " * (1 + missing))
    heard: list[Event] = []
    assert ask(empty, *turns, sampling=sampling, hear=heard.append).stats.prompt_tokens == 512 - 128
    assert not [event for event in heard if isinstance(event, PartsReduced)]
    turns[0] = turns[0]._replace(text="red " * (2 + missing))
    finished = ask(empty, *turns, sampling=sampling, hear=heard.append)
    reduced = [event for event in heard if isinstance(event, PartsReduced)]
    assert len(reduced) == 1
    assert reduced[0].parts < reduced[0].requested == info.tiling.grid_for(150, 90).parts
    assert finished.stats.dropped_turns == 0


def test_memory_is_planned_for_all_parts(pair: tuple[Path, Path], name: str) -> None:
    shape = Shape.of_files(check_files(*pair))
    assert (shape.image_tokens, shape.most_picture_tokens) == {"internvl3": (4, 4 * 13), "minicpm_v": (5, 5 * 10)}[name]


def test_tensors_of_other_shapes_are_refused(pair: tuple[Path, Path]) -> None:
    """llama.cpp takes them on trust, and would end the process."""
    model, projector = map(read_header, pair)

    def said_of(tensors: dict[str, TensorInfo]) -> str:
        try:
            check_headers(pair[0], model, pair[1], replace(projector, tensors=tensors))
        except UserError as error:
            return error.code
        return ""

    assert said_of(projector.tensors) == ""
    refused = {"projector-damaged", "projector-mismatch"}
    for name, tensor in projector.tensors.items():
        if name == "resampler.pos_embed_k":  # is looked for, but not used
            continue
        longer = replace(tensor, shape=(*tensor.shape[:-1], tensor.shape[-1] + 1))
        assert said_of({**projector.tensors, name: longer}) in refused, name
        missing = {other: info for other, info in projector.tensors.items() if other != name}
        assert said_of(missing) in ({""} if name in OPTIONAL else refused), name


def least_cosine(ours: FloatArray, theirs: FloatArray) -> float:
    one, other = ours.astype(np.float64), theirs.astype(np.float64)
    products = (one * other).sum(1)
    return float((products / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)).min())
