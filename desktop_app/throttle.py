"""Makes background work wait while the engine writes an answer, so that the answer gets the processor.

A second busy thread makes writing several times slower, because all threads of a matrix product wait for the slowest.
So other work comes in turns, one at a time, and while an answer is being written the turns are so far apart that they
take a small share of the time. When the answer ends, they get all of it. Such work is inspecting dropped
pictures; in the window copying and exporting; in the model store hashing and copying model files. The bytes of a
download are not held back: at 50 Mbit/s they take a hundredth of a core.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
SHARE = 0.04  # of the time of an answer


class Throttle:
    """Turns for one kind of work. All methods may be called from any thread."""

    def __init__(
        self, expected: float = 0.0, clock: Callable[[], float] = time.monotonic, longest: float = math.inf
    ) -> None:
        """`expected`: how many seconds the first turn will probably take; `longest`: the most to wait for one."""
        self._expected = expected
        self._longest = longest
        self._clock = clock
        self._changed = threading.Condition()
        self._answering = False
        self._turns = threading.Lock()
        self._latest = 0.0  # when the latest turn ended, or the answer began

    def set_answering(self, answering: bool) -> None:
        """Say that an answer begins, or that none is under way: then nobody waits."""
        with self._changed:
            if answering and not self._answering:
                self._latest = self._clock()
            self._answering = answering
            self._changed.notify_all()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and hold it for the length of the block."""
        with self._turns:
            with self._changed:
                while self._answering and (wait := self.next_turn() - self._clock()) > 0:
                    self._changed.wait(wait)
            started = self._clock()
            try:
                yield
            finally:
                with self._changed:
                    self._latest = self._clock()
                    self._expected = self._latest - started

    def paced(self, steps: Iterable[T]) -> Generator[T, None, None]:
        """Yield `steps`; what is done with each is a turn, until the next one is asked for or it is closed."""
        for step in steps:
            with self.turn():
                yield step

    def next_turn(self) -> float:
        """Return when, by the clock, a turn may begin during an answer: after the time of which it takes its share."""
        return self._latest + min(self._expected * (1 / SHARE - 1), self._longest)
