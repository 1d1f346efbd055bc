"""A picture that can be zoomed and moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPen,
    QPixmap,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGestureEvent,
    QGraphicsPixmapItem,
    QGraphicsScene,
    QGraphicsView,
    QPinchGesture,
    QWidget,
)

from desktop_app.ui.widgets.images import paint_edge
from desktop_app.ui.widgets.keys import BY_KEYBOARD
from desktop_app.ui.widgets.theme import RADIUS_SMALL, theme

if TYPE_CHECKING:
    from desktop_app.chat.conversation import Picture
    from desktop_app.ui.pictures.large_previews import LargePreviews

STEP = 1.25  # of one press of + or -
_LARGEST = 16.0
_PINCHED = Qt.NativeGestureType.ZoomNativeGesture
_WHEEL = 1.0015  # per eighth of a degree
_EDGE = 1  # px around a picture that is shown whole, for its outline


class PictureView(QGraphicsView):
    """Shows a picture, whole until it is zoomed. `zoomed(float)`: px on the screen for each pixel of the picture.

    The coordinates of its scene are pixels of the picture, whatever the size of the preview.
    """

    zoomed = Signal(float)

    def __init__(self, previews: LargePreviews, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._previews = previews
        self._picture: Picture | None = None
        self._levels: list[QPixmap] = []
        self._item = QGraphicsPixmapItem()
        self._item.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        scene = QGraphicsScene(self)
        scene.addItem(self._item)
        self.setScene(scene)
        self._fitted = True
        self._is_ringed = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().grabGesture(Qt.GestureType.PinchGesture)
        self.viewport().setAutoFillBackground(False)
        self.setAcceptDrops(False)
        self.setAccessibleName(self.tr("Picture"))
        previews.ready.connect(self._ready)
        theme.changed.connect(self.viewport().update)

    # ---- the picture -----------------------------------------------------------------------

    def show_picture(self, picture: Picture | None) -> None:
        """Show another picture, whole; None gives its memory back."""
        self._picture = picture
        if picture is None:
            self._previews.forget()
            self._set_levels([])
            return
        self.setSceneRect(QRectF(0, 0, max(picture.width, 1), max(picture.height, 1)))
        self._set_levels(self._previews.levels(picture.sha256))
        self.fit()

    def picture(self) -> Picture | None:
        """Return the picture that is shown."""
        return self._picture

    def is_sharp(self) -> bool:
        """Return whether the preview is shown, rather than the thumbnail until it is decoded."""
        return len(self._levels) > 1

    def _ready(self, sha256: str) -> None:
        if self._picture is not None and self._picture.sha256 == sha256:
            self._set_levels(self._previews.levels(sha256))

    def _set_levels(self, levels: list[QPixmap]) -> None:
        self._levels = levels
        self._item.setPixmap(QPixmap())
        self._choose_level()
        self.viewport().update()

    def _choose_level(self) -> None:
        """Take the smallest copy that is sharp in the present size: a much larger one would flicker when painted."""
        if not self._levels:
            return
        room = self.sceneRect().size()
        wanted = self.scale_now() * self.devicePixelRatioF() * max(room.width(), room.height())
        sharp = (level for level in reversed(self._levels) if max(level.width(), level.height()) >= wanted)
        level = next(sharp, self._levels[0])
        if self._item.pixmap().cacheKey() != level.cacheKey():
            self._item.setPixmap(level)
            fill = QTransform.fromScale(room.width() / level.width(), room.height() / level.height())
            self._item.setTransform(fill)

    # ---- zoom ------------------------------------------------------------------------------

    def scale_now(self) -> float:
        """Return how many px a pixel of the picture takes."""
        return self.transform().m11()

    def fit(self) -> None:
        """Show all of the picture, but no larger than it is."""
        self._fitted = True
        self._set_scale(self._fitting())

    def is_fitted(self) -> bool:
        """Return whether all of the picture is shown, however large the window is."""
        return self._fitted

    def zoom(self, factor: float, *, at_pointer: bool = False) -> None:
        """Zoom by a factor, within limits; what is in the middle, or under the pointer, stays there."""
        smallest = min(self._fitting(), 1.0) / 2
        scale = min(_LARGEST, max(smallest, self.scale_now() * factor))
        self._fitted = False
        anchors = QGraphicsView.ViewportAnchor
        self.setTransformationAnchor(anchors.AnchorUnderMouse if at_pointer else anchors.NoAnchor)
        inverse, _ = self.viewportTransform().inverted()
        middle = inverse.map(QRectF(self.viewport().rect()).center())  # to a part of a pixel, or it would drift
        self._set_scale(scale)
        if not at_pointer:
            self.centerOn(middle)

    def zoom_in(self) -> None:
        """Zoom in by one step."""
        self.zoom(STEP)

    def zoom_out(self) -> None:
        """Zoom out by one step."""
        self.zoom(1 / STEP)

    def zoom_by_key(self, key: int) -> bool:
        """Zoom by + and -, and show all by 0; return whether the key was one of them."""
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_in()
        elif key == Qt.Key.Key_Minus:
            self.zoom_out()
        elif key == Qt.Key.Key_0:
            self.fit()
        else:
            return False
        return True

    def _fitting(self) -> float:
        size, room = self.sceneRect().size(), self.viewport().size()
        if size.isEmpty():
            return 1.0
        across, along = (room.width() - 2 * _EDGE) / size.width(), (room.height() - 2 * _EDGE) / size.height()
        return max(min(across, along, 1.0), 1e-4)

    def _set_scale(self, scale: float) -> None:
        factor = scale / self.scale_now()
        self.scale(factor, factor)
        self._choose_level()
        can_move = self.horizontalScrollBar().maximum() > 0 or self.verticalScrollBar().maximum() > 0
        modes = QGraphicsView.DragMode
        self.setDragMode(modes.ScrollHandDrag if can_move else modes.NoDrag)
        self.zoomed.emit(scale)

    # ---- painting and events ---------------------------------------------------------------

    def drawForeground(self, painter: QPainter, _rect: QRectF) -> None:  # type: ignore[override]
        """Outline the picture, and show where it will be until there is something of it; and where the keyboard is."""
        painter.save()
        painter.resetTransform()
        if self._picture is not None:
            place = self.mapFromScene(self.sceneRect()).boundingRect()
            if not self._levels:
                painter.fillRect(place, theme.colour("hover"))
            paint_edge(painter, QRectF(place), 0.0)
        if self._is_ringed:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            ring = QRectF(self.viewport().rect()).adjusted(1, 1, -1, -1)
            painter.drawRoundedRect(ring, RADIUS_SMALL, RADIUS_SMALL)
        painter.restore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show a ring to those who came by keyboard."""
        super().focusInEvent(event)
        if event.reason() in BY_KEYBOARD:
            self._is_ringed = True
            self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        super().focusOutEvent(event)
        self._is_ringed = False
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the picture fitted until the person zooms."""
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer."""
        self.zoom(_WHEEL ** event.angleDelta().y(), at_pointer=True)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the pixels of the place that was clicked, or all of the picture again."""
        if event.button() is not Qt.MouseButton.LeftButton:
            super().mouseDoubleClickEvent(event)
        elif self._fitted:
            self.zoom(max(1.0, 2 * self.scale_now()) / self.scale_now(), at_pointer=True)
        else:
            self.fit()

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
                self.zoom(pinch.scaleFactor(), at_pointer=True)
                return True
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == _PINCHED:
            self.zoom(1.0 + event.value(), at_pointer=True)
            return True
        return super().viewportEvent(event)

    def middle(self) -> QPoint:
        """Return the global place of its middle, for a menu that is opened by keyboard."""
        return self.mapToGlobal(self.rect().center())
