"""Builds the document of an answer from the tokens of its Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QTextBlockFormat, QTextCharFormat, QTextCursor, QTextList, QTextListFormat

from desktop_app.markdown.highlighting import is_known
from desktop_app.markdown.parser import language_of, parse
from desktop_app.ui.transcript.markdown import formats, formulas, tables
from desktop_app.ui.transcript.markdown.document import (
    BOX,
    CODE_PADDING,
    DOT,
    QUOTED_IN,
    RULE,
    Code,
    CodeBlock,
    Formula,
    SafeDocument,
    SourceLines,
    plain_document,
)
from desktop_app.ui.transcript.markdown.finishing import finished
from desktop_app.ui.widgets.long_text import MOST_LINES, MOST_SHOWN
from desktop_app.ui.widgets.theme import COLUMN, theme

if TYPE_CHECKING:
    from markdown_it.token import Token

_MOST_FORMULAS = 200  # of one answer; more stay as they were written
_MARKS = ("strong", "em", "s")
_BREAK = "\N{LINE SEPARATOR}"


def markdown_document(text: str, width: int = COLUMN) -> SafeDocument:
    """Return a document that shows Markdown in the theme's fonts and colours, on a page of `width` px."""
    too_much = len(text) > MOST_SHOWN or text.count("\n") > MOST_LINES
    tokens = None if too_much else parse(text)
    if tokens is None:
        return plain_document(text)
    document = SafeDocument()
    document.wrap_for(text)
    formulas.let_draw(document)
    document.setTextWidth(width)
    _Builder(document).build(tokens)
    return document


@dataclass
class _List:
    """A list that is being built. `due`: its next block gets the number or the dot."""

    look: QTextListFormat
    quote: int = 0  # how many quotations are around it
    made: QTextList | None = None
    due: bool = False
    box: bool | None = None  # whether the item has a box, and that is checked


class _Builder:
    """Goes through the tokens with a cursor at the end of the document."""

    def __init__(self, document: SafeDocument) -> None:
        self._document = document
        self._parts = document.parts
        self._cursor = QTextCursor(document)
        self._formats = formats.Formats()
        self._is_fresh = True  # the cursor is in an empty block that nothing has used
        self._is_first = True  # nothing has been built
        self._lists: list[_List] = []
        self._quoted_in: list[int] = []  # for each quotation that is open, in how many lists it is
        self._heading = 0
        self._small = False
        self._formulas = 0

    def build(self, tokens: Sequence[Token]) -> None:
        """Build it all."""
        self._cursor.beginEditBlock()  # laid out once, not after each change
        index = 0
        while index < len(tokens):
            first, begin = tokens[index], self._cursor.position() + (not self._is_fresh)
            while True:
                token = tokens[index]
                index = self._table(tokens, index) if token.type == "table_open" else self._one(token, index)
                if tokens[index - 1].level == 0 and tokens[index - 1].nesting <= 0:
                    break
            if first.map:
                self._parts.lines.append(SourceLines(begin, self._cursor.position(), *first.map))
        tables.fit(self._document, round(self._document.textWidth()))
        self._leave_room_for_code()
        self._cursor.endEditBlock()

    def _leave_room_for_code(self) -> None:
        """Let the panel of code that begins or ends the answer be inside: Qt leaves out the outermost spaces."""
        codes, frame = self._parts.codes, self._document.rootFrame()
        spacing = frame.frameFormat()
        if codes and codes[0].start == 0:
            spacing.setTopMargin(self._document.begin().blockFormat().topMargin())
        if codes and codes[-1].end == self._cursor.position():
            spacing.setBottomMargin(CODE_PADDING)
        frame.setFrameFormat(spacing)

    @property
    def _quote(self) -> int:
        return len(self._quoted_in)

    # ---- blocks ----------------------------------------------------------------------------

    def _one(self, token: Token, index: int) -> int:
        match token.type:
            case "paragraph_open":
                self._begin(formats.paragraph(self._is_first, bool(self._lists), self._quote))
            case "heading_open":
                self._heading = int(token.tag[1:])
                self._begin(formats.heading(self._is_first, self._heading, self._quote))
            case "heading_close":
                self._heading = 0
            case "inline":
                self.inline(token.children or [])
            case "fence" | "code_block":
                self._code(token)
            case "formula":
                self._display(token)
            case "hr":
                self._rule()
            case "blockquote_open":
                self._quoted_in.append(len(self._lists))
            case "blockquote_close":
                self._quoted_in.pop()
            case "bullet_list_open" | "ordered_list_open":
                self._open_list(token)
            case "bullet_list_close" | "ordered_list_close" | "footnote_block_close":
                self._lists.pop()
                self._small = False
            case "list_item_open":
                self._lists[-1].due, self._lists[-1].box = True, token.meta.get("checked")
            case "footnote_block_open":
                self._footnotes()
            case "footnote_open":
                self._lists[-1].due = True
            case _:  # the ends of blocks
                pass
        return index + 1

    def _begin(self, spacing: QTextBlockFormat) -> None:
        """Begin a block; the first of a list item is given its number or dot."""
        depth = len(self._lists)
        for level, outer in enumerate(self._lists, 1):
            if outer.due and (level < depth or outer.quote < self._quote):  # its item begins with a list or a quotation
                self._add(formats.paragraph(self._is_first, True, outer.quote), outer, level)
        self._add(spacing, self._lists[-1] if depth else None, depth)

    def _add(self, spacing: QTextBlockFormat, holder: _List | None, depth: int) -> None:
        is_item = holder is not None and holder.due
        if depth and not is_item:
            spacing.setIndent(depth)
        if holder is not None and is_item and holder.box is not None:
            holder.due = is_item = False
            spacing.setIndent(depth)
            spacing.setProperty(BOX, holder.box)
        if holder is not None and is_item and holder.look.style() == QTextListFormat.Style.ListStyleUndefined:
            spacing.setProperty(DOT, holder.look.indent())
        if self._quoted_in:
            spacing.setProperty(QUOTED_IN, self._quoted_in)
        look = self._words(frozenset())
        if self._is_fresh:
            self._cursor.setBlockFormat(spacing)
            self._cursor.setBlockCharFormat(look)
        else:
            self._cursor.insertBlock(spacing, look)
        self._is_fresh = self._is_first = False
        if holder is not None and is_item:
            holder.due = False
            if holder.made is None:
                holder.made = self._cursor.createList(holder.look)
            else:
                holder.made.add(self._cursor.block())
        elif self._cursor.currentList() is not None:
            self._cursor.currentList().remove(self._cursor.block())
            self._cursor.setBlockFormat(spacing)

    def _open_list(self, token: Token) -> None:
        look = QTextListFormat()
        look.setIndent(len(self._lists) + 1)
        if token.type == "ordered_list_open":
            look.setStyle(QTextListFormat.Style.ListDecimal)
            start = int(token.attrs.get("start", 1))
            if hasattr(look, "setStart"):
                look.setStart(start)
        else:
            look.setStyle(QTextListFormat.Style.ListStyleUndefined)  # marks.py draws the dots: Qt's stand too near
        self._lists.append(_List(look, self._quote))

    def _footnotes(self) -> None:
        """Begin the footnotes: a numbered list in small letters below a line."""
        self._rule()
        look = QTextListFormat()
        look.setIndent(1)
        look.setStyle(QTextListFormat.Style.ListDecimal)
        self._lists.append(_List(look))
        self._small = True

    def _rule(self) -> None:
        spacing = formats.paragraph(self._is_first, False, self._quote)
        spacing.setProperty(RULE, True)
        self._begin(spacing)
        self._cursor.insertText("\u00a0", self._words(frozenset()))  # Qt puts an empty block beside a table

    def _code(self, token: Token) -> None:
        text = token.content.removesuffix("\n")
        language = language_of(token)
        codes = self._parts.codes
        after_code = bool(codes) and codes[-1].end == self._cursor.position()
        self._begin(formats.code(self._is_first, after_code, self._quote))
        self._cursor.setBlockCharFormat(self._formats.code)
        start = self._cursor.position()
        code = Code(text, language)
        if is_known(language) and code not in finished:
            self._parts.unfinished.add(code)
        place = 0
        for begin, end, kind in finished.spans(code):
            self._cursor.insertText(text[place:begin].replace("\n", _BREAK), self._formats.code)
            self._cursor.insertText(text[begin:end].replace("\n", _BREAK), self._formats.coloured(kind))
            place = end
        self._cursor.insertText(text[place:].replace("\n", _BREAK), self._formats.code)
        codes.append(CodeBlock(start, self._cursor.position(), " ".join(token.info.split()), text))

    def _display(self, token: Token) -> None:
        """Show a formula in the middle of a line of its own."""
        spacing = formats.paragraph(self._is_first, bool(self._lists), self._quote)
        formula = Formula(token.content, True)
        if finished.drawing(formula) is not None:
            spacing.setAlignment(formulas.CENTRED)
        self._begin(spacing)
        self._formula(token, frozenset())

    # ---- words -----------------------------------------------------------------------------

    def inline(self, tokens: Sequence[Token], always: frozenset[str] = frozenset()) -> None:
        """Insert words."""
        marks, address = always, ""
        insert = self._cursor.insertText
        for token in tokens:
            match token.type:
                case "text" | "html_inline":
                    if token.content:
                        insert(token.content.replace("\n", _BREAK), self._words(marks, address))
                case "softbreak" | "hardbreak":
                    insert(_BREAK, self._words(marks, address))
                case "code_inline":
                    insert(token.content.replace("\n", _BREAK), self._words(marks | {"code"}, address))
                case "formula":
                    self._formula(token, marks, address)
                case "footnote_ref":
                    insert(str(token.meta["id"] + 1), self._words(marks | {"raised"}))
                case "link_open":
                    address = str(token.attrs.get("href", ""))
                case "link_close":
                    address = ""
                case _ if token.tag in _MARKS:
                    marks = marks | {token.tag} if token.nesting > 0 else marks - {token.tag}
                case _:  # the parser finds nothing else among words
                    pass

    def _words(self, marks: frozenset[str], address: str = "") -> QTextCharFormat:
        if self._quote:
            marks |= {"quote"}
        if self._small:
            marks |= {"small"}
        return self._formats.words(marks, self._heading, address)

    def _formula(self, token: Token, marks: frozenset[str], address: str = "") -> None:
        formula = Formula(token.content, bool(token.meta["display"]))
        look = self._words(marks, address)
        self._formulas += 1
        drawing = finished.drawing(formula)
        if drawing is not None:
            self._parts.drawings[formula] = drawing
            self._cursor.insertText(formulas.OBJECT, formulas.formula_format(formula, token.markup, look))
            return
        if formula not in finished and self._formulas <= _MOST_FORMULAS:
            self._parts.unfinished.add(formula)
        self._cursor.insertText(token.markup.replace("\n", _BREAK), look)

    # ---- tables ----------------------------------------------------------------------------

    def _table(self, tokens: Sequence[Token], index: int) -> int:
        """Build a table; return the index behind it."""
        rows: list[list[tuple[Token, str]]] = []
        align = ""
        while tokens[index].type != "table_close":
            token = tokens[index]
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                align = str(token.attrs.get("style", "")).removeprefix("text-align:")
            elif token.type == "inline":
                rows[-1].append((token, align))
            index += 1
        columns = max(map(len, rows))
        self._begin(formats.nothing())
        indent = theme.px(24) * len(self._lists) + (formats.quote_indent(self._quote) if self._quote else 0)
        table = self._cursor.insertTable(len(rows), columns, tables.table_format(indent))
        for number, row in enumerate(rows):
            for column, (token, align) in enumerate(row):
                cell = table.cellAt(number, column)
                self._cursor = cell.firstCursorPosition()
                spacing = formats.cell()
                spacing.setAlignment(tables.ALIGNMENTS.get(align, tables.ALIGNMENTS["left"]))
                self._cursor.setBlockFormat(spacing)
                self.inline(token.children or [], frozenset({"strong"} if number == 0 else ()))
                if number == 0:
                    cell.setFormat(tables.head_format(cell))
        self._parts.tables.append(tables.measured(table, self._parts.drawings))
        self._cursor = QTextCursor(self._document)
        self._cursor.movePosition(QTextCursor.MoveOperation.End)
        return index + 1
