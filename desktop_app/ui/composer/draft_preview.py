"""A large preview of the attached pictures, shown while the conversation has no messages."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.chat.conversation import Picture
from desktop_app.ui.protocols.conversation import Draft, Previews
from desktop_app.ui.widgets.images import paint_edge
from desktop_app.ui.widgets.theme import COLUMN, GRID, PICTURE_HEIGHT, RADIUS, theme

_THINNEST = 2.0  # px; of a line of pixels something is seen
_MOST = 4  # pictures side by side; the others are seen in the composer


class DraftPreview(QWidget):
    """Shows the pictures in a row. `opened(sha256)`: one was clicked. The keyboard opens them in the composer."""

    opened = Signal(str)

    def __init__(self, draft: Draft, previews: Previews, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self._previews = previews
        self._pixmaps: dict[str, QPixmap] = {}
        self._places: list[tuple[QRectF, Picture]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Attached pictures"))
        for signal in (draft.added, draft.changed, draft.removed, draft.cleared, previews.ready, theme.changed):
            signal.connect(self._refresh)

    def pictures(self) -> list[Picture]:
        """Return the pictures that can be shown."""
        return [held.picture for held in self._draft.pictures() if held.picture is not None]

    def unseen(self) -> int:
        """Return how many pictures there are besides those that are seen here; the last one lies under that figure."""
        count = len(self.pictures())
        return count - _MOST + 1 if count > _MOST else 0

    def places(self) -> list[QRectF]:
        """Return where the pictures are shown."""
        self._arrange()
        return [place for place, _picture in self._places]

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(COLUMN, PICTURE_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(200, 100)

    def _refresh(self, _what: object = None) -> None:
        there = {picture.sha256 for picture in self.pictures()}
        self._pixmaps = {sha256: pixmap for sha256, pixmap in self._pixmaps.items() if sha256 in there}
        self.setAccessibleDescription(
            self.tr("{count} more pictures are attached.").format(count=self.unseen()) if self.unseen() else ""
        )
        self.update()

    def _pixmap(self, picture: Picture) -> QPixmap:
        known = self._pixmaps.get(picture.sha256)
        if known is not None:
            return known
        pixmap = QPixmap()
        data = self._previews.preview(picture.sha256)
        # Our own encoding, made by the engine from the pixels it decoded.
        if data is not None and pixmap.loadFromData(data):
            # No larger than it is ever painted; the preview may be four times that.
            ratio = self.devicePixelRatioF()
            box = QSizeF(COLUMN * ratio, PICTURE_HEIGHT * ratio).toSize()
            if pixmap.width() > box.width() or pixmap.height() > box.height():
                smooth = Qt.TransformationMode.SmoothTransformation
                pixmap = pixmap.scaled(box, Qt.AspectRatioMode.KeepAspectRatio, smooth)
            self._pixmaps[picture.sha256] = pixmap
        else:
            self._previews.request(picture.sha256)
        return pixmap

    def _arrange(self) -> None:
        """Place the pictures in one centred row of equal height."""
        pictures = self.pictures()[:_MOST]
        shapes = [max(0.2, min(5.0, picture.width / max(1, picture.height))) for picture in pictures]
        if not shapes:
            self._places = []
            return
        gap = 2 * GRID
        room = min(self.width(), COLUMN) - gap * (len(shapes) - 1)
        height = min(self.height(), PICTURE_HEIGHT, room / sum(shapes))
        height = min([height, *(float(max(96, picture.height)) for picture in pictures)])
        x = (self.width() - height * sum(shapes) - gap * (len(shapes) - 1)) / 2
        y = (self.height() - height) / 2
        self._places = []
        for picture, shape in zip(pictures, shapes, strict=True):
            room_of_it = QRectF(x, y, height * shape, height)
            size = QSizeF(max(1, picture.width), max(1, picture.height)).scaled(
                room_of_it.size(), Qt.AspectRatioMode.KeepAspectRatio
            )
            place = QRectF(QPointF(0, 0), size.expandedTo(QSizeF(_THINNEST, _THINNEST)))
            place.moveCenter(room_of_it.center())
            self._places.append((place, picture))
            x += height * shape + gap

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the pictures with round corners, and over the last one how many more there are."""
        self._arrange()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for place, picture in self._places:
            pixmap = self._pixmap(picture)
            clip = QPainterPath()
            clip.addRoundedRect(place, RADIUS, RADIUS)
            painter.setClipPath(clip)
            painter.fillRect(place, theme.colour("hover"))
            if not pixmap.isNull():
                painter.drawPixmap(place, pixmap, QRectF(QPointF(0, 0), pixmap.size().toSizeF()))
            painter.setClipping(False)
            paint_edge(painter, place)
        if self.unseen():
            self._paint_unseen(painter, self._places[-1][0])

    def _paint_unseen(self, painter: QPainter, place: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        scrim = theme.colour("scrim")
        scrim.setAlphaF(0.6)
        painter.setBrush(scrim)
        painter.drawRoundedRect(place, RADIUS, RADIUS)
        painter.setPen(theme.colour("on_scrim"))
        painter.setFont(theme.font("title"))
        text = self.tr("+{count}").format(count=self.unseen())
        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip), text)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open picture that is clicked."""
        for place, picture in self._places:
            if place.contains(event.position()) and event.button() == Qt.MouseButton.LeftButton:
                self.opened.emit(picture.sha256)
                return
        super().mouseReleaseEvent(event)
