"""The first answer about a picture after a quick look and after the whole look, with the same model in the same run.

Once for a picture in one part, as LLaVA-1.5 sees it, and once for one in five, as LLaVA-1.6 does. And what it takes to
turn the keys of a quick look to their places, which llama.cpp does for the whole context, however little is in it.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.job import QUESTIONS, Job
from bench.measurements.driver import Driver
from bench.real_shapes import tiled_projector
from bench.results import Sheet
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, Finished, LoadPlan, Look, Turn
from desktop_app.engine.weights.model_files import check_files

_SIDE = 1024  # pixels: a square has the most rows in five parts
_ROWS, _SPAN = 8, 24  # of what is moved to see what turning takes


def measure(job: Job, sheet: Sheet) -> None:
    """Measure both, and the turning."""
    tiled = tiled_projector(Path(job.projector))
    plan: LoadPlan | None = None
    for kind, each in (("one_part", job), ("tiled", replace(job, projector=str(tiled)))):
        with sheet.row(f"quick_look.{kind}.quick_s", f"quick_look.{kind}.whole_s"):
            driver = Driver(each, f"home of {kind}")
            plan = driver.info.plan
            try:
                _looks(driver, kind, sheet)
            finally:
                driver.close()
    if plan is not None:
        with sheet.row("quick_look.turning_s"):
            sheet.put("quick_look.turning_s", _turning_s(job, plan))


def _looks(driver: Driver, kind: str, sheet: Sheet) -> None:
    """Ask about pictures that were never seen; before that about none, so that nobody pays for the start."""
    driver.ask([Turn(QUESTIONS[1])], 1)
    for number, look in enumerate((Look.WHOLE, Look.QUICK)):
        picture = driver.reference(number, (_SIDE, _SIDE))._replace(look=look)
        seen: list[int] = []
        asked = driver.ask(
            [Turn(QUESTIONS[0], (picture,))],
            2,
            lambda event, seen=seen: (
                seen.extend(one.rows for one in event.looks)  # type: ignore[misc]
                if isinstance(event, Finished)
                else None
            ),
        )
        sheet.put(f"quick_look.{kind}.{look.value}_s", asked.marks["text"])
        sheet.put(f"quick_look.{kind}.{look.value}_reading_s", asked.marks["writing"] - asked.marks["reading"])
        sheet.put(f"quick_look.{kind}.{look.value}_rows", seen[0])


def _turning_s(job: Job, plan: LoadPlan) -> float:
    """Return how much longer a token takes that is evaluated after rows were moved."""
    model = Model(check_files(Path(job.model), None), EngineSettings(), Interrupt(), plan)
    try:
        rows = np.random.default_rng(0).standard_normal((_ROWS, model.width)).astype(np.float32)
        places = np.arange(_ROWS) * (_SPAN // _ROWS)
        end = int(places[-1]) + 1
        first: list[float] = []
        second: list[float] = []
        for _ in range(job.repeats):
            model.forget_from(0)
            model.read_rows(rows, 0, logits=False)
            model.kv.move(0, places)
            for found, position in ((first, end), (second, end + 1)):
                started = time.monotonic()
                model.read_tokens([5], position, logits=True)
                found.append(time.monotonic() - started)
        return statistics.median(first) - statistics.median(second)
    finally:
        model.close()
