"""Eyebright's engine as on a computer with 8 GB: only its peak memory, seen from outside, matters."""

from __future__ import annotations

import os

from bench.job import QUESTIONS, Job
from bench.ours import Driver
from bench.results import Sheet
from desktop_app.engine.messages import Turn

_LIMIT = "EYEBRIGHT_MEMORY_LIMIT"  # what the planner takes for all there is


def measure(job: Job, sheet: Sheet) -> None:
    """Have the conversation, with shorter answers."""
    os.environ[_LIMIT] = "8G"
    driver = Driver(job, "little-home")
    try:
        sheet.put("little.n_ctx", driver.info.n_ctx)
        turns: list[Turn] = []
        for number, question in enumerate(QUESTIONS):
            pictures = (driver.reference(0),) if number == 0 else ()
            asked = driver.ask([*turns, Turn(question, pictures)], max(2, job.answer_tokens // 4))
            turns.append(Turn(question, pictures, asked.answer))
    finally:
        driver.close()
