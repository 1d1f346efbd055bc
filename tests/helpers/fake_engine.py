"""A fake engine client: it records the commands, and the test sends the events."""

from __future__ import annotations

from typing import TypeVar

from desktop_app.engine.messages import Ask, Command, Died, Event, Finished, FinishReason, TurnStats
from desktop_app.services.engine import Handler

C = TypeVar("C")


class FakeClient:
    """Stands where `EngineClient` does. Nothing answers unless the test calls `emit`."""

    def __init__(self, on_event: Handler) -> None:
        self.sent: list[Command] = []
        self.starts = 0
        self.is_alive = False
        self.pid: int | None = None
        self._on_event = on_event
        self._last = 0

    def start(self, *, wait: bool = True) -> None:
        self.starts += 1
        self.is_alive = True

    def close(self) -> None:
        self.pid = None
        self.is_alive = False

    def close_soon(self, timeout: float = 5.0) -> None:
        self.pid = None
        self.is_alive = False

    def next_request(self) -> int:
        self._last += 1
        return self._last

    def send(self, command: Command) -> None:
        self.sent.append(command)

    def emit(self, event: Event) -> None:
        self._on_event(event)

    def die(self) -> None:
        self.is_alive = False
        self.emit(Died(-9))

    def of(self, kind: type[C]) -> list[C]:
        """All commands of a kind, in the order they were sent."""
        return [command for command in self.sent if isinstance(command, kind)]


def finished(ask: Ask, text: str, reason: FinishReason = FinishReason.STOP) -> Finished:
    """The last event of an answer with plausible figures."""
    stats = TurnStats(reason, 90, 0, 90, 1, 5, 0.1, 50.0, 10**8, 95, 2048, 0)
    return Finished(ask.request, text, stats)
