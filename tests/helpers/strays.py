"""Finds messages that a test did not expect: log warnings, Qt's messages, exceptions in slots."""

import contextlib
import functools
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

#: What Qt says only because the offscreen platform has no window manager.
_OFFSCREEN_NOISE = re.compile(r"This plugin does not support (raise\(\)|grabbing the keyboard|propagateSizeHints\(\))")


@dataclass(frozen=True)
class Stray:
    """One message: its kind ("log", "qt" or "exception"), who said it, and what."""

    kind: str
    source: str
    level: int
    text: str

    def __str__(self) -> str:
        level = logging.getLevelName(self.level)
        return f"{self.kind} {level} from {self.source}: {self.text}"


@dataclass
class _Expectation:
    kind: str
    pattern: re.Pattern[str]
    source: str
    level: int
    optional: bool
    seen: int = 0

    def covers(self, stray: Stray) -> bool:
        return (
            stray.kind == self.kind
            and (not self.source or stray.source == self.source)
            and (not self.level or stray.level == self.level)
            and self.pattern.search(stray.text) is not None
        )


class Expected:
    """What a test says about messages that belong to it; patterns are regular expressions.

    An expected message must come at least once, unless it is optional.
    """

    def __init__(self) -> None:
        self._expectations: list[_Expectation] = []

    def log(self, pattern: str, *, logger: str = "", level: int = 0, optional: bool = False) -> None:
        """Expect a log record of WARNING or above."""
        self._add("log", pattern, logger, level, optional)

    def qt(self, pattern: str, *, optional: bool = False) -> None:
        """Expect a warning from Qt."""
        self._add("qt", pattern, "", 0, optional)

    def exception(self, pattern: str, *, optional: bool = False) -> None:
        """Expect an exception inside a slot or callback; matches "ValueError: text"."""
        self._add("exception", pattern, "", 0, optional)

    def _add(self, kind: str, pattern: str, source: str, level: int, optional: bool) -> None:
        self._expectations.append(_Expectation(kind, re.compile(pattern, re.DOTALL), source, level, optional))

    def complaints(self, strays: list[Stray]) -> list[str]:
        """Sentences about what came unexpectedly and what did not come."""
        complaints = []
        for stray in strays:
            covering = [one for one in self._expectations if one.covers(stray)]
            for one in covering:
                one.seen += 1
            if not covering:
                complaints.append(f"unexpected {stray}")
        for one in self._expectations:
            if not one.seen and not one.optional:
                complaints.append(f"expected but missing: {one.kind} /{one.pattern.pattern}/")
        return complaints


_collected: list[Stray] = []


def take() -> list[Stray]:
    """The messages since the last call."""
    taken = _collected.copy()
    _collected.clear()
    return taken


def watch_logs() -> None:
    """Begin to collect log records, also of loggers that do not propagate."""
    original = logging.Logger.callHandlers
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            text = record.getMessage()
            if record.exc_info and record.exc_info[0]:
                text += "\n" + "".join(traceback.format_exception(*record.exc_info))
            _collected.append(Stray("log", record.name, record.levelno, text))
        original(self, record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]


def watch_qt() -> None:
    """Begin to collect Qt's warnings; imports QtCore."""
    from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

    levels = {
        QtMsgType.QtWarningMsg: logging.WARNING,
        QtMsgType.QtCriticalMsg: logging.ERROR,
        QtMsgType.QtFatalMsg: logging.CRITICAL,
    }

    def handler(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        level = levels.get(kind, 0)
        if level and not _OFFSCREEN_NOISE.search(text):
            # PySide declares the category as a string; it is None now and then.
            category: Any = context.category
            _collected.append(Stray("qt", category or "default", level, text))

    qInstallMessageHandler(handler)


@contextlib.contextmanager
def catching_exceptions() -> Iterator[None]:
    """Collect what PySide reports through sys.excepthook: exceptions inside slots."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        last = traceback.extract_tb(trace)[-1:]
        where = f"{last[0].filename}:{last[0].lineno}" if last else "an unknown place"
        text = f"{kind.__name__}: {error}\n" + "".join(traceback.format_exception(error))
        _collected.append(Stray("exception", where, logging.ERROR, text))

    before = sys.excepthook
    sys.excepthook = hook
    try:
        yield
    finally:
        sys.excepthook = before
