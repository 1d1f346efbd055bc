"""Remembers which line started a thread, a timer or a process, so that a report can name it."""

import functools
import multiprocessing.process
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Hashable
from pathlib import Path
from types import FrameType
from typing import Any

from tests.helpers.paths import REPOSITORY

_OURS = Path(__file__).name

#: What is told apart by identity and may die at any time.
_of_objects: "weakref.WeakKeyDictionary[Any, str]" = weakref.WeakKeyDictionary()
_of_processes: dict[int, str] = {}


def here() -> str:
    """The innermost lines outside the standard library that led here: "file.py:12 in name"."""
    lines: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(lines) < 3:
        path = Path(frame.f_code.co_filename)
        # Not what Python or a library brings, nor this file.
        if path.name != _OURS and not _belongs_to_python(path):
            if path.is_relative_to(REPOSITORY):
                path = path.relative_to(REPOSITORY)
            lines.append(f"{path}:{frame.f_lineno} in {frame.f_code.co_name}")
        frame = frame.f_back
    return ", from ".join(lines) or "an unknown place"


def _belongs_to_python(path: Path) -> bool:
    return "site-packages" in path.parts or path.is_relative_to(_STANDARD_LIBRARY)


_STANDARD_LIBRARY = Path(threading.__file__).resolve().parent


def of(thing: Hashable) -> str:
    """Where an object or a process (by its number) was started."""
    known = _of_processes.get(thing) if isinstance(thing, int) else _of_objects.get(thing)
    return known or "an unknown place"


def live_objects(kind: type) -> list[Any]:
    """The remembered objects of a class that are still alive."""
    return [thing for thing in list(_of_objects) if isinstance(thing, kind)]


def _remember_caller(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a `start` method: note the caller before the object does anything."""

    @functools.wraps(function)
    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        _of_objects[self] = here()
        return function(self, *args, **kwargs)

    return start


def _remember_process(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap what starts a process: note the caller under the process's number."""

    @functools.wraps(function)
    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = function(self, *args, **kwargs)
        if self.pid is not None:
            _of_processes[self.pid] = here()
        return result

    return start


def _wrap(owner: type, name: str, wrapper: Callable[[Callable[..., Any]], Any]) -> None:
    method = getattr(owner, name)
    if not hasattr(method, "__wrapped__"):  # only once
        setattr(owner, name, wrapper(method))


def watch() -> None:
    """Begin to remember."""
    _wrap(threading.Thread, "start", _remember_caller)
    _wrap(subprocess.Popen, "__init__", _remember_process)
    _wrap(multiprocessing.process.BaseProcess, "start", _remember_process)


def watch_qt() -> None:
    """Begin to remember Qt's threads and timers too; imports QtCore."""
    from PySide6.QtCore import QThread, QTimer

    _wrap(QThread, "start", _remember_caller)
    _wrap(QTimer, "start", _remember_caller)
