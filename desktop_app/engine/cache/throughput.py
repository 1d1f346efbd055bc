"""Estimates how long pictures and tokens take on this computer, from earlier measurements."""

from __future__ import annotations

import hashlib
import struct

from desktop_app.engine.cache.checked_folder import CheckedFolder

_KEPT = 0.5  # the weight of all earlier measurements, each time a new one is added
_FILE = struct.Struct("<4d")


class Throughput:
    """Seconds per unit of work, averaged over recent measurements; long and recent ones have the most weight."""

    def __init__(self, units: float = 0.0, seconds: float = 0.0) -> None:
        self.learnt = (units, seconds)

    def learn(self, units: float, seconds: float) -> None:
        """Add a measurement."""
        if units > 0:
            before = self.learnt
            self.learnt = (before[0] * _KEPT + units, before[1] * _KEPT + seconds)

    def expect(self, units: float) -> float:
        """Return how many seconds `units` will probably take, 0 if nothing was measured yet."""
        known, seconds = self.learnt
        return seconds / known * units if known else 0.0


class ModelThroughput:
    """The speeds of one model, saved on disk if there is a folder."""

    def __init__(self, folder: CheckedFolder | None = None, identity: str = "") -> None:
        """`identity`: the model, and everything that changes its speed."""
        self._folder = folder
        self._name = hashlib.sha256(f"pace|{identity}".encode()).hexdigest()[:60]
        found = folder.read(self._name) if folder is not None else None
        whole = found is not None and len(found.data) == _FILE.size
        numbers = _FILE.unpack(found.data) if found is not None and whole else (0.0,) * 4
        self.part = Throughput(*numbers[:2])  # encoding a picture or one part of it, of usual size
        self.token = Throughput(*numbers[2:])  # processing the prompt
        self._saved = self._learnt

    def save(self) -> None:
        """Save the speeds if they have changed."""
        if self._folder is not None and self._learnt != self._saved:
            self._folder.write(self._name, b"", _FILE.pack(*self._learnt))
            self._saved = self._learnt

    @property
    def _learnt(self) -> tuple[float, ...]:
        return (*self.part.learnt, *self.token.learnt)
