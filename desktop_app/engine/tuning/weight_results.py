"""Saves how fast this computer evaluates weights in each quantisation, beside the settings that were measured.

Results for another processor or llama.cpp are not found; damaged ones are ignored.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from pathlib import Path
from typing import get_type_hints

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.cache.fingerprints import library_identity
from desktop_app.engine.messages import WeightSpeed
from desktop_app.engine.planning.cpu_cores import find_cores, processor_name
from desktop_app.engine.tuning.results import FOLDER, MOST_BYTES

_log = logging.getLogger(__name__)
_LAYOUT = 1  # version of the file format and of the layer


class WeightResults:
    """The saved results in one cache folder. No method raises OSError."""

    def __init__(self, cache_folder: Path) -> None:
        self._folder = CheckedFolder(cache_folder / FOLDER, MOST_BYTES)

    def find(self) -> tuple[WeightSpeed, ...]:
        """Return the speeds on this computer; none if they were not measured."""
        name = _name()
        notes = self._folder.notes(name) if name else None
        if notes is None:
            return ()
        speeds = _read(notes)
        if speeds:
            self._folder.used(name)
        else:
            self._folder.remove(name)
        return speeds

    def save(self, speeds: tuple[WeightSpeed, ...]) -> None:
        """Save a result in place of an earlier one."""
        name = _name()
        if name:
            self._folder.write(name, json.dumps([speed._asdict() for speed in speeds]).encode(), b"")


def _name() -> str:
    """Return a file name made of everything that the speeds depend on, "" if llama.cpp cannot be read."""
    try:
        library = library_identity()
    except OSError as error:
        _log.warning("the measured weights cannot be found: %s", error.strerror)
        return ""
    parts = ("weights", _LAYOUT, processor_name(), find_cores(), library)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _read(notes: bytes) -> tuple[WeightSpeed, ...]:
    try:
        speeds = tuple(WeightSpeed(**one) for one in json.loads(notes))
    except (ValueError, TypeError):
        return ()
    return speeds if all(map(_is_possible, speeds)) else ()


def _is_possible(speed: WeightSpeed) -> bool:
    kinds = get_type_hints(WeightSpeed)
    return all(type(value) is kinds[name] for name, value in speed._asdict().items()) and all(
        math.isfinite(number) and number > 0 for number in (speed.size, speed.reading, speed.writing)
    )
