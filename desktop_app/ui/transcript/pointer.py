"""Mouse control of the conversation: hovering, selecting text, opening pictures and links."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QTextCursor, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication

from desktop_app.ui.transcript.links import open_link
from desktop_app.ui.transcript.markdown.strips import Strip
from desktop_app.ui.transcript.rows import Rows
from desktop_app.ui.transcript.selection import Selection

_DRAG_MS = 40
_FASTEST_DRAG = 60  # px per step of scrolling while a selection is dragged out of the window
_WHEEL = 60  # px that a wide table moves with one notch
_NOWHERE = QPoint(-1, -1)


class Pointer(QObject):
    """Takes the mouse events of the viewport.

    `hover_changed(bool)`: another message is under the pointer; True when the pointer
    moved, False when the rows did. `pressed(index)`: the person clicked a message, or -1.
    `picture_opened(sha256)`: a picture was clicked. `border_asked(index)`: why does the model not see everything?
    `link_hovered(address)`: the pointer is on another link, or on none.
    """

    hover_changed = Signal(bool)
    pressed = Signal(int)
    picture_opened = Signal(str)
    border_asked = Signal(int)
    link_hovered = Signal(str)

    def __init__(self, rows: Rows, selection: Selection, area: QAbstractScrollArea) -> None:
        super().__init__(area)
        self._rows = rows
        self._selection = selection
        self._area = area
        self._viewport = area.viewport()
        self._viewport.setMouseTracking(True)
        self._hovered = -1
        self._pressed = (-1, -1)  # message and picture under the pressed button
        self._is_dragging = False
        self._held: tuple[Strip, int] | None = None  # a wide table whose bar is dragged, and the pointer's x
        self._link = ""
        self._clicks = QTimer(self)  # runs from a double click to a possible third one
        self._clicks.setSingleShot(True)
        self._drag = QTimer(self)
        self._drag.setInterval(_DRAG_MS)
        self._drag.timeout.connect(self._drag_on)
        rows.resetting.connect(self._forget_all)
        rows.arranged.connect(self._look_under_pointer)

    def hovered(self) -> int:
        """Return the index of the message under the pointer, or -1."""
        return self._hovered

    def tip_at(self, point: QPoint) -> str:
        """Return the name of the picture, the link's address or what is said of the word at a point, or nothing."""
        index = self._rows.at(point)
        if index < 0:
            return ""
        row, inside = self._rows.row(index), self._rows.inside(index, point)
        picture = row.picture_at(inside)
        if picture >= 0:
            return row.message.pictures[picture].name
        return row.link_at(inside) or row.said_of(inside)

    # ---- events ----------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> None:
        """Begin a selection, or a click on a picture."""
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        rows, selection = self._rows, self._selection
        point = event.position().toPoint()
        index = rows.at(point)
        inside = rows.inside(index, point)
        if self._clicks.isActive() and index >= 0 and selection.is_in(index):
            self._select_unit(index, inside, QTextCursor.SelectionType.BlockUnderCursor)
            return
        strip = next((s for s in rows.row(index).strips if s.holds(inside)), None) if index >= 0 else None
        if strip is not None:
            self._held = (strip, point.x())
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and index >= 0 and selection.index() >= 0:
            selection.extend(rows.row(index).position_at(inside), index)
            self._is_dragging = True
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
        if self._held is not None:
            strip, x = self._held
            strip.drag_by(event.position().toPoint().x() - x)
            self._held = (strip, event.position().toPoint().x())
            self._viewport.update()
        elif self._is_dragging:
            self._drag_to(event.position().toPoint())
            self._drag.start()
        else:
            self._point_at(event.position().toPoint())

    def release(self, event: QMouseEvent) -> None:
        """End a selection; open a picture or a link that was clicked."""
        self._drag.stop()
        self._is_dragging = False
        self._held = None
        point = event.position().toPoint()
        index = self._rows.at(point)
        pressed, self._pressed = self._pressed, (-1, -1)
        if event.button() is not Qt.MouseButton.LeftButton or index < 0 or index != pressed[0]:
            return
        row, inside = self._rows.row(index), self._rows.inside(index, point)
        picture = row.picture_at(inside)
        if picture >= 0 and picture == pressed[1]:
            self.picture_opened.emit(row.message.pictures[picture].sha256)
        elif row.is_on_thought(inside):
            self._rows.fold_thought(row.message.id)
        elif row.is_on_border(inside):
            self.border_asked.emit(index)
        elif self._selection.is_click():
            open_link(row.link_at(inside), self._area)

    def wheel(self, event: QWheelEvent) -> bool:
        """Move the wide table under the pointer, if that is meant; return whether it was."""
        turned, is_shifted = event.angleDelta(), event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        delta = turned.x() or (turned.y() if is_shifted else 0)
        if not delta or (abs(turned.y()) > abs(turned.x()) and not is_shifted):
            return False
        point = event.position().toPoint()
        index = self._rows.at(point)
        strip = self._rows.row(index).strip_at(self._rows.inside(index, point)) if index >= 0 else None
        if strip is None:
            return False
        moved = event.pixelDelta().x()
        strip.move_by(-moved if moved else -round(delta / 120 * _WHEEL))
        self._viewport.update()
        return True

    def leave(self) -> None:
        """Hover over nothing: the pointer has left the viewport."""
        self._point_at(_NOWHERE)

    # ---- hovering --------------------------------------------------------------------------

    def _point_at(self, point: QPoint, moved: bool = True) -> None:
        index = self._rows.at(point) if self._viewport.rect().contains(point) else -1
        shape, link = Qt.CursorShape.ArrowCursor, ""
        if index >= 0:
            row, inside = self._rows.row(index), self._rows.inside(index, point)
            link = row.link_at(inside)
            if row.picture_at(inside) >= 0 or link or row.is_on_border(inside) or row.is_on_thought(inside):
                shape = Qt.CursorShape.PointingHandCursor
            elif row.is_on_text(inside):
                shape = Qt.CursorShape.IBeamCursor
        self._viewport.setCursor(shape)
        if link != self._link:
            self._link = link
            self.link_hovered.emit(link)
        if index != self._hovered:
            self._hovered = index
            self.hover_changed.emit(moved)

    def _look_under_pointer(self) -> None:
        """Rows may have moved under a pointer that stands still."""
        if self._viewport.underMouse() and not self._is_dragging:
            self._point_at(self._position(), moved=False)

    def _position(self) -> QPoint:
        return self._viewport.mapFromGlobal(self._viewport.cursor().pos())

    def _forget_all(self) -> None:
        self._hovered = -1

    # ---- selecting -------------------------------------------------------------------------

    def _select_unit(self, index: int, inside: QPoint, unit: QTextCursor.SelectionType) -> None:
        self._selection.select_unit(index, self._rows.row(index).position_at(inside), unit)

    def _drag_to(self, point: QPoint) -> None:
        """Let the selection end at a point, in the same message or in another one."""
        seen = self._rows.seen()
        if self._selection.index() < 0 or not seen:
            return
        index = self._rows.at(point)
        if index < 0:
            index = seen[0] if point.y() < 0 else seen[-1]
        self._selection.extend(self._rows.row(index).position_at(self._rows.inside(index, point)), index)

    def _drag_on(self) -> None:
        """Scroll while a selection is dragged beyond the window's edge."""
        point = self._position()
        beyond = min(point.y(), 0) or max(point.y() - self._viewport.height(), 0)
        if beyond and self._is_dragging:
            self._rows.scroll_by(max(-_FASTEST_DRAG, min(beyond, _FASTEST_DRAG)))
            self._drag_to(point)
