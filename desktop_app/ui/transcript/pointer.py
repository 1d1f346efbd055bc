"""The page under a pointer: hovering, selecting within a message, opening pictures and links."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QGuiApplication, QHelpEvent, QMouseEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QMenu, QToolTip, QWidget

from desktop_app.chat.conversation import Message
from desktop_app.ui.transcript.page import TranscriptPage
from desktop_app.ui.transcript.pictures import PictureCache
from desktop_app.ui.transcript.row import Panel
from desktop_app.ui.transcript.waiting import Waiting
from desktop_app.ui.widgets.web_page import open_page

_DRAG_MS = 40
_FASTEST_DRAG = 60  # px per step of scrolling while a selection is dragged out of the window
_NOWHERE = QPoint(-1, -1)


class TranscriptPointer(TranscriptPage):
    """The page with a hovered message and a selection in one message.

    `hover_changed(bool)`: another message, or other code, is under the pointer; True when the pointer
    moved, False when the page did. `pressed(index)`: the person clicked a message, or -1.
    `picture_opened(sha256)`: a picture was clicked. `border_asked(index)`: why does the model not see everything?
    """

    hover_changed = Signal(bool)
    pressed = Signal(int)
    picture_opened = Signal(str)
    border_asked = Signal(int)

    def __init__(self, pictures: PictureCache, waiting: Waiting, parent: QWidget | None = None) -> None:
        super().__init__(pictures, waiting, parent)
        self.viewport().setMouseTracking(True)
        self._hovered = -1
        self._panel: Panel | None = None
        self._selected = ""  # id of the message with the selection
        self._selection = (0, 0)  # document positions: where it began, where it ends
        self._pressed = (-1, -1)  # message and picture under the pressed button
        self._is_dragging = False
        self._clicks = QTimer(self)  # runs from a double click to a possible third one
        self._clicks.setSingleShot(True)
        self._drag = QTimer(self)
        self._drag.setInterval(_DRAG_MS)
        self._drag.timeout.connect(self._drag_on)
        self.arranged.connect(self._look_under_pointer)

    def hovered(self) -> int:
        """Return the index of the message under the pointer, or -1."""
        return self._hovered

    def hovered_panel(self) -> Panel | None:
        """Return the block of code under the pointer."""
        return self._panel

    def set_messages(self, messages: Sequence[Message]) -> None:
        """Show other messages; nothing of them is selected."""
        self._hovered, self._panel, self._selected = -1, None, ""
        super().set_messages(messages)

    def replace(self, message: Message) -> None:
        """Show another value of a message; positions of a selection in it would be wrong."""
        self._selected = "" if message.id == self._selected else self._selected
        self._panel = None
        super().replace(message)

    # ---- selection -------------------------------------------------------------------------

    def selection_of(self, message: Message) -> tuple[int, int] | None:
        """Return the selected document positions of a message."""
        return self._selection if message.id == self._selected else None

    def selected_text(self) -> str:
        """Return the selected words."""
        index = self.index_of(self._selected) if self._selected else -1
        if index < 0 or self._selection[0] == self._selection[1]:
            return ""
        cursor = QTextCursor(self.row(index).document)
        cursor.setPosition(self._selection[0])
        cursor.setPosition(self._selection[1], QTextCursor.MoveMode.KeepAnchor)
        return cursor.selection().toPlainText()

    def select_all(self, index: int) -> None:
        """Select all words of a message."""
        if 0 <= index < len(self.messages()):
            self._select(index, 0, self.row(index).document.characterCount() - 1)

    def copy(self) -> None:
        """Copy the selected words."""
        if self.selected_text():
            QGuiApplication.clipboard().setText(self.selected_text())

    def _select(self, index: int, start: int, end: int) -> None:
        self._selected, self._selection = self.messages()[index].id, (start, end)
        self.viewport().update()

    def _select_unit(self, index: int, inside: QPoint, unit: QTextCursor.SelectionType) -> None:
        cursor = QTextCursor(self.row(index).document)
        cursor.setPosition(self.row(index).position_at(inside))
        cursor.select(unit)
        self._select(index, cursor.selectionStart(), cursor.selectionEnd())

    # ---- pointer ---------------------------------------------------------------------------

    def in_row(self, index: int, point: QPoint) -> QPoint:
        """Return a point of the viewport in the coordinates of a row that is seen."""
        rect = self.row_rect(index)
        return point - rect.topLeft() if rect is not None else _NOWHERE

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a selection, or a click on a picture."""
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        point = event.position().toPoint()
        index = self.row_at(point)
        inside = self.in_row(index, point)
        if self._clicks.isActive() and index >= 0 and self.selection_of(self.messages()[index]):
            self._select_unit(index, inside, QTextCursor.SelectionType.BlockUnderCursor)
            return
        self._selected, self._pressed = "", (-1, -1)
        if index >= 0:
            row = self.row(index)
            self._pressed = (index, row.picture_at(inside))
            if row.is_on_text(inside):
                position = row.position_at(inside)
                self._select(index, position, position)
                self._is_dragging = True
        self.viewport().update()
        self.pressed.emit(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select a word."""
        point = event.position().toPoint()
        index = self.row_at(point)
        if index >= 0 and self.row(index).is_on_text(self.in_row(index, point)):
            word = QTextCursor.SelectionType.WordUnderCursor
            self._select_unit(index, self.in_row(index, point), word)
            self._clicks.start(QApplication.doubleClickInterval())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Extend the selection, or show what the pointer is on."""
        if self._is_dragging:
            self._drag_to(event.position().toPoint())
            self._drag.start()
        else:
            self._point_at(event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a selection; open a picture or a link that was clicked."""
        self._drag.stop()
        self._is_dragging = False
        point = event.position().toPoint()
        index = self.row_at(point)
        pressed, self._pressed = self._pressed, (-1, -1)
        if event.button() is not Qt.MouseButton.LeftButton or index < 0 or index != pressed[0]:
            return
        row, inside = self.row(index), self.in_row(index, point)
        picture = row.picture_at(inside)
        if picture >= 0 and picture == pressed[1]:
            self.picture_opened.emit(row.message.pictures[picture].sha256)
        elif row.is_on_border(inside):
            self.border_asked.emit(index)
        elif self._selection[0] == self._selection[1]:
            open_link(row.link_at(inside), self)

    def viewportEvent(self, event: QEvent) -> bool:
        """Show the address of a link, or the name of a picture, as a tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            tip = self._tip_at(event.pos())
            QToolTip.showText(event.globalPos(), f"<p>{_escaped(tip)}</p>" if tip else "", self)
            return True
        if event.type() == QEvent.Type.Leave:
            self._point_at(_NOWHERE)
        return super().viewportEvent(event)

    def _tip_at(self, point: QPoint) -> str:
        index = self.row_at(point)
        if index < 0:
            return ""
        row, inside = self.row(index), self.in_row(index, point)
        picture = row.picture_at(inside)
        return row.message.pictures[picture].name if picture >= 0 else row.link_at(inside)

    def _point_at(self, point: QPoint, moved: bool = True) -> None:
        index = self.row_at(point) if self.viewport().rect().contains(point) else -1
        shape, panel = Qt.CursorShape.ArrowCursor, None
        if index >= 0:
            row, inside = self.row(index), self.in_row(index, point)
            panel = row.panel_at(inside)
            if row.picture_at(inside) >= 0 or row.link_at(inside) or row.is_on_border(inside):
                shape = Qt.CursorShape.PointingHandCursor
            elif row.is_on_text(inside):
                shape = Qt.CursorShape.IBeamCursor
        self.viewport().setCursor(shape)
        if (index, panel) != (self._hovered, self._panel):
            self._hovered, self._panel = index, panel
            self.hover_changed.emit(moved)

    def _look_under_pointer(self) -> None:
        """Rows may have moved under a pointer that stands still."""
        if self.viewport().underMouse() and not self._is_dragging:
            self._point_at(self.viewport().mapFromGlobal(self.cursor().pos()), moved=False)

    def _drag_to(self, point: QPoint) -> None:
        index = self.index_of(self._selected)
        if index >= 0 and self.row_rect(index) is not None:
            position = self.row(index).position_at(self.in_row(index, point))
            self._select(index, self._selection[0], position)

    def _drag_on(self) -> None:
        """Scroll while a selection is dragged beyond the window's edge."""
        point = self.viewport().mapFromGlobal(self.cursor().pos())
        beyond = min(point.y(), 0) or max(point.y() - self.viewport().height(), 0)
        if beyond and self._is_dragging:
            self.scroll_by(max(-_FASTEST_DRAG, min(beyond, _FASTEST_DRAG)))
            self._drag_to(point)

    # ---- menu ------------------------------------------------------------------------------

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the words, link or picture under the pointer."""
        point = self.viewport().mapFromGlobal(event.globalPos())
        index = self.row_at(point)
        if index >= 0:
            self.menu_for(index, self.in_row(index, point)).popup(event.globalPos())

    def menu_for(self, index: int, inside: QPoint) -> QMenu:
        """Return the menu for a point of a row; it deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        row = self.row(index)
        link, picture = row.link_at(inside), row.picture_at(inside)
        if self.selected_text():
            menu.addAction(self.tr("Copy")).setData(("copy", self.selected_text()))
        if is_web(link):
            menu.addAction(self.tr("Open the link")).setData(("browse", link))
        if link:
            menu.addAction(self.tr("Copy the address of the link")).setData(("copy", link))
        if picture >= 0:
            sha256 = row.message.pictures[picture].sha256
            menu.addAction(self.tr("Open the picture")).setData(("open", sha256))
        if row.message.text:
            menu.addAction(self.tr("Copy the message")).setData(("copy", row.message.text))
            menu.addAction(self.tr("Select the message")).setData(("select", row.message.id))
        if self.is_unseen(row.message):
            menu.addAction(self.tr("Why the model no longer sees this…")).setData(("explain", row.message.id))
        menu.triggered.connect(self._chosen)
        return menu

    def _chosen(self, action: QAction) -> None:
        verb, value = action.data()
        if verb == "copy":
            QGuiApplication.clipboard().setText(value)
        elif verb == "open":
            self.picture_opened.emit(value)
        elif verb == "browse":
            open_link(value, self)
        elif verb == "explain":
            self.border_asked.emit(self.index_of(value))
        else:
            self.select_all(self.index_of(value))


def is_web(address: str) -> bool:
    """Return whether an address that a model wrote may be opened: pages of the web alone."""
    url = QUrl(address, QUrl.ParsingMode.StrictMode)
    return url.isValid() and url.scheme().lower() in ("http", "https") and bool(url.host())


def open_link(address: str, parent: QWidget) -> None:
    """Open a web address in the browser; nothing else that a model may write is ever opened."""
    if is_web(address):
        open_page(address, parent)


def _escaped(text: str) -> str:
    # In a paragraph Qt breaks long tips into lines; as plain text it would not.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
