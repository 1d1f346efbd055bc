"""The flag by which one thread stops the work of another."""

from __future__ import annotations

import threading


class Interrupted(Exception):  # noqa: N818 - not an error: somebody wanted it
    """The work was stopped. What was evaluated completely before is kept."""


class Interrupt:
    """Asked by the work itself, hundreds of times a second; set from any thread.

    `now` stops at once, in the middle of a computation, whose result is lost. `soon` stops at the
    next place where nothing is lost.
    """

    def __init__(self) -> None:
        self.now = False
        self.soon = False
        self._lock = threading.Lock()

    def stop_now(self) -> None:
        """Stop in the middle of whatever is being computed."""
        with self._lock:
            self.soon = True
            self.now = True

    def stop_soon(self) -> None:
        """Stop where nothing is lost."""
        self.soon = True

    def clear(self) -> None:
        """Forget what was wanted: other work begins."""
        with self._lock:
            self.now = False
            self.soon = False

    def check(self) -> None:
        """Raise `Interrupted` if the work is to stop; called where nothing would be lost."""
        if self.soon:
            raise Interrupted
