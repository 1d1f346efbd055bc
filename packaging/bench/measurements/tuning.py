"""Measures the search for the fastest settings, and puts its result where the engine will find it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from bench.job import Job
from bench.measurements.driver import HOME, HOMES, engine_settings
from bench.results import Sheet
from desktop_app import paths
from desktop_app.engine.messages import Tuning
from desktop_app.engine.tuning.measurement import Measurement, TuningTarget
from desktop_app.engine.tuning.search import MeasurementFailed

_ATTEMPTS = 3


def measure(job: Job, sheet: Sheet) -> None:
    """Search, and keep the result in every home of the parties to come."""
    os.environ[HOME] = str(Path(job.folder) / HOMES[0])
    with sheet.row("tuning.seconds"):
        seconds, tuning = _search(TuningTarget(job.model, job.projector, engine_settings(job)))
        sheet.put("tuning.seconds", seconds)
        sheet.put("tuning.reading_threads", tuning.reading_threads)
        sheet.put("tuning.writing_threads", tuning.writing_threads)
        sheet.put("tuning.batch", tuning.n_ubatch)
        sheet.put("tuning.repacked", tuning.repacked)
        sheet.put("tuning.flash", tuning.flash_attention)
        kept = paths.cache_folder() / "tuning"
        for home in HOMES[1:]:
            os.environ[HOME] = str(Path(job.folder) / home)
            shutil.copytree(kept, paths.cache_folder() / "tuning", dirs_exist_ok=True)


def _search(target: TuningTarget) -> tuple[float, Tuning]:
    """Return how long the search took and what it found, in the first attempt that nothing disturbed."""
    why = ""
    for _ in range(_ATTEMPTS):
        started = time.monotonic()
        try:
            tuning = Measurement(target).run().tuning
            return time.monotonic() - started, tuning
        except MeasurementFailed as error:
            why = str(error)
            if why != "disturbed":
                break
    raise RuntimeError(why)
