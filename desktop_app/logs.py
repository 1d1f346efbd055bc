"""Log files and crash reports. Neither is ever sent anywhere.

A log never holds what a person wrote or showed: messages give numbers and states, and of an
exception only its type and where it happened, because its message may quote a question or a name.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from contextlib import suppress
from copy import copy
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import desktop_app

_LARGEST = 1_000_000  # bytes
_OLDER_FILES = 2
_OURS = ("desktop_app", "model_store")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # lines and tabs are meant
_NAMED_IN_REPORTS = ("PySide6-Essentials", "llama-cpp-python", "numpy", "pillow", "huggingface_hub")

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def start(folder: Path, name: str = "eyebright") -> Path:
    """Log to `name`.log in `folder` and, where there is one, to stderr; return the file.

    Each process needs a name of its own. A folder that cannot be written leaves only stderr.
    """
    path = folder / f"{name}.log"
    formatter = _Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handlers: list[logging.Handler] = []
    if sys.stderr is not None:  # None in a program without a console
        on_screen = logging.StreamHandler()
        on_screen.setLevel(logging.WARNING)
        handlers.append(on_screen)
    try:
        handlers.append(_LogFile(path))
    except OSError as error:
        problem: OSError | None = error
    else:
        problem = None
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    for ours in _OURS:
        logging.getLogger(ours).setLevel(logging.INFO)
    logging.raiseExceptions = False  # a full disk must not turn every log line into a traceback
    if problem is not None:
        logging.getLogger(__name__).warning("no log file: %s", problem.strerror)
    return path


class _LogFile(logging.FileHandler):
    """A file that never grows large: a full one becomes name.log.1, an older one name.log.2, and so on.

    As logging's own RotatingFileHandler, whose module brings the network, which the window would wait for.
    """

    def __init__(self, path: Path) -> None:
        _make_private(path)
        super().__init__(path, "a", encoding="utf-8", errors="replace")

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self.stream is not None and self.stream.tell() >= _LARGEST:
                self.stream.close()
                self.stream = None  # opened again with the next line
                self._move_on()
        except OSError:
            self.handleError(record)
        super().emit(record)

    def _move_on(self) -> None:
        newest = Path(self.baseFilename)
        files = [newest, *(newest.with_name(f"{newest.name}.{number + 1}") for number in range(_OLDER_FILES))]
        for newer, older in reversed(list(pairwise(files))):
            if newer.exists():
                newer.replace(older)
        _make_private(newest)


def _make_private(path: Path) -> None:
    """Make the file, or let one of an earlier version be read by nobody else. Raises OSError."""
    path.touch(mode=0o600)
    with suppress(OSError):  # a file system without permissions
        path.chmod(0o600)


class _Discreet(logging.Formatter):
    """Exceptions without their messages, paths without the person's home, names without escape sequences."""

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's name
        kind, error, _ = ei
        if kind is None or error is None:
            return ""
        lines = []
        for cause in _chain(error):
            lines += [line.rstrip() for line in traceback.format_tb(cause.__traceback__)]
            lines.append(type(cause).__qualname__)
        return "\n".join(lines)

    def format(self, record: logging.LogRecord) -> str:
        record = copy(record)
        record.exc_text = None  # where another handler has left the exception in full
        return _CONTROL.sub("\ufffd", without_home(super().format(record)))


def _chain(error: BaseException) -> list[BaseException]:
    """Return what led to `error`, and `error` last."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return chain[::-1]


def without_home(text: str) -> str:
    """Return `text` with the home folder, which often is the person's name, replaced by "~"."""
    home = str(Path.home())
    for spelling in {home, home.replace("\\", "/"), home.replace("\\", "\\\\")}:
        if len(spelling) > 1:
            text = text.replace(spelling, "~")
    return text


def report(error: BaseException) -> str:
    """Return what helps to find a bug: versions and where it happened, for the person to read and copy.

    Unlike a log it quotes the exception: the person sees it before anybody else does.
    """
    import platform  # reports are rare, and the window starts sooner without these
    import sqlite3

    lines = [
        f"Eyebright {desktop_app.__version__}",
        f"{platform.platform()}, {platform.machine()}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        ", ".join(f"{name} {_version(name)}" for name in _NAMED_IN_REPORTS),
        "",
        *traceback.format_exception(error),
    ]
    return without_home("\n".join(line.rstrip("\n") for line in lines)) + "\n"


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:  # a frozen program may not carry it
        return "(unknown)"
