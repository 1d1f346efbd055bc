"""Bounds what Qt lays out of one text: of a pasted file or an imported message it would take minutes.

Nothing is lost: what is not shown is still copied, exported and sent.
"""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QTextOption

MOST_SHOWN = 200_000  # characters of one message
MOST_LINES = 5_000  # of them
MOST_WRITTEN = 200_000  # characters of a question; with more, Qt takes too long for every key
MOST_LINES_WRITTEN = 10_000  # of it; a paste of 190,000 lines took 4 s
_LONGEST_WORD = 10_000  # characters; to break a longer one at its best place takes Qt time by the square

_BREAKABLE = re.compile("[ \t\n\u2000-\u2006\u2008-\u200b\u2028\u2029\u3000]")  # not at a no-break space, as in numbers


def shown_part(text: str) -> str:
    """Return `text`, or as much of a very long one as can be laid out at once, and a line that says so."""
    if len(text) <= MOST_SHOWN and text.count("\n") < MOST_LINES:
        return text
    part = "\n".join(text[:MOST_SHOWN].split("\n")[:MOST_LINES])
    sentence = QCoreApplication.translate(
        "transcript", "… This message goes on for {count} more characters. “Copy message” copies all of it."
    )
    return f"{part}\n\n{sentence.format(count=len(text) - len(part))}"


def wrap_mode(text: str) -> QTextOption.WrapMode:
    """Return how the lines of `text` are to be broken: between words, unless one is very long."""
    if len(text) > _LONGEST_WORD and max(map(len, _BREAKABLE.split(text))) > _LONGEST_WORD:
        return QTextOption.WrapMode.WrapAnywhere
    return QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere
