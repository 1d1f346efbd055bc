"""The words under an answer."""

from __future__ import annotations

import pytest

from desktop_app.ui.transcript.phrases import figures
from tests.helpers.fakes.conversation import answer


@pytest.mark.parametrize(
    ("tokens", "speed", "shown"),
    [(4, 1346.5, "LLaVA"), (400, 1346.5, "LLaVA"), (60, 5.41, "LLaVA · 5.4 tokens per second"), (0, 0.0, "LLaVA")],
)
def test_a_speed_is_named_only_where_it_was_measured(tokens: int, speed: float, shown: str) -> None:
    details = {"model": "LLaVA", "tokens_per_second": speed, "answer_tokens": tokens}
    assert figures(answer("Yes.", details=details)) == shown
