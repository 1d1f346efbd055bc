"""Mouse control of the conversation: hovering, selecting text, opening pictures and links."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QTextCursor
from PySide6.QtWidgets import QAbstractScrollArea, QApplication

from desktop_app.ui.transcript.links import open_link
from desktop_app.ui.transcript.row import Panel
from desktop_app.ui.transcript.rows import Rows
from desktop_app.ui.transcript.selection import Selection

_DRAG_MS = 40
_FASTEST_DRAG = 60  # px per step of scrolling while a selection is dragged out of the window
_NOWHERE = QPoint(-1, -1)


class Pointer(QObject):
    """Takes the mouse events of the viewport.

    `hover_changed(bool)`: another message, or other code, is under the pointer; True when the pointer
    moved, False when the rows did. `pressed(index)`: the person clicked a message, or -1.
    `picture_opened(sha256)`: a picture was clicked. `border_asked(index)`: why does the model not see everything?
    """

    hover_changed = Signal(bool)
    pressed = Signal(int)
    picture_opened = Signal(str)
    border_asked = Signal(int)

    def __init__(self, rows: Rows, selection: Selection, area: QAbstractScrollArea) -> None:
        super().__init__(area)
        self._rows = rows
        self._selection = selection
        self._area = area
        self._viewport = area.viewport()
        self._viewport.setMouseTracking(True)
        self._hovered = -1
        self._panel: Panel | None = None
        self._pressed = (-1, -1)  # message and picture under the pressed button
        self._is_dragging = False
        self._clicks = QTimer(self)  # runs from a double click to a possible third one
        self._clicks.setSingleShot(True)
        self._drag = QTimer(self)
        self._drag.setInterval(_DRAG_MS)
        self._drag.timeout.connect(self._drag_on)
        rows.resetting.connect(self._forget_all)
        rows.replacing.connect(self._forget_panel)
        rows.arranged.connect(self._look_under_pointer)

    def hovered(self) -> int:
        """Return the index of the message under the pointer, or -1."""
        return self._hovered

    def hovered_panel(self) -> Panel | None:
        """Return the block of code under the pointer."""
        return self._panel

    def tip_at(self, point: QPoint) -> str:
        """Return the name of the picture or the address of the link at a point, or nothing."""
        index = self._rows.at(point)
        if index < 0:
            return ""
        row, inside = self._rows.row(index), self._rows.inside(index, point)
        picture = row.picture_at(inside)
        return row.message.pictures[picture].name if picture >= 0 else row.link_at(inside)

    # ---- events ----------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> None:
        """Begin a selection, or a click on a picture."""
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        rows, selection = self._rows, self._selection
        point = event.position().toPoint()
        index = rows.at(point)
        inside = rows.inside(index, point)
        if self._clicks.isActive() and index >= 0 and selection.range_in(rows.messages()[index]):
            self._select_unit(index, inside, QTextCursor.SelectionType.BlockUnderCursor)
            return
        selection.clear()
        self._pressed = (-1, -1)
        if index >= 0:
            row = rows.row(index)
            self._pressed = (index, row.picture_at(inside))
            if row.is_on_text(inside):
                position = row.position_at(inside)
                selection.select(index, position, position)
                self._is_dragging = True
        self.pressed.emit(index)

    def double_click(self, event: QMouseEvent) -> None:
        """Select a word; a third click soon after selects the paragraph."""
        point = event.position().toPoint()
        index = self._rows.at(point)
        inside = self._rows.inside(index, point)
        if index >= 0 and self._rows.row(index).is_on_text(inside):
            self._select_unit(index, inside, QTextCursor.SelectionType.WordUnderCursor)
            self._clicks.start(QApplication.doubleClickInterval())

    def move(self, event: QMouseEvent) -> None:
        """Extend the selection, or show what the pointer is on."""
        if self._is_dragging:
            self._drag_to(event.position().toPoint())
            self._drag.start()
        else:
            self._point_at(event.position().toPoint())

    def release(self, event: QMouseEvent) -> None:
        """End a selection; open a picture or a link that was clicked."""
        self._drag.stop()
        self._is_dragging = False
        point = event.position().toPoint()
        index = self._rows.at(point)
        pressed, self._pressed = self._pressed, (-1, -1)
        if event.button() is not Qt.MouseButton.LeftButton or index < 0 or index != pressed[0]:
            return
        row, inside = self._rows.row(index), self._rows.inside(index, point)
        picture = row.picture_at(inside)
        if picture >= 0 and picture == pressed[1]:
            self.picture_opened.emit(row.message.pictures[picture].sha256)
        elif row.is_on_border(inside):
            self.border_asked.emit(index)
        elif self._selection.is_click():
            open_link(row.link_at(inside), self._area)

    def leave(self) -> None:
        """Hover over nothing: the pointer has left the viewport."""
        self._point_at(_NOWHERE)

    # ---- hovering --------------------------------------------------------------------------

    def _point_at(self, point: QPoint, moved: bool = True) -> None:
        index = self._rows.at(point) if self._viewport.rect().contains(point) else -1
        shape, panel = Qt.CursorShape.ArrowCursor, None
        if index >= 0:
            row, inside = self._rows.row(index), self._rows.inside(index, point)
            panel = row.panel_at(inside)
            if row.picture_at(inside) >= 0 or row.link_at(inside) or row.is_on_border(inside):
                shape = Qt.CursorShape.PointingHandCursor
            elif row.is_on_text(inside):
                shape = Qt.CursorShape.IBeamCursor
        self._viewport.setCursor(shape)
        if (index, panel) != (self._hovered, self._panel):
            self._hovered, self._panel = index, panel
            self.hover_changed.emit(moved)

    def _look_under_pointer(self) -> None:
        """Rows may have moved under a pointer that stands still."""
        if self._viewport.underMouse() and not self._is_dragging:
            self._point_at(self._position(), moved=False)

    def _position(self) -> QPoint:
        return self._viewport.mapFromGlobal(self._viewport.cursor().pos())

    def _forget_all(self) -> None:
        self._hovered, self._panel = -1, None

    def _forget_panel(self, _message_id: str) -> None:
        self._panel = None

    # ---- selecting -------------------------------------------------------------------------

    def _select_unit(self, index: int, inside: QPoint, unit: QTextCursor.SelectionType) -> None:
        self._selection.select_unit(index, self._rows.row(index).position_at(inside), unit)

    def _drag_to(self, point: QPoint) -> None:
        index = self._selection.index()
        if index >= 0 and self._rows.rect(index) is not None:
            self._selection.extend(self._rows.row(index).position_at(self._rows.inside(index, point)))

    def _drag_on(self) -> None:
        """Scroll while a selection is dragged beyond the window's edge."""
        point = self._position()
        beyond = min(point.y(), 0) or max(point.y() - self._viewport.height(), 0)
        if beyond and self._is_dragging:
            self._rows.scroll_by(max(-_FASTEST_DRAG, min(beyond, _FASTEST_DRAG)))
            self._drag_to(point)
