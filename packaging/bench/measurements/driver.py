"""Drives Eyebright's engine through its client, as the window does, for measurements."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.job import Job, picture
from bench.measurements.load_settings import Settings as LoadSettings
from desktop_app import paths
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
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
    WeightsRepacked,
)
from desktop_app.settings import Settings

HOME = "EYEBRIGHT_HOME"
HOMES = ("home", "other-home")  # of the engine; in the second one nothing is kept of conversations
_REPACKING_S = 120  # at most


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
        os.environ[HOME] = str(Path(job.folder) / home)
        self.job = job
        self._flood: Callable[[], None] | None = None
        self._repacked = threading.Event()
        self.client = EngineClient(self._hear)
        started = time.monotonic()
        self.client.start()
        try:
            self.info = self.client.load(Path(job.model), Path(job.projector), engine_settings(job))
        except BaseException:
            self.client.close()
            raise
        self.load_s = time.monotonic() - started

    def settings(self) -> LoadSettings:
        """Return how the engine chose to load, so that others can do likewise."""
        plan = self.info.plan
        if plan is None:
            raise RuntimeError("the engine does not tell how it loaded the model")
        return LoadSettings(
            mapped=plan.mapped,
            repacked=plan.repacked and not plan.dual_layout,  # llama.cpp itself has one layout
            flash=plan.flash_attention,
            short_cells=plan.kv_type == "q8_0",
            batch=plan.n_ubatch,
            threads=self.info.threads,
            reading_threads=self.info.reading_threads or self.info.threads,
        )

    def repack(self) -> float | None:
        """Leave the engine idle until weights that are to be there in both layouts are; return the seconds it took."""
        if self.info.plan is None or not self.info.plan.dual_layout:
            return None
        started = time.monotonic()
        if not self._repacked.wait(_REPACKING_S):
            raise RuntimeError("the weights are not repacked")
        return time.monotonic() - started

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

    def read_ahead(
        self, turns: Sequence[Turn] = (), pictures: tuple[PictureRef, ...] = ()
    ) -> tuple[float, ReadAheadDone]:
        """Read ahead to the end, as the window does at once; return the seconds of reading alone, and how it ended."""
        reading = time.monotonic()
        for event in self.client.request(ReadAhead(self.client.next_request(), tuple(turns), pictures)):
            if isinstance(event, PhaseChanged) and event.phase is Phase.READING and event.done == 0:
                reading = time.monotonic()
            elif isinstance(event, ReadAheadDone):
                return time.monotonic() - reading, event
        raise RuntimeError("reading ahead did not end")

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
        elif isinstance(event, WeightsRepacked):
            self._repacked.set()


def engine_settings(job: Job) -> EngineSettings:
    """Return what the window would load with (services/chosen_model.py)."""
    value = Settings(paths.settings_file()).value
    return EngineSettings(
        n_ctx=job.n_ctx,
        threads=value("threads"),
        cache_folder=str(paths.cache_folder()),
        cache_mb=value("disk_cache_mb"),
    )
