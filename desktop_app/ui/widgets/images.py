"""Decodes pictures in the size and shape in which they are shown, rounds their corners, and outlines them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from PySide6.QtCore import QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QImage, QPainter, QPen

from desktop_app.ui.widgets.theme import RADIUS, theme

_THINNEST = 2  # px; of a picture that is nearly a line something is seen
_THIN = 12  # px; the outline of a thinner picture stands around it rather than on it


class Decoding(QObject):
    """Decodes on threads of its own; `done(key, result)` comes in the thread of the window.

    There is one, `decoding`, which outlives every window: a thread never signals a deleted object.
    """

    done = Signal(object, object)

    def start(self, key: object, work: Callable[[], object]) -> None:
        """Do `work` on a thread. Connect to `done` by a queued connection, and look at the key."""
        # Not a daemon: at the end of the program it is waited for before Qt is taken apart.
        Thread(target=self._do, args=(key, work), name="decode").start()

    def _do(self, key: object, work: Callable[[], object]) -> None:
        self.done.emit(key, work())


decoding = Decoding()


def shape_in(width: int, height: int, box: QSize) -> QSize:
    """Return the largest size within `box` with the shape of a picture; at least 2 px a side."""
    size = QSize(max(width, 1), max(height, 1)).scaled(box, Qt.AspectRatioMode.KeepAspectRatio)
    return size.expandedTo(QSize(_THINNEST, _THINNEST))


def decode(data: bytes, size: QSize) -> QImage:
    """Return a picture `size` device pixels large. The size has to have its shape: nothing is cut off."""
    # No QImageReader on a QBuffer of ours: Qt asks such a device while it holds its lock of decoders, and the device
    # asks Python, which another thread may hold while it waits for that lock.
    image = QImage.fromData(data)
    if image.isNull():
        return image
    return image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def paint_edge(painter: QPainter, place: QRectF, radius: float = RADIUS) -> None:
    """Outline a picture, so that a white one stands out from white ground, and a dark one from dark."""
    colour = theme.colour("edge")
    colour.setAlphaF(0.5)
    painter.setPen(QPen(colour, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    by = 0.5 if min(place.width(), place.height()) >= _THIN else -0.5
    radius = min(radius, _roundest(place.width(), place.height()))
    painter.drawRoundedRect(place.adjusted(by, by, -by, -by), radius, radius)


def _roundest(width: float, height: float) -> float:
    """Return the largest radius that leaves a picture its shape."""
    return min(width, height) / 4


def rounded(image: QImage, ratio: float, radius: int = RADIUS) -> QImage:
    """Return the image with round corners; `ratio` is its device pixels per px."""
    if image.isNull():
        return image
    made = QImage(image.size(), QImage.Format.Format_ARGB32_Premultiplied)
    made.fill(0)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(image))
    curve = min(radius * ratio, _roundest(made.width(), made.height()))
    painter.drawRoundedRect(made.rect(), curve, curve)
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made
