"""Of models of which no part of the KV cache can be restored on its own, the whole is kept over a restart.

For those with a recurrent state see also `test_hybrid_decoders.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.conversation import saved_states
from desktop_app.engine.conversation.saved_states import SavedStates, State
from desktop_app.engine.llama.kv_cache import KVCache, PictureRow
from desktop_app.engine.llama.kv_state import Kind, KVState
from desktop_app.engine.messages import LoadPlan, PictureRef, Turn
from tests.engine.conversation.desk import Desk, nearly
from tests.helpers.strays import Expected
from tests.random_models.architectures import write_architecture
from tests.random_models.qwen3_vl import write_eyes, write_qwen3_vl
from tests.random_models.qwen35 import write_qwen35

PLAN = LoadPlan(2048, 64)
FIRST, SECOND, OTHER = Turn("What is red? " * 9), Turn("Which colour?"), Turn("What is red? " * 8 + "And the star?")
SHORT = Turn("Hello")
MIB = 1 << 20


def write_gemma3(path: Path) -> Path:
    names = ("<bos>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>")
    return write_architecture(path, "gemma3", names)


WRITERS: dict[str, tuple[Callable[[Path], Path], Kind]] = {
    "qwen3vl": (write_qwen3_vl, Kind.PLACED),
    "gemma3": (write_gemma3, Kind.WINDOWED),
    "qwen35": (write_qwen35, Kind.RECURRENT),
}


@pytest.fixture(params=WRITERS)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return WRITERS[request.param][0](tmp_path / f"{request.param}.gguf")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def saved(folder: Path) -> list[Path]:
    return sorted((folder / "contexts").iterdir())


def begun(model: Path, folder: Path, *questions: Turn) -> tuple[tuple[Turn, ...], int]:
    """Have a conversation in an engine that ends; return it, and how many cells there were at the end."""
    desk, turns = Desk(model, PLAN, folder), tuple[Turn, ...]()
    assert desk.model.kv.kind is WRITERS[model.stem][1]
    for question in questions:
        turns = desk.answered(*turns, question)
    used = desk.settled(*turns)
    desk.end()
    return turns, used


def test_a_follow_up_evaluates_its_own_words_after_a_restart(model: Path, folder: Path) -> None:
    turns, used = begun(model, folder, FIRST)
    desk, fresh = Desk(model, PLAN, folder), Desk(model, PLAN)
    found, stats = desk.logits(*turns, SECOND)
    assert (stats.reused_tokens, stats.evaluated_tokens) == (used, stats.prompt_tokens - used)
    assert nearly(found, fresh.logits(*turns, SECOND)[0])
    for turn in (SHORT, FIRST, OTHER, FIRST):  # back to before the restart, and on
        again, expected = desk.logits(turn), Desk(model, PLAN)
        assert nearly(again[0], expected.logits(turn)[0])
        assert nearly(desk.logits(*turns, SECOND)[0], fresh.logits(*turns, SECOND)[0])
        expected.session.close()
    desk.session.close()
    fresh.session.close()


def test_another_question_goes_back_as_far_as_can_be(model: Path, folder: Path) -> None:
    turns, _ = begun(model, folder, SECOND, FIRST)
    desk = Desk(model, PLAN, folder)
    found, stats = desk.logits(turns[0], OTHER)
    fresh = Desk(model, PLAN)
    assert nearly(found, fresh.logits(turns[0], OTHER)[0])
    if desk.model.kv.kind is Kind.WINDOWED:  # llama.cpp saves nothing before the window, so it is read anew
        assert stats.reused_tokens == 0
    else:
        assert stats.evaluated_tokens < len(OTHER.text) + 30 < stats.prompt_tokens
    desk.session.close()
    fresh.session.close()


def test_a_cut_where_nothing_was_saved_would_be_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model with a sliding window that would go on where the window was not restored."""
    model = write_gemma3(folder.parent / "gemma3.gguf")
    turns, _ = begun(model, folder, FIRST)
    desk, fresh = Desk(model, PLAN, folder), Desk(model, PLAN)
    desk.ask(*turns, SECOND)
    monkeypatch.setattr(KVState, "cut_point", lambda _state, position: position)
    assert not nearly(desk.logits(SHORT)[0], fresh.logits(SHORT)[0])
    desk.session.close()
    fresh.session.close()


def test_pictures_are_not_read_again(folder: Path, star: PictureRef, moon: PictureRef) -> None:
    """They stand in two dimensions (M-RoPE), and are cut only as a whole."""
    model, eyes = write_qwen3_vl(folder.parent / "qwen3vl.gguf"), write_eyes(folder.parent / "mmproj.gguf")
    desk = Desk(model, PLAN, folder, eyes=eyes)
    turns = desk.answered(Turn("What?", (star,)))
    used = len(desk.session._kv_cache)
    desk.end()
    again, fresh = Desk(model, PLAN, folder, eyes=eyes), Desk(model, PLAN, eyes=eyes)
    found, stats = again.logits(*turns, SECOND)
    assert (stats.reused_tokens, stats.image_encodes) == (used, 0)
    assert nearly(found, fresh.logits(*turns, SECOND)[0])
    found, stats = again.logits(Turn("What?", (star, moon)))
    assert stats.image_encodes == 1
    assert stats.reused_tokens > 64
    assert nearly(found, fresh.logits(Turn("What?", (star, moon)))[0])
    again.session.close()
    fresh.session.close()


def test_a_conversation_that_grows_takes_the_place_of_its_beginning(model: Path, folder: Path) -> None:
    turns, _ = begun(model, folder, FIRST)
    [first] = saved(folder)
    desk = Desk(model, PLAN, folder)
    desk.read_ahead(*turns, text="And")  # opened, and little else
    desk.session.settle()
    assert saved(folder) == [first]
    more = desk.answered(*turns, SECOND)
    desk.session.settle()
    [second] = saved(folder)
    assert second != first
    desk.answered(*turns[:-1], OTHER)  # another branch
    desk.session.settle()
    assert len(saved(folder)) == 2
    desk.answered(SHORT)
    desk.end()
    again = Desk(model, PLAN, folder)
    assert again.logits(*more, SECOND)[1].reused_tokens > 100
    again.session.close()


def test_a_damaged_file_is_read_anew(model: Path, folder: Path, expected: Expected) -> None:
    turns, _ = begun(model, folder, FIRST)
    [path] = saved(folder)
    raw = path.read_bytes()
    path.write_bytes(raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:])
    expected.log("damaged or foreign")
    desk, fresh = Desk(model, PLAN, folder), Desk(model, PLAN)
    found, stats = desk.logits(*turns, SECOND)
    assert stats.reused_tokens == 0
    assert np.array_equal(found, fresh.logits(*turns, SECOND)[0])
    desk.session.close()
    fresh.session.close()


def test_a_state_that_does_not_fit_is_removed(model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns, _ = begun(model, folder, FIRST)
    desk, fresh = Desk(model, PLAN, folder), Desk(model, PLAN)
    monkeypatch.setattr(KVState, "_put", lambda *_arguments: False)
    found, stats = desk.logits(*turns, SECOND)
    assert stats.reused_tokens == 0
    assert np.array_equal(found, fresh.logits(*turns, SECOND)[0])
    assert saved(folder) == []
    desk.session.close()
    fresh.session.close()


def test_another_plan_reads_for_itself(model: Path, folder: Path) -> None:
    turns, _ = begun(model, folder, FIRST)
    for other in (PLAN._replace(n_ctx=1024), PLAN._replace(flash_wanted=True)):
        desk = Desk(model, other, folder)
        assert desk.logits(*turns, SECOND)[1].reused_tokens == 0
        desk.session.close()


def test_a_file_that_another_engine_wrote_anew_is_cut_where_it_can_be(model: Path, folder: Path) -> None:
    """The same conversation, under the same name, but read in one go: it was never cut where the first engine knew."""
    desk, other, fresh = Desk(model, PLAN, folder), Desk(model, PLAN, folder), Desk(model, PLAN)
    turns = desk.answered(FIRST)
    desk.settled(*turns)
    desk.session.settle()
    desk.answered(Turn("Another thing " * 9))
    desk.session.settle()  # now it knows what the first file says
    names = saved(folder)
    for path in names:
        path.unlink()
    other.read_ahead(*turns)
    other.session.settle()
    assert set(saved(folder)) <= set(names)
    assert saved(folder)
    for asked in ((*turns, SECOND), (FIRST,), (OTHER,)):
        desk.session.forget()
        assert nearly(desk.logits(*asked)[0], fresh.logits(*asked)[0])
    for each in (desk, other, fresh):
        each.session.close()


def test_what_is_too_short_or_too_large_is_not_saved(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_states, "MOST_SAVED", 1000)
    begun(model, folder, FIRST)
    assert saved(folder) == []
    monkeypatch.undo()
    monkeypatch.setattr(saved_states, "_LEAST", 10_000)
    begun(model, folder, FIRST)
    assert saved(folder) == []


def test_it_is_forgotten_with_the_rest(model: Path, folder: Path) -> None:
    turns, _ = begun(model, folder, FIRST)
    desk = Desk(model, PLAN, folder)
    desk.ask(*turns, SECOND)
    desk.session.forget_all()
    for path in saved(folder):
        path.unlink()
    assert desk.logits(*turns, SECOND)[1].reused_tokens == 0
    desk.session.close()


def test_notes_of_others_are_not_read(tmp_path: Path) -> None:
    """Files of other weights, or of the blocks of other models, lie in the same folder."""

    class Nothing:
        identity = "one"
        size = 0

        def copy_all(self, _checkpoints: int) -> tuple[memoryview, list[int] | None]:
            return memoryview(b""), None

        def put_all(self, _state: bytes) -> bool:
            raise AssertionError

    folder = CheckedFolder(tmp_path, MIB)
    folder.write(f"{'0' * 30}-{'1' * 30}", b"[1,2,3]", b"")
    assert SavedStates(folder, Nothing(), "weights")._known() == {}


class ManyPictures:
    """What a long context holds that is made of pictures: its cells, and a state of a few bytes."""

    identity, size = "state", 4
    cells = tuple(PictureRow(f"{number:064x} 9 280", row) for number in range(100) for row in range(280))

    def copy_all(self, _checkpoints: int) -> tuple[memoryview, None]:
        return memoryview(b"kept"), None


def test_a_long_context_of_pictures_is_saved_too(folder: Path) -> None:
    """Its cells name their pictures: as they are, 28,000 of them are too much for the notes of a file."""
    held = ManyPictures()
    kept = CheckedFolder(folder, MIB)
    SavedStates(kept, cast(State, held), "weights").save(cast(KVCache, held), lambda: None)
    [name] = kept.names()
    notes = kept.notes(name)
    assert notes is not None
    assert len(saved_states._Notes.read(notes).cells) == len(held.cells)
