"""How long things take on this computer, learnt from what was done before."""

from __future__ import annotations

_WEIGHT_OF_NEWEST = 0.5


class Pace:
    """Seconds per unit of work, an average in which the newest measurement counts most."""

    def __init__(self) -> None:
        self._seconds_per_unit = 0.0

    def learn(self, units: int, seconds: float) -> None:
        """Take a measurement."""
        if units > 0:
            measured = seconds / units
            old = self._seconds_per_unit or measured
            self._seconds_per_unit = old + _WEIGHT_OF_NEWEST * (measured - old)

    def expect(self, units: int) -> float:
        """Return the seconds that `units` will probably take, 0 when nothing was measured yet."""
        return self._seconds_per_unit * units
