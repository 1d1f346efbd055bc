"""How long things take on this computer, learnt from what was done before."""

from __future__ import annotations

_KEPT = 0.5  # of what was learnt before, with each measurement


class Pace:
    """Seconds per unit of work, over the last measurements: what took long counts most, and so does the newest."""

    def __init__(self) -> None:
        self._units = self._seconds = 0.0

    def learn(self, units: int, seconds: float) -> None:
        """Take a measurement."""
        if units > 0:
            self._units = self._units * _KEPT + units
            self._seconds = self._seconds * _KEPT + seconds

    def expect(self, units: int) -> float:
        """Return the seconds that `units` will probably take, 0 when nothing was measured yet."""
        return self._seconds / self._units * units if self._units else 0.0
