"""The speed of a transfer and the time it will still take, smoothed so that people can read the numbers."""

from __future__ import annotations

import time

_SAMPLE = 0.5  # seconds between two looks
_SMOOTH = 6.0  # seconds: how long an old speed weighs


class TransferSpeed:
    """Speed in bytes per second and time left, smoothed."""

    def __init__(self) -> None:
        self._at = 0.0
        self._done = 0
        self.speed = 0.0

    def restart(self, done: int) -> None:
        """Begin again after a pause: what was there before was not fetched now."""
        self._at, self._done, self.speed = time.monotonic(), done, 0.0

    def update(self, done: int) -> None:
        """Take note of how many bytes are here now."""
        now = time.monotonic()
        passed = now - self._at
        if passed < _SAMPLE:
            return
        if done >= self._done:  # it goes back when something wrong is thrown away
            fresh = (done - self._done) / passed
            weight = min(1.0, passed / _SMOOTH) if self.speed else 1.0
            self.speed += (fresh - self.speed) * weight
        self._at, self._done = now, done

    def seconds_left(self, missing: int) -> float | None:
        """Return how long `missing` bytes will take, None when nothing moves."""
        return missing / self.speed if self.speed > 1 else None
