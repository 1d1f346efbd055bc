"""Draws formulas among the words of a document, on the line they stand on and in the colour of its words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPyTextObject, QTextCharFormat, QTextDocument, QTextFormat
from PySide6.QtSvg import QSvgRenderer

from desktop_app.markdown.typesetting import COLOUR, SIZE, Drawing
from desktop_app.ui.transcript.markdown.document import DISPLAY, DRAWN, FORMULA, SOURCE, Formula, SafeDocument
from desktop_app.ui.widgets.theme import theme

CENTRED = Qt.AlignmentFlag.AlignHCenter
OBJECT = "\N{OBJECT REPLACEMENT CHARACTER}"  # stands for a formula in the text of a document
_LETTERS = 16.5  # px: the font of formulas has smaller letters than that of the words


def formula_format(formula: Formula, written: str, base: QTextCharFormat) -> QTextCharFormat:
    """Return the format of the character that stands for a formula."""
    look = QTextCharFormat(base)
    look.setObjectType(FORMULA)
    look.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)
    look.setProperty(SOURCE, written)
    look.setProperty(DRAWN, formula.source)
    look.setProperty(DISPLAY, formula.display)
    return look


def formula_width(look: QTextFormat, drawings: Mapping[Formula, Drawing]) -> float:
    """Return how wide the formula of a format is drawn, in px."""
    drawing = drawings.get(_formula(look))
    return 0.0 if drawing is None else drawing.width * _scale()


def let_draw(document: QTextDocument) -> None:
    """Let a document draw its formulas."""
    document.documentLayout().registerHandler(FORMULA, _handler())


class _FormulaObject(QPyTextObject):
    """Tells Qt how much room a formula takes on its line, and draws it there.

    Qt centres the room on the middle of small letters; room is left so that the baseline is where it belongs.
    """

    def intrinsicSize(self, document: QTextDocument, _position: int, look: QTextFormat) -> QSizeF:
        """Return the room."""
        drawing = _drawing(document, look)
        if drawing is None:
            return QSizeF()
        above, below = drawing.ascent * _scale(), (drawing.height - drawing.ascent) * _scale()
        middle = _middle(look)
        return QSizeF(drawing.width * _scale(), max(2 * above - middle, 2 * below + middle))

    def drawObject(
        self, painter: QPainter, room: QRectF | QRect, document: QTextDocument, _position: int, look: QTextFormat
    ) -> None:
        """Draw it."""
        drawing = _drawing(document, look)
        if drawing is not None:
            baseline = room.top() + (room.height() + _middle(look)) / 2
            scale = _scale()
            place = QRectF(
                room.left(), baseline - drawing.ascent * scale, drawing.width * scale, drawing.height * scale
            )
            brush = look.toCharFormat().foreground()
            colour = brush.color() if brush.style().value else theme.colour("text")
            _renderer(drawing, colour.name()).render(painter, place)


def _drawing(document: QTextDocument, look: QTextFormat) -> Drawing | None:
    return document.parts.drawings.get(_formula(look)) if isinstance(document, SafeDocument) else None


def _formula(look: QTextFormat) -> Formula:
    return Formula(str(look.property(DRAWN)), bool(look.property(DISPLAY)))


def _scale() -> float:
    return theme.px(100) / 100 * _LETTERS / SIZE


def _middle(look: QTextFormat) -> float:
    font: QFont = look.toCharFormat().font()
    return QFontMetricsF(font).xHeight() / 2


@cache
def _handler() -> _FormulaObject:
    return _FormulaObject()


@lru_cache(maxsize=256)
def _renderer(drawing: Drawing, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(drawing.svg.replace(COLOUR, colour).encode()))
