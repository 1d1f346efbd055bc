"""The built-in model answers nearly all questions about scenes that it was never trained on, word for word."""

import sys

import pytest

from tests.helpers.paths import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "packaging" / "demo_model"))

from dialogues.answering import EngineAnswers
from held_out import held_out_cases

pytestmark = pytest.mark.timeout(240)


def test_scenes_that_were_held_out_are_described_rightly() -> None:
    """A sample; its model card has the figures for 3,003 questions."""
    engine = EngineAnswers(REPOSITORY / "resources" / "demo_model", threads=2)
    cases = held_out_cases(2)
    said = [engine.answer(case.pictures(), list(case.turns)) for case in cases]
    wrong = [(case.seed, text) for case, text in zip(cases, said, strict=True) if text != case.turns[-1].answer]
    assert len(cases) > 50
    assert len(wrong) <= 0.05 * len(cases), wrong
