"""A conversation about pictures of which a part of the rows is read first, and the whole later."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop_app.engine.llama.kv_cache import positions
from desktop_app.engine.messages import (
    FinishReason,
    LoadPlan,
    Look,
    PartsReduced,
    PictureRead,
    PictureRef,
    ReadAhead,
    ReadAheadDone,
    Seen,
    Turn,
    TurnsDropped,
)
from desktop_app.images.tiling import LLAVA_TILES, QuickLook
from tests.engine.conversation.desk import SYSTEM, Desk
from tests.random_models.llava import Sizes, write_language_model, write_projector

SIZES = Sizes(width=256, side=224, context=1024)  # heads of 64 values: q8_0 can be turned
ROWS, QUICK = 256, 86
MORE, OTHER = Turn("which colour"), Turn("what is the star")
PLANS = {
    "f16": LoadPlan(n_ctx=1024, n_ubatch=64),
    "q8_0": LoadPlan(n_ctx=1024, n_ubatch=64, kv_type="q8_0"),
    "flash attention": LoadPlan(n_ctx=1024, n_ubatch=64, flash_wanted=True),
}
Open = Callable[..., Desk]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    return write_language_model(folder / "model.gguf", SIZES), write_projector(folder / "mmproj.gguf", SIZES)


@pytest.fixture
def opened(pair: tuple[Path, Path]) -> Iterator[Open]:
    desks: list[Desk] = []

    def open_desk(plan: LoadPlan = PLANS["f16"], folder: Path | None = None) -> Desk:
        desks.append(Desk(pair[0], plan, folder, eyes=pair[1]))
        return desks[-1]

    yield open_desk
    for desk in desks:
        desk.session.close()


def quick(picture: PictureRef) -> Turn:
    return Turn("what is it", (picture._replace(look=Look.QUICK),))


def whole(turn: Turn) -> Turn:
    return turn._replace(pictures=tuple(picture._replace(look=Look.WHOLE) for picture in turn.pictures))


def look_closely(desk: Desk, *turns: Turn) -> ReadAheadDone:
    """Read the pictures as a whole, as the window does when nobody types."""
    return desk.read_ahead(*map(whole, turns))


def rows(desk: Desk, turn: Turn, *turns: Turn) -> list[int]:
    return [seen.rows for seen in desk.ask(turn, *turns).looks]


@pytest.mark.parametrize(
    ("rows", "tiled", "read"), [(576, False, 192), (2880, True, 640), (100, False, 64), (64, True, 64)]
)
def test_how_many_rows_are_read(rows: int, tiled: bool, read: int) -> None:
    assert LLAVA_TILES.rows(rows, tiled=tiled) == read
    assert QuickLook().rows(3328, tiled=True) == 1110


@pytest.mark.parametrize("plan", PLANS)
def test_after_the_whole_look_it_answers_as_without_a_quick_one(opened: Open, star: PictureRef, plan: str) -> None:
    desk, other = opened(PLANS[plan]), opened(PLANS[plan])
    first = desk.ask(quick(star))
    assert first.looks == (Seen(star.sha256, QUICK, ROWS),)
    turn = quick(star)._replace(answer=first.text)
    assert look_closely(desk, turn).complete
    logits, stats = desk.logits(turn, MORE)
    assert stats.evaluated_tokens < 12
    finished = desk.ask(turn, MORE)
    assert finished.looks == (Seen(star.sha256, ROWS, ROWS),)
    assert look_closely(other, turn).complete
    expected, _ = other.logits(whole(turn), MORE)
    assert np.array_equal(logits, expected)
    assert finished.token_ids == other.ask(whole(turn), MORE).token_ids


def test_what_costs_less_is_read(opened: Open, star: PictureRef, moon: PictureRef) -> None:
    desk = opened()
    asked = quick(star)._replace(answer=desk.ask(quick(star)).text)
    assert desk.ask(asked, MORE).stats.evaluated_tokens < 12  # the quick look is there: nothing more is read
    assert rows(desk, quick(star)) == [QUICK]
    two = asked._replace(pictures=(*asked.pictures, moon._replace(look=Look.QUICK)), answer=None)
    look_closely(desk, asked)
    assert rows(desk, two) == [ROWS, QUICK]  # what is there of the first, and the second quickly
    look_closely(desk, two._replace(answer="red"))
    assert rows(desk, two) == [ROWS, ROWS]
    assert rows(desk, whole(asked)) == [ROWS]


def test_a_picture_is_read_ahead_quickly(opened: Open, star: PictureRef) -> None:
    desk = opened()
    desk.session.read_ahead(ReadAhead(7, (), quick(star).pictures, SYSTEM))
    assert [event for event in desk.heard if isinstance(event, PictureRead)] == [
        PictureRead(7, star.sha256, QUICK, ROWS)
    ]
    stats = desk.ask(quick(star)).stats
    assert stats.evaluated_tokens < 12
    assert stats.reused_tokens > QUICK


def test_editing_regenerating_and_going_on(opened: Open, star: PictureRef) -> None:
    desk, fresh = opened(), opened()
    first = desk.ask(quick(star))
    again = desk.ask(quick(star))
    assert again.token_ids == first.token_ids
    assert again.stats.evaluated_tokens < 12
    edited = quick(star)._replace(text="which star")
    assert desk.ask(edited).stats.evaluated_tokens < 12
    assert desk.ask(edited).token_ids == fresh.ask(edited).token_ids
    part = desk.ask(edited, tokens=5)
    on = desk.ask(edited._replace(answer=part.text), tokens=7)
    assert (on.stats.evaluated_tokens, on.looks) == (1, first.looks)


@pytest.mark.parametrize("batch", range(5))
def test_a_stop_anywhere_loses_the_picture_at_most(opened: Open, star: PictureRef, batch: int) -> None:
    """In what comes before the picture, in its rows, in what follows, and in the question."""
    desk, fresh = opened(), opened()
    desk.before_batch = lambda number: desk.interrupt.stop_now() if number == batch else None
    assert desk.ask(quick(star)).stats.finish_reason is FinishReason.STOPPED
    cache = desk.session._kv_cache
    held = len(cache)
    assert cache.end() == positions(cache.cells)
    desk.before_batch = lambda _number: None
    finished = desk.ask(quick(star))
    assert finished.token_ids == fresh.ask(quick(star)).token_ids
    assert finished.stats.reused_tokens == held
    assert finished.stats.image_encodes == 0


def test_it_goes_on_after_a_restart(opened: Open, star: PictureRef, moon: PictureRef, tmp_path: Path) -> None:
    """Whatever of a picture is in a saved block of 64 cells, the picture comes back as a whole or not at all."""
    folder = tmp_path / "kept"
    first = opened(folder=folder)
    both = quick(star)._replace(pictures=(*quick(star).pictures, *quick(moon).pictures))
    both = both._replace(answer=first.ask(both).text)
    expected, _ = first.logits(both, MORE)
    first.interrupt.clear()
    first.session.settle()
    held = len(first.session._kv_cache)
    again = opened(folder=folder)
    logits, stats = again.logits(both, MORE)
    assert (stats.image_encodes, stats.evaluated_tokens < 12) == (0, True)
    assert np.array_equal(logits, expected)
    assert again.session._kv_cache.end() == first.session._kv_cache.end()
    files = sorted((folder / "contexts").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    assert len(files) == -(-held // 64)
    for damaged in files[:-1]:
        damaged.write_bytes(b"")
        other = opened(folder=folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("desktop_app.engine.cache.checked_folder._log.warning", lambda *_words: None)
            found, _ = other.logits(both, MORE)
        cache = other.session._kv_cache
        assert cache.end() == positions(cache.cells)
        assert np.corrcoef(found, expected)[0, 1] > 0.9999


def test_a_context_that_is_too_small_reads_less_before_it_forgets(opened: Open, star: PictureRef) -> None:
    """Four whole pictures have no place in it, but four quick ones; the person is told."""
    desk = opened()
    turns = tuple(Turn(f"what is it {number}", (star._replace(sha256=f"{number}" * 64),), "red") for number in range(4))
    finished = desk.ask(*turns, MORE)
    assert [seen.rows for seen in finished.looks] == [QUICK] * 4
    assert PartsReduced(1, QUICK, ROWS, True) in desk.heard
    assert not any(isinstance(event, TurnsDropped) for event in desk.heard)


def test_many_quick_pictures_stay_within_the_trained_positions(opened: Open, star: PictureRef) -> None:
    desk = opened()
    turns = tuple(quick(star._replace(sha256=f"{number}" * 64))._replace(answer="red") for number in range(5))
    for count in range(1, 6):
        finished = desk.ask(*turns[:count], MORE)
        assert [seen.rows for seen in finished.looks] == [QUICK] * count
        assert desk.session._kv_cache.end() <= desk.model.trained_context == 1024
    assert len(desk.session._kv_cache) == desk.session._kv_cache.end()  # closed up
