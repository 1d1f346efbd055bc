"""Saves the measured settings in the cache folder, for the computer and the model that they belong to.

Results for another processor, llama.cpp, memory size or model are not found. Damaged files and impossible values are
ignored. In all these cases the model is measured again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_type_hints

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.cache.fingerprints import files_identity, library_identity
from desktop_app.engine.messages import Tuning
from desktop_app.engine.planning.cpu_cores import find_cores, processor_name
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.tuning.search import LoadMode, MeasuredSpeed, TuningReport
from desktop_app.engine.weights.model_files import ModelFiles

_log = logging.getLogger(__name__)
_LAYOUT = 3  # version of the file format
FOLDER = "tuning"  # in the cache folder
MOST_BYTES = 1 << 20  # of all results together
_MEMORY_STEP = 1 << 28  # bytes: smaller differences in memory size do not matter
_MOST_THREADS, _MOST_BATCH = 4096, 1 << 16


class TuningResults:
    """The saved results in one cache folder. No method raises OSError."""

    def __init__(self, cache_folder: Path) -> None:
        self._folder = CheckedFolder(cache_folder / FOLDER, MOST_BYTES)

    def find(self, files: ModelFiles, budget: MemoryBudget) -> TuningReport | None:
        """Return the result for a model on this computer, None if it was not measured."""
        name = _name(files, budget)
        notes = self._folder.notes(name) if name else None
        if notes is None:
            return None
        report = _read(notes)
        if report is None:
            self._folder.remove(name)
        else:
            self._folder.used(name)
        return report

    def save(self, files: ModelFiles, budget: MemoryBudget, report: TuningReport) -> None:
        """Save a result in place of an earlier one."""
        name = _name(files, budget)
        if name:
            self._folder.write(name, json.dumps(_as_json(report)).encode(), b"")

    def forget(self, files: ModelFiles, budget: MemoryBudget) -> None:
        """Delete the result for a model on this computer."""
        name = _name(files, budget)
        if name:
            self._folder.remove(name)


def _name(files: ModelFiles, budget: MemoryBudget) -> str:
    """Return a file name made of everything that a measurement depends on, "" if the model cannot be read."""
    try:
        weights, library = files_identity(files.weights), library_identity()
    except OSError as error:
        _log.warning("the measured settings cannot be found: %s", error.strerror)
        return ""
    parts = (_LAYOUT, processor_name(), find_cores(), library, weights, budget.usable // _MEMORY_STEP)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _as_json(report: TuningReport) -> dict[str, Any]:
    return {
        "tuning": report.tuning._asdict(),
        "rows": [asdict(row) for row in report.rows],
        "failed": [[asdict(mode), why] for mode, why in report.failed.items()],
    }


def _read(notes: bytes) -> TuningReport | None:
    try:
        saved = json.loads(notes)
        tuning = Tuning(**saved["tuning"])
        rows = [MeasuredSpeed(**{**row, "mode": LoadMode(**row["mode"])}) for row in saved["rows"]]
        failed = {LoadMode(**mode): str(why) for mode, why in saved["failed"]}
    except (ValueError, TypeError, KeyError):
        return None
    return TuningReport(tuning, rows, failed) if _is_possible(tuning) else None


def _is_possible(tuning: Tuning) -> bool:
    kinds = get_type_hints(Tuning)
    if any(type(value) is not kinds[name] for name, value in tuning._asdict().items()):
        return False
    threads = (tuning.reading_threads, tuning.writing_threads)
    return (
        all(0 < number <= _MOST_THREADS for number in threads)
        and 0 < tuning.n_ubatch <= _MOST_BATCH
        and min(tuning.reading, tuning.writing) > 0
    )
