"""Which turns of a conversation stay when the context is full."""

import pytest

from desktop_app.chat.budget import TurnSize, kept_turns, room_for_answer
from desktop_app.errors import UserError


def words(tokens: int) -> TurnSize:
    return TurnSize(tokens, 0)


def picture(tokens: int) -> TurnSize:
    return TurnSize(tokens, 1)


def test_all_turns_stay_while_they_fit() -> None:
    assert kept_turns([picture(600), words(100), words(50)], 40, 2048, 200) == [0, 1, 2]
    assert kept_turns([words(1608), words(200)], 40, 2048, 200) == [0, 1]


def test_the_oldest_words_leave_first_and_pictures_stay() -> None:
    sizes = [picture(600), *[words(150)] * 9, words(50)]
    # 2000 tokens of turns, 1808 fit: a quarter of the context (512) is freed.
    assert kept_turns(sizes, 40, 2048, 200) == [0, 5, 6, 7, 8, 9, 10]


def test_pictures_leave_when_words_are_not_enough() -> None:
    sizes = [picture(700), words(100), picture(700), picture(700)]
    assert kept_turns(sizes, 40, 2048, 200) == [2, 3]


def test_the_newest_stays_even_if_it_is_the_longest() -> None:
    assert kept_turns([words(100), picture(1000), words(1700)], 40, 2048, 200) == [2]


def test_a_question_that_does_not_fit_alone_is_an_error() -> None:
    with pytest.raises(UserError) as caught:
        kept_turns([words(10), words(1900)], 40, 2048, 200)
    assert caught.value.code == "context-too-small"
    assert caught.value.parameters == {"needed": 2140, "available": 2048}


def test_the_answer_gets_a_quarter_at_most() -> None:
    assert room_for_answer(1024, 2048) == 512
    assert room_for_answer(100, 2048) == 100
    assert room_for_answer(0, 2048) == 1


def test_turns_leave_in_portions_not_with_every_question() -> None:
    """Each time another set of turns stays, the engine must read everything anew."""
    sizes = [picture(600)]
    kept_before: list[int] = []
    changes = 0
    for _ in range(100):
        sizes.append(words(60))
        kept = kept_turns(sizes, 40, 4096, 1024)
        changes += kept[: len(kept_before)] != kept_before
        kept_before = kept
        assert kept[0] == 0
        assert 40 + sum(sizes[index].tokens for index in kept) <= 4096 - 1024
    assert changes <= 100 * 60 // 1024 + 1
