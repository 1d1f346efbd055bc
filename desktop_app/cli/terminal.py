"""What the terminal gets: our own words, and of names and answers no control characters.

Escape sequences in a file's name, in the metadata of a model, on the Hub or in an answer (a picture may have dictated
them) could rename the terminal's window, hide text or type commands.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

# Of ours, lines and tabs are meant, and a carriage return around a line that is drawn over another.
_CONTROL = re.compile("(?!^\r|\r\\Z)[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_OURS = ("desktop_app.", "model_store.")


def in_one_line(sentence: object) -> str:
    """Return a sentence without line breaks: after one, a name in it could pretend to be a sentence of ours."""
    return " ".join(str(sentence).splitlines())


class _Plain:
    """A text stream that writes a replacement character where a control character stood."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(_CONTROL.sub("\ufffd", text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


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
    sys.stdout, sys.stderr = (cast(TextIO, _Plain(_printable(stream))) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        logging.getLogger().removeHandler(handler)


def _printable(stream: TextIO | None) -> TextIO:
    """Let no character fail that a terminal cannot show; a program without a console writes to nowhere."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
    if stream is sys.stdout and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return stream
