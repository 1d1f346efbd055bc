"""Paints one message. The painter's origin is the top left corner of the message's row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QColor,
    QPainter,
    QPalette,
    QPen,
    QRegion,
    QTextCharFormat,
    QTextCursor,
)

from desktop_app.chat.conversation import Role, State
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.markdown.document import CODE_PADDING, SafeDocument, code_header
from desktop_app.ui.transcript.markdown.marks import ItemMark, item_marks
from desktop_app.ui.transcript.markdown.strips import Strip
from desktop_app.ui.transcript.pictures import PictureCache
from desktop_app.ui.transcript.row import BORDER_SIDE, BUBBLE_X, Row
from desktop_app.ui.transcript.waiting import Waiting
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.images import paint_edge
from desktop_app.ui.widgets.plain_text import one_line
from desktop_app.ui.widgets.theme import GRID, RADIUS, RADIUS_SMALL, ColourRole, theme

_BUBBLE_RADIUS = 2 * RADIUS_SMALL + 2
SELECTION = 0.25  # opacity of the accent behind selected words
HIT = 0.24  # opacity of the colour behind the words of a search
_BARS = 0.6  # opacity of the bars beside quotations
_DROPPED = 0.35  # opacity of pictures that the model no longer sees
_CHEVRON, _EYE = 14, 20  # px at 100 % text size
_CENTRED = int(Qt.AlignmentFlag.AlignHCenter) | int(Qt.TextFlag.TextWordWrap)


@dataclass(frozen=True)
class Look:
    """What of a row depends on the moment: its selection, and whether the keyboard or the model is on it."""

    selection: tuple[int, int] | None = None  # document positions (anchor, cursor)
    hits: Sequence[tuple[int, int]] = ()  # document positions of the words of a search
    hit: int = -1  # which of them the person went to last
    is_focused: bool = False
    focused_picture: int = -1
    is_dropped: bool = False  # by the model
    tells_version: bool = False  # no buttons stand there, which tell of it too


def paint_row(painter: QPainter, row: Row, look: Look, pictures: PictureCache, waiting: Waiting, clip: QRect) -> None:
    """Paint what of a row lies in `clip`."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if row.message.role is Role.NOTE:
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("muted"))
        painter.drawText(row.text, _CENTRED, words.note(row.message))
        return
    painter.setOpacity(_DROPPED if look.is_dropped else 1.0)
    _paint_pictures(painter, row, pictures)
    painter.setOpacity(1.0)
    if not row.bubble.isNull():
        _fill(painter, row.bubble, theme.colour("bubble"), _BUBBLE_RADIUS)
    chevron = "" if row.thought_head.isNull() else "down" if row.is_unfolded else "next"
    if not row.waiting.isNull():
        waiting.paint(painter, row.waiting, chevron if row.is_waiting else "")
    if chevron and not row.is_waiting:
        _paint_thought_head(painter, row, chevron)
    if row.thought_document is not None and row.thought.intersects(clip):
        _paint_thought(painter, row, row.thought_document, clip)
    if row.editor.isNull() and row.message.text:
        _paint_panels(painter, row)
        _paint_marks(painter, row, look, clip)
        _paint_text(painter, row, look, clip)
    if not row.mark.isNull():
        _paint_mark(painter, row)
    if look.tells_version and row.message.sibling[1] > 1 and row.editor.isNull():
        _paint_version(painter, row)
    if not row.border.isNull():
        _paint_border(painter, row)
    if look.is_focused:
        _paint_focus(painter, row, look)


def _fill(painter: QPainter, rect: QRect, colour: QColor, radius: int) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(rect, radius, radius)


def _paint_pictures(painter: QPainter, row: Row, pictures: PictureCache) -> None:
    ratio = painter.device().devicePixelRatio()
    for picture, place in zip(row.message.pictures, row.pictures, strict=False):  # none while it is edited
        pixmap = pictures.pixmap(picture.sha256, place.size(), ratio)
        if pixmap is None or pixmap.isNull():
            _fill(painter, place, theme.colour("bubble"), RADIUS)
            if pixmap is not None:  # it cannot be shown: its name stands for it
                painter.setPen(theme.colour("muted"))
                painter.setFont(theme.font("small"))
                painter.drawText(
                    place, int(Qt.AlignmentFlag.AlignCenter), _elided(painter, picture.name, place.width())
                )
        else:
            painter.drawPixmap(place.topLeft(), pixmap)
            paint_edge(painter, QRectF(place))


def _paint_panels(painter: QPainter, row: Row) -> None:
    for panel in row.panels:
        _fill(painter, panel.rect, theme.colour("code"), RADIUS)
        if panel.code.language:
            painter.setPen(theme.colour("muted"))
            painter.setFont(theme.font("tiny"))
            head = panel.rect.adjusted(CODE_PADDING, 0, -code_header(), 0)  # beside the copy button
            head.setHeight(code_header())
            language = _elided(painter, panel.code.language, head.width())
            painter.drawText(head, int(Qt.AlignmentFlag.AlignVCenter), language)


def _elided(painter: QPainter, name: str, width: int) -> str:
    return painter.fontMetrics().elidedText(one_line(name), Qt.TextElideMode.ElideRight, width)


def _paint_marks(painter: QPainter, row: Row, look: Look, clip: QRect) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    bars = theme.colour("edge")
    bars.setAlphaF(_BARS)
    painter.setBrush(bars)
    for bar in row.bars:
        painter.drawRoundedRect(bar, 1.5, 1.5)
    painter.setBrush(theme.colour("line"))
    for rule in row.rules:
        painter.drawRect(rule)
    for mark in item_marks(row.document, row.text.topLeft(), clip):
        _paint_item_mark(painter, mark, theme.colour("muted" if look.is_dropped or mark.is_quoted else "text"))


def _paint_item_mark(painter: QPainter, mark: ItemMark, words: QColor) -> None:
    """Paint a box, or a dot in the colour of the words."""
    is_box = mark.kind in ("checked", "unchecked")
    is_filled = mark.kind not in ("unchecked", "ring")
    edge = theme.colour("edge") if is_box else words
    painter.setPen(Qt.PenStyle.NoPen if is_filled else QPen(edge, 1.5 if is_box else 1.0))
    painter.setBrush((theme.colour("accent") if is_box else words) if is_filled else Qt.BrushStyle.NoBrush)
    if is_box:
        painter.drawRoundedRect(mark.rect.adjusted(0.75, 0.75, -0.75, -0.75), 3, 3)
    elif mark.kind == "square":
        painter.drawRect(mark.rect.adjusted(0.5, 0.5, -0.5, -0.5))
    else:
        painter.drawEllipse(mark.rect.adjusted(0.5, 0.5, -0.5, -0.5))
    if mark.kind == "checked":
        icons.paint(painter, "check", theme.colour("on_accent"), mark.rect.adjusted(1, 1, -1, -1))


def _paint_text(painter: QPainter, row: Row, look: Look, clip: QRect) -> None:
    context = QAbstractTextDocumentLayout.PaintContext()
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Text, theme.colour("muted" if look.is_dropped else "text"))
    palette.setColor(QPalette.ColorRole.Dark, theme.colour("line"))
    context.palette = palette
    origin = row.text.topLeft()
    context.clip = QRectF(clip.translated(-origin))
    washes = [_wash(row, hit, "eye", HIT) for number, hit in enumerate(look.hits) if number != look.hit]
    if 0 <= look.hit < len(look.hits):
        washes.append(_wash(row, look.hits[look.hit], "eye", 1.0, "on_eye"))
    if look.selection is not None and look.selection[0] != look.selection[1]:
        washes.append(_wash(row, look.selection, "accent", SELECTION))
    context.selections = washes
    painter.save()
    if row.strips:
        painter.setClipRegion(QRegion(clip) - _rooms(row))
    painter.translate(origin)
    row.document.documentLayout().draw(painter, context)
    painter.restore()
    for strip in row.strips:
        _paint_strip(painter, row, strip, context, clip)


def _rooms(row: Row) -> QRegion:
    region = QRegion()
    for strip in row.strips:
        region += QRect(row.text.left() - 1, strip.room.top(), strip.width + row.width, strip.room.height())
    return region


def _paint_strip(
    painter: QPainter, row: Row, strip: Strip, context: QAbstractTextDocumentLayout.PaintContext, clip: QRect
) -> None:
    """Paint what is seen of a wide table, and its bar."""
    moved = row.text.topLeft() - QPoint(strip.offset, 0)
    painter.save()
    painter.setClipRect(strip.room & clip)
    painter.translate(moved)
    context.clip = QRectF((strip.room & clip).translated(-moved))
    row.document.documentLayout().draw(painter, context)
    painter.restore()
    painter.setPen(Qt.PenStyle.NoPen)
    for place, colour in ((strip.groove(), theme.colour("line")), (strip.bar(), theme.colour("edge"))):
        painter.setBrush(colour)
        painter.drawRoundedRect(place, place.height() / 2, place.height() / 2)


def _wash(
    row: Row, place: tuple[int, int], background: ColourRole, opacity: float, text: ColourRole | None = None
) -> QAbstractTextDocumentLayout.Selection:
    """Return what paints a colour behind a part of the words."""
    washed = QAbstractTextDocumentLayout.Selection()
    cursor = QTextCursor(row.document)
    cursor.setPosition(place[0])
    cursor.setPosition(place[1], QTextCursor.MoveMode.KeepAnchor)
    colours = QTextCharFormat()
    wash = theme.colour(background)
    wash.setAlphaF(opacity)
    colours.setBackground(wash)
    if text is not None:
        colours.setForeground(theme.colour(text))
    washed.cursor = cursor
    washed.format = colours
    return washed


def _paint_thought_head(painter: QPainter, row: Row, chevron: str) -> None:
    colour = theme.colour("muted")
    sign, head = theme.px(_CHEVRON), row.thought_head
    place = QRectF(head.left(), head.top() + (head.height() - sign) / 2, sign, sign)
    icons.paint(painter, chevron, colour, place)
    painter.setPen(colour)
    painter.setFont(theme.font("small"))
    painter.drawText(
        head.adjusted(row.mark_indent(), 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), words.thought(row.message)
    )


def _paint_thought(painter: QPainter, row: Row, document: SafeDocument, clip: QRect) -> None:
    x = (theme.px(_EYE) if row.is_waiting else theme.px(_CHEVRON)) / 2  # below the sign of the line above
    painter.setPen(QPen(theme.colour("line"), 2))
    painter.drawLine(QPointF(x, row.thought.top() + 2), QPointF(x, row.thought.bottom() - 2))
    context = QAbstractTextDocumentLayout.PaintContext()
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Text, theme.colour("muted"))
    context.palette = palette
    context.clip = QRectF(clip.translated(-row.thought.topLeft()))
    painter.save()
    painter.translate(row.thought.topLeft())
    document.documentLayout().draw(painter, context)
    painter.restore()


def _paint_mark(painter: QPainter, row: Row) -> None:
    failed = row.message.state is State.FAILED
    colour = theme.colour("danger" if failed else "muted")
    sign = theme.px(16)
    name = "warning" if failed else "info"
    icons.paint(painter, name, colour, QRectF(row.mark.left(), row.mark.top() + 1, sign, sign))
    painter.setPen(colour)
    painter.setFont(theme.font("small"))
    room = row.mark.adjusted(row.mark_indent(), 0, 0, 0)
    painter.drawText(room, int(Qt.TextFlag.TextWordWrap), words.mark(row.message))


def _paint_version(painter: QPainter, row: Row) -> None:
    """Say under a message which of its versions is shown."""
    index, count = row.message.sibling
    side = Qt.AlignmentFlag.AlignRight if row.message.role is Role.USER else Qt.AlignmentFlag.AlignLeft
    painter.setFont(theme.font("tiny"))
    painter.setPen(theme.colour("muted"))
    place = row.actions.adjusted(0, 0, -BUBBLE_X if row.message.role is Role.USER else 0, 0)
    painter.drawText(place, int(side | Qt.AlignmentFlag.AlignVCenter), f"{index + 1}/{count}")


def _paint_border(painter: QPainter, row: Row) -> None:
    painter.setFont(theme.font("small"))
    painter.setPen(theme.colour("muted"))
    painter.drawText(row.border, _CENTRED | int(Qt.AlignmentFlag.AlignVCenter), row.border_text)
    words_width = min(painter.fontMetrics().horizontalAdvance(row.border_text), row.border.width() - 2 * BORDER_SIDE)
    length = (row.border.width() - words_width) // 2 - 2 * GRID
    painter.setPen(QPen(theme.colour("line"), 1))
    y = row.border.center().y() + 0.5
    painter.drawLine(QPointF(row.border.left(), y), QPointF(row.border.left() + length, y))
    painter.drawLine(QPointF(row.border.right() - length, y), QPointF(row.border.right(), y))


def _paint_focus(painter: QPainter, row: Row, look: Look) -> None:
    """A thin line beside an answer, or around a bubble or picture."""
    pen = QPen(theme.colour("accent"), 2)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    if 0 <= look.focused_picture < len(row.pictures):
        painter.drawRoundedRect(row.pictures[look.focused_picture], RADIUS, RADIUS)
    elif not row.bubble.isNull():
        painter.drawRoundedRect(row.bubble, _BUBBLE_RADIUS, _BUBBLE_RADIUS)
    elif row.editor.isNull():
        bottom = row.actions.top() if not row.actions.isNull() else row.text.bottom()
        painter.drawLine(QPointF(-12, row.text.top() + 3), QPointF(-12, bottom - 3))
