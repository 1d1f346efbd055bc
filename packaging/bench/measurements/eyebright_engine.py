"""Eyebright's engine, driven through its client as the window drives it; beside it, in turns, plain llama.cpp.

A second process would be measured at another time, when the computer is perhaps slower. So the floor is measured
right after each question, in this process, which loads the same file in the same way.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from bench.job import AFTERWARDS, QUESTIONS, Job, long_question
from bench.measurements.driver import HOMES, Asked, Driver
from bench.measurements.load_settings import Settings
from bench.measurements.plain_calls import Plain, encode_s, loaded, plain_context, prepare
from bench.measurements.stops import measure_stops
from bench.results import Sheet
from desktop_app.engine.messages import Inspect, Turn

_AROUND = 16  # tokens at most: what follows a question
_LARGE = (4000, 3000)  # pixels of a photograph
# Busy until its parent ends, however that is.
_BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"


def measure(job: Job, sheet: Sheet) -> None:
    """Measure everything but what only a computer with little memory shows."""
    prepare()
    driver = Driver(job, HOMES[0])
    try:
        sheet.put("ours.load_s", driver.load_s)
        settings = driver.settings()
        _tell_settings(settings, sheet)
        started = time.monotonic()
        with loaded(job.model, settings) as model, plain_context(model, job.n_ctx, settings) as plain:
            sheet.put("plain.load_s", time.monotonic() - started)
            with sheet.row("plain.encode_s"):
                sheet.put("plain.encode_s", encode_s(model, job.projector, settings.reading_threads))
            turns = _conversation(driver, plain, sheet)
            driver.close()
            driver = _restarted(job, HOMES[0], "again", turns, sheet)
            driver.close()
            driver = _restarted(job, HOMES[1], "fresh", turns, sheet)  # where nothing is kept
            if (seconds := driver.repack()) is not None:
                sheet.put("ours.layout_s", seconds)
            _speeds(driver, plain, turns, sheet)
        _rows(driver, turns, sheet)
    finally:
        driver.close()


def _tell_settings(settings: Settings, sheet: Sheet) -> None:
    """Note how the engine chose to load."""
    for name, value in vars(settings).items():
        sheet.put(f"ours.setting.{name}", value)


def _conversation(driver: Driver, plain: Plain, sheet: Sheet) -> list[Turn]:
    """Have it, and read ahead after each answer as the window does; return it with its answers."""
    turns: list[Turn] = []
    for number, question in enumerate(QUESTIONS, 1):
        shown = (driver.reference(0),) if number == 1 else ()
        asking = [*turns, Turn(question, shown)]
        runs: list[Asked] = []
        floor: list[float] = []
        if number > 1:
            _, ahead = driver.read_ahead(turns)
            plain.fill(ahead.context_used)
        # What is asked again is read again, whole. The answer is written the last time.
        repeats = driver.job.repeats if number > 1 else 1
        for tokens in (*([1] * (repeats - 1)), driver.job.answer_tokens):
            runs.append(driver.ask(asking, tokens))
            if number > 1:
                floor.append(plain.read(runs[-1].figures().evaluated_tokens))
        figures = runs[-1].figures()
        turns.append(Turn(question, shown, runs[-1].answer))
        sheet.put(f"ours.first_token_s.{number}", statistics.median(run.marks["text"] for run in runs))
        sheet.put(f"ours.reused_tokens.{number}", figures.reused_tokens)
        sheet.put(f"ours.new_tokens.{number}", figures.evaluated_tokens)
        if floor:
            sheet.put(f"plain.first_token_s.{number}", statistics.median(floor))
        else:
            sheet.put("ours.encode_s", runs[-1].marks["reading"] - runs[-1].marks["looking"])
    driver.read_ahead(turns)
    return turns


def _restarted(job: Job, home: str, name: str, turns: list[Turn], sheet: Sheet) -> Driver:
    """Ask one more question in a new process; return it."""
    driver = Driver(job, home)
    with sheet.row(f"ours.{name}_first_token_s", f"ours.{name}_encodes"):
        asked = driver.ask([*turns, Turn(AFTERWARDS)], 4)
        sheet.put(f"ours.{name}_first_token_s", asked.marks["text"])
        sheet.put(f"ours.{name}_encodes", asked.figures().image_encodes)
    return driver


def _speeds(driver: Driver, plain: Plain, turns: list[Turn], sheet: Sheet) -> None:
    """Measure writing and reading in turns with plain llama.cpp; the context holds the conversation `turns`."""
    job = driver.job
    with sheet.row("ours.writing_tok_s", "plain.writing_tok_s"):
        second = _second(turns)
        ours, floor = [], []
        for _ in range(job.repeats):
            run = driver.ask(second, job.writing_tokens).figures()
            ours.append(run.tokens_per_second)
            plain.fill(run.prompt_tokens)
            floor.append(plain.write(job.writing_tokens))
        sheet.put("ours.writing_tok_s", statistics.median(ours))
        sheet.put("plain.writing_tok_s", statistics.median(floor))
        sheet.put("ours.writing_depth", run.prompt_tokens)
    with sheet.row("ours.reading_tok_s", "plain.reading_tok_s"):
        driver.read_ahead()
        ours, floor = [], []
        for number in range(2):
            # A long question, of which nothing was read before.
            asked = driver.ask([Turn(f"{'ab'[number]} {_long(job).text}")], 1)
            count = asked.figures().evaluated_tokens
            ours.append(count / asked.marks["text"])
            # As deep in the context, or plain llama.cpp had less to look back at.
            plain.fill(asked.figures().prompt_tokens - count)
            floor.append(count / plain.read(count))
        sheet.put("ours.reading_tok_s", statistics.mean(ours))
        sheet.put("plain.reading_tok_s", statistics.mean(floor))


def _second(turns: list[Turn]) -> list[Turn]:
    return [*turns[:1], Turn(QUESTIONS[1])]


def _long(job: Job) -> Turn:
    return Turn(long_question(job.reading_tokens - _AROUND))


def _rows(driver: Driver, turns: list[Turn], sheet: Sheet) -> None:
    """Measure what plain llama.cpp has no part in."""
    job = driver.job
    second = _second(turns)
    driver.ask(second, 1)
    with sheet.row("ours.writing_beside_others_tok_s"), _busy_process():
        # Few, since this may be ten times slower.
        speed = driver.ask(second, max(4, job.writing_tokens // 4)).figures().tokens_per_second
        sheet.put("ours.writing_beside_others_tok_s", speed)
    with sheet.row("ours.writing_beside_own_work_tok_s"):
        large = driver.reference(1, _LARGE)
        # An answer of usual length: what is dropped has its turns some 20 s apart.
        length = job.writing_tokens * 2
        sheet.put("ours.writing_alone_tok_s", driver.ask(second, length).figures().tokens_per_second)
        driver.flood(lambda: driver.client.send(Inspect(driver.client.next_request(), large)))
        try:
            speed = driver.ask(second, length).figures().tokens_per_second
        finally:
            driver.flood(None)
        sheet.put("ours.writing_beside_own_work_tok_s", speed)
    with sheet.row("ours.read_ahead_first_token_s"):
        seconds, ahead = driver.read_ahead(pictures=(driver.reference(2),))
        sheet.put("ours.picture_reading_s", seconds)
        sheet.put("ours.picture_reading_tokens", ahead.evaluated_tokens)
        _short(driver, "read_ahead", Turn(QUESTIONS[0], (driver.reference(2),)), sheet)
    with sheet.row("ours.text_only_first_token_s"):
        driver.read_ahead()
        _short(driver, "text_only", Turn(QUESTIONS[0]), sheet)
    asked = driver.ask([Turn(f"x {_long(job).text}")], 1)
    measure_stops(driver, _long(job), asked.marks["writing"] - asked.marks["reading"], sheet)
    sheet.put("ours.peak_mib", asked.figures().peak_memory_bytes / 2**20)


def _short(driver: Driver, name: str, turn: Turn, sheet: Sheet) -> None:
    """Ask a question several times: all but its own words are in the context."""
    runs = [driver.ask([turn], 2) for _ in range(driver.job.repeats)]
    sheet.put(f"ours.{name}_first_token_s", statistics.median(run.marks["text"] for run in runs))
    sheet.put(f"ours.{name}_new_tokens", runs[-1].figures().evaluated_tokens)


class _busy_process:  # noqa: N801 - used like a function
    """A process of another program that uses one core as much as it can."""

    def __enter__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", _BUSY])

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait()
