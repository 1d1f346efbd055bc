"""The measure of what a quick look loses: each way to choose rows, and a run that is interrupted."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.paths import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "packaging" / "demo_model"))

import quick_look
from dialogues.answering import EngineAnswers, Picture
from fidelity.engine import Engine
from held_out import Case, held_out_cases
from PIL import Image

from desktop_app.engine.messages import Look, PictureRef, Seen, Turn
from desktop_app.engine.vision.row_selection import choose_rows
from desktop_app.engine.weights.model_files import check_files
from desktop_app.images import tiling

MODEL = REPOSITORY / "resources" / "demo_model"


@pytest.mark.parametrize("way", quick_look.WAYS)
def test_every_way_reads_the_rows_that_it_says(way: str) -> None:
    rows = np.random.default_rng(1).standard_normal((64, 256)).astype(np.float32)
    seen = quick_look.WAYS[way](rows)
    expected = {"whole": 64, "1/2": 32, "1/3": 21, "1/4": 16}[way.rsplit(maxsplit=1)[-1]]
    chosen = [int((rows == row).all(1).nonzero()[0][0]) for row in seen.rows]
    assert len(chosen) == expected
    assert chosen == sorted(set(chosen))
    assert seen.places.tolist() == (list(range(expected)) if "side by side" in way else chosen)
    assert chosen[-1] == 63 or "free" in way


def test_rows_that_keep_their_places_and_their_prompt_are_read_once() -> None:
    """Answers are the same whether the picture before is still there or not."""
    cases = [case for case in held_out_cases(1) if len(case.scenes) == 1][:6]
    engine = EngineAnswers(MODEL)

    def seen(case: Case) -> Picture:
        return quick_look.WAYS["farthest 1/3"](engine.rows_of(case.pictures()[0]))

    kept = {case.seed: seen(case) for case in cases}
    reused = [engine.answer_about([kept[case.seed]], list(case.turns)) for case in cases]
    assert reused == [engine.answer_about([seen(case)], list(case.turns)) for case in cases]
    assert sum(said == case.turns[-1].answer for said, case in zip(reused, cases, strict=True)) >= 5


def test_the_engine_answers_as_the_measure_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would read all of so few rows; without that limit it reads 22 of the 64, and says so."""
    monkeypatch.setattr(tiling, "_LEAST_QUICK", 1)
    engine = Engine(check_files(MODEL / "eyebright-tiny.gguf", MODEL / "eyebright-tiny-mmproj.gguf"))
    measure = EngineAnswers(MODEL)
    for case in [case for case in held_out_cases(1) if case.scenes][::2]:
        drawn = case.pictures()
        refs = [reference(picture, tmp_path) for picture in drawn]
        turns = [
            Turn(turn.question, () if turn.picture is None else (refs[turn.picture],), turn.answer)
            for turn in case.turns
        ]
        finished, _logits = engine.ask([*turns[:-1], turns[-1]._replace(answer=None)], 100)
        seen = [
            Picture(rows[places], places) for rows in map(measure.rows_of, drawn) for places in [choose_rows(rows, 22)]
        ]
        assert finished.text == measure.answer_about(seen, list(case.turns))
        assert finished.looks == tuple(Seen(ref.sha256, 22, 64) for ref in refs)
    engine.close()


def reference(picture: Image.Image, folder: Path) -> PictureRef:
    """Save a picture as somebody would drop it, to be looked at quickly."""
    path = folder / f"{hashlib.sha256(picture.tobytes()).hexdigest()}.png"
    picture.save(path, compress_level=1)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return PictureRef(sha256, str(path), path.name, look=Look.QUICK)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    cases, ways, results = held_out_cases(1)[:3], ["whole", "random 1/4"], tmp_path / "answers.jsonl"
    engine = EngineAnswers(MODEL)
    quick_look.ask(engine, cases, ways, results)
    complete = results.read_text(encoding="utf-8")
    assert [(entry["way"], entry["case"]) for entry in map(json.loads, complete.splitlines())] == [
        (way, number) for way in ways for number in range(3)
    ]
    results.write_text(complete[: complete.rindex('"said"')], encoding="utf-8")
    quick_look.ask(engine, cases, ways, results)
    assert quick_look.read(results) == {
        way: {n: entry["right"] for n, entry in enumerate(map(json.loads, complete.splitlines()[start : start + 3]))}
        for way, start in (("whole", 0), ("random 1/4", 3))
    }


def test_the_table_says_what_became_wrong_and_right() -> None:
    whole = {n: n != 0 for n in range(100)}
    right = {"whole": whole, "farthest 1/3": {n: n > 3 or n == 0 for n in range(100)}}
    assert quick_look.table(right, list(range(100))).splitlines()[2:] == [
        "| whole | 100 | 99.0 % |  | 0 | 0 |",
        "| farthest 1/3 | 100 | 97.0 % | -2.00 ± 3.90 | 3 | 1 |",
    ]
