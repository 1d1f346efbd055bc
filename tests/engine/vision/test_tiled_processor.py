"""LLaVA-1.6 sees pictures in tiles, as recorded from transformers; in fewer if the context is small."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.client import EngineClient
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.kv_cache import KVCache, PictureRow
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    PartsReduced,
    Phase,
    PhaseChanged,
    PictureRead,
    PictureRef,
    ReadAhead,
    ReadAheadDone,
    Stop,
    ThroughputMeasured,
    Turn,
    TurnsDropped,
)
from desktop_app.engine.vision.picture_encoder import PictureEncoder
from desktop_app.engine.vision.quick_looks import whole_of
from desktop_app.engine.vision.tiled_processor import LlavaTiledProcessor
from desktop_app.engine.weights.model_files import check_files
from tests.engine.clip_reference import mean_cosine
from tests.engine.questions import GREEDY, ask, read_ahead
from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models.llava import Sizes, write_language_model, write_projector
from tests.random_models.tiled import AFTER, BEFORE, MODELS, PICTURES

USUAL = MODELS["usual"]
WHOLE = USUAL.image_tokens  # tokens of the picture as a whole
FULL = WHOLE + 6 * 9  # of `landscape`, in 2 x 2 tiles


def save(folder: Path, width: int, height: int) -> PictureRef:
    path = folder / f"{width}x{height}.png"
    patterned(width, height).save(path)
    return PictureRef(hashlib.sha256(path.read_bytes()).hexdigest(), str(path), path.name, width, height)


def write(folder: Path, sizes: Sizes) -> tuple[Path, Path]:
    return write_language_model(folder / "model.gguf", sizes), write_projector(folder / "mmproj.gguf", sizes)


@pytest.fixture
def landscape(tmp_path: Path) -> PictureRef:
    return save(tmp_path, 160, 120)


@dataclass
class Eyes:
    """A model with what looks and reads for it; `phases` were told."""

    model: Model
    encoder: PictureEncoder
    context: KVCache
    interrupt: Interrupt
    phases: list[PhaseChanged]


@pytest.fixture(params=MODELS)
def eyes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Eyes]]:
    interrupt, phases = Interrupt(), list[PhaseChanged]()

    def hear(event: PhaseChanged | ThroughputMeasured) -> None:
        if isinstance(event, PhaseChanged):
            phases.append(event)

    model = Model(check_files(*write(tmp_path, MODELS[request.param])), EngineSettings(n_ctx=1024), interrupt)
    encoder = PictureEncoder(model, interrupt, EmbeddingStore(), hear)
    yield request.param, Eyes(model, encoder, KVCache(model, interrupt), interrupt, phases)
    encoder.close()
    model.close()


def test_pictures_and_answers_are_those_of_transformers(eyes: tuple[str, Eyes], tmp_path: Path) -> None:
    name, its = eyes
    with np.load(DATA / "tiles.npz") as recorded:
        for width, height in PICTURES:
            seen = its.encoder.processor.layout(save(tmp_path, width, height))
            rows, _ = its.encoder.encode(1, [seen])
            theirs = {key: recorded[f"{name} {width}x{height} {key}"] for key in ("rows", "logits")}
            assert rows[seen.key].shape == theirs["rows"].shape, (width, height)
            assert len(rows[seen.key]) == seen.rows
            cosine = mean_cosine(rows[seen.key].astype(np.float64), theirs["rows"].astype(np.float64))
            assert cosine >= 0.9999, (width, height, cosine)
            its.context.cut(0)
            picture = [PictureRow(seen.key, row) for row in range(seen.rows)]
            its.context.append([*BEFORE, *picture, *AFTER], rows.__getitem__)
            correlation = np.corrcoef(its.model.logits(), theirs["logits"])[0, 1]
            assert correlation >= 0.995, (width, height, correlation)


def test_parts_that_were_seen_are_kept(eyes: tuple[str, Eyes], tmp_path: Path) -> None:
    """Stopped after the second part it goes on with the third; a glance at the whole costs nothing more."""
    _, its = eyes
    processor, phases = its.encoder.processor, its.phases
    seen = processor.layout(save(tmp_path, 301, 99))
    assert len(seen.parts) >= 4
    phases.clear()
    encode = processor.encode

    def encode_and_stop(*asked: Any) -> Any:
        if phases[-1].part == 2:
            its.interrupt.stop_now()
        return encode(*asked)

    processor.encode = encode_and_stop  # type: ignore[method-assign, assignment]
    with pytest.raises(Interrupted):
        its.encoder.encode(1, [seen])
    its.interrupt.clear()
    processor.encode = encode  # type: ignore[method-assign]
    assert [phase.part for phase in phases] == [0, 1, 2]
    assert {(phase.phase, phase.parts) for phase in phases} == {(Phase.LOOKING, len(seen.parts))}
    rows, encodes = its.encoder.encode(1, [seen])
    assert encodes == len(seen.parts) - 2
    glance = processor.layout(seen.picture._replace(most_tiles=0))
    whole, encodes = its.encoder.encode(1, [glance])
    assert encodes == 0
    tiled = whole_of(processor)
    assert isinstance(tiled, LlavaTiledProcessor)
    assert len(whole[glance.key]) == glance.rows == tiled._anyres.patches**2 + 1
    np.testing.assert_array_equal(whole[glance.key][:-1], rows[seen.key][: glance.rows - 1])
    np.testing.assert_array_equal(whole[glance.key][-1:], tiled._newline)


def test_a_conversation_about_tiles(empty: EngineClient, tmp_path: Path, landscape: PictureRef) -> None:
    info = empty.load(*write(tmp_path, USUAL), EngineSettings(cache_folder=str(tmp_path / "cache"), cache_mb=64))
    assert info.tiling is not None
    grid = info.tiling.grid_for(160, 120)
    assert info.tiling.tokens(160, 120, grid) == FULL
    done = read_ahead(empty, pictures=(landscape,))
    assert (done.complete, done.image_encodes) == (True, 5)
    heard: list[Event] = []
    first = ask(empty, Turn("What is red?", (landscape,)), hear=heard.append)
    assert not [event for event in heard if isinstance(event, PartsReduced | TurnsDropped)]
    assert first.stats.image_encodes == 0
    assert first.stats.reused_tokens == done.context_used
    # The size of a picture that came without is found out, and a glance is another way to see it.
    unmeasured = PictureRef(landscape.sha256, landscape.path, landscape.name)
    assert ask(empty, Turn("What is red?", (unmeasured,))).token_ids == first.token_ids
    glance = PictureRef(landscape.sha256, landscape.path, landscape.name, most_tiles=0)
    quick = ask(empty, Turn("What is red?", (glance,)))
    assert (quick.stats.prompt_tokens, quick.stats.image_encodes) == (first.stats.prompt_tokens - FULL + WHOLE + 1, 0)
    both = ask(empty, Turn("What is red?", (glance, landscape)))
    words = ask(empty, Turn("What is red?")).stats.prompt_tokens
    assert both.stats.prompt_tokens == first.stats.prompt_tokens + quick.stats.prompt_tokens - words
    assert both.stats.image_encodes == 0


def test_no_part_is_seen_twice_after_a_restart(tmp_path: Path, landscape: PictureRef) -> None:
    files = write(tmp_path, USUAL)
    settings = EngineSettings(cache_folder=str(tmp_path / "cache"), cache_mb=64)
    encodes = []
    for question in ("What is red?", "What is blue?"):
        with EngineClient() as client:
            client.load(*files, settings)
            encodes.append(ask(client, Turn(question, (landscape,))).stats.image_encodes)
    assert encodes == [5, 0]


def test_fewer_tiles_where_the_context_is_too_small(empty: EngineClient, tmp_path: Path, landscape: PictureRef) -> None:
    sizes = Sizes(newline="model.image_newline", context=512)
    empty.load(*write(tmp_path, sizes), EngineSettings(n_ctx=512))
    prompt = ask(empty, Turn("red")).stats.prompt_tokens  # system prompt and all that stands around
    pictures = tuple(save(tmp_path, 160 + number, 120 + number) for number in range(3))
    assert prompt + 3 * FULL + 64 > 512 * 3 // 4 > prompt + 3 * (WHOLE + 28) + 64
    sampling = GREEDY._replace(max_tokens=512)
    events = list(empty.request(ReadAhead(empty.next_request(), (), pictures)))
    reduced = [event for event in events if isinstance(event, PartsReduced)]
    assert [(event.parts, event.requested) for event in reduced] == [(3, 5)]
    assert len([event for event in events if isinstance(event, PictureRead)]) == 3
    heard: list[Event] = []
    finished = ask(empty, Turn("What is red?", pictures), sampling=sampling, hear=heard.append)
    assert [event for event in heard if isinstance(event, PartsReduced)] != []
    assert finished.stats.image_encodes == 0
    # Before a picture is forgotten, all are seen in fewer parts.
    long = Turn("red " * 30, pictures[:1], "blue " * 20)
    turns = (long, long, Turn("What is red?", pictures[1:2]))
    heard.clear()
    finished = ask(empty, *turns, sampling=sampling, hear=heard.append)
    reduced = [event for event in heard if isinstance(event, PartsReduced)]
    assert [(event.parts, event.requested) for event in reduced] == [(1, 5)]
    assert finished.stats.dropped_turns == 0


def test_a_changed_mind_costs_an_abort(empty: EngineClient, slow_tiles: tuple[Path, Path], tmp_path: Path) -> None:
    """Stop is heard inside every part, and a glance asked for instead goes on from the whole that was seen."""
    empty.load(*slow_tiles)
    picture = save(tmp_path, 448, 400)
    request = empty.next_request()
    parts = []
    for event in empty.request(ReadAhead(request, (), (picture,))):
        if isinstance(event, PhaseChanged) and event.phase is Phase.LOOKING:
            parts.append(event.part)
            if event.part == 2:
                empty.send(Stop(request))
        last = event
    assert isinstance(last, ReadAheadDone)
    assert (parts, last.complete, last.evaluated_tokens) == ([0, 1, 2], False, 0)
    glance = PictureRef(picture.sha256, picture.path, picture.name, 448, 400, most_tiles=0)
    done = read_ahead(empty, pictures=(glance,))
    assert (done.complete, done.image_encodes) == (True, 0)
    command = Ask(empty.next_request(), (Turn("What is red?", (picture,)),), GREEDY)
    looked = [e.part for e in empty.request(command) if isinstance(e, PhaseChanged) and e.phase is Phase.LOOKING]
    assert looked == [2, 3, 4]


@pytest.fixture(scope="module")
def slow_tiles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    sizes = Sizes(
        context=2048, vision_width=256, vision_layers=6, vision_heads=4, vision_feed_forward=1024, side=224,
        newline="model.image_newline",
    )  # fmt: skip
    return write(tmp_path_factory.mktemp("slow-tiles"), sizes)
