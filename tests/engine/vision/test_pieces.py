"""LFM2-VL and MiniCPM-V 4.6 see pictures in pieces, as `tests/recording/pieces.py` recorded; in fewer if they must.

That what they see and answer is transformers', `test_held_to_transformers.py` checks.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from desktop_app.chat.families.signs import family_for
from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.client import EngineClient
from desktop_app.engine.conversation.prompt_builder import PromptBuilder
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.kv_cache import Cell, PictureRow
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, Event, LoadPlan, PartsReduced, PictureRef, Turn
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.vision.lfm2_processor import Lfm2Processor
from desktop_app.engine.vision.minicpm_processor import MiniCPMProcessor
from desktop_app.engine.vision.picture_encoder import PictureEncoder
from desktop_app.engine.vision.picture_processor import PictureProcessor
from desktop_app.engine.weights.model_files import check_files, check_headers
from desktop_app.errors import UserError
from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.minicpm_tiling import MiniCPM46Tiling
from desktop_app.images.tiling import WHOLE
from model_store.gguf_header import TensorInfo, read_header
from tests.engine.questions import GREEDY, ask, read_ahead
from tests.engine.vision.test_tiled_processor import save
from tests.helpers.paths import DATA
from tests.random_models.small_models import CLOSER, LFM2_VL, MINICPM_V46, NORMED
from tests.random_models.talks import SmallModel

#: By the names of the random models: a picture in three pieces, and one in one.
DIVIDED = {"lfm2_vl": (1100, 520), "minicpm_v4.6": (150, 90), "minicpm_v4.6_closer": (150, 90)}
UNDIVIDED = {"lfm2_vl": (330, 250), "minicpm_v4.6": (56, 56), "minicpm_v4.6_closer": (56, 56)}


@pytest.fixture(params=[LFM2_VL, MINICPM_V46, CLOSER], ids=lambda small: small.name)
def small(request: pytest.FixtureRequest) -> SmallModel:
    found: SmallModel = request.param
    return found


class Eyes:
    """A loaded model with what looks for it."""

    def __init__(self, files: tuple[Path, Path], plan: LoadPlan | None = None, cache: Path | None = None) -> None:
        interrupt, settings = Interrupt(), EngineSettings(n_ctx=1024, cache_folder=str(cache or ""))
        self.model = Model(check_files(*files), settings, interrupt, plan)
        self.encoder = PictureEncoder(self.model, interrupt, EmbeddingStore(), lambda _event: None)

    def prompts(self, processor: PictureProcessor | None = None) -> PromptBuilder:
        family = family_for(self.model.files.header.metadata)
        return PromptBuilder(self.model.vocabulary, 4096, family, processor or self.encoder.processor)

    def close(self) -> None:
        self.encoder.close()
        self.model.close()


@pytest.fixture
def eyes(small: SmallModel, tmp_path: Path) -> Iterator[Eyes]:
    eyes = Eyes(small.write(tmp_path))
    yield eyes
    eyes.close()


def written(eyes: Eyes, cells: Sequence[Cell]) -> str:
    """Return the prompt as text, with the number of rows for each piece of a picture."""

    def text(cell: Cell) -> str:
        if isinstance(cell, PictureRow):
            return "\0"
        return eyes.model.vocabulary.special_name(cell) or eyes.model.vocabulary.piece(cell).decode()

    return re.sub("\0+", lambda rows: f"{{{len(rows[0])}}}", "".join(map(text, cells)))


def test_the_tokens_around_pieces_are_those_of_the_original(eyes: Eyes, small: SmallModel) -> None:
    recorded = json.loads((DATA / f"{small.family}.json").read_text(encoding="utf-8"))
    model = eyes.model
    slices = MiniCPM46Tiling(448, 28, 256) if small is CLOSER else MiniCPM46Tiling(448, 56, 64)
    processor: PictureProcessor = (
        Lfm2Processor(Lfm2Tiling(512), model, model.vocabulary)
        if small is LFM2_VL
        else MiniCPMProcessor(slices, model, model.vocabulary)
    )
    prompts = eyes.prompts(processor)
    for width, height, _, _, _, text, _ in recorded["closer" if small is CLOSER else "sizes"]:
        if max(width, height) > MiniCPM46Tiling.longest * min(width, height):
            continue  # it is squeezed
        cells = prompts.asking([Turn("red", (PictureRef("", "", "", width, height),))], None)
        between = "" if small is LFM2_VL else "\n"
        assert f"user\n{text}{between}red<|im_end|>" in written(eyes, cells), (width, height)


@pytest.mark.parametrize("small", [MINICPM_V46])
def test_pictures_are_numbered_over_a_whole_conversation(eyes: Eyes, tmp_path: Path) -> None:
    one, other = (save(tmp_path, *size) for size in [(56, 56), (150, 90)])
    turns = [Turn("red", (one, other), "blue"), Turn("red"), Turn("red", (one,))]
    whole = written(eyes, eyes.prompts().asking(turns, None))
    assert re.findall(r"<image_id>(.*?)</image_id><image>", whole) == ["0", "1", "2"]


@pytest.mark.parametrize("small", [MINICPM_V46])
def test_parts_of_all_shapes_reach_the_graph(eyes: Eyes) -> None:
    """Of pictures whose edges differ by up to a hundred times."""
    tiling = MiniCPM46Tiling(112, 56, 4)
    sizes = set()
    for longer in (*range(112, 400, 13), 1000, 5000, 11_000):
        for width, height in ((longer, 112), (112, longer), (longer, longer * 2 // 3)):
            sizes |= {tiling.whole(width, height), tiling.slice(width, height, tiling.grid_for(width, height))}
    assert len(sizes) > 10
    for width, height in sizes:
        rows = eyes.model.encode_sized(bytes(width * height * 3), width, height)
        assert len(rows) == tiling.tokens_of((width, height)), (width, height)


def test_a_picture_may_be_as_long_as_it_likes(eyes: Eyes, tmp_path: Path) -> None:
    for size in ((1, 5000), (5000, 1), (3, 700)):
        seen = eyes.encoder.processor.layout(save(tmp_path, *size))
        rows, _ = eyes.encoder.encode(1, [seen])
        assert len(rows[seen.key]) == seen.rows, size


def test_the_projector_may_make_room_for_the_conversation(small: SmallModel, tmp_path: Path) -> None:
    """What is loaded anew for every picture sees as what is kept, and the conversation is not lost."""
    files = small.write(tmp_path)
    assert Shape.of_files(check_files(*files)).can_free_projector
    usual = LoadPlan(1024, 256, embedding_cache=1 << 20)
    found = []
    for plan in (usual, usual._replace(keeps_projector=False)):
        eyes = Eyes(files, plan, tmp_path)
        eyes.model.read_tokens([5, 6, 7], 0, logits=False)
        seen = eyes.encoder.processor.layout(save(tmp_path, *DIVIDED[small.name]))
        rows = eyes.encoder.encode(1, [seen])[0][seen.key]
        eyes.model.read_tokens([8], 3, logits=True)
        found.append((rows, eyes.model.logits()))
        eyes.close()
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)


def test_pieces_that_were_seen_are_kept(eyes: Eyes, small: SmallModel, tmp_path: Path) -> None:
    seen = eyes.encoder.processor.layout(save(tmp_path, *DIVIDED[small.name]))
    assert eyes.encoder.encode(1, [seen])[1] == len(seen.parts) == 3
    glance = eyes.encoder.processor.layout(seen.picture._replace(most_tiles=0))
    rows, encodes = eyes.encoder.encode(1, [glance])
    assert (encodes, len(glance.parts), len(rows[glance.key])) == (0, 1, glance.rows)


def test_a_conversation_about_a_picture_in_pieces(empty: EngineClient, small: SmallModel, tmp_path: Path) -> None:
    settings = EngineSettings(n_ctx=4096, cache_folder=str(tmp_path / "cache"), cache_mb=64)
    info = empty.load(*small.write(tmp_path), settings)
    assert (info.family, info.class_token) == (small.family, "not-needed")
    assert info.tiling is not None
    size = DIVIDED[small.name]
    picture, other = save(tmp_path, *size), save(tmp_path, *UNDIVIDED[small.name])
    grid = info.tiling.grid_for(*size)
    ahead = read_ahead(empty, pictures=(picture,))
    assert (ahead.complete, ahead.image_encodes) == (True, grid.parts)
    heard: list[Event] = []
    first = ask(empty, Turn("What is red?", (picture,)), hear=heard.append)
    assert not [event for event in heard if isinstance(event, PartsReduced)]
    assert first.stats.image_encodes == 0
    glance = ask(empty, Turn("What is red?", (picture._replace(most_tiles=0),)))
    saved = info.tiling.tokens(*size, grid) - info.tiling.tokens(*size, WHOLE)
    assert glance.stats.prompt_tokens == first.stats.prompt_tokens - saved
    assert glance.stats.image_encodes == 0
    second = ask(empty, Turn("What is red?", (picture,), first.text), Turn("And here?", (other,)))
    assert second.stats.image_encodes == 1
    assert ask(empty, Turn("What is red?", (picture,))).token_ids == first.token_ids


def test_fewer_pieces_where_the_context_is_too_small(empty: EngineClient, small: SmallModel, tmp_path: Path) -> None:
    empty.load(*small.write(tmp_path), EngineSettings(n_ctx=512))
    sampling = GREEDY._replace(max_tokens=64)
    picture = save(tmp_path, *DIVIDED[small.name])
    glance = ask(empty, Turn("a" * 8, (picture._replace(most_tiles=0),)), sampling=sampling)
    room = 512 - 64 - glance.stats.prompt_tokens
    heard: list[Event] = []
    finished = ask(empty, Turn("a" * (8 + room), (picture,)), sampling=sampling, hear=heard.append)
    assert [(event.parts, event.requested) for event in heard if isinstance(event, PartsReduced)] == [(1, 3)]
    assert (finished.stats.prompt_tokens, finished.stats.dropped_turns) == (512 - 64, 0)


OPTIONAL = {
    "lfm2_vl_normed": ("v.patch_embd.bias", "v.post_ln.", "mm.input_norm."),
    "minicpm_v4.6": ("v.patch_embd.bias", "v.post_ln.", "mm.input_norm.bias"),
}


@pytest.mark.parametrize("small", [NORMED, MINICPM_V46], ids=lambda small: small.name)
def test_tensors_of_other_shapes_are_refused(small: SmallModel, tmp_path: Path) -> None:
    """llama.cpp takes them on trust, and would end the process."""
    pair = small.write(tmp_path)
    model, projector = map(read_header, pair)

    def said_of(tensors: dict[str, TensorInfo]) -> str:
        try:
            check_headers(pair[0], model, pair[1], replace(projector, tensors=tensors))
        except UserError as error:
            return error.code
        return ""

    assert said_of(projector.tensors) == ""
    refused = {"projector-damaged", "projector-mismatch"}
    for tensor, info in projector.tensors.items():
        longer = replace(info, shape=(*info.shape[:-1], info.shape[-1] + 1))
        assert said_of({**projector.tensors, tensor: longer}) in refused, tensor
        missing = {other: found for other, found in projector.tensors.items() if other != tensor}
        biases = tensor.endswith(".bias") and not (tensor.startswith("mm.") and small is NORMED)
        optional = tensor.startswith(OPTIONAL[small.name]) or (
            biases and not re.search(r"vit_merger\.(ln1|ds_ln)", tensor)
        )
        assert (said_of(missing) == "") == optional, tensor


def test_models_without_the_tokens_around_pieces_are_refused(small: SmallModel, tmp_path: Path) -> None:
    pair = small.write(tmp_path)
    model, projector = map(read_header, pair)
    words = model.metadata["tokenizer.ggml.tokens"]
    assert isinstance(words, tuple)
    for missing in ("<|img_thumbnail|>", "<slice>"):
        if missing in words:
            plain = tuple("another" if word == missing else word for word in words)
            other = replace(model, metadata={**model.metadata, "tokenizer.ggml.tokens": plain})
            with pytest.raises(UserError) as caught:
                check_headers(pair[0], other, pair[1], projector)
            assert caught.value.code == "projector-other-kind"
