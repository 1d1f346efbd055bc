"""`eyebright tune`: measures the fastest settings for a model on this computer and saves them for the engine.

With `--weights` it measures how fast each quantisation is here, for the list of models.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict

from desktop_app import paths
from desktop_app.cli import texts
from desktop_app.cli.chosen_files import chosen_files
from desktop_app.cli.engine_process import Status
from desktop_app.cli.exit_codes import ExitCode
from desktop_app.cli.output import json_line, print_table
from desktop_app.cli.request import TuneRequest
from desktop_app.engine.messages import Tuning
from desktop_app.engine.tuning.measurement import Measurement, TuningTarget
from desktop_app.engine.tuning.search import LoadMode, MeasurementFailed, TuningReport
from desktop_app.engine.tuning.weight_measurement import WeightMeasurement

_LAYERS = 33  # of a 7B, its head counted as one


def tune(request: TuneRequest) -> int:
    """Measure, print a table and save the result; 1 if measuring failed. Raises `UserError` for bad files."""
    if not request.model:
        return _weights(request)
    settings = request.settings._replace(cache_folder=str(paths.cache_folder()))
    status = Status()
    started = time.monotonic()

    def hear(_task: object) -> None:
        status.show(texts.STATUS_MEASURING.format(seconds=round(time.monotonic() - started)))

    model, mmproj = chosen_files(request.model, request.mmproj)
    try:
        report = Measurement(TuningTarget(str(model), str(mmproj) if mmproj else None, settings)).run(hear)
    except MeasurementFailed as error:
        status.clear()
        print(texts.ERROR.format(sentence=texts.TUNE_NOT_MEASURED[str(error)]), file=sys.stderr)
        return ExitCode.FAILED
    finally:
        status.clear()
    seconds = time.monotonic() - started
    if request.json:
        print(json_line(_figures(report, seconds)))
    else:
        for line in _table(report):
            print(line)
        print(texts.TUNE_CHOSEN.format(what=told(report.tuning), seconds=round(seconds)))
    return ExitCode.DONE


def _weights(request: TuneRequest) -> int:
    status = Status()
    started = time.monotonic()

    def hear(quantisation: str) -> None:
        seconds = round(time.monotonic() - started)
        status.show(texts.STATUS_WEIGHTS.format(quantisation=quantisation, seconds=seconds))

    try:
        speeds = WeightMeasurement(paths.cache_folder()).run(hear)
    except MeasurementFailed as error:
        status.clear()
        print(texts.ERROR.format(sentence=texts.WEIGHTS_NOT_MEASURED[str(error)]), file=sys.stderr)
        return ExitCode.FAILED
    finally:
        status.clear()
    if request.json:
        print(json_line({"seconds": round(time.monotonic() - started, 1), "layers": [one._asdict() for one in speeds]}))
        return ExitCode.DONE
    rows = [
        (
            speed.quantisation,
            texts.TUNING_REPACKED if speed.repacked else texts.TUNING_MAPPED,
            f"{speed.reading / _LAYERS:.1f}",
            f"{speed.writing / _LAYERS:.1f}",
        )
        for speed in speeds
    ]
    print_table(texts.WEIGHTS_HEAD, rows)
    print(texts.WEIGHTS_NOTE)
    return ExitCode.DONE


def told(tuning: Tuning) -> str:
    """Return settings and speeds in words."""
    same = tuning.reading_threads == tuning.writing_threads
    threads = texts.TUNING_THREADS_SAME if same else texts.TUNING_THREADS
    return texts.TUNING_IS.format(
        mode=_mode(LoadMode(tuning.repacked, tuning.flash_attention), both=tuning.dual_layout),
        threads=threads.format(reading=tuning.reading_threads, writing=tuning.writing_threads),
        n_ubatch=tuning.n_ubatch,
        read=round(tuning.reading, 1),
        written=round(tuning.writing, 1),
        date=tuning.measured,
    )


def _mode(mode: LoadMode, *, both: bool = False) -> str:
    once = texts.TUNING_REPACKED if mode.repacked else texts.TUNING_MAPPED
    words = [texts.TUNING_BOTH if both else once]
    return ", ".join(words + [texts.TUNING_FLASH] * mode.flash_attention)


def _table(report: TuningReport) -> Iterator[str]:
    yield texts.TUNE_LINE.format(mode=texts.TUNE_MODE, threads=texts.TUNE_THREADS, what="", speed=texts.TUNE_SPEED)
    for row in report.rows:
        what = texts.TUNE_READING.format(batch=row.batch) if row.batch else texts.TUNE_WRITING
        speed = f"{row.speed:.1f}"
        yield texts.TUNE_LINE.format(mode=_mode(row.mode), threads=row.threads, what=what, speed=speed)
    for mode, why in report.failed.items():
        yield texts.TUNE_LINE.format(mode=_mode(mode), threads="", what=texts.TUNE_FAILED.format(why=why), speed="")


def _figures(report: TuningReport, seconds: float) -> dict[str, object]:
    return {
        "seconds": round(seconds, 1),
        "tuning": report.tuning._asdict(),
        "rows": [asdict(row) for row in report.rows],
        "failed": [{**asdict(mode), "why": why} for mode, why in report.failed.items()],
    }
