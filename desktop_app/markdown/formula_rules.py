r"""Finds formulas: `$...$`, `$$...$$`, `\(...\)` and `\[...\]`, in which nothing is Markdown.

A token "formula" has the LaTeX as its content, all that was written as its markup, and "display" in its meta data
when it stands on lines of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

_LONGEST = 2_000  # characters; each beginning is followed no further
_MOST_LINES = 100
_CLOSING = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_SIGNS = re.compile(r"[\\^_{}=+<>]")  # of a formula, and not of a price
_NAME = re.compile(r"[^\W\d]\S{0,20}")  # x, f(x), ABC
_BESIDE = re.compile(r"[\w$]")


def install(parser: MarkdownIt) -> None:
    """Let a parser find formulas."""
    parser.inline.ruler.before("escape", "formula", _inline)
    parser.block.ruler.before("fence", "formula", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _inline(state: StateInline, silent: bool) -> bool:
    found = _found(state.src, state.pos, state.posMax)
    if found is None:
        return False
    mark, end = found
    if not silent:
        token = state.push("formula", "", 0)
        token.markup = state.src[state.pos : end]
        token.content = token.markup[len(mark) : -len(mark)].strip()
        token.meta = {"display": mark in ("$$", "\\[")}
    state.pos = end
    return True


def _found(text: str, begin: int, limit: int) -> tuple[str, int] | None:
    """Return how the formula at a place is marked, and where it ends."""
    limit = min(limit, begin + _LONGEST)
    mark = text[begin : begin + 2]
    if mark in _CLOSING:
        end = text.find(_CLOSING[mark], begin + 2, limit)
        return (mark, end + 2) if end > begin + 2 and text[begin + 2 : end].strip() else None
    if mark[:1] != "$" or mark[1:].isspace() or (begin and _BESIDE.match(text[begin - 1])):
        return None
    end = begin + 1
    while True:
        end = text.find("$", end, limit)
        if end < 0 or "\n" in text[begin:end]:
            return None
        if text[end - 1] != "\\":
            break
        end += 1
    inside = text[begin + 1 : end]
    is_closed = inside and not inside[-1].isspace() and not _BESIDE.match(text[end + 1 : end + 2])
    return ("$", end + 1) if is_closed and (_SIGNS.search(inside) or _NAME.fullmatch(inside)) else None


def _block(state: StateBlock, first: int, limit: int, silent: bool) -> bool:
    if state.is_code_block(first):
        return False
    begin = state.bMarks[first] + state.tShift[first]
    mark = state.src[begin : begin + 2]
    if mark not in ("$$", "\\["):
        return False
    closing, lines = _CLOSING[mark], []
    for line in range(first, min(limit, first + _MOST_LINES)):
        if line > first and state.sCount[line] < state.blkIndent:
            return False
        start = begin + 2 if line == first else min(state.bMarks[line] + state.blkIndent, state.eMarks[line])
        words = state.src[start : state.eMarks[line]].rstrip()
        if not words and line > first:
            return False  # an empty line
        if closing in words:
            if not words.endswith(closing) or words.index(closing) != len(words) - 2:
                return False
            lines.append(words[:-2])
            return silent or _push_block(state, first, line + 1, mark, "\n".join(lines))
        lines.append(words)
    return False


def _push_block(state: StateBlock, first: int, after: int, mark: str, content: str) -> bool:
    if not content.strip():
        return False
    token = state.push("formula", "", 0)
    token.block = True
    token.map = [first, after]
    token.content = content.strip()
    token.markup = f"{mark}{content}{_CLOSING[mark]}"
    token.meta = {"display": True}
    state.line = after
    return True
