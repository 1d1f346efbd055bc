"""The fonts, colours and distances of words and blocks, from the theme. Each format is made once for a document."""

from __future__ import annotations

from PySide6.QtGui import QFont, QTextBlockFormat, QTextCharFormat

from desktop_app.markdown.highlighting import Kind
from desktop_app.ui.transcript.markdown.document import CODE_PADDING, MARKS, code_header, set_line_height
from desktop_app.ui.widgets.theme import GRID, ColourRole, theme

_HEADING_PX = {1: 21, 2: 19, 3: 17}
_DEEPEST_QUOTE = 8  # levels that are set in further; more would leave no room for words
_QUOTE = 18  # px between the bars of two levels of quotes
_COLOURS: dict[Kind, ColourRole] = {
    "keyword": "code_keyword",
    "name": "code_name",
    "string": "code_string",
    "number": "code_number",
    "comment": "muted",
}


class Formats:
    """Makes character formats; equal ones are made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[frozenset[str], int, str], QTextCharFormat] = {}
        self._coloured: dict[Kind, QTextCharFormat] = {}
        self.code = QTextCharFormat()
        self.code.setFont(theme.font("mono"))

    def words(self, marks: frozenset[str], heading: int = 0, address: str = "") -> QTextCharFormat:
        """Return the format of words with `marks`: strong, em, s, code, quote, small."""
        made = self._made.get((marks, heading, address))
        if made is None:
            made = self._made[marks, heading, address] = _words(marks, heading, address)
        return made

    def coloured(self, kind: Kind) -> QTextCharFormat:
        """Return the format of words of a kind in code."""
        if kind not in self._coloured:
            look = QTextCharFormat(self.code)
            look.setForeground(theme.colour(_COLOURS[kind]))
            self._coloured[kind] = look
        return self._coloured[kind]


def _words(marks: frozenset[str], heading: int, address: str) -> QTextCharFormat:
    look = QTextCharFormat()
    look.setProperty(MARKS, " ".join(sorted(marks)))
    if heading:
        font = theme.font("strong")
        font.setPixelSize(theme.px(_HEADING_PX.get(heading, 15)))
        look.setFont(font, QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesAll)
    if "code" in marks:
        look.setFont(theme.font("mono"))
        look.setBackground(theme.colour("code"))
    elif "small" in marks:
        look.setFont(theme.font("small"))
    if "strong" in marks:
        look.setFontWeight(QFont.Weight.DemiBold)
    if "em" in marks:
        look.setFontItalic(True)
    if "s" in marks:
        look.setFontStrikeOut(True)
    if "raised" in marks:
        look.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignSuperScript)
    if address:
        look.setAnchor(True)
        look.setAnchorHref(address)
        look.setFontUnderline(True)
    if address or "raised" in marks:
        look.setForeground(theme.colour("accent"))
    elif "quote" in marks or "small" in marks:
        look.setForeground(theme.colour("muted"))
    return look


def paragraph(is_first: bool, in_list: bool, quote: int) -> QTextBlockFormat:
    """Return the format of a paragraph."""
    spacing = QTextBlockFormat()
    set_line_height(spacing, theme.line_height())
    gap = theme.px(2 if in_list else 6)
    spacing.setTopMargin(0 if is_first else gap)
    spacing.setBottomMargin(gap)
    return quoted(spacing, quote)


def heading(is_first: bool, level: int, quote: int) -> QTextBlockFormat:
    """Return the format of a heading."""
    spacing = QTextBlockFormat()
    set_line_height(spacing, round(theme.px(_HEADING_PX.get(level, 15)) * 1.4))
    spacing.setTopMargin(0 if is_first else theme.px(18))
    spacing.setBottomMargin(theme.px(6))
    spacing.setHeadingLevel(level)
    return quoted(spacing, quote)


def code(is_first: bool, after_code: bool, quote: int) -> QTextBlockFormat:
    """Return the format of code. Long lines wrap inside the panel, so that nothing of them is hidden."""
    spacing = quoted(QTextBlockFormat(), quote)
    spacing.setLeftMargin(spacing.leftMargin() + CODE_PADDING)
    spacing.setRightMargin(CODE_PADDING)
    spacing.setTopMargin(code_header() + (0 if is_first else GRID) + (CODE_PADDING if after_code else 0))
    spacing.setBottomMargin(CODE_PADDING + GRID)  # of the spaces of two blocks the larger counts
    set_line_height(spacing, theme.line_height("mono"))
    return spacing


def cell() -> QTextBlockFormat:
    """Return the format of the words in a table's cell."""
    spacing = QTextBlockFormat()
    set_line_height(spacing, theme.line_height())
    return spacing


def nothing() -> QTextBlockFormat:
    """Return the format of the empty block that Qt keeps behind a table at the end."""
    spacing = QTextBlockFormat()
    spacing.setLineHeight(1, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
    return spacing


def quoted(spacing: QTextBlockFormat, level: int) -> QTextBlockFormat:
    """Set a block of a quotation in."""
    if level:
        spacing.setProperty(QTextBlockFormat.Property.BlockQuoteLevel, level)
        spacing.setLeftMargin(spacing.leftMargin() + quote_indent(level))
    return spacing


def quote_indent(level: int) -> int:
    """Return how far the words of a quotation stand from the left."""
    return theme.px(_QUOTE) * min(level, _DEEPEST_QUOTE)
