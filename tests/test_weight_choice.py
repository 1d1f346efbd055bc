"""What is told of the quantisations of a model: nothing before it was measured, then speeds, marks and losses."""

from __future__ import annotations

import pytest

from desktop_app import paths
from desktop_app.engine.messages import WeightSpeed
from desktop_app.weight_choice import weight_facts
from model_store.catalogue import ModelEntry, load_catalogue

LAYER = 100_000_000
PLAIN = WeightSpeed("Q4_K_M", False, LAYER, 1000.0, 250.0)
SPEEDS = (PLAIN, WeightSpeed("Q3_K_M", False, LAYER, 500.0, 200.0), WeightSpeed("Q2_K", False, LAYER, 400.0, 150.0))


def entry(name: str) -> ModelEntry:
    found = load_catalogue(paths.catalogue_file()).get(name)
    assert found is not None
    return found


def test_before_it_was_measured_nothing_is_promised() -> None:
    facts = weight_facts(entry("llava-1.5-7b"), ())
    assert [(one.reading, one.writing, one.is_fastest) for one in facts] == [(0, 0, False)] * 3
    assert [one.loss for one in facts] == [0.1754, 0.6569, 3.5199]
    assert [one.is_best for one in facts] == [True, False, False]


def test_speeds_are_scaled_to_the_bytes_of_the_model() -> None:
    model = entry("llava-1.5-7b")
    (fourth, third, _) = weight_facts(model, SPEEDS)
    assert fourth.reading == pytest.approx(1000 * LAYER / 4.08e9)
    assert third.writing == pytest.approx(200 * LAYER / 3.3e9)


def test_the_fastest_and_the_best_are_marked_among_several() -> None:
    facts = weight_facts(entry("llava-1.5-7b"), SPEEDS)
    assert [one.is_fastest for one in facts] == [True, False, False]
    (alone,) = weight_facts(entry("llava-1.5-13b"), SPEEDS)
    assert alone.reading > 0  # "Q4_K" is what Q4_K_M was called
    assert not alone.is_fastest
    assert not alone.is_best
    some = weight_facts(entry("llava-1.5-7b"), SPEEDS[:2])
    assert not any(one.is_fastest for one in some)  # the third may be faster


def test_the_way_of_loading_in_which_a_conversation_takes_least_time_counts() -> None:
    repacked = PLAIN._replace(repacked=True, reading=900.0, writing=400.0)
    assert weight_facts(entry("llava-1.5-13b"), (PLAIN, repacked))[0].writing == pytest.approx(400 * LAYER / 7.4e9)
    worse = PLAIN._replace(repacked=True, reading=100.0, writing=260.0)
    assert weight_facts(entry("llava-1.5-13b"), (PLAIN, worse))[0].writing == pytest.approx(250 * LAYER / 7.4e9)


def test_nothing_is_told_of_what_was_not_measured_or_reads_only_a_part() -> None:
    (phi,) = weight_facts(entry("llava-phi-3-mini"), SPEEDS)  # "int4": whose?
    assert (phi.reading, phi.loss) == (0, None)
    speeds = (*SPEEDS, PLAIN._replace(quantisation="Q4_0"))
    (gemma,) = weight_facts(entry("gemma-4-e2b"), speeds)
    assert gemma.reading == 0
    assert gemma.loss == 0.4685
