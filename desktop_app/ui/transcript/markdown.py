"""Converts the Markdown of an answer to a document that loads nothing and shows HTML as plain text.

Qt's text documents read local files that Markdown names. So pictures in Markdown become their
description, and a request for a resource, should there ever be one, gets a transparent pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QUrl
from PySide6.QtGui import (
    QFont,
    QImage,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrame,
    QTextFrameFormat,
    QTextLength,
    QTextOption,
    QTextTable,
)

from desktop_app.services.conversation.markdown_source import LINE_END, prepare
from desktop_app.ui.widgets.long_text import MOST_LINES, MOST_SHOWN, shown_part, wrap_mode
from desktop_app.ui.widgets.theme import GRID, theme

CODE_PADDING = 14  # px, around code inside its panel
_CODE_HEADER = 34  # px at 100 % text size
_MOST_CELLS = 3_000  # of tables, or rather the strokes between them; with more, text is shown as it is
_DEEPEST_NESTING = 200  # marks of quotes or lists on one line; deeper ones cost Qt its stack
_DEEPEST_QUOTE = 8  # levels that are set in further; more would leave no room for words
_FEATURES = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML
_HEADING_PX = {1: 21, 2: 19, 3: 17}


def code_header() -> int:
    """Return how many px above code the language and the copy button take."""
    return theme.px(_CODE_HEADER)


@dataclass(frozen=True)
class CodeBlock:
    """A block of code: document positions of its first and behind its last character."""

    start: int
    end: int
    language: str
    text: str


class SafeDocument(QTextDocument):
    """A text document that loads no resource, whatever its text names."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0  # requests answered with an empty picture
        self.setUndoRedoEnabled(False)
        self.setDocumentMargin(0)
        self.wrap_for("")
        self.setDefaultFont(theme.font("body"))
        self.setIndentWidth(theme.px(24))

    def wrap_for(self, text: str) -> None:
        """Break the lines as suits `text`, which will be shown."""
        option = QTextOption()
        option.setWrapMode(wrap_mode(text))
        if option.wrapMode() != self.defaultTextOption().wrapMode():
            self.setDefaultTextOption(option)

    def loadResource(self, _kind: int, _name: QUrl | str) -> object:
        """Return one transparent pixel for everything. After nothing at all Qt would try to read the file itself."""
        self.refused += 1
        return _no_picture()


def _no_picture() -> QImage:
    image = QImage(1, 1, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    return image


def plain_document(text: str) -> SafeDocument:
    """Return a document that shows `text` character by character."""
    document = SafeDocument()
    set_plain_text(document, text)
    return document


def set_plain_text(document: SafeDocument, text: str) -> None:
    """Show `text` as it is, of a very long one the beginning; what is shown already is not laid out again."""
    text = shown_part(text)
    document.wrap_for(text)
    cursor = QTextCursor(document)
    cursor.movePosition(QTextCursor.MoveOperation.End)
    shown = document.toPlainText()
    if shown and text.startswith(shown):
        cursor.insertText(text[len(shown) :])
        return
    document.setPlainText(text)
    cursor.select(QTextCursor.SelectionType.Document)
    spacing = QTextBlockFormat()
    _set_line_height(spacing, theme.line_height())
    cursor.mergeBlockFormat(spacing)


def markdown_document(text: str) -> SafeDocument:
    """Return a document that shows Markdown in the theme's fonts and colours."""
    if _is_unreasonable(text):
        return plain_document(text)
    document = SafeDocument()
    document.wrap_for(text)
    document.setMarkdown(prepare(text), _FEATURES)
    changes = QTextCursor(document)
    changes.beginEditBlock()  # laid out once, not after each change
    _break_lines(document)
    _describe_pictures(document)
    _tidy_tables(document.rootFrame())
    _dress_blocks(document)
    _dress_tables(document.rootFrame())
    changes.endEditBlock()
    return document


def code_blocks(document: QTextDocument) -> list[CodeBlock]:
    """Return the blocks of code of a document in their order."""
    found: list[list[QTextBlock]] = []
    block = document.begin()
    while block.isValid():
        if _is_code(block):
            previous = block.previous()
            if _is_code(previous) and _language(previous) == _language(block):
                found[-1].append(block)
            else:
                found.append([block])
        block = block.next()
    return [
        CodeBlock(
            lines[0].position(),
            lines[-1].position() + lines[-1].length() - 1,
            _language(lines[0]),
            "\n".join(line.text() for line in lines),
        )
        for lines in found
    ]


def _is_unreasonable(text: str) -> bool:
    """Return whether Qt would need seconds to lay this out as Markdown, or all of its stack."""
    too_long = len(text) > MOST_SHOWN or text.count("\n") > MOST_LINES or text.count("|") > _MOST_CELLS
    return too_long or _is_deeply_nested(text)


def _is_deeply_nested(text: str) -> bool:
    for line in text.splitlines():
        marks = len(line) - len(line.lstrip(" \t>*+-0123456789.)"))
        if marks > _DEEPEST_NESTING:
            return True
    return False


def _is_code(block: QTextBlock) -> bool:
    return block.isValid() and block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeLanguage)


def _language(block: QTextBlock) -> str:
    return str(block.blockFormat().property(QTextFormat.Property.BlockCodeLanguage) or "")


def _set_line_height(spacing: QTextBlockFormat, height: int) -> None:
    # A minimum, not a fixed height: scripts with tall letters keep their marks.
    spacing.setLineHeight(height, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)


def _break_lines(document: QTextDocument) -> None:
    """Break the lines that `prepare` has marked, without beginning a paragraph."""
    cursor = document.find(LINE_END)
    while not cursor.isNull():
        place = cursor.selectionStart()
        block = cursor.block()
        is_last = place + 1 >= block.position() + block.length() - 1
        first = place - 1 if place > block.position() and document.characterAt(place - 1) == " " else place
        follows = not is_last and document.characterAt(place + 1) == " "
        cursor.setPosition(first)
        cursor.setPosition(place + (2 if follows else 1), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText("" if is_last else "\u2028")
        cursor = document.find(LINE_END, first)


def _describe_pictures(document: QTextDocument) -> None:
    """Put the description of each picture in its place, so that nothing is even asked for."""
    places: list[tuple[int, int, str]] = []
    block = document.begin()
    while block.isValid():
        for run in block.textFormats():
            if run.format.isImageFormat():
                image = run.format.toImageFormat()
                description = str(image.property(QTextFormat.Property.ImageAltText) or image.name())
                places.append((block.position() + run.start, run.length, description))
        block = block.next()
    for position, length, description in reversed(places):
        cursor = QTextCursor(document)
        cursor.setPosition(position)
        cursor.setPosition(position + length, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(f"[{description}]" * length, QTextCharFormat())


def _dress_blocks(document: QTextDocument) -> None:
    block = document.begin()
    while block.isValid():
        spacing = block.blockFormat()
        level = spacing.headingLevel()
        quote = int(spacing.property(QTextFormat.Property.BlockQuoteLevel) or 0)
        if _is_code(block):
            _dress_code(block, spacing)
        elif level:
            size = theme.px(_HEADING_PX.get(level, 15))
            _set_line_height(spacing, round(size * 1.4))
            spacing.setTopMargin(0 if block.position() == 0 else theme.px(18))
            spacing.setBottomMargin(theme.px(6))
        else:
            _set_line_height(spacing, theme.line_height())
            gap = theme.px(2 if block.textList() is not None else 6)
            in_table = QTextCursor(block).currentTable() is not None
            spacing.setTopMargin(0 if in_table or block.position() == 0 else gap)
            spacing.setBottomMargin(0 if in_table else gap)
        if spacing.hasProperty(QTextFormat.Property.BlockTrailingHorizontalRulerWidth):
            spacing.setBackground(theme.colour("line"))
        if quote:
            spacing.setLeftMargin(theme.px(18) * min(quote, _DEEPEST_QUOTE))
            spacing.setRightMargin(0)
        cursor = QTextCursor(block)
        cursor.setBlockFormat(spacing)
        _dress_runs(block, level, quote)
        block = block.next()


def _dress_code(block: QTextBlock, spacing: QTextBlockFormat) -> None:
    """Long lines wrap inside the panel, so that nothing of them is hidden."""
    first = not (_is_code(block.previous()) and _language(block.previous()) == _language(block))
    last = not (_is_code(block.next()) and _language(block.next()) == _language(block))
    above = GRID if block.position() else 0
    spacing.setNonBreakableLines(False)
    spacing.setLeftMargin(CODE_PADDING)
    spacing.setRightMargin(CODE_PADDING)
    spacing.setTopMargin(code_header() + above if first else 0)
    spacing.setBottomMargin(CODE_PADDING + GRID if last else 0)
    _set_line_height(spacing, theme.line_height("mono"))


def _dress_runs(block: QTextBlock, heading: int, quote: int) -> None:
    """Give each run of a block the theme's font and colour; a block of code is one run."""
    cursor = QTextCursor(block)
    for run in block.textFormats():
        cursor.setPosition(block.position() + run.start)
        cursor.setPosition(block.position() + run.start + run.length, QTextCursor.MoveMode.KeepAnchor)
        style = QTextCharFormat()
        if heading:
            font = theme.font("strong")
            font.setPixelSize(theme.px(_HEADING_PX.get(heading, 15)))
            style.setFont(font, QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesAll)
        elif run.format.fontFixedPitch() or _is_code(block):
            style.setFont(theme.font("mono"))
            if not _is_code(block):
                style.setBackground(theme.colour("code"))
        elif run.format.fontWeight() > QFont.Weight.Medium:
            style.setFontWeight(QFont.Weight.DemiBold)
        if run.format.isAnchor():
            style.setForeground(theme.colour("accent"))
            style.setFontUnderline(True)
        elif quote:
            style.setForeground(theme.colour("muted"))
        cursor.mergeCharFormat(style)


def _tidy_tables(frame: QTextFrame) -> None:
    """Remove the empty line Qt puts into the first cell of a table that follows code or a quotation."""
    for child in frame.childFrames():
        if isinstance(child, QTextTable):
            cursor = child.cellAt(0, 0).firstCursorPosition()
            end = child.cellAt(0, 0).lastCursorPosition().position()
            if not cursor.block().text() and cursor.position() < end:
                cursor.deleteChar()
        else:
            _tidy_tables(child)


def _dress_tables(frame: QTextFrame) -> None:
    for child in frame.childFrames():
        if isinstance(child, QTextTable):
            look = child.format()
            # Qt leaves out the space below a block that stands before a table.
            before = QTextCursor(child.firstCursorPosition())
            before.setPosition(max(0, child.firstPosition() - 2))
            above = CODE_PADDING + GRID if _is_code(before.block()) else 0
            look.setBorder(1)
            look.setBorderBrush(theme.colour("line"))
            look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
            look.setBorderCollapse(True)
            look.setCellSpacing(0)
            look.setCellPadding(theme.px(7))
            look.setTopMargin(theme.px(8) + above)
            look.setBottomMargin(theme.px(8))
            look.setWidth(QTextLength())
            child.setFormat(look)
            for column in range(child.columns()):
                _dress_head(child, column)
        else:
            _dress_tables(child)


def _dress_head(table: QTextTable, column: int) -> None:
    cell = table.cellAt(0, column)
    look = cell.format().toTableCellFormat()
    look.setBackground(theme.colour("code"))
    cell.setFormat(look)
    cursor = cell.firstCursorPosition()
    cursor.setPosition(cell.lastCursorPosition().position(), QTextCursor.MoveMode.KeepAnchor)
    bold = QTextCharFormat()
    bold.setFontWeight(QFont.Weight.DemiBold)
    cursor.mergeCharFormat(bold)
