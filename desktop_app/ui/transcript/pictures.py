"""Pictures in messages: their positions, and their scaled and rounded pixmaps."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap

from desktop_app.ui.widgets.images import decode, decoding, rounded, shape_in
from desktop_app.ui.widgets.theme import GRID, PICTURE_HEIGHT, theme

if TYPE_CHECKING:
    from desktop_app.chat.conversation import Picture
    from desktop_app.ui.protocols.conversation import Previews

_ROW_HEIGHTS = {2: 280, 3: 200, 4: 200}  # px by the number of pictures; more pictures: the last
_MANY = 150
_WIDEST = 2.2  # times the height of its row that one of several pictures may take
_SMALLEST = 160  # px; a tiny picture is enlarged to this height
_SHARE = 0.45  # of the height of the view that a picture takes at most
_STEP = 4 * GRID  # px; the limit changes by steps, so that a window made a little higher seldom changes pictures
_AROUND, _WORDS_AROUND = 90, 116  # px of the window above and below the view; the latter grow with the text
_LEAST = 8 * GRID  # px; the limit in a view that is nearly closed
_KEPT_PIXELS = 24_000_000  # about 96 MB of pixmaps
_STAND_INS = 32  # enlarged thumbnails

Key = tuple[str, int, int, float]


def tallest_in(window: int) -> int:
    """Return how high a picture may be in a window that is `window` px high.

    It is the window that counts, and a question of one line: pictures keep their size when a notice comes or the
    question grows.
    """
    view = window - _AROUND - theme.px(_WORDS_AROUND)
    return min(PICTURE_HEIGHT, max(_LEAST, int(view * _SHARE) // _STEP * _STEP))


def place_pictures(pictures: tuple[Picture, ...], width: int, tallest: int = PICTURE_HEIGHT) -> tuple[list[QRect], int]:
    """Return the positions of pictures, aligned right in a column `width` px wide, and their total height in px.

    None is higher than `tallest`, and each has the shape of its picture.
    """
    if not pictures:
        return [], 0
    sizes = [_size_of(picture, len(pictures), width, tallest) for picture in pictures]
    rows: list[list[QSize]] = [[]]
    for size in sizes:
        taken = sum(other.width() + GRID for other in rows[-1])
        if rows[-1] and taken + size.width() > width:
            rows.append([])
        rows[-1].append(size)
    places: list[QRect] = []
    y = 0
    for row in rows:
        x = width - sum(size.width() for size in row) - GRID * (len(row) - 1)
        height = max(size.height() for size in row)
        for size in row:
            places.append(QRect(x, y + (height - size.height()) // 2, size.width(), size.height()))
            x += size.width() + GRID
        y += height + GRID
    return places, y - GRID


def _size_of(picture: Picture, count: int, width: int, tallest: int) -> QSize:
    if count == 1:
        return shape_in(picture.width, picture.height, QSize(width, min(tallest, max(picture.height, _SMALLEST))))
    height = min(_ROW_HEIGHTS.get(count, _MANY), tallest)
    # Panoramas are less high, so that a row holds more than one picture; a click shows them large.
    return shape_in(picture.width, picture.height, QSize(min(width, round(height * _WIDEST)), height))


class PictureCache(QObject):
    """Pixmaps of previews, scaled and rounded. Large ones are decoded on a thread, one at a time.

    `ready(sha256)`: a pixmap that was missing can be painted.
    """

    ready = Signal(str)

    def __init__(self, previews: Previews, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._previews = previews
        self._pixmaps: OrderedDict[Key, QPixmap] = OrderedDict()
        self._stand_ins: OrderedDict[Key, QPixmap] = OrderedDict()
        self._wanted: OrderedDict[Key, None] = OrderedDict()
        self._decoding: Key | None = None
        decoding.done.connect(self._arrived, Qt.ConnectionType.QueuedConnection)
        previews.ready.connect(self._preview_ready)

    def pixmap(self, sha256: str, size: QSize, ratio: float) -> QPixmap | None:
        """Return a picture `size` px large with `ratio` device pixels per px.

        Until it is decoded, this is its thumbnail enlarged, or None; `ready` follows.
        """
        key = (sha256, size.width(), size.height(), ratio)
        found = self._pixmaps.get(key)
        if found is not None:
            self._pixmaps.move_to_end(key)
            return found
        self._wanted[key] = None
        self._wanted.move_to_end(key)
        self._decode_next()
        return self._stand_in(key)

    def _decode_next(self) -> None:
        while self._decoding is None and self._wanted:
            key, _ = self._wanted.popitem()  # the latest wanted is the one being looked at
            data = self._previews.preview(key[0])
            if data is None:
                self._previews.request(key[0])
                continue
            self._decoding = key
            decoding.start(key, partial(_decode, key, data))

    def _arrived(self, key: Key, image: QImage) -> None:
        if key != self._decoding:
            return  # another window's
        self._decoding = None
        self._stand_ins.pop(key, None)
        self._pixmaps[key] = QPixmap.fromImage(image)
        total = sum(pixmap.width() * pixmap.height() for pixmap in self._pixmaps.values())
        while total > _KEPT_PIXELS and len(self._pixmaps) > 1:
            _, oldest = self._pixmaps.popitem(last=False)
            total -= oldest.width() * oldest.height()
        self.ready.emit(key[0])
        self._decode_next()

    def _preview_ready(self, sha256: str) -> None:
        for key in [key for key in self._stand_ins if key[0] == sha256]:
            del self._stand_ins[key]
        self.ready.emit(sha256)

    def _stand_in(self, key: Key) -> QPixmap | None:
        if key not in self._stand_ins:
            data = self._previews.thumbnail(key[0])
            if data is None:
                return None
            _, width, height, _ = key
            small = decode(data, QSize(width, height))
            self._stand_ins[key] = QPixmap.fromImage(rounded(small, 1.0))
            if len(self._stand_ins) > _STAND_INS:
                self._stand_ins.popitem(last=False)
        return self._stand_ins[key]


def _decode(key: Key, data: bytes) -> QImage:
    _, width, height, ratio = key
    return rounded(decode(data, QSize(width, height) * ratio), ratio)
