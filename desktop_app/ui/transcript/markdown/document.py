"""The text document of a message: it loads nothing, whatever its text names.

Qt's text documents read local files that are named in them. Nothing the builder puts in names one; a request for a
resource, should there ever be one, gets a transparent pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QUrl
from PySide6.QtGui import QImage, QTextBlockFormat, QTextCursor, QTextDocument, QTextFormat, QTextOption, QTextTable

from desktop_app.markdown.typesetting import Drawing
from desktop_app.ui.widgets.long_text import shown_part, wrap_mode
from desktop_app.ui.widgets.theme import theme

CODE_PADDING = 14  # px, around code inside its panel
_CODE_HEADER = 34  # px at 100 % text size

FORMULA = QTextFormat.ObjectTypes.UserObject.value + 1  # the type of the objects that stand for formulas
SOURCE = QTextFormat.Property.UserProperty.value + 1  # what was written for such an object
DRAWN = QTextFormat.Property.UserProperty.value + 2  # its LaTeX
DISPLAY = QTextFormat.Property.UserProperty.value + 3  # whether it stands on lines of its own
MARKS = QTextFormat.Property.UserProperty.value + 6  # of words: those that they were written with

# Properties of blocks.
RULE = QTextFormat.Property.UserProperty.value + 4  # a line across the page
DOT = QTextFormat.Property.UserProperty.value + 7  # a dot before the words: in how many lists the item is
QUOTED_IN = QTextFormat.Property.UserProperty.value + 8  # for each quotation around it, in how many lists that is
BOX = QTextFormat.Property.UserProperty.value + 5  # a box before the words: whether it is checked


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


@dataclass(frozen=True)
class SourceLines:
    """Which lines of the Markdown became a stretch of the document."""

    start: int
    end: int
    first: int
    after: int


@dataclass(frozen=True)
class ShownTable:
    """A table, and how wide each column's words are in px."""

    table: QTextTable
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Formula:
    """A formula that is to be typeset."""

    source: str
    display: bool


@dataclass(frozen=True)
class Code:
    """A block of code whose words are to be coloured."""

    text: str
    language: str


@dataclass
class Parts:
    """What a document has besides words."""

    codes: list[CodeBlock] = field(default_factory=list)
    tables: list[ShownTable] = field(default_factory=list)
    lines: list[SourceLines] = field(default_factory=list)
    drawings: dict[Formula, Drawing] = field(default_factory=dict)  # kept for as long as the document is shown
    unfinished: set[Formula | Code] = field(default_factory=set)  # shown as they were written until they are done


class SafeDocument(QTextDocument):
    """A text document that loads no resource, whatever its text names."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0  # requests answered with an empty picture
        self.parts = Parts()
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
    set_line_height(spacing, theme.line_height())
    cursor.mergeBlockFormat(spacing)


def set_line_height(spacing: QTextBlockFormat, height: int) -> None:
    """Let lines be `height` px high at least: scripts with tall letters keep their marks."""
    spacing.setLineHeight(height, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
