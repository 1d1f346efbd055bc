"""The menus of a message: copy and select text, open links and pictures, begin from it anew, delete it."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from desktop_app.chat.conversation import Picture, Role
from desktop_app.ui.transcript.links import may_open, open_link
from desktop_app.ui.transcript.markdown.copying import Piece, copy
from desktop_app.ui.transcript.rows import Rows
from desktop_app.ui.transcript.selection import Selection
from desktop_app.ui.widgets.theme import theme

_LINK = 320  # px of an address in the menu
_BESIDE = QPoint(-1, -1)  # a point on no part of a row


class _Choice(Enum):
    """What an entry of the menu does with its value."""

    COPY = "copy"  # an address
    COPY_SELECTION = "copy-selection"
    COPY_MESSAGE = "copy-message"  # by its id
    OPEN_PICTURE = "open"  # by its sha256
    COPY_PICTURE = "copy-picture"  # likewise
    SAVE_PICTURE = "save-picture"  # likewise
    OPEN_LINK = "browse"  # an address
    SELECT = "select"  # a message, by its id
    FOLD = "fold"  # what was thought before an answer, by its id
    COPY_THOUGHT = "copy-thought"  # likewise
    EXPLAIN = "explain"  # why the model no longer sees a message
    FORK = "fork"  # a new conversation from a message, by its id
    DELETE = "delete"  # a message, by its id


class MessageMenu(QObject):
    """Builds the menu of a message and does what is chosen in it.

    `picture_opened(sha256)`: a picture is to be shown large. `picture_copied(Picture)`, `picture_saved(Picture)`: it is
    to go into the clipboard, or into a file.
    `border_asked(index)`: why does the model no longer see a message? `fork_asked(message_id)`: a new conversation is
    to begin from it. `delete_asked(message_id)`: it is to be deleted.
    """

    picture_opened = Signal(str)
    picture_copied = Signal(object)
    picture_saved = Signal(object)
    border_asked = Signal(int)
    fork_asked = Signal(str)
    delete_asked = Signal(str)

    def __init__(self, rows: Rows, selection: Selection, widget: QWidget) -> None:
        super().__init__(widget)
        self.is_busy = False  # an answer is being written: nothing can be deleted or copied from
        self._rows = rows
        self._selection = selection
        self._widget = widget

    def at(self, index: int, inside: QPoint, *, picture: int = -1) -> QMenu:
        """Return the menu for a point of a row; it deletes itself when it is closed.

        `picture`: the one that is meant where the point is on none.
        """
        menu = QMenu(self._widget)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        row = self._rows.row(index)
        link, picture = row.link_at(inside), max(picture, row.picture_at(inside))
        if self._selection.text():
            _add(menu, self.tr("Copy"), _Choice.COPY_SELECTION, "")
        if may_open(link):
            _add(menu, self.tr("Open link"), _Choice.OPEN_LINK, link)
        if link:
            _add(menu, self.tr("Copy link address"), _Choice.COPY, link)
        if picture >= 0:
            sha256 = row.message.pictures[picture].sha256
            _add(menu, self.tr("Open picture"), _Choice.OPEN_PICTURE, sha256)
            _add(menu, self.tr("Copy picture"), _Choice.COPY_PICTURE, sha256)
            _add(menu, self.tr("Save picture…"), _Choice.SAVE_PICTURE, sha256)
        if row.message.text:
            _add(menu, self.tr("Copy message"), _Choice.COPY_MESSAGE, row.message.id)
            _add(menu, self.tr("Select message"), _Choice.SELECT, row.message.id)
        if not row.thought_head.isNull():
            fold = self.tr("Fold away what it thought") if row.is_unfolded else self.tr("Show what it thought")
            _add(menu, fold, _Choice.FOLD, row.message.id)
            _add(menu, self.tr("Copy what it thought"), _Choice.COPY_THOUGHT, row.message.id)
        if self._rows.is_dropped(row.message):
            _add(menu, self.tr("Why the model no longer sees this…"), _Choice.EXPLAIN, row.message.id)
        menu.addSeparator()
        self._add_changes(menu, index)
        menu.triggered.connect(self._chosen)
        return menu

    def of_more(self, index: int) -> QMenu:
        """Return the menu of what has no button of its own."""
        menu = QMenu(self._widget)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._add_changes(menu, index)
        menu.triggered.connect(self._chosen)
        return menu

    def _add_changes(self, menu: QMenu, index: int) -> None:
        message = self._rows.messages()[index]
        if message.role is Role.NOTE:
            return
        if message.sibling[1] > 1:
            delete = self.tr("Delete this version")
        elif message.role is Role.ASSISTANT or self._is_answered(index):
            delete = self.tr("Delete question and answer")
        else:
            delete = self.tr("Delete question")
        fork = self.tr("New conversation from here")
        for text, choice in ((fork, _Choice.FORK), (delete, _Choice.DELETE)):
            _add(menu, text, choice, message.id).setEnabled(not self.is_busy)

    def _is_answered(self, index: int) -> bool:
        following = self._rows.messages()[index + 1 : index + 2]
        return any(message.role is Role.ASSISTANT for message in following)

    def with_links(self, index: int, picture: int = 0) -> QMenu:
        """Return the menu of a whole row, for those who point at nothing: all its links and `picture` are in it."""
        menu = self.at(index, _BESIDE, picture=min(picture, len(self._rows.row(index).message.pictures) - 1))
        menu.addSeparator()
        for address in filter(may_open, self._rows.row(index).links()):
            shown = menu.fontMetrics().elidedText(address, Qt.TextElideMode.ElideRight, theme.px(_LINK))
            text = self.tr("Open {address}").format(address=shown.replace("&", "&&"))
            _add(menu, text, _Choice.OPEN_LINK, address)
        return menu

    def _chosen(self, action: QAction) -> None:
        name, value = action.data()
        match _Choice(name):
            case _Choice.COPY:
                QGuiApplication.clipboard().setText(value)
            case _Choice.COPY_SELECTION:
                self._selection.copy()
            case _Choice.COPY_MESSAGE:
                message = self._rows.messages()[self._rows.index_of(value)]
                copy([Piece(message.text, message.role is Role.ASSISTANT)])
            case _Choice.FOLD:
                self._rows.fold_thought(value)
            case _Choice.COPY_THOUGHT:
                message = self._rows.messages()[self._rows.index_of(value)]
                QGuiApplication.clipboard().setText(message.thought.strip())
            case _Choice.OPEN_PICTURE:
                self.picture_opened.emit(value)
            case _Choice.COPY_PICTURE:
                self.picture_copied.emit(self._picture(value))
            case _Choice.SAVE_PICTURE:
                self.picture_saved.emit(self._picture(value))
            case _Choice.OPEN_LINK:
                open_link(value, self._widget)
            case _Choice.SELECT:
                self._selection.select_all(self._rows.index_of(value))
            case _Choice.EXPLAIN:
                self.border_asked.emit(self._rows.index_of(value))
            case _Choice.FORK:
                self.fork_asked.emit(value)
            case _Choice.DELETE:
                self.delete_asked.emit(value)

    def _picture(self, sha256: str) -> Picture:
        pictures = (picture for message in self._rows.messages() for picture in message.pictures)
        return next(picture for picture in pictures if picture.sha256 == sha256)


def _add(menu: QMenu, text: str, choice: _Choice, value: str) -> QAction:
    action = menu.addAction(text)
    action.setData((choice.value, value))
    return action
