"""The pane beside the conversation: the picture in view, zoom, and the other pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHideEvent, QKeyEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.ui.files.picture_copies import copy_picture, save_picture
from desktop_app.ui.pictures.picture_menu import PictureMenu
from desktop_app.ui.pictures.picture_view import PictureView
from desktop_app.ui.widgets.controls import ElidedLabel, IconButton, Label
from desktop_app.ui.widgets.fitting import WrappingRow
from desktop_app.ui.widgets.theme import GRID

if TYPE_CHECKING:
    from desktop_app.ui.pictures.in_view import PictureInView
    from desktop_app.ui.pictures.large_previews import LargePreviews
    from desktop_app.ui.protocols.conversation import Previews

_NARROWEST = 30 * GRID  # px


class PicturePane(QWidget):
    """Shows the picture in view. `opened(sha256)`: it is to be shown in its own window.

    `close_wanted`: the pane is to be closed. `left`: the keyboard is to go back to the question.
    """

    opened = Signal(str)
    close_wanted = Signal()
    left = Signal()

    def __init__(
        self, in_view: PictureInView, previews: Previews, large: LargePreviews, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("picture_pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.tr("Picture beside the conversation"))
        self._in_view = in_view
        self._previews = previews
        self._build(large)
        self.previous.clicked.connect(self._go_back)
        self.next.clicked.connect(self._go_on)
        self.smaller.clicked.connect(self.view.zoom_out)
        self.larger.clicked.connect(self.view.zoom_in)
        self.whole.clicked.connect(self.view.fit)
        self.close_button.clicked.connect(self.close_wanted)
        in_view.changed.connect(self._show)

    def _build(self, large: LargePreviews) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, GRID)
        column.setSpacing(GRID)
        head = QHBoxLayout()
        head.setSpacing(GRID)
        titles = QVBoxLayout()
        titles.setSpacing(2)
        self.name = ElidedLabel("", "small", parent=self)
        titles.addWidget(self.name)
        self.size_words = Label("", "tiny", "muted", self)
        titles.addWidget(self.size_words)
        head.addLayout(titles, 1)
        self.close_button = IconButton("close", self.tr("Close the picture pane"), self, "muted")
        head.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        self.view = PictureView(large, self)
        self.view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column.addWidget(self.view, 1)
        foot = WrappingRow(0.5)
        self.previous = IconButton("previous", self.tr("Previous picture"), self, "muted")
        self.next = IconButton("next", self.tr("Next picture"), self, "muted")
        self.count = Label("", "small", "muted", self)
        self.smaller = IconButton("zoom-out", self.tr("Zoom out"), self, "muted")
        self.larger = IconButton("zoom-in", self.tr("Zoom in"), self, "muted")
        self.whole = IconButton("fit", self.tr("Fit to the pane"), self, "muted")
        self._turning = _group(self.previous, self.count, self.next)
        foot.addWidget(self._turning)
        foot.addWidget(_group(self.smaller, self.whole, self.larger))
        column.addLayout(foot)

    def first_focus(self) -> QWidget:
        """Return where the keyboard comes to the pane."""
        return self.view

    def minimumSizeHint(self) -> QSize:
        """Return the narrowest useful size; the buttons stand in several rows then."""
        return QSize(_NARROWEST, super().minimumSizeHint().height())

    def _show(self) -> None:
        picture, index = self._in_view.picture(), self._in_view.index()
        if picture is None or not self.isVisible():
            return
        count = len(self._in_view.pictures())
        size = self.tr("{width} × {height}").format(width=picture.width, height=picture.height)
        place = self.tr("{number} of {count}").format(number=index + 1, count=count)
        self.name.set_whole_text(picture.name)
        self.size_words.setText(size)
        self.count.setText(place)
        self._turning.setVisible(count > 1)
        self.previous.setEnabled(index > 0)
        self.next.setEnabled(index + 1 < count)
        said = self.tr("{name}, {size} pixels, picture {place}").format(name=picture.name, size=size, place=place)
        self.view.setAccessibleName(said)
        if self.view.picture() != picture:
            self.view.show_picture(picture)

    def _go_back(self) -> None:
        self._in_view.choose(self._in_view.index() - 1)

    def _go_on(self) -> None:
        self._in_view.choose(self._in_view.index() + 1)

    def showEvent(self, event: QShowEvent) -> None:
        """Show the picture in view; nothing is decoded while the pane is closed."""
        super().showEvent(event)
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the memory of the picture back."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.view.show_picture(None)

    def _open(self) -> None:
        picture = self._in_view.picture()
        if picture is not None:
            self.opened.emit(picture.sha256)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu under the pointer, or by keyboard in the middle of the picture."""
        picture = self._in_view.picture()
        if picture is not None:
            by_keyboard = event.reason() is QContextMenuEvent.Reason.Keyboard
            place = self.view.middle() if by_keyboard else event.globalPos()
            PictureMenu(self.view, picture, self._previews, self._open).popup(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Page Up and Page Down change the picture, + and - zoom, 0 shows all.

        Enter opens it, the usual keys copy and save it, Esc leaves.
        """
        key, picture = event.key(), self._in_view.picture()
        if key == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.matches(QKeySequence.StandardKey.Copy) and picture is not None:
            copy_picture(self._previews, picture)
        elif event.matches(QKeySequence.StandardKey.Save) and picture is not None:
            save_picture(self._previews, picture, self)
        elif key == Qt.Key.Key_PageUp:
            self._go_back()
        elif key == Qt.Key.Key_PageDown:
            self._go_on()
        elif key == Qt.Key.Key_Home:
            self._in_view.choose(0)
        elif key == Qt.Key.Key_End:
            self._in_view.choose(len(self._in_view.pictures()) - 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open()
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier or not self.view.zoom_by_key(key):
            super().keyPressEvent(event)


def _group(*widgets: QWidget) -> QWidget:
    """Return widgets side by side that a wrapping row keeps together."""
    group = QWidget(widgets[0].parentWidget())
    row = QHBoxLayout(group)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID // 2)
    for widget in widgets:
        row.addWidget(widget)
    return group
