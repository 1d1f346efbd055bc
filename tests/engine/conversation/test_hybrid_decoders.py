"""Models whose decoder keeps a recurrent state, so that their KV cache cannot be cut at any place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import Turn
from tests.engine.questions import ask
from tests.random_models.lfm2 import write_lfm2
from tests.random_models.qwen35 import write_qwen35

WRITERS: dict[str, Callable[[Path], Path]] = {"qwen35": write_qwen35, "lfm2": write_lfm2}


@pytest.fixture(params=WRITERS)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return WRITERS[request.param](tmp_path / "model.gguf")


def test_other_questions_are_answered(empty: EngineClient, model: Path) -> None:
    """Each shares only its beginning with what was read before."""
    empty.load(model, None)
    first, other = Turn("What is red?"), Turn("Which colour is the star?")
    answers = [ask(empty, turn).text for turn in (first, other, first)]
    assert answers[0] == answers[2] != answers[1]
    follow_up = ask(empty, first._replace(answer=answers[0]), other)
    assert follow_up.stats.evaluated_tokens < follow_up.stats.prompt_tokens
