"""The picture viewer: a separate window with a large picture, so that the chat stays usable."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QKeySequence,
    QNativeGestureEvent,
    QPainter,
    QPixmap,
    QResizeEvent,
    QShortcut,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGestureEvent,
    QGraphicsPixmapItem,
    QGraphicsScene,
    QGraphicsView,
    QHBoxLayout,
    QMenu,
    QPinchGesture,
    QVBoxLayout,
    QWidget,
)

from desktop_app.chat.conversation import Picture
from desktop_app.ui.files.picture_copies import copy_picture, save_picture
from desktop_app.ui.protocols.conversation import Previews
from desktop_app.ui.sentences import number
from desktop_app.ui.widgets.controls import ElidedLabel, IconButton, Label
from desktop_app.ui.widgets.plain_text import window_title
from desktop_app.ui.widgets.text_size_keys import add_text_size_keys
from desktop_app.ui.widgets.theme import GRID

_STEP = 1.25  # of one press of + or -
_LARGEST = 16.0
_PINCHED = Qt.NativeGestureType.ZoomNativeGesture
_WHEEL = 1.0015  # per eighth of a degree


class PictureView(QGraphicsView):
    """A picture that can be zoomed and moved. `zoomed(float)`: px on the screen for each pixel of the picture."""

    zoomed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._item = QGraphicsPixmapItem()
        self._item.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        scene = QGraphicsScene(self)
        scene.addItem(self._item)
        self.setScene(scene)
        self._fitted = True
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().grabGesture(Qt.GestureType.PinchGesture)
        self.viewport().setAutoFillBackground(False)
        self.setAcceptDrops(False)
        self.setAccessibleName(self.tr("Picture"))

    def set_pixmap(self, pixmap: QPixmap) -> None:
        """Show another picture, fitted to the window."""
        self._item.setPixmap(pixmap)
        self.setSceneRect(QRectF(pixmap.rect()))
        self.fit()

    def scale_now(self) -> float:
        """Return how many px a pixel of the picture takes."""
        return self.transform().m11()

    def fit(self) -> None:
        """Show all of the picture, but no larger than it is."""
        self._fitted = True
        self._set_scale(self._fitting())

    def zoom(self, factor: float) -> None:
        """Zoom by a factor, within limits."""
        smallest = min(self._fitting(), 1.0) / 2
        scale = min(_LARGEST, max(smallest, self.scale_now() * factor))
        self._fitted = False
        self._set_scale(scale)

    def _fitting(self) -> float:
        size, room = self._item.pixmap().size(), self.viewport().size()
        if size.isEmpty():
            return 1.0
        return min(room.width() / size.width(), room.height() / size.height(), 1.0)

    def _set_scale(self, scale: float) -> None:
        factor = scale / self.scale_now()
        self.scale(factor, factor)
        self.zoomed.emit(scale)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the picture fitted until the person zooms."""
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer."""
        self.zoom(_WHEEL ** event.angleDelta().y())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move a picture that is larger than the window with the arrow keys; leave all other keys to the window."""
        across = event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self.horizontalScrollBar().maximum() > 0
        along = event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.verticalScrollBar().maximum() > 0
        if across or along:
            super().keyPressEvent(event)
        else:
            event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Leave the menu to the window."""
        event.ignore()

    def viewportEvent(self, event: QEvent) -> bool:
        """Zoom by two fingers, on a screen or a touchpad."""
        if isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                self.zoom(pinch.scaleFactor())
                return True
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == _PINCHED:
            self.zoom(1.0 + event.value())
            return True
        return super().viewportEvent(event)


class PictureViewer(QWidget):
    """The window of the viewer: name, zoom, the other pictures of the conversation, and saving the original."""

    def __init__(self, previews: Previews, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("viewer")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._previews = previews
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
        self.view = PictureView(self)
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
        self.smaller.clicked.connect(self._zoom_out)
        self.larger.clicked.connect(self._zoom_in)
        self.whole.clicked.connect(self.view.fit)
        self.save.clicked.connect(self._save)
        self.view.zoomed.connect(self._zoomed)
        self._previews.ready.connect(self._ready)
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
        data = self._previews.preview(picture.sha256)
        pixmap = QPixmap()
        # Our own encoding, made by the engine from the pixels it decoded.
        if data is None or not pixmap.loadFromData(data):
            self._previews.request(picture.sha256)
        self.view.set_pixmap(pixmap)

    def _ready(self, sha256: str) -> None:
        if self.isVisible() and self._pictures and self._pictures[self._index].sha256 == sha256:
            self._load()

    def _go_back(self) -> None:
        self._go(-1)

    def _go_on(self) -> None:
        self._go(1)

    def _go(self, step: int) -> None:
        if 0 <= self._index + step < len(self._pictures):
            self._index += step
            self._load()

    def _zoom_in(self) -> None:
        self.view.zoom(_STEP)

    def _zoom_out(self) -> None:
        self.view.zoom(1 / _STEP)

    def _zoomed(self, scale: float) -> None:
        self.percent.setText(self.tr("{percent}%").format(percent=number(scale * 100)))

    def _save(self) -> None:
        save_picture(self._previews, self._pictures[self._index], self)

    def _copy(self) -> None:
        copy_picture(self._previews, self._pictures[self._index])

    def open_menu(self, place: QPoint) -> None:
        """Open the menu of the picture; `place` is global."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        keys = QKeySequence.StandardKey
        for text, slot, shortcut in (
            (self.tr("Copy picture"), self._copy, QKeySequence(keys.Copy)),
            (self.tr("Save picture…"), self._save, QKeySequence(keys.Save)),
            ("", None, None),
            (self.tr("Zoom in"), self._zoom_in, QKeySequence(Qt.Key.Key_Plus)),
            (self.tr("Zoom out"), self._zoom_out, QKeySequence(Qt.Key.Key_Minus)),
            (self.tr("Fit to window"), self.view.fit, QKeySequence(Qt.Key.Key_0)),
        ):
            if slot is None or shortcut is None:
                menu.addSeparator()
                continue
            action = menu.addAction(text)
            action.triggered.connect(slot)
            action.setShortcut(shortcut)
            action.setShortcutVisibleInContextMenu(True)
        menu.popup(place)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu under the pointer, or by keyboard in the middle of the picture."""
        by_keyboard = event.reason() is QContextMenuEvent.Reason.Keyboard
        self.open_menu(self._middle() if by_keyboard else event.globalPos())

    def _middle(self) -> QPoint:
        return self.view.mapToGlobal(self.view.rect().center())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes, + and - zoom, 0 shows all; arrow keys, Page Up and Page Down, Home and End change the picture."""
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.close()
        elif key == Qt.Key.Key_F10 and event.modifiers() == Qt.KeyboardModifier.ShiftModifier:
            self.open_menu(self._middle())  # like the Menu key, which many keyboards lack
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._zoom_in()
        elif key == Qt.Key.Key_Minus:
            self._zoom_out()
        elif key in (Qt.Key.Key_0, Qt.Key.Key_F):
            self.view.fit()
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
