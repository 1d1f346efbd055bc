"""Drawn pictures, and a fake of the service that keeps their previews."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter

from desktop_app.chat.conversation import Picture
from tests.helpers.fakes import Call


def picture(name: str = "lake.png", width: int = 640, height: int = 480) -> Picture:
    return Picture(name.encode().hex().ljust(64, "0")[:64], name, width, height)


def png(
    width: int = 64, height: int = 48, first: str = "#4A7FB5", second: str = "#E8B04A", *, plain: bool = False
) -> bytes:
    """A small drawn landscape as PNG; `plain`: nothing but its sky."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    sky = QLinearGradient(0, 0, 0, height)
    sky.setColorAt(0, QColor(first))
    sky.setColorAt(1, QColor(second))
    painter.fillRect(image.rect(), sky)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(second).lighter(130))
    if not plain:
        size = height // 4
        painter.drawEllipse(width // 2, height // 4, size, size)
        painter.setBrush(QColor(first).darker(180))
        painter.drawRect(0, height * 2 // 3, width, height)
    painter.end()
    return _encoded(image)


def _encoded(image: QImage) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(data.data())


def with_ends(width: int, height: int) -> bytes:
    """A white picture as PNG whose first eighth along its longer side is red, and its last blue."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    end = max(width, height) // 8
    across, along = (end, height) if width >= height else (width, end)
    painter.fillRect(0, 0, across, along, QColor("red"))
    painter.fillRect(width - across, height - along, across, along, QColor("blue"))
    painter.end()
    return _encoded(image)


def painted_size(image: QImage, colour: str) -> QSize:
    """The extent of all that is about of a colour ("red" or "blue") in an image; empty where there is none."""
    import numpy as np

    image = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[:, :, 2::-1]
    wanted = QColor(colour)
    off = np.abs(pixels.astype(int) - [wanted.red(), wanted.green(), wanted.blue()]).sum(axis=2)
    rows, columns = np.nonzero(off < 200)
    if not len(rows):
        return QSize(0, 0)
    return QSize(int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)


class FakePreviews(QObject):
    """Has a drawn preview of every picture, but of those in `missing`."""

    ready = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []  # a list of its own: painting asks again and again
        self.missing: set[str] = set()
        self.drawn: dict[str, bytes] = {}

    def preview(self, sha256: str) -> bytes | None:
        self.calls.append(("preview", sha256))
        return None if sha256 in self.missing else self.drawn.setdefault(sha256, png(320, 240))

    def thumbnail(self, sha256: str) -> bytes | None:
        return None if sha256 in self.missing else self.drawn.setdefault(sha256, png(320, 240))

    def request(self, sha256: str) -> None:
        self.calls.append(("request", sha256))

    def ending(self, sha256: str) -> str:
        return ".png"

    def save_original(self, sha256: str, target: str, on_error: Callable[[Exception], object] | None = None) -> None:
        self.calls.append(("save_original", sha256, target))

    def arrive(self, sha256: str) -> None:
        self.missing.discard(sha256)
        self.ready.emit(sha256)
