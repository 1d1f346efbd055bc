"""What is drawn beside and between the words: bars of quotations, lines across the page, boxes of tasks."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QTextDocument, QTextFormat

from desktop_app.ui.transcript.markdown.document import BOX, RULE
from desktop_app.ui.transcript.markdown.formats import quote_indent
from desktop_app.ui.widgets.theme import theme

_BAR = 3  # px
_BOX = 14  # px
_ABOVE_BASELINE = 12  # px
_BESIDE_BOX = 7  # px
_BESIDE = 14  # px between a bar and the words


@dataclass(frozen=True)
class Box:
    """The box of a task."""

    rect: QRect
    is_checked: bool


def rules(document: QTextDocument, text: QRect) -> list[QRect]:
    """Return where lines go across the page; `text`: where the document is."""
    found = []
    block = document.begin()
    while block.isValid():
        if block.blockFormat().hasProperty(RULE):
            place = document.documentLayout().blockBoundingRect(block).toRect().translated(text.topLeft())
            found.append(QRect(text.left(), place.center().y(), text.width(), 1))
        block = block.next()
    return found


def boxes(document: QTextDocument, origin: QPoint) -> list[Box]:
    """Return the boxes of tasks; `origin`: where the document begins."""
    found = []
    block = document.begin()
    while block.isValid():
        if block.blockFormat().hasProperty(BOX):
            line = block.layout().lineAt(0)
            place = document.documentLayout().blockBoundingRect(block).topLeft() + line.position()
            side = theme.px(_BOX)
            top = place.y() + line.ascent() - theme.px(_ABOVE_BASELINE)
            rect = QRect(round(place.x()) - side - theme.px(_BESIDE_BOX), round(top), side, side)
            found.append(Box(rect.translated(origin), bool(block.blockFormat().property(BOX))))
        block = block.next()
    return found


def quote_bars(document: QTextDocument, origin: QPoint) -> list[QRect]:
    """Return where the bars are; `origin`: where the document begins."""
    layout = document.documentLayout()
    bars: list[QRect] = []
    open_bars: list[int] = []  # for each level, which bar goes on
    block = document.begin()
    while block.isValid():
        level = int(block.blockFormat().property(QTextFormat.Property.BlockQuoteLevel) or 0)
        del open_bars[level:]
        if level:
            place = layout.blockBoundingRect(block).toAlignedRect().translated(origin)
            words = place.left() + round(block.layout().lineAt(0).x()) if block.layout().lineCount() else place.left()
            for depth in range(1, level + 1):
                left = words - (quote_indent(level) - quote_indent(depth)) - theme.px(_BESIDE)
                if depth > len(open_bars):
                    bars.append(QRect(left, place.top() + 3, _BAR, place.height() - 3))
                    open_bars.append(len(bars) - 1)
                else:
                    bars[open_bars[depth - 1]].setBottom(place.bottom())
        block = block.next()
    return bars
