"""Writes a stretch of a document as Markdown: what is selected of it, with the marks that its words are shown with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from PySide6.QtGui import QTextBlock, QTextCharFormat, QTextCursor, QTextFormat, QTextList, QTextListFormat, QTextTable

from desktop_app.ui.transcript.markdown.document import BOX, MARKS, RULE, SOURCE, SafeDocument
from desktop_app.ui.widgets.plain_text import between

_SIGNS = {"strong": "**", "em": "*", "s": "~~"}
_INDENT = 4  # spaces of what belongs to the item of a list
_MEANS_MARKS = re.compile(r"[\\`]|(?<!\s)\*|\*(?!\s)|(?<!\w)_|_(?!\w)|~~|\[(?=[^\]]*\]\()")
_MEANS_BLOCK = re.compile(r"^(\d*)([#>+.)-])(?=[#\s])")


class _Written(NamedTuple):
    """A block as Markdown."""

    lines: list[str]
    quote: int = 0  # levels of quotation
    is_item: bool = False  # items stand close together


def markdown_of(document: SafeDocument, start: int, end: int) -> str:
    """Return what stands between two positions as Markdown; of a table whole rows, below its head."""
    found = ""
    previous: _Written | None = None
    for written in _blocks(document, start, end):
        if previous is not None:
            quoted = "> " * min(previous.quote, written.quote)
            found += "\n" if previous.is_item and written.is_item else f"\n{quoted.rstrip()}\n"
        found += "\n".join(("> " * written.quote + line).rstrip() for line in written.lines)
        previous = written
    return found


def _blocks(document: SafeDocument, start: int, end: int) -> Iterator[_Written]:
    block, room = document.findBlock(start), 0
    while block.isValid() and block.position() <= end:
        table: QTextTable | None = QTextCursor(block).currentTable()
        if table is not None:
            last = min(end, table.lastPosition())
            yield _Written(_table(table, block.position(), last), _quote(block))
            block, room = document.findBlock(table.lastPosition() + 1), 0
            continue
        lines = _lines(document, block, start, end)
        if lines:
            written = _in_place(block, lines, room)
            room = len(written.lines[0]) - len(written.lines[0].lstrip()) + _INDENT * written.is_item
            yield written
        block = block.next()


def _lines(document: SafeDocument, block: QTextBlock, start: int, end: int) -> list[str]:
    """Return the lines of a block without what they stand in; [] if there is nothing to be written."""
    if block.blockFormat().property(RULE):
        return [] if _is_small(block.next()) else ["---"]  # footnotes have a line above them
    code = next((each for each in document.parts.codes if each.start == block.position()), None)
    if code is not None:
        lines = _text(block, start, end).split("\n")
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code.text)), default=0))
        return [fence + code.language, *lines, fence]
    words = _marked(_runs(block, start, end)).strip()
    level = block.blockFormat().headingLevel()
    if level and words:
        return ["#" * level + " " + words.replace("\n", " ")]
    return [_MEANS_BLOCK.sub(r"\1\\\2", line.strip()) for line in words.split("\n")] if words else []


def _in_place(block: QTextBlock, lines: list[str], room: int) -> _Written:
    """Return lines as deep in lists as they stand.

    `room`: how far they may be set in to belong to an item above. Without that item they would be code.
    """
    marker, depth = _marker(block)
    pad = " " * min(_INDENT * (depth - 1 if marker else depth), room)
    hanging = pad + " " * len(marker)
    first, *others = lines
    return _Written([pad + marker + first, *(hanging + line for line in others)], _quote(block), bool(marker))


def _marker(block: QTextBlock) -> tuple[str, int]:
    """Return what stands before the first block of an item, "" before others, and in how many lists it is."""
    box = block.blockFormat().property(BOX)
    items: QTextList | None = block.textList()
    if box is not None:
        return ("- [x] " if box else "- [ ] "), block.blockFormat().indent()
    if items is None:
        return "", block.blockFormat().indent()
    look = items.format()
    number = items.itemNumber(block)
    if look.style() != QTextListFormat.Style.ListDecimal:
        return "- ", look.indent()
    if _is_small(block):
        return f"[^{number + 1}]: ", look.indent()
    return f"{number + (look.start() if hasattr(look, 'start') else 1)}. ", look.indent()


def _table(table: QTextTable, first: int, last: int) -> list[str]:
    top, bottom = table.cellAt(first).row(), table.cellAt(last).row()
    rows = [0, *range(max(1, top), (bottom if bottom >= 0 else table.rows() - 1) + 1)]
    lines = []
    for row in rows:
        cells = []
        for column in range(table.columns()):
            cell = table.cellAt(row, column)
            block = cell.firstCursorPosition().block()
            runs = _runs(block, block.position(), cell.lastPosition())
            words = _marked(runs, without="strong" if row == 0 else "")  # with which heads are shown
            cells.append(words.replace("|", r"\|").replace("\n", " "))
        lines.append(f"| {' | '.join(cells)} |")
    lines.insert(1, "|" + " --- |" * table.columns())
    return lines


# ---- words -----------------------------------------------------------------------------


def _text(block: QTextBlock, start: int, end: int) -> str:
    begin = block.position()
    return between(block.text(), max(0, start - begin), end - begin).replace("\u2028", "\n").replace("\u00a0", " ")


def _runs(block: QTextBlock, start: int, end: int) -> Iterator[tuple[str, QTextCharFormat]]:
    begin = block.position()
    for run in block.textFormats():
        first, after = max(start, begin + run.start), min(end, begin + run.start + run.length)
        if first < after:
            yield _text(block, first, after), run.format


def _marked(runs: Iterable[tuple[str, QTextCharFormat]], without: str = "") -> str:
    """Return runs with signs around them; marks that go on from one to the next are not ended between them."""
    found: list[str] = []
    ends: list[str] = []  # of the marks that are open
    opened: list[tuple[str, str]] = []
    space = ""  # signs stand close to the words
    for words, look in runs:
        core = words.strip(" \n")
        if not core:
            space += words
            continue
        wanted, text = _signs(core, look, without)
        kept = 0
        while kept < min(len(opened), len(wanted)) and opened[kept] == wanted[kept]:
            kept += 1
        found += [*reversed(ends[kept:]), space, words[: words.index(core)]]
        found += [begin for begin, _ in wanted[kept:]]
        found.append(text)
        opened, ends = wanted, [finish for _, finish in wanted]
        space = words[words.index(core) + len(core) :]
    return "".join([*found, *reversed(ends), space])


def _signs(words: str, look: QTextCharFormat, without: str) -> tuple[list[tuple[str, str]], str]:
    """Return the signs before and after words, the outer ones first, and how the words are written."""
    source = look.property(SOURCE)
    marks = _marks(look)
    signs = [("[", f"]({look.anchorHref()})")] if look.isAnchor() else []
    signs += [(sign, sign) for mark, sign in _SIGNS.items() if mark in marks and mark != without]
    if source:
        return signs, str(source) * len(words)
    if "raised" in marks:
        return signs, f"[^{words}]"
    if "code" in marks:
        tick = "``" if "`" in words else "`"
        return signs, f"{tick}{words}{tick}"
    return signs, _MEANS_MARKS.sub(r"\\\g<0>", words)


def _marks(look: QTextCharFormat) -> list[str]:
    return str(look.property(MARKS) or "").split()


def _is_small(block: QTextBlock) -> bool:
    """Return whether a block is one of the footnotes."""
    return "small" in _marks(block.charFormat())


def _quote(block: QTextBlock) -> int:
    return int(block.blockFormat().property(QTextFormat.Property.BlockQuoteLevel) or 0)
