"""The preview that is shown large: one at a time, decoded on a thread, with smaller copies for a smooth view."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage, QPixmap

from desktop_app.ui.widgets.images import decoding

if TYPE_CHECKING:
    from desktop_app.ui.protocols.conversation import Previews

_WISHES = 2  # pictures that can be wanted at once: beside the conversation, and in its own window
_SMALLEST = 256  # px; smaller copies are not needed

Key = tuple[str, object]


class LargePreviews(QObject):
    """Keeps the last decoded preview. `ready(sha256)`: it can be had, or a missing one has been made."""

    ready = Signal(str)

    def __init__(self, previews: Previews, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._previews = previews
        self._kept: tuple[str, list[QPixmap]] = ("", [])
        self._wanted: list[str] = []  # the latest first
        self._decoding: Key | None = None
        self._broken: set[str] = set()
        decoding.done.connect(self._arrived, Qt.ConnectionType.QueuedConnection)
        previews.ready.connect(self.ready)

    def levels(self, sha256: str) -> list[QPixmap]:
        """Return a preview and its copies, each half as large as the one before.

        Until it is decoded, this is its thumbnail, or nothing; `ready` follows.
        """
        if sha256 == self._kept[0]:
            return self._kept[1]
        self._wanted = [sha256, *(other for other in self._wanted if other != sha256)][:_WISHES]
        self._decode_next()
        data, pixmap = self._previews.thumbnail(sha256), QPixmap()
        # Our own encoding, as that of the preview is: made from the pixels that another process decoded.
        return [pixmap] if data is not None and pixmap.loadFromData(data) else []

    def forget(self) -> None:
        """Give the memory back; who shows the preview keeps it."""
        self._kept = ("", [])

    def _decode_next(self) -> None:
        while self._decoding is None and self._wanted:
            sha256 = self._wanted.pop(0)
            if sha256 == self._kept[0] or sha256 in self._broken:
                continue
            data = self._previews.preview(sha256)
            if data is None:
                self._previews.request(sha256)
                continue
            self._decoding = (sha256, object())
            decoding.start(self._decoding, partial(_halved, data))

    def _arrived(self, key: Key, levels: list[QImage]) -> None:
        if key is not self._decoding:
            return  # another's
        self._decoding = None
        if levels:
            self._kept = (key[0], [QPixmap.fromImage(level) for level in levels])
            self.ready.emit(key[0])
        else:
            self._broken.add(key[0])  # made anew once at most
            self._previews.request(key[0])
        self._decode_next()


def _halved(data: bytes) -> list[QImage]:
    image, levels = QImage.fromData(data), []
    if image.isNull():
        return []
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    levels.append(image)
    while max(image.width(), image.height()) > _SMALLEST:
        half = (max(1, image.width() // 2), max(1, image.height() // 2))
        smooth = Qt.TransformationMode.SmoothTransformation
        image = image.scaled(*half, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
        levels.append(image)
    return levels
