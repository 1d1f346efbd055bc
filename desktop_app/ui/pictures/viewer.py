"""The picture viewer: a separate window with a large picture, so that the chat stays usable."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QHideEvent, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.chat.conversation import Picture
from desktop_app.ui.files.picture_copies import copy_picture, save_picture
from desktop_app.ui.pictures.large_previews import LargePreviews
from desktop_app.ui.pictures.picture_menu import PictureMenu
from desktop_app.ui.pictures.picture_view import PictureView
from desktop_app.ui.protocols.conversation import Previews
from desktop_app.ui.sentences import number
from desktop_app.ui.widgets.controls import ElidedLabel, IconButton, Label
from desktop_app.ui.widgets.plain_text import window_title
from desktop_app.ui.widgets.text_size_keys import add_text_size_keys
from desktop_app.ui.widgets.theme import GRID


class PictureViewer(QWidget):
    """The window of the viewer: name, zoom, the other pictures of the conversation, and saving the original."""

    def __init__(self, previews: Previews, large: LargePreviews, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("viewer")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._previews = previews
        self._large = large
        self._pictures: list[Picture] = []
        self._index = 0
        self._build()
        self._connect()
        add_text_size_keys(self)

    def show_pictures(self, pictures: Sequence[Picture], index: int) -> None:
        """Open with picture `index`; the others can be reached from there."""
        self._pictures, self._index = list(pictures), index
        if not self.isVisible():
            parent = self.parentWidget()
            if parent is not None:
                room = parent.window().geometry()
                self.setGeometry(room.adjusted(4 * GRID, 4 * GRID, -4 * GRID, -4 * GRID))
        self.show()
        self.raise_()
        self.activateWindow()
        self.view.setFocus()
        self._load()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID, GRID, GRID, GRID)
        column.setSpacing(GRID)
        self.view = PictureView(self._large, self)
        column.addWidget(self.view, 1)
        row = QHBoxLayout()
        row.setSpacing(GRID // 2)
        self.previous = IconButton("previous", self.tr("Previous picture"), self, "on_scrim")
        self.next = IconButton("next", self.tr("Next picture"), self, "on_scrim")
        self.caption = ElidedLabel("", "small", "on_scrim", self)
        self.smaller = IconButton("zoom-out", self.tr("Zoom out"), self, "on_scrim")
        self.percent = Label("", "small", "on_scrim", self)
        self.percent.setMinimumWidth(6 * GRID)
        self.percent.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.larger = IconButton("zoom-in", self.tr("Zoom in"), self, "on_scrim")
        self.whole = IconButton("fit", self.tr("Fit to window"), self, "on_scrim")
        self.save = IconButton("save", self.tr("Save the original…"), self, "on_scrim")
        for button in (self.previous, self.next, self.smaller, self.larger, self.whole, self.save):
            button.setProperty("kind", "on_scrim")
        row.addWidget(self.previous)
        row.addWidget(self.next)
        row.addWidget(self.caption, 1)
        for widget in (self.smaller, self.percent, self.larger, self.whole, self.save):
            row.addWidget(widget)
        column.addLayout(row)

    def _connect(self) -> None:
        self.previous.clicked.connect(self._go_back)
        self.next.clicked.connect(self._go_on)
        self.smaller.clicked.connect(self.view.zoom_out)
        self.larger.clicked.connect(self.view.zoom_in)
        self.whole.clicked.connect(self.view.fit)
        self.save.clicked.connect(self._save)
        self.view.zoomed.connect(self._zoomed)
        self.save.set_name(self.save.accessibleName(), QKeySequence(QKeySequence.StandardKey.Save))
        QShortcut(QKeySequence.StandardKey.Save, self, self._save)
        QShortcut(QKeySequence.StandardKey.Copy, self, self._copy)

    # ---- what happens ----------------------------------------------------------------------

    def _load(self) -> None:
        picture = self._pictures[self._index]
        self.setWindowTitle(window_title(picture.name))
        size = self.tr("{width} × {height}").format(width=picture.width, height=picture.height)
        self.caption.set_whole_text(f"{picture.name} · {size}")
        for button in (self.previous, self.next):
            button.setVisible(len(self._pictures) > 1)
        self.previous.setEnabled(self._index > 0)
        self.next.setEnabled(self._index + 1 < len(self._pictures))
        self.view.show_picture(picture)

    def _go_back(self) -> None:
        self._go(-1)

    def _go_on(self) -> None:
        self._go(1)

    def _go(self, step: int) -> None:
        if 0 <= self._index + step < len(self._pictures):
            self._index += step
            self._load()

    def _zoomed(self, scale: float) -> None:
        self.percent.setText(self.tr("{percent}%").format(percent=number(scale * 100)))

    def _save(self) -> None:
        save_picture(self._previews, self._pictures[self._index], self)

    def _copy(self) -> None:
        copy_picture(self._previews, self._pictures[self._index])

    def open_menu(self, place: QPoint) -> None:
        """Open the menu of the picture; `place` is global."""
        PictureMenu(self.view, self._pictures[self._index], self._previews).popup(place)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu under the pointer, or by keyboard in the middle of the picture."""
        by_keyboard = event.reason() is QContextMenuEvent.Reason.Keyboard
        self.open_menu(self.view.middle() if by_keyboard else event.globalPos())

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the memory of the picture back."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.view.show_picture(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes, + and - zoom, 0 shows all; arrow keys, Page Up and Page Down, Home and End change the picture."""
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.close()
        elif key == Qt.Key.Key_F10 and event.modifiers() == Qt.KeyboardModifier.ShiftModifier:
            self.open_menu(self.view.middle())  # like the Menu key, which many keyboards lack
        elif key == Qt.Key.Key_F:
            self.view.fit()
        elif self.view.zoom_by_key(key):
            pass
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_Left, Qt.Key.Key_Up):
            self._go_back()
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_Right, Qt.Key.Key_Down):
            self._go_on()
        elif key == Qt.Key.Key_Home:
            self._go(-self._index)
        elif key == Qt.Key.Key_End:
            self._go(len(self._pictures) - 1 - self._index)
        else:
            super().keyPressEvent(event)
