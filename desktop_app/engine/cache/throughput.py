"""How long things take on this computer, learnt from what was done before."""

from __future__ import annotations

import hashlib
import struct

from desktop_app.engine.cache.checked_folder import CheckedFolder

_KEPT = 0.5  # of what was learnt before, with each measurement
_FILE = struct.Struct("<4d")


class Throughput:
    """Seconds per unit of work, over the last measurements: what took long counts most, and so does the newest."""

    def __init__(self, units: float = 0.0, seconds: float = 0.0) -> None:
        self.learnt = (units, seconds)

    def learn(self, units: int, seconds: float) -> None:
        """Take a measurement."""
        if units > 0:
            before = self.learnt
            self.learnt = (before[0] * _KEPT + units, before[1] * _KEPT + seconds)

    def expect(self, units: int) -> float:
        """Return the seconds that `units` will probably take, 0 when nothing was measured yet."""
        known, seconds = self.learnt
        return seconds / known * units if known else 0.0


class ModelThroughput:
    """The paces of one model; they outlive the process where there is a folder for them."""

    def __init__(self, folder: CheckedFolder | None = None, identity: str = "") -> None:
        """`identity` names the model, and all that makes it fast or slow."""
        self._folder = folder
        self._name = hashlib.sha256(f"pace|{identity}".encode()).hexdigest()[:60]
        found = folder.read(self._name) if folder is not None else None
        whole = found is not None and len(found.data) == _FILE.size
        numbers = _FILE.unpack(found.data) if found is not None and whole else (0.0,) * 4
        self.part = Throughput(*numbers[:2])  # looking at a picture, or at a part of one
        self.token = Throughput(*numbers[2:])  # reading
        self._saved = self._learnt

    def save(self) -> None:
        """Write what is new."""
        if self._folder is not None and self._learnt != self._saved:
            self._folder.write(self._name, b"", _FILE.pack(*self._learnt))
            self._saved = self._learnt

    @property
    def _learnt(self) -> tuple[float, ...]:
        return (*self.part.learnt, *self.token.learnt)
