"""Shows progress on standard error: a bar in a terminal, otherwise a line for every tenth."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from desktop_app.cli import texts
from model_store.errors import size_text
from model_store.library.copying import Progress

_FULL, _EMPTY = "█", "░"
_WIDEST_BAR = 30  # characters
_REDRAWN = 0.1  # seconds
_LINE_EVERY = 10  # per cent
_WINDOW = 10.0  # seconds over which the speed is measured


class ProgressBar:
    """Draws how far one job is. To be closed before anything else is written."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._drawn = 0.0  # when
        self._width = 0  # of what stands there
        self._told = ("", -1)  # name and tenth of the last line
        self._points: deque[tuple[float, int]] = deque()

    def report(self, progress: Progress) -> None:
        """Show how far copying or checking is; a report for the model store."""
        name = texts.PROGRESS_STEPS[progress.step.value].format(name=progress.name)
        self.show(name, progress.done, progress.total)

    def show(self, name: str, done: int, total: int, speed: float = 0.0, left: float | None = None) -> None:
        """Show that `done` of `total` bytes are done; what is not known of the speed is measured."""
        now = time.monotonic()
        speed = speed or self._measured(now, done)
        if left is None and speed and total:
            left = (total - done) / speed
        percent = min(100 * done // total, 100) if total else 0
        line = texts.PROGRESS_LINE.format(
            name=name,
            percent=percent,
            done=size_text(done),
            total=size_text(total),
            speed=texts.PROGRESS_SPEED.format(speed=size_text(round(speed))) if speed else "",
            left=texts.PROGRESS_LEFT.format(left=_duration(left)) if left is not None and done < total else "",
        )
        if not self._terminal:
            self._tell(name, percent, line)
        elif now - self._drawn >= _REDRAWN or done >= total:
            self._drawn = now
            self._draw(_with_bar(line, percent))

    def wait(self, reason: str, seconds: int) -> None:
        """Show in its place why it waits, and for how long: in a terminal each second, otherwise once."""
        text = texts.MODELS_WAITING.format(sentence=reason, seconds=seconds)
        if self._terminal:
            self._draw(text)
        elif self._told[0] != reason:
            self._told = (reason, -1)
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0

    def _tell(self, name: str, percent: int, line: str) -> None:
        tenth = percent // _LINE_EVERY
        if self._told != (name, tenth):
            self._told = (name, tenth)
            print(line, file=sys.stderr, flush=True)

    def _draw(self, line: str) -> None:
        columns = shutil.get_terminal_size().columns - 1
        line = line if len(line) <= columns else line[: max(columns - 1, 0)] + "…"
        print("\r" + line.ljust(self._width), end="", file=sys.stderr, flush=True)
        self._width = len(line)

    def _measured(self, now: float, done: int) -> float:
        if self._points and done < self._points[-1][1]:
            self._points.clear()
        self._points.append((now, done))
        while len(self._points) > 2 and now - self._points[0][0] > _WINDOW:
            self._points.popleft()
        first, last = self._points[0], self._points[-1]
        return (last[1] - first[1]) / (last[0] - first[0]) if last[0] - first[0] >= 1 else 0.0


@contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """Give a bar that is removed afterwards."""
    bar = ProgressBar()
    try:
        yield bar
    finally:
        bar.close()


def _with_bar(line: str, percent: int) -> str:
    budget = shutil.get_terminal_size().columns - len(line) - 2
    width = min(budget, _WIDEST_BAR)
    if width < 5 or not _can_draw():
        return line
    full = width * percent // 100
    return f"{_FULL * full}{_EMPTY * (width - full)} {line}"


def _can_draw() -> bool:
    try:
        (_FULL + _EMPTY).encode(sys.stderr.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _duration(seconds: float) -> str:
    """Return a time as people read it: "0:42", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
