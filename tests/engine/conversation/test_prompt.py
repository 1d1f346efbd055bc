"""What of a prompt is evaluated together, what can be read ahead, and what the person is told of it."""

import pytest

from desktop_app.engine.conversation.prompt import Prompt
from desktop_app.engine.llama.kv_cache import Cell, PictureRow
from desktop_app.engine.messages import PartsReduced, PictureRef, TurnsDropped
from desktop_app.engine.vision.picture_processor import PictureLayout


def prompt_of(count: int, certain: int, closing: int = 5) -> Prompt:
    return Prompt(list(range(count)), certain, closing, {})


@pytest.mark.parametrize(
    ("count", "edges"), [(10, [10]), (40, [10]), (58, [10]), (59, [10, 42]), (91, [10, 42, 74]), (90, [10, 42])]
)
def test_a_long_question_is_divided(count: int, edges: list[int]) -> None:
    assert prompt_of(count, certain=10).edges(32) == edges


@pytest.mark.parametrize(("count", "read"), [(40, 10), (63, 10), (64, 42), (95, 42), (96, 74)])
def test_the_end_of_a_question_is_not_read_ahead(count: int, read: int) -> None:
    """Half a batch is left out, and what follows the question."""
    ahead = prompt_of(count, certain=10).read_ahead_prefix(32)
    assert ahead.cells == list(range(read))
    whole = prompt_of(count, certain=10).edges(32)
    assert ahead.edges(32) == [edge for edge in whole if edge < read or edge == 10]


def test_a_picture_ends_with_its_last_row() -> None:
    seen = PictureLayout(PictureRef("abc", "", ""), "abc/2x2", 3, ("",))
    rows: list[Cell] = [PictureRow(seen.key, row) for row in range(3)]
    assert Prompt([1, *rows, 2], 4, 1, {seen.key: seen}).picture_ends() == {4: seen}
    assert Prompt([1, *rows[:2]], 3, 0, {seen.key: seen}).picture_ends() == {}


def test_the_person_is_told_what_had_no_place() -> None:
    assert list(prompt_of(10, 5).notices(7)) == []
    prompt = Prompt([1], 1, 0, {}, dropped_turns=(0, 2), dropped_pictures=3, reduced=(1, 5, False))
    assert list(prompt.notices(7)) == [TurnsDropped(7, 2, 3, (0, 2)), PartsReduced(7, 1, 5)]
