"""The vertical layout of a conversation: lays out only what is in the window and keeps the reading position.

Heights of all other messages are estimates. Where the conversation stands is therefore not the value
of the scroll bar but an anchor: a message, and where its top is in the window. Layout starts at the
anchor and goes up and down from there until the window is full; the scroll bar follows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from PySide6.QtCore import QObject, QPoint, QRect, Signal
from PySide6.QtWidgets import QAbstractScrollArea
from shiboken6 import isValid

from desktop_app.chat.conversation import Message, State
from desktop_app.ui.transcript.markdown.finishing import finished, finisher
from desktop_app.ui.transcript.pictures import tallest_in
from desktop_app.ui.transcript.row import Row, estimates
from desktop_app.ui.transcript.row_heights import RowHeights
from desktop_app.ui.widgets.theme import COLUMN, GRID, theme

TOP = GRID  # px above the first message
BOTTOM = 2 * GRID  # px below the last one
SIDE = 3 * GRID  # px at least beside the column
_KEPT_ROWS = 60  # laid-out messages, the seen ones included
_BY_STEPS = 3  # window heights; a longer way is a jump to another place
_NOWHERE = QPoint(-1, -1)


class _Place(NamedTuple):
    """What a reader has at the top of the window: a line of a message, or a point above its words."""

    message_id: str
    position: int  # in its document; -1: above the words
    y: int  # of that line in the window
    share: float  # of what stands above the words, where that is at the top


class Rows(QObject):
    """The messages of a scroll area, one under another in one column. Coordinates are px of its viewport.

    `arranged`: rows stand at other places than before. `end_reached(bool)`: whether the newest is seen.
    Before messages change: `resetting`, all of them will be others; `replacing(message_id)`, one gets another
    value; `replacing_tail(index, message_id)`, others stand from `index` on, and this is the first of them.
    """

    arranged = Signal()
    end_reached = Signal(bool)
    resetting = Signal()
    replacing = Signal(str)
    replacing_tail = Signal(int, str)

    def __init__(self, area: QAbstractScrollArea) -> None:
        super().__init__(area)
        self._area = area
        self._bar = area.verticalScrollBar()
        self._bar.setSingleStep(theme.line_height())
        self._messages: list[Message] = []
        self._heights = RowHeights()
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._seen: list[tuple[int, int]] = []  # (index, y of its top in the window), in order
        self._anchor = (0, TOP)
        self._following = True
        self._moving_bar = False
        self._dropped: frozenset[str] = frozenset()  # ids of messages that the model no longer sees
        self._border = ("", "")  # id of the last of them, and the sentence below it
        self._growing: set[str] = set()  # ids of answers to which words are being added
        self._unfolded: set[str] = set()  # ids of answers whose thoughts are shown
        self._editing = ("", 0)  # message id and height of the editor in its place
        self._remedies = ("", 0)  # message id and height of the buttons under it
        self._width = 0  # until the scroll area has got its size: nothing is laid out or estimated before
        self._tallest = 0  # px of a picture
        self._held: _Place | None = None  # until the reader moves; found anew at each step of a resize it would drift
        finisher.done.connect(self._show_finished)
        theme.changed.connect(self._restyle)

    # ---- messages --------------------------------------------------------------------------

    def messages(self) -> Sequence[Message]:
        """Return the messages in order; not to be changed."""
        return self._messages

    def set_messages(self, messages: Sequence[Message]) -> None:
        """Show other messages, from the newest."""
        self.resetting.emit()
        self._messages = list(messages)
        self._growing.clear()
        self._rows.clear()
        self._following = True
        self._estimate()
        self._arrange()

    def append(self, message: Message) -> None:
        """Add a message at the end; the page follows when its end was seen."""
        self._messages.append(message)
        self._heights.append(self._estimate_one(message))
        self._arrange()

    def replace(self, message: Message) -> None:
        """Show another value of a message that is there."""
        self.replacing.emit(message.id)
        index = self.index_of(message.id)
        if message.state is not State.STREAMING:
            self._growing.discard(message.id)
        if index >= 0:
            self._messages[index] = message
            self._rows.pop(message.id, None)
            self._heights.set(index, self._estimate_one(message))
            self._arrange()

    def stream(self, message_id: str, text: str) -> None:
        """Show more text of an answer that is being written; most pieces touch only their row."""
        index = self.index_of(message_id)
        if index < 0 or self._messages[index].state is not State.STREAMING:
            return
        self._growing.add(message_id)
        message = replace(self._messages[index], text=text)
        row = self._rows.get(message_id)
        if row is not None:
            row.stream(message)
        self._grow(index, message, row)

    def think(self, message_id: str, thought: str) -> None:
        """Show more of what is thought before an answer; folded away, it only becomes known."""
        index = self.index_of(message_id)
        if index < 0 or self._messages[index].state is not State.STREAMING:
            return
        message = replace(self._messages[index], details=self._messages[index].details | {"thought": thought})
        row = self._rows.get(message_id)
        if row is not None:
            was_there = not row.thought_head.isNull()
            row.think(message)
            if was_there and not row.is_unfolded:
                self._messages[index] = message
                return
        self._grow(index, message, row)

    def _grow(self, index: int, message: Message, row: Row | None) -> None:
        self._messages[index] = message
        height = row.height if row is not None else self._estimate_one(message)
        rect = self.rect(index)
        if rect is not None and height == rect.height():
            self._area.viewport().update(rect)
        else:
            self._heights.set(index, height)
            self._arrange()

    def set_details(self, message_id: str, details: dict[str, Any]) -> None:
        """Show what is known of an answer that is being written, besides its text."""
        index = self.index_of(message_id)
        if index >= 0 and self._messages[index].state is State.STREAMING:
            self.replace(replace(self._messages[index], details=details))

    def fold_thought(self, message_id: str) -> None:
        """Show what was thought before an answer, or fold it away again.

        The line that says so stays at its place, unless what it shows would be below the window, or is still growing.
        """
        index = self.index_of(message_id)
        if index < 0 or not self._messages[index].thought:
            return
        self.replacing.emit(message_id)
        self._unfolded ^= {message_id}
        rect = self.rect(index)
        self._rows.pop(message_id, None)
        row = self.row(index)
        if rect is not None and not (self._following and row.is_waiting):
            self._following = False
            self._anchor = (index, rect.top())
        self._arrange()
        if row.is_unfolded and not self._following:
            shown = row.thought_head.united(row.thought)
            longest = self._area.viewport().height() - TOP - BOTTOM
            shown.setHeight(min(shown.height(), longest))
            self.ensure_part_seen(index, shown)

    def is_unfolded(self, message_id: str) -> bool:
        """Return whether what was thought before an answer is shown."""
        return message_id in self._unfolded

    def truncate(self, count: int) -> None:
        """Keep the first `count` messages."""
        for message in self._messages[count:]:
            self._rows.pop(message.id, None)
        del self._messages[count:]
        self._heights.truncate(count)
        self._arrange()

    def replace_tail(self, index: int, messages: Sequence[Message]) -> None:
        """Show other messages from `index` on. The lower edge of that message stays: its buttons are there."""
        if messages:
            self.replacing_tail.emit(index, messages[0].id)
        rect = self.rect(index)
        self._messages[index:] = messages
        self._heights.truncate(index)
        for height in map(estimates(self.column_width(), self._tallest), messages):
            self._heights.append(height)
        if rect is not None and messages:
            self._following = False
            self._anchor = (index, rect.bottom() + 1 - self.row(index).height)
        self._arrange()

    def index_of(self, message_id: str) -> int:
        """Return the place of a message, -1 when it is not shown; late messages are found first."""
        for index in range(len(self._messages) - 1, -1, -1):
            if self._messages[index].id == message_id:
                return index
        return -1

    def set_editing(self, message_id: str, height: int) -> None:
        """Keep `height` px free for an editor in place of a message's words; "" ends it."""
        for touched in (self._editing[0], message_id):
            self._rows.pop(touched, None)
        self._editing = (message_id, height)
        self._arrange()

    def set_remedies(self, message_id: str, height: int) -> None:
        """Keep `height` px free for buttons under a message that failed; "" ends it."""
        if self._remedies != (message_id, height):
            for touched in (self._remedies[0], message_id):
                self._rows.pop(touched, None)
            self._remedies = (message_id, height)
            self._arrange()

    def set_dropped(self, ids: frozenset[str], last: str, sentence: str) -> None:
        """Grey messages that the model no longer sees, and say `sentence` below the `last` of them."""
        for touched in (self._border[0], last):
            self._rows.pop(touched, None)
        self._dropped, self._border = ids, (last, sentence)
        self._arrange()

    def is_dropped(self, message: Message) -> bool:
        """Return whether the model no longer sees a message."""
        return message.id in self._dropped

    # ---- places ----------------------------------------------------------------------------

    def column_width(self) -> int:
        """Return how wide the column is, in px."""
        return max(80, min(COLUMN, self._area.width() - 2 * SIDE))

    def column_left(self) -> int:
        """Return where the column begins in the viewport: centred, the scroll bar not counted."""
        return (self._area.width() - self.column_width()) // 2

    def rect(self, index: int) -> QRect | None:
        """Return where a message stands in the viewport, or None when it is not seen."""
        for seen, y in self._seen:
            if seen == index:
                return QRect(self.column_left(), y, self.column_width(), self._heights[index])
        return None

    def row(self, index: int) -> Row:
        """Return a message laid out."""
        message = self._messages[index]
        row = self._rows.get(message.id)
        if row is None:
            editor_height = self._editing[1] if message.id == self._editing[0] else 0
            border = self._border[1] if message.id == self._border[0] else ""
            remedies = self._remedies[1] if message.id == self._remedies[0] else 0
            row = Row(
                message,
                self.column_width(),
                editor_height,
                border,
                remedies,
                self._tallest,
                unfolded=message.id in self._unfolded,
                growing=message.id in self._growing,
            )
            self._rows[message.id] = row
            finisher.want(row.document.parts.unfinished)
            self._heights.set(index, row.height)
        else:
            self._rows.move_to_end(message.id)
        return row

    def at(self, point: QPoint) -> int:
        """Return the index of the message at a point of the viewport, or -1."""
        for index, y in self._seen:
            if y <= point.y() < y + self._heights[index]:
                return index
        return -1

    def inside(self, index: int, point: QPoint) -> QPoint:
        """Return a point of the viewport in the coordinates of a row; (-1, -1) when the row is not seen."""
        rect = self.rect(index)
        return point - rect.topLeft() if rect is not None else _NOWHERE

    def seen(self) -> list[int]:
        """Return the indexes of the messages in the window."""
        return [index for index, _ in self._seen]

    def placed(self) -> Sequence[tuple[int, int]]:
        """Return the messages in the window from above: the index of each, and the y of its top; not to be changed."""
        return self._seen

    def laid_out(self) -> int:
        """Return how many messages have a document now."""
        return len(self._rows)

    # ---- moving ----------------------------------------------------------------------------

    def is_at_end(self) -> bool:
        """Whether the newest message is seen to its end."""
        return self._following

    def scroll_to_end(self) -> None:
        """Show the newest message, and follow it."""
        self._following = True
        self._arrange()

    def scroll_to_start(self) -> None:
        """Show the first message."""
        self._following = False
        self._anchor = (0, TOP)
        self._arrange()

    def scroll_by(self, delta: int) -> None:
        """Move the window down by `delta` px."""
        self._following = False
        index, y = self._anchor
        self._anchor = (index, y - delta)
        self._arrange()

    def show_from(self, index: int) -> None:
        """Show a message at the top, or as near to it as the end of the conversation lets it."""
        self._following = False
        self._anchor = (index, TOP)
        self._arrange()

    def ensure_seen(self, index: int) -> None:
        """Show a message: whole if it fits, from its top if not."""
        height = self._area.viewport().height()
        rect = self.rect(index)
        if rect is None:
            forward = bool(self._seen) and index > self._seen[-1][0]
            self._following = False
            self._anchor = (index, height - self.row(index).height if forward else TOP)
            self._arrange()
            rect = self.rect(index)
        if rect is not None:
            if rect.top() < 0 or rect.height() > height:
                self.scroll_by(rect.top() - TOP)
            elif rect.bottom() > height:
                self.scroll_by(rect.bottom() - height)

    def ensure_editor_seen(self) -> None:
        """Show the editor in place of a message's words, to its end."""
        index = self.index_of(self._editing[0]) if self._editing[0] else -1
        if index >= 0:
            self.ensure_part_seen(index, self.row(index).editor)

    def ensure_part_seen(self, index: int, part: QRect) -> None:
        """Show a part of a message, with as much of what stands above it as there is room for."""
        height = self._area.viewport().height()
        rect = self.rect(index)
        top = rect.top() + part.top() if rect is not None else -1
        if top < 0 or top + part.height() > height:
            self._following = False
            self._anchor = (index, height - BOTTOM - part.top() - part.height())
            self._arrange()

    def follow_scroll_bar(self) -> None:
        """Move to where the person put the scroll bar."""
        if self._moving_bar or not self._messages:
            return
        bar = self._bar
        index, y = self._anchor
        delta = bar.value() - (TOP + self._heights.top(index) - y)
        self._following = bar.value() == bar.maximum()
        if bar.value() == bar.minimum():
            self._anchor = (0, TOP)
        elif abs(delta) <= _BY_STEPS * self._area.viewport().height():
            self._anchor = (index, y - delta)
        else:
            index = self._heights.row_at(bar.value() - TOP)
            self._anchor = (index, TOP + self._heights.top(index) - bar.value())
        self._arrange()

    def resize(self) -> None:
        """Fit the size of the scroll area; what is read stays at its place, however often this is called."""
        if (self.column_width(), tallest_in(self._area.window().height())) != (self._width, self._tallest):
            self._lay_out_again()
        else:
            held = self._held
            self._arrange()
            self._held = held

    def reading_line(self) -> int:
        """Return the y down to which one has read: the middle of the window, and near the end its lower edge."""
        half = self._area.viewport().height() // 2
        return half + max(0, half - (self._bar.maximum() - self._bar.value()))

    # ---- layout ----------------------------------------------------------------------------

    def _estimate_one(self, message: Message) -> int:
        return estimates(self.column_width(), self._tallest)(message)

    def _estimate(self) -> None:
        if self._width:
            self._heights.reset(map(estimates(self._width, self._tallest), self._messages))
        else:
            self._heights.reset(0 for _ in self._messages)

    def _lay_out_again(self) -> None:
        """Lay out all messages anew, with what is read at the place where it was."""
        place = self._held or self._place()
        self._rows.clear()
        self._width, self._tallest = self.column_width(), tallest_in(self._area.window().height())
        self._estimate()
        if place is not None:
            self._go_to(place)
        self._arrange()
        self._held = place

    def _place(self) -> _Place | None:
        index, y = self._anchor
        row = self._rows.get(self._messages[index].id) if index < len(self._messages) else None
        if row is None or self._following or y >= 0:
            return None
        if row.text.isEmpty() or -y < row.text.top():
            return _Place(row.message.id, -1, y, -y / max(row.text.top() or row.height, 1))
        position = row.position_at(QPoint(row.text.left(), -y))
        return _Place(row.message.id, position, y + row.line_top(position), 0.0)

    def _go_to(self, place: _Place) -> None:
        index = self.index_of(place.message_id)
        if index >= 0:
            row = self.row(index)
            above = round(place.share * (row.text.top() or row.height))
            self._anchor = (index, place.y - row.line_top(place.position) if place.position >= 0 else -above)

    def _arrange(self) -> None:
        """Fill the window from the anchor, or upwards from the end while following."""
        if not self._width:
            return
        self._held = None
        height, count = self._area.viewport().height(), len(self._messages)
        if not count:
            self._seen, self._anchor, self._following = [], (0, TOP), True
        elif self._following or not self._fill_from(*self._anchor, height):
            last = count - 1
            self._fill_from(last, height - BOTTOM - self.row(last).height, height)
        if self._seen:
            self._anchor = self._seen[0]
            last, y = self._seen[-1]
            self._following = last == count - 1 and y + self._heights[last] + BOTTOM <= height
        while len(self._rows) > max(_KEPT_ROWS, 2 * len(self._seen)):
            self._rows.popitem(last=False)
        self._move_bar()
        self._area.viewport().update()
        self.arranged.emit()
        self.end_reached.emit(self._following)

    def _fill_from(self, index: int, y: int, height: int) -> bool:
        """Place rows around row `index` at `y`; False when they end above the window's lower edge."""
        index = min(index, len(self._messages) - 1)
        while y > 0 and index > 0:
            index -= 1
            y -= self.row(index).height
        if index == 0:
            y = min(y, TOP)
        self._seen = []
        starts_above = index > 0 or y < TOP
        while index < len(self._messages) and y < height:
            below = y + self.row(index).height
            if below > 0:
                self._seen.append((index, y))
            index, y = index + 1, below
        ends_early = index == len(self._messages) and y < height - BOTTOM
        return not (ends_early and starts_above)

    def _move_bar(self) -> None:
        bar = self._bar
        height = self._area.viewport().height()
        self._moving_bar = True
        if self._seen:
            index, y = self._anchor
            value = TOP + self._heights.top(index) - y
            longest = max(TOP + self._heights.total() + BOTTOM - height, 0)
            # An estimate may be wrong by more than what is left below: the bar's end is the end only.
            bar.setRange(0, longest if self._following else max(longest, value + 1))
            bar.setValue(longest if self._following else value)
        else:
            bar.setRange(0, 0)
        bar.setEnabled(bar.maximum() > 0)
        bar.setPageStep(max(1, height - 2 * theme.line_height()))
        self._moving_bar = False

    def _show_finished(self) -> None:
        """Lay out again what has got its formulas and colours, unless the page is just being deleted."""
        if not isValid(self._bar):
            return
        for message_id, row in list(self._rows.items()):
            unfinished = row.document.parts.unfinished
            missing = [thing for thing in unfinished if thing not in finished]
            if missing:
                finisher.want_again(missing, len(unfinished))
            elif unfinished:
                self.replacing.emit(message_id)
                self._rows.pop(message_id, None)
        self._arrange()

    def _restyle(self) -> None:
        self._bar.setSingleStep(theme.line_height())
        if self._width:
            self._lay_out_again()
