"""The small picture in the header, where there is no room for the pane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QWidget

from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import EnterClicks
from desktop_app.ui.widgets.images import decode, paint_edge, rounded, shape_in
from desktop_app.ui.widgets.plain_text import one_line, set_tip
from desktop_app.ui.widgets.theme import HEADER, RADIUS_SMALL, theme

if TYPE_CHECKING:
    from desktop_app.chat.conversation import Picture
    from desktop_app.ui.protocols.conversation import Previews


class PictureThumbnail(EnterClicks, QAbstractButton):
    """A picture as a button."""

    def __init__(self, previews: Previews, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._previews = previews
        self._picture: Picture | None = None
        self._pixmap: QPixmap | None = None
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        previews.ready.connect(self._draw_anew)
        theme.changed.connect(self._fit)
        self._fit()

    def show_picture(self, picture: Picture) -> None:
        """Show another picture."""
        if picture == self._picture:
            return
        self._picture = picture
        said = self.tr("Open {name} large").format(name=one_line(picture.name))
        self.setAccessibleName(said)
        set_tip(self, said)
        self._draw_anew()

    def sizeHint(self) -> QSize:
        """Return the size of the square in which the picture stands."""
        return icons.square(HEADER)

    def _fit(self) -> None:
        self.setFixedSize(self.sizeHint())
        self._draw_anew()

    def _draw_anew(self, _sha256: str = "") -> None:
        self._pixmap = None
        self.update()

    def _drawn(self, picture: Picture) -> QPixmap | None:
        if self._pixmap is None:
            data, ratio = self._previews.thumbnail(picture.sha256), self.devicePixelRatioF()
            if data is None:
                self._previews.request(picture.sha256)
                return None
            size = shape_in(picture.width, picture.height, icons.square(HEADER))
            self._pixmap = QPixmap.fromImage(rounded(decode(data, size * ratio), ratio, RADIUS_SMALL))
        return self._pixmap

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the picture in its shape, with its edge."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pixmap = self._drawn(self._picture) if self._picture is not None else None
        place = self.rect()
        if pixmap is not None and not pixmap.isNull():
            place = QRect(QPoint(0, 0), pixmap.deviceIndependentSize().toSize())
            place.moveCenter(self.rect().center())
            painter.drawPixmap(place, pixmap)
        paint_edge(painter, QRectF(place), RADIUS_SMALL)
        if self.hasFocus():
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS_SMALL, RADIUS_SMALL)
