"""Decides whether an engine process that died is started again by itself: once, never in a loop."""

from __future__ import annotations

import time
from collections.abc import Iterable

from desktop_app.engine.messages import Command

_LONG_AGO_S = 60.0


class EngineDeaths:
    """Remembers when the process died last, and over what.

    It is started again unless it also died within the last minute, or over the same work since the last answer.
    """

    def __init__(self) -> None:
        self._last: float | None = None  # time.monotonic()
        self._fatal: set[tuple[object, ...]] = set()

    def may_restart(self, under_way: Iterable[Command]) -> bool:
        """Note a death while these commands were under way; return whether to start the process again."""
        now, work = time.monotonic(), {(type(command), *command[1:]) for command in under_way}
        soon = self._last is not None and now - self._last < _LONG_AGO_S
        again = not self._fatal.isdisjoint(work)
        self._last = now
        self._fatal |= work
        return not (soon or again)

    def answered(self) -> None:
        """Note that an answer was finished: it works."""
        self._fatal.clear()
