"""The search for the fastest settings, as the window would make it, and where the engine finds the result."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from bench.driver import HOME, HOMES, engine_settings
from bench.job import Job
from bench.results import Sheet
from desktop_app import paths
from desktop_app.engine.measuring import Measuring, Subject
from desktop_app.engine.tuning import NotMeasured


def measure(job: Job, sheet: Sheet) -> None:
    """Search, and keep the result in every home of the parties to come."""
    os.environ[HOME] = str(Path(job.folder) / HOMES[0])
    started = time.monotonic()
    with sheet.row("tuning.seconds"):
        try:
            tuning = Measuring(Subject(job.model, job.projector, engine_settings(job))).run().tuning
        except NotMeasured as error:
            raise RuntimeError(str(error)) from error
        sheet.put("tuning.seconds", time.monotonic() - started)
        sheet.put("tuning.reading_threads", tuning.reading_threads)
        sheet.put("tuning.writing_threads", tuning.writing_threads)
        sheet.put("tuning.batch", tuning.n_ubatch)
        sheet.put("tuning.repacked", tuning.repacked)
        sheet.put("tuning.flash", tuning.flash_attention)
        kept = paths.cache_folder() / "tuning"
        for home in HOMES[1:]:
            os.environ[HOME] = str(Path(job.folder) / home)
            shutil.copytree(kept, paths.cache_folder() / "tuning", dirs_exist_ok=True)
