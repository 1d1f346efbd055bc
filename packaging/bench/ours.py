"""Eyebright's engine, driven through its client as the window drives it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.job import AFTERWARDS, QUESTIONS, Job, long_question, picture
from bench.results import Sheet
from desktop_app import paths
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
    Inspect,
    Inspected,
    Phase,
    PhaseChanged,
    PictureRef,
    ReadAhead,
    ReadAheadDone,
    Sampling,
    Stop,
    Text,
    Turn,
    TurnStats,
)
from desktop_app.settings import Settings

_HOME = "EYEBRIGHT_HOME"
_LARGE = (4000, 3000)  # pixels of a photograph


# Busy until its parent ends, however that is.
_BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"


@dataclass
class Asked:
    """What one question took; seconds are counted from when it was sent."""

    started: float
    marks: dict[str, float] = field(default_factory=dict)  # phase, and "text" for the first words -> seconds
    answer: str = ""
    stats: TurnStats | None = None

    def figures(self) -> TurnStats:
        """Return the engine's figures."""
        if self.stats is None:
            raise RuntimeError("the question was not answered")
        return self.stats

    def hear(self, event: Event) -> None:
        """Note the time of what happens first."""
        now = time.monotonic() - self.started
        if isinstance(event, PhaseChanged):
            self.marks.setdefault(event.phase.value, now)
        elif isinstance(event, Text):
            self.marks.setdefault("text", now)
        elif isinstance(event, Finished):
            self.answer, self.stats = event.text, event.stats


class Driver:
    """An engine process with the model loaded."""

    def __init__(self, job: Job, home: str) -> None:
        os.environ[_HOME] = str(Path(job.folder) / home)
        self.job = job
        self._flood: Callable[[], None] | None = None
        self.client = EngineClient(self._hear)
        started = time.monotonic()
        self.client.start()
        try:
            self.info = self.client.load(Path(job.model), Path(job.projector), _settings(job))
        except BaseException:
            self.client.close()
            raise
        self.load_s = time.monotonic() - started

    def close(self) -> None:
        """End the process as the program does."""
        self.client.close()

    def reference(self, number: int, size: tuple[int, int] = (1024, 768)) -> PictureRef:
        """Return a picture that has not been seen under another number."""
        path, sha256 = picture(Path(self.job.folder), number, size)
        return PictureRef(sha256, str(path), path.name)

    def ask(self, turns: Sequence[Turn], tokens: int, hear: Callable[[Event], None] = lambda _event: None) -> Asked:
        """Ask the last of `turns`, for an answer of `tokens` tokens."""
        command = Ask(self.client.next_request(), tuple(turns), Sampling(temperature=0, max_tokens=tokens))
        asked = Asked(time.monotonic())
        for event in self.client.request(command):
            asked.hear(event)
            hear(event)
        return asked

    def read_ahead(self, turns: Sequence[Turn] = (), pictures: tuple[PictureRef, ...] = ()) -> tuple[float, int]:
        """Read ahead to the end; return (seconds of reading alone, tokens read)."""
        reading = time.monotonic()
        tokens = 0
        for event in self.client.request(ReadAhead(self.client.next_request(), tuple(turns), pictures)):
            if isinstance(event, PhaseChanged) and event.phase is Phase.READING and event.done == 0:
                reading = time.monotonic()
            elif isinstance(event, ReadAheadDone):
                tokens = event.evaluated_tokens
        return time.monotonic() - reading, tokens

    def stop_ms(self, phase: Phase, turns: Sequence[Turn], after: Callable[[Event], bool], delay: float) -> float:
        """Return the milliseconds from a stop in `phase` to the end; it is sent `delay` after the event `after`."""
        request = self.client.next_request()
        sent = 0.0

        def stop() -> None:
            nonlocal sent
            sent = time.monotonic()
            self.client.send(Stop(request))

        timer = threading.Timer(delay, stop)
        waiting = True
        latest: Phase | None = None
        stopped_in: Phase | None = None
        command = Ask(request, tuple(turns), Sampling(temperature=0, max_tokens=self.job.writing_tokens * 8))
        for event in self.client.request(command):
            if isinstance(event, PhaseChanged):
                latest = event.phase
            if waiting and after(event):
                waiting = False
                timer.start()
            if sent and stopped_in is None:
                stopped_in = latest
        ended = time.monotonic()
        timer.cancel()
        if waiting or not sent or stopped_in not in (phase, None):
            raise RuntimeError("the phase was over before it could be stopped")
        return (ended - sent) * 1000

    def flood(self, work: Callable[[], None] | None) -> None:
        """Do `work` now and whenever the engine has inspected a picture; None ends that."""
        self._flood = work
        if work is not None:
            work()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Inspected) and self._flood is not None:
            self._flood()


def _settings(job: Job) -> EngineSettings:
    """Return what the window would load with (services/chosen_model.py)."""
    value = Settings(paths.settings_file()).value
    return EngineSettings(
        n_ctx=job.n_ctx,
        threads=value("threads"),
        cache_folder=str(paths.cache_folder()),
        cache_mb=value("disk_cache_mb"),
    )


def measure(job: Job, sheet: Sheet) -> None:
    """Measure everything but what only a computer with little memory shows."""
    driver = Driver(job, "home")
    try:
        sheet.put("ours.load_s", driver.load_s)
        _tell_settings(driver, sheet)
        turns = _conversation(driver, sheet)
    finally:
        driver.close()
    for name, home in (("again", "home"), ("fresh", "other-home")):  # after a restart; where nothing is kept
        driver = Driver(job, home)
        try:
            with sheet.row(f"ours.{name}_first_token_s", f"ours.{name}_encodes"):
                asked = driver.ask([*turns, Turn(AFTERWARDS)], 4)
                sheet.put(f"ours.{name}_first_token_s", asked.marks["text"])
                sheet.put(f"ours.{name}_encodes", asked.figures().image_encodes)
            if name == "fresh":
                _rows(driver, turns, sheet)
        finally:
            driver.close()


def _tell_settings(driver: Driver, sheet: Sheet) -> None:
    """Note how the engine chose to load, so that others can do likewise."""
    plan = driver.info.plan
    if plan is None:
        raise RuntimeError("the engine does not tell how it loaded the model")
    sheet.put("ours.setting.mapped", plan.mapped)
    sheet.put("ours.setting.repacked", plan.repacked)
    sheet.put("ours.setting.flash", plan.flash_attention)
    sheet.put("ours.setting.short_cells", plan.kv_type == "q8_0")
    sheet.put("ours.setting.batch", plan.n_ubatch)
    sheet.put("ours.setting.threads", driver.info.threads)


def _conversation(driver: Driver, sheet: Sheet) -> list[Turn]:
    """Have it; return it with its answers, read ahead to its end as the window does."""
    turns: list[Turn] = []
    for number, question in enumerate(QUESTIONS, 1):
        shown = (driver.reference(0),) if number == 1 else ()
        asked = driver.ask([*turns, Turn(question, shown)], driver.job.answer_tokens)
        figures = asked.figures()
        turns.append(Turn(question, shown, asked.answer))
        sheet.put(f"ours.first_token_s.{number}", asked.marks["text"])
        sheet.put(f"ours.reused_tokens.{number}", figures.reused_tokens)
        sheet.put(f"ours.new_tokens.{number}", figures.evaluated_tokens)
        if number == 1:
            sheet.put("ours.encode_s", asked.marks["reading"] - asked.marks["looking"])
    driver.read_ahead(turns)
    return turns


def _rows(driver: Driver, turns: list[Turn], sheet: Sheet) -> None:
    """Measure what needs no process of its own; the context holds the conversation `turns`."""
    job = driver.job
    with sheet.row("ours.writing_tok_s"):
        second = [*turns[:1], Turn(QUESTIONS[1])]
        runs = [driver.ask(second, job.writing_tokens).figures() for _ in range(job.repeats)]
        sheet.put("ours.writing_tok_s", max(run.tokens_per_second for run in runs))
        sheet.put("ours.writing_depth", runs[0].prompt_tokens)
    with sheet.row("ours.writing_beside_others_tok_s"), _busy_process():
        # Few, since this may be ten times slower.
        speed = driver.ask(second, max(4, job.writing_tokens // 4)).figures().tokens_per_second
        sheet.put("ours.writing_beside_others_tok_s", speed)
    with sheet.row("ours.writing_beside_own_work_tok_s"):
        large = driver.reference(1, _LARGE)
        driver.flood(lambda: driver.client.send(Inspect(driver.client.next_request(), large)))
        try:
            speed = driver.ask(second, job.writing_tokens // 2).figures().tokens_per_second
        finally:
            driver.flood(None)
        sheet.put("ours.writing_beside_own_work_tok_s", speed)
    with sheet.row("ours.read_ahead_first_token_s"):
        seconds, tokens = driver.read_ahead(pictures=(driver.reference(2),))
        sheet.put("ours.picture_reading_s", seconds)
        sheet.put("ours.picture_reading_tokens", tokens)
        _short(driver, "read_ahead", Turn(QUESTIONS[0], (driver.reference(2),)), sheet)
    with sheet.row("ours.text_only_first_token_s"):
        driver.read_ahead()
        _short(driver, "text_only", Turn(QUESTIONS[0]), sheet)
    question = Turn(long_question(job.reading_tokens))
    with sheet.row("ours.reading_tok_s"):
        asked = driver.ask([question], 1)
        sheet.put("ours.reading_tok_s", asked.figures().evaluated_tokens / asked.marks["text"])
    _stops(driver, question, asked, sheet)


def _short(driver: Driver, name: str, turn: Turn, sheet: Sheet) -> None:
    """Ask a question several times: all but its own words are in the context."""
    runs = [driver.ask([turn], 2) for _ in range(driver.job.repeats)]
    sheet.put(f"ours.{name}_first_token_s", statistics.median(run.marks["text"] for run in runs))
    sheet.put(f"ours.{name}_new_tokens", runs[-1].figures().evaluated_tokens)


def _stops(driver: Driver, question: Turn, read: Asked, sheet: Sheet) -> None:
    """Stop in the midst of each phase, several times."""
    reading_s = read.marks["writing"] - read.marks["reading"]
    seen = {"looking": 0, "writing": 0}

    def looking(event: Event) -> bool:
        return isinstance(event, PhaseChanged) and event.phase is Phase.LOOKING

    def reading(event: Event) -> bool:
        return isinstance(event, PhaseChanged) and event.phase is Phase.READING

    def writing(event: Event) -> bool:
        seen["writing"] += isinstance(event, Text)
        return seen["writing"] > 2

    for number in range(driver.job.repeats):
        with sheet.row(f"ours.stop_looking_ms.{number}"):
            turn = Turn(QUESTIONS[0], (driver.reference(10 + number),))
            # CLIP takes a few seconds: at different moments of it.
            ms = driver.stop_ms(Phase.LOOKING, [turn], looking, min(0.3 * number, reading_s / 40))
            sheet.put(f"ours.stop_looking_ms.{number}", ms)
        with sheet.row(f"ours.stop_reading_ms.{number}"):
            other = Turn(f"{number} {question.text}")  # nothing of it is in the context yet
            ms = driver.stop_ms(Phase.READING, [other], reading, reading_s * 0.1 * (1 + number))
            sheet.put(f"ours.stop_reading_ms.{number}", ms)
        with sheet.row(f"ours.stop_writing_ms.{number}"):
            seen["writing"] = 0
            sheet.put(
                f"ours.stop_writing_ms.{number}",
                driver.stop_ms(Phase.WRITING, [Turn(QUESTIONS[0])], writing, 0.01 * number),
            )


class _busy_process:  # noqa: N801 - used like a function
    """A process of another program that uses one core as much as it can."""

    def __enter__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", _BUSY])

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait()
