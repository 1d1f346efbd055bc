"""Tells which texts can be laid out as Markdown at once. Nobody writes the others; an imported file may hold one."""

from __future__ import annotations

import re

_LONGEST = 200_000  # characters
_MOST_LINES = 20_000  # each may be an item of a list, which takes 0.05 ms and more
DEEPEST = 40  # levels of quotes and lists
_TOO_DEEP = re.compile(rf"^(?:[ \t]*(?:>|[*+-][ \t]|\d+[.)][ \t])){{{DEEPEST},}}", re.MULTILINE)
_MOST_SOUGHT = 2_000_000  # characters that are read in search of closing brackets: about a second
_BRACKET_OR_END = re.compile(r"[\[\]]|\n[ \t]*\n|\Z")


def can_be_laid_out(text: str) -> bool:
    """Return whether a parser of Markdown needs about a second for `text` at most, and loses none of its levels."""
    is_short = len(text) <= _LONGEST and text.count("\n") <= _MOST_LINES
    return is_short and not _TOO_DEEP.search(text) and _sought_in(text) <= _MOST_SOUGHT


def _sought_in(text: str) -> int:
    """Return how many characters are read in search of the end of links.

    Each "[" may begin one, which ends at its "]"; without one, the whole paragraph is read.
    """
    sought = 0
    begins: list[int] = []
    for sign in _BRACKET_OR_END.finditer(text):
        if sign[0] == "[":
            begins.append(sign.start())
        elif sign[0] == "]":
            sought += sign.start() - begins.pop() if begins else 0
        else:
            sought += sum(sign.start() - begin for begin in begins)
            begins.clear()
    return sought
