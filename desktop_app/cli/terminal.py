"""What the terminal gets: our own words, and of names and answers no control characters.

Escape sequences in a file's name, in the metadata of a model, on the Hub or in an answer (a picture may have dictated
them) could rename the terminal's window, hide text or type commands.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

# Of ours, lines and tabs are meant, and a carriage return around a line that is drawn over another.
# The surrogates are bytes of names that are no UTF-8, which standard error would show as "\\udce9".
_CONTROL = re.compile("(?!^\r|\r\\Z)[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_OURS = ("desktop_app.", "model_store.")


def in_one_line(sentence: object) -> str:
    """Return a sentence without line breaks: after one, a name in it could pretend to be a sentence of ours."""
    return " ".join(str(sentence).splitlines())


class _Plain:
    """A text stream that writes a replacement character where a control character stood."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failed: OSError | None = None  # why it takes no more

    def write(self, text: str) -> int:
        with self._kept():
            self._stream.write(_CONTROL.sub("\ufffd", text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with self._kept():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Keep an error, and let what was written so far go nowhere: Python flushes once more at the end."""
        try:
            yield
        except OSError as error:
            self.failed = error
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)
            raise


class _Sentences(_Plain):
    """Standard error: where it takes nothing, there is nobody to tell so."""

    @contextmanager
    def _kept(self) -> Iterator[None]:
        with suppress(OSError), super()._kept():
            yield


class _Closed(io.TextIOBase):
    """Standard output that is closed, as by `>&-`."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


class _OurWarnings(logging.Handler):
    """Prints what our own modules warn of; libraries do not speak to the person."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and record.name.startswith(_OURS):
            print(in_one_line(record.getMessage()), file=sys.stderr)


@contextmanager
def plain_terminal() -> Iterator[None]:
    """While inside, nothing but plain text reaches standard output and standard error."""
    before = sys.stdout, sys.stderr
    handler = _OurWarnings()
    logging.getLogger().addHandler(handler)
    sys.stdout, sys.stderr = cast(TextIO, _Plain(_output())), cast(TextIO, _Sentences(before[1] or _nowhere()))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        logging.getLogger().removeHandler(handler)


def failed_output() -> OSError | None:
    """Return why standard output takes no more, inside `plain_terminal`; None if it does."""
    return cast(_Plain, sys.stdout).failed


def _output() -> TextIO:
    """Let no character fail that a terminal cannot show; a program without a console writes to nowhere."""
    if sys.stdout is None:
        return _nowhere() if sys.platform == "win32" else cast(TextIO, _Closed())
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    return sys.stdout


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
