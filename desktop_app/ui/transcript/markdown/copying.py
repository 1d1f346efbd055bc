"""Gives the words of a document back: Markdown for several blocks, those of one as they are seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication, QTextBlock, QTextCursor, QTextTable

from desktop_app.ui.transcript.markdown.document import SOURCE, SafeDocument
from desktop_app.ui.transcript.markdown.fragments import markdown_of


@dataclass(frozen=True)
class Piece:
    """Something to be copied."""

    text: str
    is_markdown: bool


def copy(pieces: Iterable[Piece]) -> None:
    """Put pieces on the clipboard: as they were written, and laid out for programs that take that."""
    found = list(pieces)
    data = QMimeData()
    data.setText("\n\n".join(piece.text for piece in found))
    if any(piece.is_markdown for piece in found):
        from desktop_app.markdown.html import plain_html, to_html

        html = "\n".join(
            to_html(piece.text, coloured=False) if piece.is_markdown else plain_html(piece.text) for piece in found
        )
        data.setData("text/html", html.encode())
    QGuiApplication.clipboard().setMimeData(data)


def selected(document: SafeDocument, source: str, start: int, end: int, *, alone: bool = True) -> list[Piece]:
    """Return what stands between two positions; `source`: the Markdown of the document.

    `alone`: nothing else is copied with it, so words of one paragraph are given as they are seen.
    """
    if alone and is_one_paragraph(document, start, end):
        return _plain(document, start, end)
    is_one_block = alone and document.findBlock(start) == document.findBlock(end)
    part = _plain if is_one_block or not document.parts.lines else _marked
    lines = source.split("\n")
    pieces: list[Piece] = []
    place = start
    for block in document.parts.lines:
        if start <= block.start < block.end <= end:
            pieces += part(document, place, block.start - 1)
            pieces.append(Piece("\n".join(lines[block.first : block.after]).strip("\n"), is_markdown=True))
            place = block.end + 1
    return [*pieces, *part(document, place, end)]


def is_one_paragraph(document: SafeDocument, start: int, end: int) -> bool:
    """Return whether words of one paragraph of Markdown are selected: those are copied as they are seen."""
    if not document.parts.lines:
        return False
    block = document.findBlock(start)
    return block == document.findBlock(end) and block.textList() is None and not block.blockFormat().headingLevel()


def _marked(document: SafeDocument, start: int, end: int) -> list[Piece]:
    text = markdown_of(document, start, end) if start < end else ""
    return [Piece(text, is_markdown=True)] if text.strip() else []


def _plain(document: SafeDocument, start: int, end: int) -> list[Piece]:
    text = plain_text(document, start, end)
    return [Piece(text, is_markdown=False)] if text.strip() else []


def plain_text(document: SafeDocument, start: int, end: int) -> str:
    """Return the words between two positions; formulas are given as they were written, cells stand beside a tab."""
    found: list[str] = []
    previous = None
    block = document.findBlock(start)
    while block.isValid() and block.position() <= end:
        if previous is not None:
            found.append(_between(previous, block))
        begin, words = block.position(), block.text()
        for run in block.textFormats():
            first, after = max(start, begin + run.start), min(end, begin + run.start + run.length)
            if first < after:
                written = run.format.property(SOURCE)
                found.append(str(written) * (after - first) if written else words[first - begin : after - begin])
        previous, block = block, block.next()
    return "".join(found).replace("\u2028", "\n").replace("\u00a0", " ").rstrip("\n")


def _between(previous: QTextBlock, block: QTextBlock) -> str:
    table: QTextTable | None = QTextCursor(block).currentTable()
    if table is not None:
        cell, before = table.cellAt(block.position()), table.cellAt(previous.position())
        if before.isValid() and before.row() == cell.row():
            return "\t"
        return "\n" if before.isValid() or previous.length() > 1 else ""
    return "\n"
