"""Decodes pictures in the size in which they are shown, and rounds their corners."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QImage, QImageReader, QPainter, QPen

from desktop_app.ui.widgets.theme import RADIUS, theme


def decode(data: bytes, size: QSize) -> QImage:
    """Return a picture that covers `size` device pixels exactly, cut at the longer sides."""
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    natural = reader.size()
    if natural.isValid():
        reader.setScaledSize(natural.scaled(size, Qt.AspectRatioMode.KeepAspectRatioByExpanding))
    image = reader.read()
    if image.isNull():
        return image
    spare = image.size() - size
    return image.copy(QRect(spare.width() // 2, spare.height() // 2, size.width(), size.height()))


def paint_edge(painter: QPainter, place: QRectF, radius: float = RADIUS) -> None:
    """Outline a picture, so that a white one stands out from white ground, and a dark one from dark."""
    colour = theme.colour("edge")
    colour.setAlphaF(0.5)
    painter.setPen(QPen(colour, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(place.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


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
    painter.drawRoundedRect(made.rect(), radius * ratio, radius * ratio)
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made
