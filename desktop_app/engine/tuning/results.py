"""The settings that were measured, kept in the cache folder for the computer and the model they belong to.

What was measured with another processor, llama.cpp, memory or model is not found; what is damaged,
or says what cannot be, is not believed. Any of these is measured anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_type_hints

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.cache.fingerprints import file_identity, library_identity
from desktop_app.engine.messages import Tuning
from desktop_app.engine.planning.cpu_cores import find_cores, processor_name
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.tuning.search import Findings, Measured, Way
from desktop_app.engine.weights.model_files import ModelFiles

_log = logging.getLogger(__name__)
_LAYOUT = 2  # counts the ways this was written
_MOST_BYTES = 1 << 20
_ROOM_STEP = 1 << 28  # bytes: as fine as memory is told apart
_MOST_THREADS, _MOST_BATCH = 4096, 1 << 16


class TuningResults:
    """The measurements in one cache folder. No method raises OSError."""

    def __init__(self, cache_folder: Path) -> None:
        self._folder = CheckedFolder(cache_folder / "tuning", _MOST_BYTES)

    def find(self, files: ModelFiles, budget: MemoryBudget) -> Findings | None:
        """Return what was measured for a model on this computer, None if nothing was."""
        name = _name(files, budget)
        notes = self._folder.notes(name) if name else None
        if notes is None:
            return None
        findings = _read(notes)
        if findings is None:
            self._folder.remove(name)
        else:
            self._folder.used(name)
        return findings

    def keep(self, files: ModelFiles, budget: MemoryBudget, findings: Findings) -> None:
        """Keep what was measured, in place of what was measured before."""
        name = _name(files, budget)
        if name:
            self._folder.write(name, json.dumps(_written(findings)).encode(), b"")

    def forget(self, files: ModelFiles, budget: MemoryBudget) -> None:
        """Forget what was measured for a model on this computer."""
        name = _name(files, budget)
        if name:
            self._folder.remove(name)


def _name(files: ModelFiles, budget: MemoryBudget) -> str:
    """Return a name made of all that a measurement depends on, "" if that cannot be read."""
    try:
        weights, library = file_identity(files.model), library_identity()
    except OSError as error:
        _log.warning("what was measured for this computer is not found: %s", error.strerror)
        return ""
    parts = (_LAYOUT, processor_name(), find_cores(), library, weights, budget.usable // _ROOM_STEP)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _written(findings: Findings) -> dict[str, Any]:
    return {
        "tuning": findings.tuning._asdict(),
        "rows": [asdict(row) for row in findings.rows],
        "failed": [[asdict(way), why] for way, why in findings.failed.items()],
    }


def _read(notes: bytes) -> Findings | None:
    try:
        told = json.loads(notes)
        tuning = Tuning(**told["tuning"])
        rows = [Measured(**{**row, "way": Way(**row["way"])}) for row in told["rows"]]
        failed = {Way(**way): str(why) for way, why in told["failed"]}
    except (ValueError, TypeError, KeyError):
        return None
    return Findings(tuning, rows, failed) if _believable(tuning) else None


def _believable(tuning: Tuning) -> bool:
    kinds = get_type_hints(Tuning)
    if any(type(value) is not kinds[name] for name, value in tuning._asdict().items()):
        return False
    threads = (tuning.reading_threads, tuning.writing_threads)
    return (
        all(0 < number <= _MOST_THREADS for number in threads)
        and 0 < tuning.n_ubatch <= _MOST_BATCH
        and min(tuning.reading, tuning.writing) > 0
    )
