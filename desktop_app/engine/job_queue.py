"""The queue of the engine's jobs: which command runs, which ones wait, and which ones stop others.

The receiving thread adds commands, the main thread takes them. The rules:

- `Ask`, `ReadAhead`, `Load` and `Forget` end a `ReadAhead` that waits or runs. If it is processing a part of what the
  new command needs, it ends at a point where nothing is lost; any other ends at once.
- `Load` also stops an answer, and replaces a `Load` that waits. Otherwise answers are written in the order of the
  questions, and `Forget` waits for those before it.
- `Stop` ends a request that waits or runs; a `Load` cannot be stopped.
- Each of them ends idle work at once: it is done again in the next idle moment.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.messages import Ask, Forget, Load, ReadAhead, Stop

Job = Load | ReadAhead | Ask | Forget


class JobQueue:
    """The jobs of the main thread. `add` and `stop` return jobs that will never run."""

    def __init__(self, interrupt: Interrupt) -> None:
        self._interrupt = interrupt
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Job, float]] = deque()
        self._running: Job | None = None
        self._is_waiting = False  # the main thread, for a job: it does nothing
        self.closed = False  # no more jobs are accepted

    def add(self, job: Job) -> list[Job]:
        """Add a job to the end of the queue."""
        with self._changed:
            ended = self._remove(ReadAhead) if not isinstance(job, Load) else self._remove(ReadAhead, Ask, Load)
            if isinstance(self._running, ReadAhead):
                if _begins_with(job, self._running):
                    self._interrupt.stop_soon()
                else:
                    self._interrupt.stop_now()
            elif isinstance(self._running, Ask) and isinstance(job, Load):
                self._interrupt.stop_now()
            elif self._running is None:
                self._interrupt.stop_now()  # idle work
            self._waiting.append((job, time.monotonic()))
            self._changed.notify()
            return ended

    def stop(self, stop: Stop) -> list[Job]:
        """End the request that `stop` names, or all requests if it names none."""
        with self._changed:
            if isinstance(self._running, (Ask, ReadAhead)) and stop.request in (0, self._running.request):
                self._interrupt.stop_now()
            return self._remove(Ask, ReadAhead, request=stop.request)

    def close(self) -> bool:
        """Accept no more jobs and end what runs, idle work too; return whether it ends soon. A `Load` does not."""
        with self._changed:
            self.closed = True
            self._waiting.clear()
            if self._running is not None or not self._is_waiting:
                self._interrupt.stop_now()
            self._changed.notify()
            return not isinstance(self._running, Load)

    def wait(self, patience: float | None = None) -> bool:
        """Wait for a job, at most `patience` seconds; return whether there is one."""
        with self._changed:
            self._running = None
            if not self._waiting:
                self._interrupt.clear()
            self._is_waiting = True
            self._changed.wait_for(lambda: self._waiting or self.closed, patience)
            self._is_waiting = False
            return bool(self._waiting)

    def next(self) -> tuple[Job, float]:
        """Wait for a job; return it and when it was added (time.monotonic())."""
        with self._changed:
            self._running = None
            while not self._waiting:
                self._changed.wait()
            job, added = self._waiting.popleft()
            self._running = job
            self._interrupt.clear()
            return job, added

    def _remove(self, *kinds: type[Job], request: int = 0) -> list[Job]:
        ended = [job for job, _ in self._waiting if isinstance(job, kinds) and request in (0, job.request)]
        self._waiting = deque(entry for entry in self._waiting if entry[0] not in ended)
        return ended


def _begins_with(job: Job, ahead: ReadAhead) -> bool:
    """Return whether everything that `ahead` processes is needed for `job` too."""
    if isinstance(job, (Load, Forget)) or (job.system_prompt, job.think) != (ahead.system_prompt, ahead.think):
        return False
    if isinstance(job, Ask):
        turns, pictures, text = job.turns[:-1], job.turns[-1].pictures, job.turns[-1].text
    else:
        turns, pictures, text = job.turns, job.pictures, job.text
    if turns != ahead.turns or pictures[: len(ahead.pictures)] != ahead.pictures:
        return False
    return not ahead.text or (pictures == ahead.pictures and text.strip().startswith(ahead.text))
