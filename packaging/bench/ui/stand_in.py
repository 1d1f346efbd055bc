"""Stands in for the client of the engine: loads nothing, and answers at a pace that is known."""

from __future__ import annotations

import itertools
import threading
import time

from desktop_app.engine.messages import (
    Ask,
    Command,
    Finished,
    FinishReason,
    Load,
    ModelInfo,
    ReadAhead,
    ReadAheadDone,
    Ready,
    Stop,
    Text,
    TurnStats,
)
from desktop_app.services.engine import Handler

TOKENS_PER_S = 100.0
_EVERY_S = 0.03  # as the engine does
_CONTEXT = 4096
_WORDS = """The picture shows a **lake in the evening**. In front of it stands a dark shore without any trees.

1. The sky goes from blue to a warm yellow, with `three` clouds.
2. The sun is round, pale, and stands a little right of the middle.

```python
for circle in picture.circles:
    print(circle.colour)
```

| what | colour |
|---|---|
| the sky | blue |

"""


class StandIn:
    """Has the methods of `EngineClient` that the window uses. Every question is answered until it is stopped."""

    def __init__(self, on_event: Handler) -> None:
        self.is_alive = False
        self.pid: int | None = None
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._stopped = threading.Event()
        self._writer: threading.Thread | None = None

    def start(self, *, wait: bool = True) -> None:
        """Live."""
        self.is_alive = True

    def close(self, timeout: float = 5.0) -> None:
        """Live no more."""
        self.is_alive = False
        self._stopped.set()
        if self._writer is not None:
            self._writer.join()

    def close_soon(self, timeout: float = 5.0) -> None:
        """Live no more."""
        self.close(timeout)

    def next_request(self) -> int:
        """Return a number that no request has had."""
        return next(self._numbers)

    def send(self, command: Command) -> None:
        """Do what is asked, or nothing."""
        if isinstance(command, Load):
            info = ModelInfo("Stand-in", command.model, command.mmproj, _CONTEXT, "vicuna_v1", False, 576, "none", 2)
            self._on_event(Ready(command.request, info))
        elif isinstance(command, Ask):
            self._stopped.clear()
            self._writer = threading.Thread(target=self._write, args=(command.request,))
            self._writer.start()
        elif isinstance(command, ReadAhead):
            self._on_event(ReadAheadDone(command.request, True, 80, 80, 0))
        elif isinstance(command, Stop):
            self._stopped.set()

    def _write(self, request: int) -> None:
        tokens = [f" {word}" if word else "\n" for word in _WORDS.replace("\n", " \n ").split(" ") if word != ""]
        endless, said, written, begun = itertools.cycle(tokens), "", 0, time.monotonic()
        while not self._stopped.wait(_EVERY_S):
            due = int((time.monotonic() - begun) * TOKENS_PER_S)
            piece = "".join(next(endless) for _ in range(due - written))
            said, written = said + piece, due
            self._on_event(Text(request, piece, written, TOKENS_PER_S, min(_CONTEXT, 100 + written)))
        stats = TurnStats(
            FinishReason.STOPPED, 90, 0, 90, 0, written, 0.1, TOKENS_PER_S, 10**8, 100 + written, _CONTEXT, 0
        )
        self._on_event(Finished(request, said, stats))
