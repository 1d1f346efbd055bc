"""Tables: how they look, and how wide their columns are in a page of a given width."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
    QTextTableCell,
    QTextTableCellFormat,
    QTextTableFormat,
)

from desktop_app.markdown.typesetting import Drawing
from desktop_app.ui.transcript.markdown.document import Formula, SafeDocument, ShownTable
from desktop_app.ui.transcript.markdown.formulas import OBJECT, formula_width
from desktop_app.ui.widgets.plain_text import between
from desktop_app.ui.widgets.theme import GRID, theme

ALIGNMENTS = {
    "left": Qt.AlignmentFlag.AlignLeft,
    "right": Qt.AlignmentFlag.AlignRight,
    "center": Qt.AlignmentFlag.AlignHCenter,
}
_PADDING = 7  # px
_COMFORTABLE = 220  # px; a column is no narrower for want of room, if its words are as wide
_MOST = 320  # px; words of one column are wrapped at it
_BELOW = 12  # px, in which the bar of a wide table is


def table_format(indent: int) -> QTextTableFormat:
    """Return the format of a table that stands `indent` px from the left."""
    look = QTextTableFormat()
    look.setBorder(1)
    look.setBorderBrush(theme.colour("line"))
    look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    look.setBorderCollapse(True)
    look.setCellSpacing(0)
    look.setCellPadding(theme.px(_PADDING))
    look.setTopMargin(GRID)
    look.setBottomMargin(_BELOW)
    look.setLeftMargin(indent)
    look.setHeaderRowCount(1)
    return look


def head_format(cell: QTextTableCell) -> QTextTableCellFormat:
    """Return the format of a cell of the first row."""
    look = cell.format().toTableCellFormat()
    look.setBackground(theme.colour("code"))
    return look


def measured(table: QTextTable, drawings: Mapping[Formula, Drawing]) -> ShownTable:
    """Return a table with the widths of its columns, if no words were wrapped."""
    body, strong, code = (QFontMetricsF(theme.font(role)) for role in ("body", "strong", "mono"))
    columns = []
    for column in range(table.columns()):
        widest = 0.0
        for row in range(table.rows()):
            block = table.cellAt(row, column).firstCursorPosition().block()
            width = 0.0
            for run in block.textFormats():
                words = between(block.text(), run.start, run.start + run.length)
                if OBJECT in words:
                    width += formula_width(run.format, drawings)
                else:
                    metrics = code if run.format.fontFixedPitch() else strong if run.format.fontWeight() > 500 else body
                    width += max(map(metrics.horizontalAdvance, words.split("\u2028")))
            widest = max(widest, width)
        columns.append(round(widest) + 2)
    return ShownTable(table, tuple(columns))


def fit(document: SafeDocument, width: int) -> None:
    """Give the columns of all tables widths for a page; what has no room becomes wider than the page."""
    for shown in document.parts.tables:
        look = shown.table.format()
        beside = 2 * theme.px(_PADDING) + 2
        room = width - round(look.leftMargin()) - 2
        columns = [min(natural, theme.px(_MOST)) for natural in shown.columns]
        if sum(columns) + beside * len(columns) > room:
            least = [min(natural, theme.px(_COMFORTABLE)) for natural in shown.columns]
            spare = max(0, room - sum(least) - beside * len(columns))
            wanted = sum(columns) - sum(least)
            columns = [
                small + (spare * (large - small) // wanted if wanted else 0)
                for small, large in zip(least, columns, strict=True)
            ]
        fixed = QTextLength.Type.FixedLength
        look.setColumnWidthConstraints([QTextLength(fixed, column + beside - 2) for column in columns])
        shown.table.setFormat(look)
