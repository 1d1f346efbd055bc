"""The layout of one message for a given width. Coordinates are px from the row's top left corner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QFontMetrics, QFontMetricsF, QTextCursor

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.ui.transcript import certainty
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.markdown.builder import markdown_document
from desktop_app.ui.transcript.markdown.document import (
    CODE_PADDING,
    CodeBlock,
    SafeDocument,
    code_header,
    plain_document,
    set_plain_text,
)
from desktop_app.ui.transcript.markdown.marks import quote_bars, rules
from desktop_app.ui.transcript.markdown.strips import Strip, wide_tables
from desktop_app.ui.transcript.markdown.unsure_words import underline
from desktop_app.ui.transcript.pictures import place_pictures
from desktop_app.ui.transcript.waiting import waiting_width
from desktop_app.ui.widgets.long_text import shown_part
from desktop_app.ui.widgets.theme import GRID, PICTURE_HEIGHT, theme

_PAIR = 20  # px at 100 % text size between a question and its answer
_PAIRS = 44  # between an answer and the next question
_ACTIONS = 4 * GRID  # of these, the strip under an answer for its buttons
NOTE_GAP = 2 * GRID
BORDER_SIDE = 5 * GRID  # px beside the sentence at the border of what is seen: at least so much line
BUBBLE_X = 2 * GRID  # between the bubble's edge and its words
BUBBLE_Y = 10
BUBBLE_SHARE = 0.85  # of the column, at most
_BESIDE = 2 * GRID  # px beside a line where a selection may begin as well
_CENTRED = int(Qt.AlignmentFlag.AlignHCenter) | int(Qt.TextFlag.TextWordWrap)
_WRAPPED = int(Qt.TextFlag.TextWordWrap)


def half_leading() -> int:
    """Return how much of a line's air belongs below its letters: half. Qt puts all of it above them."""
    return (theme.line_height() - QFontMetrics(theme.font("body")).height()) // 2


def _above(role: Role) -> int:
    """Return the gap above a message, in px."""
    return theme.px(_PAIRS) - theme.px(_ACTIONS) + half_leading() if role is Role.USER else 0


def _strip(role: Role) -> int:
    """Return the height of the strip under a message where its buttons appear; kept free, so that nothing jumps."""
    return theme.px(_PAIR) - half_leading() if role is Role.USER else theme.px(_ACTIONS)


@dataclass(frozen=True)
class Panel:
    """A block of code and the soft panel behind it."""

    rect: QRect
    code: CodeBlock


class Row:
    """A message with its document. `height` is all it takes, the gap above and the strip below included.

    `border`: a sentence below it, on the line where what the model no longer sees ends. `tallest`: the height of a
    picture in px, at most.
    """

    def __init__(
        self,
        message: Message,
        width: int,
        editor_height: int = 0,
        border: str = "",
        remedies_height: int = 0,
        tallest: int = PICTURE_HEIGHT,
        *,
        unfolded: bool = False,
        growing: bool = False,
    ) -> None:
        """`unfolded`: whether what was thought before the answer is shown. `growing`: words are being added to it."""
        message = self.message = _as_it_will_be(message)
        self.width = width
        self._tallest = tallest
        self.pictures: list[QRect] = []
        self.bubble = QRect()
        self.text = QRect()
        self.waiting = QRect()  # the waiting line: in place of text, or below what is to go on
        self._goes_on = bool(message.text) and message.state is State.STREAMING and not growing  # nothing added yet
        self.is_unfolded = unfolded
        self.thought_head = QRect()  # the line that says that something was thought
        self.thought = QRect()  # what it was, unfolded
        self.thought_document: SafeDocument | None = None
        self.mark = QRect()
        self.remedies = QRect(0, 0, 0, remedies_height)  # where the buttons under its mark are
        self.editor = QRect()
        self.panels: list[Panel] = []
        self.strips: list[Strip] = []
        self.bars: list[QRect] = []  # beside quotations
        self.rules: list[QRect] = []  # lines across the page
        self.actions = QRect()
        self.border_text = border
        self.border = QRect()
        self.height = 0
        self.document = self._make_document()
        self._place(editor_height)

    @property
    def is_waiting(self) -> bool:
        """Whether the waiting line stands here in place of text."""
        return self.message.state is State.STREAMING and not self.message.text

    def stream(self, message: Message) -> None:
        """Take in more text of an answer that is being written."""
        self.message = _as_it_will_be(message)
        self._goes_on = False
        set_plain_text(self.document, self.message.text)
        self._place(0)

    def think(self, message: Message) -> None:
        """Take in more of what is being thought."""
        self.message = message
        if self.thought_document is not None:
            set_plain_text(self.thought_document, message.thought.strip())
        if self.is_unfolded or self.thought_head.isNull():
            self._place(0)

    # ---- finding ---------------------------------------------------------------------------

    def position_at(self, point: QPoint) -> int:
        """Return the document position nearest to `point`."""
        inside = self._in_document(point)
        return max(0, self.document.documentLayout().hitTest(inside, Qt.HitTestAccuracy.FuzzyHit))

    def line_top(self, position: int) -> int:
        """Return where the line with a document position begins, in px from the top of the row."""
        block = self.document.findBlock(position)
        line = block.layout().lineForTextPosition(position - block.position())
        above = self.document.documentLayout().blockBoundingRect(block).top()
        return self.text.top() + round(above + (line.y() if line.isValid() else 0.0))

    def is_on_text(self, point: QPoint) -> bool:
        """Return whether `point` is on words rather than beside them."""
        if not self.text.adjusted(-_BESIDE, 0, _BESIDE, 0).contains(point):
            return False
        return self.message.role is not Role.NOTE and not self.is_waiting and self.editor.isNull()

    def link_at(self, point: QPoint) -> str:
        """Return the address of the link at `point`, or nothing."""
        if not self.is_on_text(point):
            return ""
        return str(self.document.documentLayout().anchorAt(self._in_document(point)))

    def said_of(self, point: QPoint) -> str:
        """Return what is said of the underlined word at `point`, or nothing."""
        if not self.is_on_text(point):
            return ""
        layout = self.document.documentLayout()
        position = layout.hitTest(self._in_document(point), Qt.HitTestAccuracy.ExactHit)
        cursor = QTextCursor(self.document)
        cursor.setPosition(max(0, position))
        cursor.movePosition(QTextCursor.MoveOperation.NextCharacter)  # whose format it has then
        return cursor.charFormat().toolTip() if position >= 0 else ""

    def links(self) -> list[str]:
        """Return the addresses of the links, in their order and each once."""
        found: dict[str, None] = {}
        block = self.document.begin()
        while block.isValid():
            for piece in block.textFormats():
                if piece.format.isAnchor():
                    found[piece.format.anchorHref()] = None
            block = block.next()
        return list(found)

    def picture_at(self, point: QPoint) -> int:
        """Return the index of the picture at `point`, or -1."""
        return next((i for i, place in enumerate(self.pictures) if place.contains(point)), -1)

    def is_on_thought(self, point: QPoint) -> bool:
        """Return whether `point` is on the line that folds away what was thought."""
        return self.thought_head.contains(point)

    def is_on_border(self, point: QPoint) -> bool:
        """Return whether `point` is on the line where what the model no longer sees ends."""
        return self.border.contains(point)

    def strip_at(self, point: QPoint) -> Strip | None:
        """Return the wide table at `point`."""
        return next((strip for strip in self.strips if strip.room.contains(point)), None)

    def _in_document(self, point: QPoint) -> QPointF:
        strip = self.strip_at(point)
        moved = QPoint(strip.offset, 0) if strip is not None else QPoint()
        return QPointF(point - self.text.topLeft() + moved)

    # ---- laying out ------------------------------------------------------------------------

    def _make_document(self) -> SafeDocument:
        message = self.message
        if message.role is Role.NOTE:
            return plain_document(words.note(message))
        if message.role is Role.ASSISTANT and message.state is not State.STREAMING:
            document = markdown_document(message.text, self.width)
            unsure = [((word.start, word.end), certainty.tip(word)) for word in certainty.unsure_words(message)]
            underline(document, message.text, unsure)
            return document
        return plain_document(message.text)

    def _place(self, editor_height: int) -> None:
        role = self.message.role
        if role is Role.NOTE:
            self._place_note()
            return
        y = _above(role)
        if role is Role.USER and not editor_height:  # the editor has its own
            y = self._place_pictures(y)
        if editor_height:
            self.editor = QRect(0, y, self.width, editor_height)
            y += editor_height
        elif role is Role.USER:
            y = self._place_bubble(y)
        else:
            y = self._place_waiting(y) if self.is_waiting else self._place_answer(self._place_thought(y))
        self.actions = QRect(0, y, self.width, _strip(role))
        self.height = self.actions.bottom() + 1
        if self.border_text:
            self._place_border()

    def _place_note(self) -> None:
        metrics = QFontMetrics(theme.font("small"))
        sentence = words.note(self.message)
        room = QRect(0, 0, self.width, 10_000)
        height = metrics.boundingRect(room, _CENTRED, sentence).height()
        self.text = QRect(0, NOTE_GAP, self.width, height)
        self.height = height + 2 * NOTE_GAP

    def _place_border(self) -> None:
        metrics = QFontMetrics(theme.font("small"))
        room = QRect(0, 0, self.width - 2 * BORDER_SIDE, 10_000)
        height = metrics.boundingRect(room, _CENTRED, self.border_text).height()
        self.border = QRect(0, self.height, self.width, height + 2 * GRID)
        self.height += self.border.height()

    def _place_pictures(self, y: int) -> int:
        places, height = place_pictures(self.message.pictures, self.width, self._tallest)
        self.pictures = [place.translated(0, y) for place in places]
        return y + height + GRID if places else y

    def _place_bubble(self, y: int) -> int:
        if not self.message.text:
            return y
        widest = round(self.width * BUBBLE_SHARE) - 2 * BUBBLE_X
        self.document.setTextWidth(widest)
        width = min(widest, ceil(self.document.idealWidth()) + 1)
        self.document.setTextWidth(width)
        height = ceil(self.document.size().height())
        self.bubble = QRect(0, y, width + 2 * BUBBLE_X, height + 2 * BUBBLE_Y)
        self.bubble.moveRight(self.width - 1)
        lift = half_leading()
        self.text = self.bubble.adjusted(BUBBLE_X, BUBBLE_Y - lift, -BUBBLE_X, -BUBBLE_Y - lift)
        return self.bubble.bottom() + 1

    def _place_thought(self, y: int) -> int:
        sentence = words.thought(self.message)
        if not sentence:
            return y
        if self.is_waiting:  # the waiting line unfolds it
            width, height = waiting_width(words.longest_thinking()), theme.line_height() + GRID
        else:
            metrics = QFontMetrics(theme.font("small"))
            width = self.mark_indent() + metrics.horizontalAdvance(sentence) + GRID
            height = metrics.height() + GRID
        self.thought_head = QRect(0, y, min(width, self.width), height)
        y = self.thought_head.bottom() + 1
        if not self.is_unfolded:
            return y
        if self.thought_document is None:
            self.thought_document = plain_document(self.message.thought.strip())
            self.thought_document.setDefaultFont(theme.font("small"))
        left = self.mark_indent()
        self.thought_document.setTextWidth(self.width - left)
        self.thought = QRect(left, y, self.width - left, ceil(self.thought_document.size().height()))
        return self.thought.bottom() + 1 + GRID

    def _place_waiting(self, y: int) -> int:
        """Place the waiting line, and below it what is being thought."""
        self.text = self.waiting = QRect(0, y, self.width, theme.line_height() + GRID)
        y = max(self.waiting.bottom() + 1, self._place_thought(y))
        return self._place_remedies(y, theme.px(20) + 2)

    def _place_answer(self, y: int) -> int:
        line = QRect(0, y, self.width, theme.line_height() + GRID)
        self.document.setTextWidth(self.width)
        height = ceil(self.document.size().height()) if self.message.text else 0
        self.text = QRect(0, y, self.width, height)
        y += height
        self.waiting = line.translated(0, height) if self._goes_on else QRect()
        if self._goes_on:
            return self._place_remedies(self.waiting.bottom() + 1, theme.px(20) + 2)
        if self.message.state is not State.STREAMING:
            self._place_panels()
            self.strips = wide_tables(self.document, self.text)
            self.bars = quote_bars(self.document, self.text.topLeft())
            self.rules = rules(self.document, self.text)
            y = self._place_mark(y)
        return y

    def _place_mark(self, y: int) -> int:
        sentence = words.mark(self.message)
        if not sentence:
            return self._place_remedies(y + GRID, 0) if self.remedies.height() else y
        metrics = QFontMetrics(theme.font("small"))
        room = QRect(0, 0, self.width - self.mark_indent(), 10_000)
        height = metrics.boundingRect(room, _WRAPPED, sentence).height()
        self.mark = QRect(0, y + GRID // 2, self.width, height)
        y = self.mark.bottom() + 1 + GRID // 2
        return self._place_remedies(y, self.mark_indent() - GRID)

    def _place_remedies(self, y: int, left: int) -> int:
        """Place the buttons so that their words stand below those of the sentence above them."""
        self.remedies = QRect(left, y, self.width - left, self.remedies.height())
        return y + self.remedies.height()

    @staticmethod
    def mark_indent() -> int:
        """Return how far the sentence of a mark stands from the left, behind its sign."""
        return theme.px(16) + GRID

    def _place_panels(self) -> None:
        layout = self.document.documentLayout()
        self.panels = []
        for code in self.document.parts.codes:
            block = self.document.findBlock(code.start)
            place = layout.blockBoundingRect(block)
            left = round(place.left() + block.layout().lineAt(0).x()) - CODE_PADDING
            top = round(place.top()) - code_header()
            rect = QRect(left, top, self.width - left, round(place.height()) + code_header() + CODE_PADDING)
            self.panels.append(Panel(rect.translated(self.text.topLeft()), code))


def _as_it_will_be(message: Message) -> Message:
    """Return an answer that is being written without line breaks around it, which go when it is typeset."""
    return replace(message, text=message.text.strip("\n")) if message.state is State.STREAMING else message


def estimates(width: int, tallest: int = PICTURE_HEIGHT) -> Callable[[Message], int]:
    """Return a function that tells about how high a row of `width` will be, without laying it out.

    `tallest`: px of a picture, at most. The sizes of the theme are asked for here, once for thousands of messages.
    """
    line, letter = theme.line_height(), QFontMetricsF(theme.font("body")).averageCharWidth()
    answer_room, answer_air = max(width, 1), theme.px(_ACTIONS)
    question_room = max(width * BUBBLE_SHARE - 2 * BUBBLE_X, 1)
    question_air = theme.px(_PAIRS) - theme.px(_ACTIONS) + theme.px(_PAIR) + 2 * BUBBLE_Y

    def estimate(message: Message) -> int:
        role = message.role
        if role is Role.NOTE:
            return 2 * NOTE_GAP + line
        text = shown_part(message.text)
        breaks, length = text.count("\n"), len(text) * letter
        if role is Role.ASSISTANT:
            thought = line if message.thought else 0
            return (breaks + int(length / answer_room) + 1) * line + answer_air + thought
        height = (breaks + int(length / question_room) + 1) * line + question_air
        pictures = place_pictures(message.pictures, width, tallest)[1] if message.pictures else 0
        return height + (pictures + GRID if pictures else 0)

    return estimate
