"""With little memory the projector is loaded for each picture, and the KV cache is in a file meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from desktop_app.engine.cache.checked_folder import cache_folders
from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.bindings import ContextPointer, llama
from desktop_app.engine.llama.kv_cache import Place
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
    LoadPlan,
    PictureRef,
    ReadAhead,
    Sampling,
    Turn,
)
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.errors import UserError
from tests.helpers.strays import Expected
from tests.random_models.llava import Sizes, write_language_model, write_projector
from tests.random_models.qwen35 import write_qwen35

TOKENS = list(range(260, 290))
KEPT = LoadPlan(512, 32, embedding_cache=1 << 20)
IN_TURN = KEPT._replace(keeps_projector=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    folder, sizes = tmp_path_factory.mktemp("turns"), Sizes(width=128)
    return check_files(write_language_model(folder / "m.gguf", sizes), write_projector(folder / "p.gguf", sizes))


def loaded(files: ModelFiles, plan: LoadPlan, cache: Path) -> Model:
    return Model(files, EngineSettings(n_ctx=512, threads=1, cache_folder=str(cache)), Interrupt(), plan)


def seen_and_read(model: Model, files: ModelFiles) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Read words, look at a picture, read on; return the embedding and the last logits."""
    assert files.projector is not None
    picture = np.random.default_rng(1).integers(0, 256, files.projector.side**2 * 3, np.uint8).tobytes()
    model.read_tokens(TOKENS, 0, logits=False)
    with model.projector_loaded():
        embedding = model.encode(picture)
    model.read_tokens(TOKENS[:5], len(TOKENS), logits=True)
    return embedding, model.logits()


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_a_picture_changes_nothing_of_the_conversation(files: ModelFiles, tmp_path: Path, kv_type: str) -> None:
    found = []
    for plan in (KEPT, IN_TURN):
        model = loaded(files, plan._replace(kv_type=kv_type), tmp_path)
        try:
            known = model.image_tokens, model.class_token
            found.append(seen_and_read(model, files))
            assert (model.image_tokens, model.class_token) == known
            assert known[0] == 16
        finally:
            model.close()
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)
    assert list((tmp_path / "contexts").iterdir()) == []


def test_what_cannot_be_put_aside_stays(files: ModelFiles, tmp_path: Path, expected: Expected) -> None:
    expected.log("cannot be saved while a picture")
    (tmp_path / "contexts").write_text("no folder")
    model, usual = loaded(files, IN_TURN, tmp_path), loaded(files, KEPT, tmp_path / "other")
    try:
        for one, other in zip(seen_and_read(model, files), seen_and_read(usual, files), strict=True):
            assert np.array_equal(one, other)
    finally:
        model.close()
        usual.close()


def test_the_conversation_comes_back_after_an_interrupt(files: ModelFiles, tmp_path: Path) -> None:
    model = loaded(files, IN_TURN, tmp_path)
    try:
        model.read_tokens(TOKENS, 0, logits=False)
        with pytest.raises(Interrupted), model.projector_loaded():
            raise Interrupted
        model.read_tokens(TOKENS[:5], len(TOKENS), logits=True)
        with model.projector_loaded():
            pass
        model.forget_from(len(TOKENS))
        model.read_tokens(TOKENS[:5], len(TOKENS), logits=True)
    finally:
        model.close()


def test_checkpoints_outlive_the_context(files: ModelFiles, tmp_path: Path) -> None:
    """Of a decoder whose KV cache can be cut nowhere else. So far none of those is used with such a projector."""
    hybrid = replace(check_files(write_qwen35(tmp_path / "qwen35.gguf"), None), projector=files.projector)
    found = []
    for plan in (KEPT, IN_TURN):
        model = loaded(hybrid, plan, tmp_path)
        try:
            model.read_tokens([token - 200 for token in TOKENS], 0, logits=False)
            model.take_checkpoint(len(TOKENS), Place.ANSWER)
            model.read_tokens([70, 71, 72], len(TOKENS), logits=False)
            with model.projector_loaded():
                pass
            model.read_tokens([73, 74], len(TOKENS) + 3, logits=True)
            found.append(model.logits())
            assert model.forget_from(len(TOKENS) + 2) == len(TOKENS)
            model.read_tokens([75, 76], len(TOKENS), logits=True)
            found.append(model.logits())
        finally:
            model.close()
    assert np.array_equal(found[0], found[2])
    assert np.array_equal(found[1], found[3])


def test_a_conversation_with_several_pictures(
    files: ModelFiles, star: PictureRef, moon: PictureRef, tmp_path: Path
) -> None:
    answers = []
    for plan in (KEPT, IN_TURN):
        model, heard = loaded(files, plan, tmp_path), list[Event]()
        session = Session(model, model._interrupt, EmbeddingStore(), heard.append)
        turns: list[Turn] = []
        for number, picture in enumerate((star, moon, star)):
            asked = Turn("What is it?", (picture,))
            session.ask(Ask(number, (*turns, asked), Sampling(temperature=0, max_tokens=8)), 0.0)
            end = heard[-1]
            assert isinstance(end, Finished)
            assert end.stats.image_encodes == (number < 2)
            assert (end.stats.reused_tokens > 0) == (number > 0)
            turns.append(Turn(asked.text, asked.pictures, end.text))
        answers.append([turn.answer for turn in turns])
        session.close()
    assert answers[0] == answers[1]


@pytest.mark.parametrize("hybrid", [False, True])
def test_without_memory_for_the_context_each_request_says_so_until_there_is(
    files: ModelFiles, star: PictureRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hybrid: bool
) -> None:
    if hybrid:
        files = replace(check_files(write_qwen35(tmp_path / "qwen35.gguf"), None), projector=files.projector)
    folders = cache_folders(str(tmp_path / "kept"), 20)
    model, heard = loaded(files, IN_TURN, tmp_path), list[Event]()
    session = Session(model, model._interrupt, EmbeddingStore(), heard.append, folders)

    def ask(*pictures: PictureRef) -> str:
        session.ask(Ask(1, (Turn("What is it? " * 9, pictures),), Sampling(temperature=0, max_tokens=8)), 0.0)
        assert isinstance(heard[-1], Finished)
        return heard[-1].text

    before = ask()
    with monkeypatch.context() as patch:
        patch.setattr(llama, "llama_init_from_model", lambda _model, _parameters: ContextPointer(0))
        for pictures in ((star,), (), (star,)):
            with pytest.raises(UserError, match="not enough memory"):
                ask(*pictures)
        with pytest.raises(UserError, match="not enough memory"):
            session.read_ahead(ReadAhead(2, (), (), text="What"))
        session.settle()
        session.forget()
    assert ask() == before
    assert isinstance(heard[-1], Finished)
    session.forget_all()
    session.close()
