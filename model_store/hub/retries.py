"""Decides which failures are worth another try, and how long to wait before it."""

from __future__ import annotations

from model_store.errors import StoreError
from model_store.hub.http_client import Timeouts

#: As often as it takes: the network comes back, the server has said when.
_ENDLESS = {"no-connection", "server-busy"}
#: A few times: what was in the way may be gone.
_LIMITED = {"server-failed", "answer-not-understood"}
_AT_ONCE = 0.2  # parts of the first wait: a connection that had brought something is simply made again


class Retries:
    """Counts the failures in a row of one transfer."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._in_a_row = 0
        self._done = -1

    def wait_after(self, error: StoreError, done: int) -> float:
        """Return the seconds to wait after a failure with `done` bytes here; raises it when waiting does not help."""
        if done > self._done >= 0:
            self._in_a_row = 0
        progressed = done > max(self._done, 0)
        self._done = max(done, self._done)
        self._in_a_row += 1
        if error.code not in _ENDLESS | _LIMITED or (error.code in _LIMITED and self._in_a_row >= self._timeouts.tries):
            raise error
        if progressed and error.code == "no-connection":
            return self._timeouts.first_retry * _AT_ONCE
        wait = min(self._timeouts.longest_retry, self._timeouts.first_retry * 2.0 ** min(self._in_a_row - 1, 30))
        if error.code == "server-busy":
            return max(wait, float(error.parameters.get("seconds", 0)))
        return wait
