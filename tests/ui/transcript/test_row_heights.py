"""The estimated and measured heights of messages under one another."""

import random

from desktop_app.ui.transcript.row_heights import RowHeights


def test_tops_and_rows_agree_with_plain_sums_after_any_change() -> None:
    rng = random.Random(7)
    heights, plain = RowHeights(), [rng.randint(1, 90) for _ in range(50)]
    heights.reset(plain)
    for _ in range(300):
        change = rng.choice(("set", "append", "truncate", "ask"))
        if change == "set" and plain:
            row, height = rng.randrange(len(plain)), rng.randint(1, 90)
            plain[row] = height
            heights.set(row, height)
        elif change == "append":
            plain.append(rng.randint(1, 90))
            heights.append(plain[-1])
        elif change == "truncate" and len(plain) > 3:
            count = rng.randrange(len(plain) - 3, len(plain) + 1)
            del plain[count:]
            heights.truncate(count)
        row = rng.randrange(len(plain) + 1)
        assert heights.top(row) == sum(plain[:row])
        assert heights.total() == sum(plain)
        y = rng.randrange(-10, sum(plain) + 10)
        at = heights.row_at(y)
        assert at == next((i for i in range(len(plain)) if y < sum(plain[: i + 1])), len(plain) - 1)


def test_only_what_is_below_a_change_is_summed_again() -> None:
    heights = RowHeights()
    heights.reset([10] * 1000)
    assert heights.total() == 10_000
    heights.set(990, 30)
    assert heights.top(990) == 9_900
    assert heights.total() == 10_020
