"""Which failures pass by themselves, and how long to wait until the next try."""

from __future__ import annotations

from model_store.errors import StoreError
from model_store.hub.http_client import Timeouts

#: As often as it takes: the network comes back, the server has said when.
_ENDLESS = {"no-connection", "server-busy"}
#: A few times: what was in the way may be gone.
_LIMITED = {"server-failed", "answer-not-understood"}
_AT_ONCE = 0.2  # parts of the first wait: a connection that had brought something is simply made again


class Retries:
    """Counts failures in a row."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._patience = timeouts
        self._in_a_row = 0
        self._done = -1

    def wait_after(self, error: StoreError, done: int) -> float:
        """Return the seconds to wait after a failure with `done` bytes here; raises it when waiting does not help."""
        if done > self._done >= 0:
            self._in_a_row = 0
        progressed = done > max(self._done, 0)
        self._done = max(done, self._done)
        self._in_a_row += 1
        if error.code not in _ENDLESS | _LIMITED or (error.code in _LIMITED and self._in_a_row >= self._patience.tries):
            raise error
        if progressed and error.code == "no-connection":
            return self._patience.first_retry * _AT_ONCE
        wait = min(self._patience.longest_retry, self._patience.first_retry * 2.0 ** min(self._in_a_row - 1, 30))
        if error.code == "server-busy":
            return max(wait, float(error.parameters.get("seconds", 0)))
        return wait
