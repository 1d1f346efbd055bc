"""LFM2-VL and MiniCPM-V 4.6 see pictures in pieces, and answer, as in transformers: see `tests/recording/pieces.py`."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop_app.chat.families import LFM2_VL, MINICPM_V46, family_for
from desktop_app.engine.cache.embeddings import Embedding, EmbeddingStore
from desktop_app.engine.client import EngineClient
from desktop_app.engine.conversation.prompt_builder import PromptBuilder
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.batch import RowBatch
from desktop_app.engine.llama.kv_cache import Cell, KVCache, PictureRow
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, Event, PartsReduced, PictureRef, Turn
from desktop_app.engine.vision.lfm2_processor import Lfm2Processor
from desktop_app.engine.vision.minicpm_processor import MiniCPMProcessor
from desktop_app.engine.vision.mtmd_processor import MtmdProcessor
from desktop_app.engine.vision.picture_encoder import PictureEncoder
from desktop_app.engine.weights.model_files import check_files, check_headers
from desktop_app.errors import UserError
from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.minicpm_tiling import MiniCPM46Tiling
from desktop_app.images.tiling import WHOLE
from model_store.gguf_header import TensorInfo, read_header
from tests.engine.questions import GREEDY, ask, read_ahead
from tests.engine.vision.test_parts import least_cosine
from tests.engine.vision.test_tiled_processor import save
from tests.helpers.paths import DATA
from tests.random_models import lfm2_vl, minicpm_v46
from tests.random_models.pieces import ANSWER, EVERY, FOLLOW_UP, QUESTION, SHOWN

LEAST_ROWS, LEAST_LOGITS = 0.9999, 0.999


@dataclass(frozen=True)
class Case:
    """A random model whose results are recorded."""

    family: str
    write: Callable[[Path], tuple[Path, Path]]
    image: str  # the token that stands for a row
    prefix: str = ""  # of what is recorded

    def recorded(self) -> dict[str, Any]:
        with np.load(DATA / f"{self.family}.npz") as file:
            found = {key: file[key] for key in file.files if key.startswith(self.prefix)}
        return {key.removeprefix(self.prefix): value for key, value in found.items()}


def write_closer(folder: Path) -> tuple[Path, Path]:
    return minicpm_v46.write_pair(folder, merged=minicpm_v46.ONCE)


CASES = {
    "lfm2_vl": Case("lfm2_vl", lfm2_vl.write_pair, "<image>"),
    "minicpm_v4.6": Case("minicpm_v4.6", minicpm_v46.write_pair, "<|image_pad|>"),
    "minicpm_v4.6, closer": Case("minicpm_v4.6", write_closer, "<|image_pad|>", "closer "),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


class Eyes:
    """A loaded model, and what it makes of a conversation."""

    def __init__(self, case: Case, files: tuple[Path, Path], folder: Path) -> None:
        interrupt = Interrupt()
        settings = EngineSettings(n_ctx=4096, cache_folder=str(folder / "cache"))
        self.model = Model(check_files(*files), settings, interrupt)
        self.encoder = PictureEncoder(self.model, interrupt, EmbeddingStore(), lambda _event: None)
        self.cache = KVCache(self.model, interrupt)
        self._folder = folder
        self._image = self.model.vocabulary.special(case.image)

    @property
    def prompts(self) -> PromptBuilder:
        family = family_for(self.model.files.header.metadata)
        return PromptBuilder(self.model.vocabulary, 4096, family, self.encoder.processor)

    def picture(self, size: tuple[int, int]) -> PictureRef:
        return save(self._folder, *size)

    def rows(self, picture: PictureRef) -> Embedding:
        seen = self.encoder.processor.layout(picture)
        rows, _ = self.encoder.encode(1, [seen])
        assert len(rows[seen.key]) == seen.rows
        return rows[seen.key]

    def asked(self, *turns: Turn) -> tuple[list[int | None], Any]:
        """Return the tokens of the prompt and the logits behind it."""
        cells = self.prompts.asking(turns, None)
        pictures = [self.encoder.processor.layout(picture) for turn in turns for picture in turn.pictures]
        rows, _ = self.encoder.encode(1, pictures)
        self.cache.cut(0)
        self.cache.append(cells, rows.__getitem__)
        return [self._image if isinstance(cell, PictureRow) else cell for cell in cells], self.model.logits()

    def close(self) -> None:
        self.encoder.close()
        self.model.close()


@contextmanager
def opened(case: Case, folder: Path) -> Iterator[Eyes]:
    eyes = Eyes(case, case.write(folder), folder)
    try:
        yield eyes
    finally:
        eyes.close()


@dataclass
class Compared:
    """How close the engine comes to what is recorded: the least of all pictures."""

    tokens: bool = True
    rows: float = 1.0
    first: float = 1.0
    follow_up: float = 1.0
    two: float = 1.0


def compare(case: Case, folder: Path, sizes: Sequence[tuple[int, int]] | None = None) -> Compared:
    found, recorded = Compared(), case.recorded()
    with opened(case, folder) as eyes:
        for size in sizes or SHOWN[case.family]:
            picture, key = eyes.picture(size), f"{size[0]}x{size[1]}"
            rows, theirs = eyes.rows(picture)[::EVERY], recorded[f"{key} rows"]
            found.rows = min(found.rows, least_cosine(rows, theirs) if rows.shape == theirs.shape else 0.0)
            tokens, first = eyes.asked(Turn(QUESTION, (picture,)))
            found.tokens &= tokens == recorded[f"{key} tokens"].tolist()
            _, later = eyes.asked(Turn(QUESTION, (picture,), ANSWER), Turn(FOLLOW_UP))
            found.first = min(found.first, correlation(first, recorded[f"{key} first"]))
            found.follow_up = min(found.follow_up, correlation(later, recorded[f"{key} follow-up"]))
        one, other = map(eyes.picture, SHOWN[case.family][:2])
        tokens, logits = eyes.asked(Turn(QUESTION, (one,), ANSWER), Turn(FOLLOW_UP, (other,)))
        found.tokens &= tokens == recorded["two tokens"].tolist()
        found.two = correlation(logits, recorded["two logits"])
    return found


def correlation(ours: Any, theirs: Any) -> float:
    return float(np.corrcoef(ours.astype(np.float64), theirs.astype(np.float64))[0, 1])


def test_pictures_and_answers_are_those_of_transformers(case: Case, tmp_path: Path) -> None:
    found = compare(case, tmp_path)
    assert found.tokens
    assert found.rows >= LEAST_ROWS, found
    assert min(found.first, found.follow_up, found.two) >= LEAST_LOGITS, found


def let_mtmd_divide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the whole picture to llama.cpp, which letterboxes tiles, or divides otherwise."""
    monkeypatch.setattr(
        "desktop_app.engine.vision.picture_encoder.picture_processor_for",
        lambda model: MtmdProcessor(model.projector, model.files.projector),
    )


def leave_out_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    unnumbered = replace(MINICPM_V46, numbering=())
    monkeypatch.setattr("tests.engine.vision.test_pieces.family_for", lambda _metadata: unnumbered)


def place_in_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pictures of Qwen3.5, which has the same decoder, stand."""
    fill = RowBatch.fill

    def in_a_grid(batch: RowBatch, rows: Any, position: int, axes: Any = None, *, logits: bool) -> None:
        places = np.arange(len(rows), dtype=np.int32)
        fill(batch, rows, position, np.array([places * 0, places // 2, places % 2]), logits=logits)

    monkeypatch.setattr(RowBatch, "fill", in_a_grid)


Break = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize(
    ("name", "size", "broken", "faults"),
    [
        ("lfm2_vl", (1100, 520), let_mtmd_divide, {"rows", "first", "follow_up"}),
        ("minicpm_v4.6", (150, 90), let_mtmd_divide, {"rows", "first", "follow_up"}),
        ("minicpm_v4.6", (160, 31), let_mtmd_divide, {"tokens", "rows", "first", "follow_up"}),
        ("minicpm_v4.6", (150, 90), leave_out_the_number, {"tokens", "first", "follow_up"}),
        ("minicpm_v4.6", (230, 190), place_in_a_grid, {"first", "follow_up"}),
    ],
)
def test_what_is_wrong_is_noticed(
    name: str, size: tuple[int, int], broken: Break, faults: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    found = compare(CASES[name], tmp_path, [size])
    least = {"rows": LEAST_ROWS, "first": LEAST_LOGITS, "follow_up": LEAST_LOGITS}
    noticed = {key for key, limit in least.items() if getattr(found, key) < limit}
    assert noticed | (set() if found.tokens else {"tokens"}) >= faults, found


def written(eyes: Eyes, cells: Sequence[Cell]) -> str:
    """Return the prompt as text, with the number of rows for each piece of a picture."""

    def text(cell: Cell) -> str:
        if isinstance(cell, PictureRow):
            return "\0"
        return eyes.model.vocabulary.special_name(cell) or eyes.model.vocabulary.piece(cell).decode()

    return re.sub("\0+", lambda rows: f"{{{len(rows[0])}}}", "".join(map(text, cells)))


@pytest.mark.parametrize("name", CASES)
def test_the_tokens_around_pieces_are_those_of_the_original(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    recorded = json.loads((DATA / f"{case.family}.json").read_text(encoding="utf-8"))
    rows = recorded["closer" if case.prefix else "sizes"]
    processors: dict[str, Callable[[Model], Any]] = {
        "lfm2_vl": lambda model: Lfm2Processor(Lfm2Tiling(512), model, model.vocabulary),
        "minicpm_v4.6": lambda model: MiniCPMProcessor(MiniCPM46Tiling(448, 56, 64), model, model.vocabulary),
        "minicpm_v4.6, closer": lambda model: MiniCPMProcessor(MiniCPM46Tiling(448, 28, 256), model, model.vocabulary),
    }
    with opened(case, tmp_path) as eyes:
        family = family_for(eyes.model.files.header.metadata)
        prompts = PromptBuilder(eyes.model.vocabulary, 4096, family, processors[name](eyes.model))
        for width, height, _, _, _, text, _ in rows:
            cells = prompts.asking([Turn("red", (PictureRef("", "", "", width, height),))], None)
            between = "\n" if case.family == "minicpm_v4.6" else ""
            assert f"user\n{text}{between}red<|im_end|>" in written(eyes, cells), (width, height)


def test_pictures_are_numbered_over_a_whole_conversation(tmp_path: Path) -> None:
    with opened(CASES["minicpm_v4.6"], tmp_path) as eyes:
        one, other = map(eyes.picture, [(56, 56), (150, 90)])
        turns = [Turn("red", (one, other), "blue"), Turn("red"), Turn("red", (one,))]
        whole = written(eyes, eyes.prompts.asking(turns, None))
        assert re.findall(r"<image_id>(.*?)</image_id><image>", whole) == ["0", "1", "2"]


def test_parts_of_all_shapes_reach_the_graph(tmp_path: Path) -> None:
    """Of pictures whose edges differ by up to a hundred times."""
    with opened(CASES["minicpm_v4.6"], tmp_path) as eyes:
        tiling = MiniCPM46Tiling(112, 56, 4)
        sizes = set()
        for longer in (*range(112, 400, 13), 1000, 5000, 11_000):
            for width, height in ((longer, 112), (112, longer), (longer, longer * 2 // 3)):
                sizes |= {tiling.whole(width, height), tiling.slice(width, height, tiling.grid_for(width, height))}
        assert len(sizes) > 10
        for width, height in sizes:
            rows = eyes.model.encode_sized(bytes(width * height * 3), width, height)
            assert len(rows) == tiling.tokens_of((width, height)), (width, height)


#: Of the random models: a picture in several pieces, and one in one piece.
DIVIDED = {"lfm2_vl": (1100, 520), "minicpm_v4.6": (150, 90)}
UNDIVIDED = {"lfm2_vl": (330, 250), "minicpm_v4.6": (56, 56)}


def test_pieces_that_were_seen_are_kept(case: Case, tmp_path: Path) -> None:
    with opened(case, tmp_path) as eyes:
        seen = eyes.encoder.processor.layout(eyes.picture(DIVIDED[case.family]))
        assert eyes.encoder.encode(1, [seen])[1] == len(seen.parts) == 3
        glance = eyes.encoder.processor.layout(seen.picture._replace(most_tiles=0))
        rows, encodes = eyes.encoder.encode(1, [glance])
        assert (encodes, len(glance.parts), len(rows[glance.key])) == (0, 1, glance.rows)


def test_a_conversation_about_a_picture_in_pieces(empty: EngineClient, case: Case, tmp_path: Path) -> None:
    settings = EngineSettings(n_ctx=4096, cache_folder=str(tmp_path / "cache"), cache_mb=64)
    info = empty.load(*case.write(tmp_path), settings)
    assert (info.family, info.class_token) == (case.family, "not-needed")
    assert info.tiling is not None
    size = DIVIDED[case.family]
    picture, other = save(tmp_path, *size), save(tmp_path, *UNDIVIDED[case.family])
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


def test_fewer_pieces_where_the_context_is_too_small(empty: EngineClient, case: Case, tmp_path: Path) -> None:
    empty.load(*case.write(tmp_path), EngineSettings(n_ctx=512))
    sampling = GREEDY._replace(max_tokens=64)
    picture = save(tmp_path, *DIVIDED[case.family])
    glance = ask(empty, Turn("a" * 8, (picture._replace(most_tiles=0),)), sampling=sampling)
    room = 512 - 64 - glance.stats.prompt_tokens
    heard: list[Event] = []
    finished = ask(empty, Turn("a" * (8 + room), (picture,)), sampling=sampling, hear=heard.append)
    assert [(event.parts, event.requested) for event in heard if isinstance(event, PartsReduced)] == [(1, 3)]
    assert (finished.stats.prompt_tokens, finished.stats.dropped_turns) == (512 - 64, 0)


OPTIONAL = ("v.patch_embd.bias", "v.post_ln.", "mm.input_norm.bias")


@pytest.mark.parametrize("name", ["lfm2_vl", "minicpm_v4.6"])
def test_tensors_of_other_shapes_are_refused(name: str, tmp_path: Path) -> None:
    """llama.cpp takes them on trust, and would end the process."""
    pair = CASES[name].write(tmp_path)
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
        biases = tensor.endswith(".bias") and not (tensor.startswith("mm.") and name == "lfm2_vl")
        optional = tensor.startswith(OPTIONAL) or (biases and not re.search(r"vit_merger\.(ln1|ds_ln)", tensor))
        assert (said_of(missing) == "") == optional, tensor


@pytest.mark.parametrize("name", ["lfm2_vl", "minicpm_v4.6"])
def test_models_without_the_tokens_around_pieces_are_refused(name: str, tmp_path: Path) -> None:
    pair = CASES[name].write(tmp_path)
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


def test_the_families_are_told_apart(tmp_path: Path) -> None:
    for name, family in (("lfm2_vl", LFM2_VL), ("minicpm_v4.6", MINICPM_V46)):
        assert family_for(read_header(CASES[name].write(tmp_path)[0]).metadata) is family
