"""The scrolling widget of a conversation: paints the messages in the window and passes input events on."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from desktop_app.ui.transcript.hits import Hits
from desktop_app.ui.transcript.keyboard import Keyboard
from desktop_app.ui.transcript.message_menu import MessageMenu
from desktop_app.ui.transcript.painting import Look, paint_row
from desktop_app.ui.transcript.pictures import PictureCache
from desktop_app.ui.transcript.pointer import Pointer
from desktop_app.ui.transcript.rows import Rows
from desktop_app.ui.transcript.selection import Selection
from desktop_app.ui.transcript.waiting import Waiting
from desktop_app.ui.widgets.keys import RENAME, is_asked_for
from desktop_app.ui.widgets.plain_text import wrapped_tip
from desktop_app.ui.widgets.theme import GRID, theme

EDGE = 2 * GRID  # px over which the page fades out where it goes on


class TranscriptPage(QAbstractScrollArea):
    """The widget of `rows`, with what is selected in them, and what pointer, keyboard and menu do with them.

    `picture_opened(sha256)`: a picture was clicked or chosen. `border_asked(index)`: why does the model not
    see everything?
    """

    picture_opened = Signal(str)
    border_asked = Signal(int)

    def __init__(self, pictures: PictureCache, waiting: Waiting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Always there, or the column would move when it appears; without a way to go it is invisible.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.verticalScrollBar().setStyleSheet("QScrollBar::handle:disabled { background: none; }")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Conversation"))
        self.pictures = pictures
        self._waiting = waiting
        self.rows = Rows(self)
        self.selection = Selection(self.rows)
        self.hits = Hits(self.rows)
        self.pointer = Pointer(self.rows, self.selection, self)
        self.keyboard = Keyboard(self.rows, self.selection, self)
        self.menu = MessageMenu(self.rows, self.selection, self)
        self.selection.changed.connect(self._repaint)
        self.hits.changed.connect(self._repaint)
        self.pointer.pressed.connect(self.keyboard.focus_clicked)
        for opener in (self.pointer, self.keyboard, self.menu):
            opener.picture_opened.connect(self.picture_opened)
        for asking in (self.pointer, self.menu):
            asking.border_asked.connect(self.border_asked)
        self._with_buttons: frozenset[str] = frozenset()  # ids of the messages with buttons under them
        pictures.ready.connect(self._picture_ready)
        waiting.changed.connect(self._repaint_waiting)

    def look_of(self, index: int) -> Look:
        """Return what of a row depends on the moment."""
        message = self.rows.messages()[index]
        return Look(
            selection=self.selection.range_in(index),
            hits=self.hits.ranges_in(index),
            hit=self.hits.current_in(message),
            is_focused=self.keyboard.is_marked(message),
            focused_picture=self.keyboard.marked_picture(message),
            is_dropped=self.rows.is_dropped(message),
            tells_version=message.id not in self._with_buttons,
        )

    def set_with_buttons(self, ids: frozenset[str]) -> None:
        """Note under which messages there are buttons now: those tell of versions too."""
        changed, self._with_buttons = self._with_buttons ^ ids, ids
        messages, places = self.rows.messages(), map(self.rows.index_of, filter(None, changed))
        if any(messages[index].sibling[1] > 1 for index in places if index >= 0):
            self.viewport().update()

    # ---- painting --------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows that are touched."""
        painter = QPainter(self.viewport())
        dirty = event.rect()
        left, is_waiting_seen = self.rows.column_left(), False
        for index, y in self.rows.placed():
            row = self.rows.row(index)
            is_waiting_seen = is_waiting_seen or not row.waiting.isNull()
            if y <= dirty.bottom() and y + row.height >= dirty.top():
                painter.save()
                painter.translate(left, y)
                clip = dirty.translated(-left, -y)
                paint_row(painter, row, self.look_of(index), self.pictures, self._waiting, clip)
                painter.restore()
        self._paint_edges(painter)
        painter.end()
        self._waiting.set_visible(is_waiting_seen)

    def _paint_edges(self, painter: QPainter) -> None:
        """Let what goes on above or below fade out."""
        width, height = self.viewport().width(), self.viewport().height()
        is_cut_above, is_cut_below = self.verticalScrollBar().value() > 0, not self.rows.is_at_end()
        paper, clear = theme.colour("paper"), theme.colour("paper")
        clear.setAlpha(0)
        for is_cut, edge, inner in ((is_cut_above, 0, EDGE), (is_cut_below, height, height - EDGE)):
            if is_cut:
                fade = QLinearGradient(0, edge, 0, inner)
                fade.setColorAt(0, paper)
                fade.setColorAt(1, clear)
                painter.fillRect(QRect(0, min(edge, inner), width, EDGE), fade)

    def _repaint(self) -> None:
        self.viewport().update()

    def _repaint_waiting(self) -> None:
        for index, y in reversed(self.rows.placed()):
            row = self.rows.row(index)
            if not row.waiting.isNull():
                self.viewport().update(row.waiting.translated(self.rows.column_left(), y))
                return
        self._waiting.set_visible(False)

    def _picture_ready(self, sha256: str) -> None:
        messages = self.rows.messages()
        if any(picture.sha256 == sha256 for index in self.rows.seen() for picture in messages[index].pictures):
            self.viewport().update()

    # ---- events ----------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Keep F2 from the menu while the keyboard is on a question: it edits that."""
        if is_asked_for(event, RENAME) and self.keyboard.is_on_question():
            event.accept()
            return True
        return super().event(event)

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        """Move to where the person put the scroll bar."""
        self.rows.follow_scroll_bar()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the rows to another size."""
        super().resizeEvent(event)
        self.rows.resize()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pass it on."""
        self.pointer.press(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Pass it on."""
        self.pointer.double_click(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pass it on."""
        self.pointer.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Pass it on."""
        self.pointer.release(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Move a wide table under the pointer sideways, or else the page."""
        if not self.pointer.wheel(event):
            super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Show the address of a link, or the name of a picture, as a tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            tip = self.pointer.tip_at(event.pos())
            QToolTip.showText(event.globalPos(), wrapped_tip(tip), self)
            return True
        if event.type() == QEvent.Type.Leave:
            self.pointer.leave()
        return super().viewportEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Mark the focused message, if the person came by keyboard."""
        super().focusInEvent(event)
        self.keyboard.enter(event.reason())

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the mark of the focused message."""
        super().focusOutEvent(event)
        self.keyboard.leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pass it on."""
        self.keyboard.press(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu for the point under the pointer, or by keyboard for the focused message."""
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            index = self.keyboard.focused()
            rect = self.rows.rect(index)
            if rect is not None:
                corner = QPoint(rect.left(), max(rect.top(), 0))
                marked = self.keyboard.marked_picture(self.rows.messages()[index])
                self.menu.with_links(index, max(marked, 0)).popup(self.viewport().mapToGlobal(corner))
            return
        point = self.viewport().mapFromGlobal(event.globalPos())
        index = self.rows.at(point)
        if index >= 0:
            self.menu.at(index, self.rows.inside(index, point)).popup(event.globalPos())
