"""Which rows of a picture are read in a quick look."""

import numpy as np
import numpy.typing as npt
import pytest

from desktop_app.engine.vision.row_selection import NARROW, choose_rows


def random_rows(number: int, width: int, seed: int = 1) -> npt.NDArray[np.float32]:
    """Return rows that all differ."""
    return np.random.default_rng(seed).standard_normal((number, width)).astype(np.float32)


def assert_is_choice(chosen: npt.NDArray[np.intp], number: int, keep: int) -> None:
    """Assert that ``keep`` different rows are chosen, in order, the last one among them."""
    assert chosen.shape == (keep,)
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] >= 0
    assert chosen[-1] == number - 1


@pytest.mark.parametrize("width", [16, NARROW, 4 * NARROW])
@pytest.mark.parametrize("keep", [1, 2, 31, 95, 96])
def test_that_many_rows_are_chosen_and_the_last_is_among_them(width: int, keep: int) -> None:
    rows = random_rows(96, width)
    before = rows.copy()
    assert_is_choice(choose_rows(rows, keep), 96, keep)
    assert np.array_equal(rows, before)
    assert np.array_equal(choose_rows(rows, keep), choose_rows(rows, keep))


def test_all_are_chosen_where_there_are_no_more() -> None:
    rows = random_rows(5, 8)
    assert choose_rows(rows, 5).tolist() == choose_rows(rows, 600).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("width", [32, 2 * NARROW])
def test_each_thing_on_an_even_background_is_seen(width: int) -> None:
    """Eight different rows among ninety that are nearly the same: however long each row is."""
    rng = np.random.default_rng(2)
    rows = np.tile(random_rows(1, width, seed=3), (98, 1)) + 0.01 * random_rows(98, width, seed=4)
    things = np.sort(rng.choice(97, 8, replace=False))
    rows[things] = random_rows(8, width, seed=5)
    rows *= rng.uniform(0.1, 10, (98, 1)).astype(np.float32)
    assert set(things) <= set(choose_rows(rows, 9).tolist())


def test_the_next_is_the_farthest_from_all_before() -> None:
    angles = np.radians([0, 10, 90, 170, 180])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert choose_rows(rows, 2).tolist() == [0, 4]
    assert choose_rows(rows, 3).tolist() == [0, 2, 4]


@pytest.mark.parametrize("value", [0, 1, np.nan, np.inf, 3e38])
@pytest.mark.parametrize("width", [16, 2 * NARROW])
def test_rows_that_are_all_equal_or_no_numbers_still_give_a_choice(value: float, width: int) -> None:
    rows = np.full((64, width), value, np.float32)
    assert_is_choice(choose_rows(rows, 21), 64, 21)


def test_rows_without_direction_are_not_preferred() -> None:
    rows = random_rows(64, 32)
    rows[8:40] = 0
    rows[40:56] = np.nan
    chosen = choose_rows(rows, 17)
    assert len(set(range(8, 56)) & set(chosen.tolist())) == 1


def test_no_row_at_all_is_no_choice() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        choose_rows(random_rows(4, 4), 0)
