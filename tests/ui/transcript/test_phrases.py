"""The words under an answer."""

from __future__ import annotations

import pytest

from desktop_app.chat.conversation import LOOKS_KEY
from desktop_app.ui.transcript.phrases import figures, mark, spoken
from tests.helpers.fakes.conversation import answer


@pytest.mark.parametrize(
    ("tokens", "speed", "shown"),
    [(4, 1346.5, "LLaVA"), (400, 1346.5, "LLaVA"), (60, 5.41, "LLaVA · 5.4 tokens per second"), (0, 0.0, "LLaVA")],
)
def test_a_speed_is_named_only_where_it_was_measured(tokens: int, speed: float, shown: str) -> None:
    details = {"model": "LLaVA", "tokens_per_second": speed, "answer_tokens": tokens}
    assert figures(answer("Yes.", details=details)) == shown


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        ([[192, 576]], "Quick look: 192 of 576 tokens."),
        ([[640, 2880], [576, 576], [192, 576]], "Quick look at 2 of 3 pictures: 832 of 3,456 tokens."),
        ([[576, 576]], ""),
        ("nonsense", ""),
    ],
)
def test_how_much_of_the_pictures_was_read_stands_below_and_is_spoken(looks: object, said: str) -> None:
    message = answer("Yes.", details={LOOKS_KEY: looks})
    assert mark(message) == said
    assert said in spoken(message)
