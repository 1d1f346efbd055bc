"""What is drawn beside and between the words: bars of quotations, lines across the page, boxes and dots of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QTextBlock, QTextDocument, QTextFormat

from desktop_app.ui.transcript.markdown.document import BOX, DOT, QUOTED_IN, RULE
from desktop_app.ui.transcript.markdown.formats import quote_indent
from desktop_app.ui.widgets.theme import theme

_Kind = Literal["checked", "unchecked", "disc", "ring", "square"]
_BAR = 3  # px
_BOX = 14  # px
_DOT = 6  # px
_DOTS: tuple[_Kind, ...] = ("disc", "ring", "square")  # of a list, of one within it, of those within that
_MIDDLE_OF_LETTERS = 5  # px above the line on which they stand
_BESIDE_MARK = 7  # px between a box or a dot and the words
_BESIDE = 14  # px between a bar and the words


@dataclass(frozen=True)
class ItemMark:
    """What stands before an item of a list without numbers: the box of a task, or a dot."""

    rect: QRectF
    kind: _Kind
    is_quoted: bool


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


def item_marks(document: QTextDocument, origin: QPoint, clip: QRect) -> list[ItemMark]:
    """Return what stands before items without numbers, in `clip`; `origin`: where the document begins.

    Finding a place takes longer than painting there, so that they are found only where they are painted.
    """
    found = []
    box, dot, beside, middle = theme.px(_BOX), theme.px(_DOT), theme.px(_BESIDE_MARK), theme.px(_MIDDLE_OF_LETTERS)
    layout = document.documentLayout()
    block, end = (_block_at(document, y - origin.y()) for y in (clip.top(), clip.bottom()))
    end = end.next()
    while block.isValid() and block != end:
        kind = _kind(block)
        if kind is not None:
            side = box if kind in ("checked", "unchecked") else dot
            line = block.layout().lineAt(0)
            place = layout.blockBoundingRect(block).topLeft() + origin
            if block.textDirection() is Qt.LayoutDirection.RightToLeft:
                left = place.x() + line.naturalTextRect().right() + beside
            else:
                left = place.x() + line.x() - side - beside
            top = place.y() + line.y() + line.ascent() - middle - side / 2
            found.append(ItemMark(QRectF(round(left), round(top), side, side), kind, _quote_level(block) > 0))
        block = block.next()
    return found


def _block_at(document: QTextDocument, y: int) -> QTextBlock:
    """Return the block that is nearest to a height."""
    position = document.documentLayout().hitTest(QPointF(0, y), Qt.HitTestAccuracy.FuzzyHit)
    return document.findBlock(max(0, position))


def _kind(block: QTextBlock) -> _Kind | None:
    """Return what stands before a block: not the numbers, which Qt writes."""
    look = block.blockFormat()
    if look.hasProperty(DOT):
        return _DOTS[min(look.intProperty(DOT), len(_DOTS)) - 1]
    if look.hasProperty(BOX):
        return "checked" if look.property(BOX) else "unchecked"
    return None


def quote_bars(document: QTextDocument, origin: QPoint) -> list[QRect]:
    """Return where the bars are; `origin`: where the document begins.

    A bar stands left of all that is quoted: also of dots, numbers and the panels of code.
    """
    layout = document.documentLayout()
    bars: list[QRect] = []
    open_bars: list[int] = []  # for each level, which bar goes on
    block = document.begin()
    while block.isValid():
        level = _quote_level(block)
        if level > len(open_bars):
            place = layout.blockBoundingRect(block).toAlignedRect().translated(origin)
            lists = block.blockFormat().property(QUOTED_IN)
            for depth in range(len(open_bars) + 1, level + 1):
                words = quote_indent(depth) + round(lists[depth - 1] * document.indentWidth())
                left = origin.x() + words - theme.px(_BESIDE)
                open_bars.append(len(bars))
                bars.append(QRect(left, place.top() + 3, _BAR, place.height() - 3))
        following = block.next()
        goes_on = _quote_level(following) if following.isValid() else 0
        if goes_on < len(open_bars):  # asking where a block ends takes long
            bottom = layout.blockBoundingRect(block).toAlignedRect().translated(origin).bottom()
            for bar in open_bars[goes_on:]:
                bars[bar].setBottom(bottom)
            del open_bars[goes_on:]
        block = following
    return bars


def _quote_level(block: QTextBlock) -> int:
    return int(block.blockFormat().property(QTextFormat.Property.BlockQuoteLevel) or 0)
