"""Thumbnails of the attached pictures, with the progress of reading each, and a remove button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, QVariantAnimation, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QSizePolicy, QWidget

from desktop_app.services.conversation.draft import DraftPicture
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import IconButton
from desktop_app.ui.widgets.images import decode, paint_edge, rounded, shape_in
from desktop_app.ui.widgets.plain_text import set_tip
from desktop_app.ui.widgets.theme import GRID, RADIUS, RADIUS_SMALL, THUMBNAIL, theme

if TYPE_CHECKING:
    from desktop_app.ui.protocols.conversation import PictureList, Previews

_BADGE = 22  # px at 100 % text size; the disc with the ring or the check
_LEAST = 36  # the same; the smallest a picture gets in a low window
_MOST_AT_ONCE = 4  # thumbnails, 2 ms or more each: a whole folder that is dropped must not stop the window
_RING = 2.5  # the same; the ring's line
_FULL_TURN = 360 * 16  # Qt counts angles in sixteenths of a degree
_TOP = 90 * 16


class Thumbnail(QWidget):
    """One attached picture, the engine's progress with it, and a button to remove it.

    `removed(key)`: it is to be removed. `opened(sha256)`: it is to be shown large.
    """

    removed = Signal(int)
    opened = Signal(str)

    def __init__(self, draft: DraftPicture, previews: Previews, side: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._previews = previews
        self._draft = draft
        self._shown = 0.0  # of the ring, on its way to the progress
        self._image: QPixmap | None = None
        self._moving = QVariantAnimation(self)
        self._moving.valueChanged.connect(self._move_ring)
        self.close_button = _RemoveButton(self)
        self.close_button.clicked.connect(self._remove)
        self.close_button.hide()
        self.fit(side)

    def draft(self) -> DraftPicture:
        """Return the picture as it was last shown."""
        return self._draft

    def fit(self, side: int) -> None:
        """Take a size that suits the text size and the room."""
        self.setFixedSize(side, side)
        badge = self._badge()
        self.close_button.setGeometry(self.width() - badge - 4, 4, badge, badge)
        self._image = None
        self.show_draft(self._draft)

    def _badge(self) -> int:
        return min(icons.side(_BADGE), self.width() // 2)

    def show_draft(self, draft: DraftPicture) -> None:
        """Show the picture's present state."""
        self._draft = draft
        if draft.picture is not None and self._image is None:
            data = self._previews.thumbnail(draft.picture.sha256)
            if data is not None:
                ratio = self.devicePixelRatioF()
                size = shape_in(draft.picture.width, draft.picture.height, self.size())
                self._image = QPixmap.fromImage(rounded(decode(data, size * ratio), ratio, RADIUS_SMALL))
        self._moving.stop()
        if theme.animation_ms() and draft.state == "reading":
            self._moving.setStartValue(self._shown)
            self._moving.setEndValue(draft.progress)
            self._moving.setDuration(theme.animation_ms())
            self._moving.start()
        else:
            self._shown = draft.progress
        sentence = self._sentence().format(name=draft.name)
        self.setAccessibleName(sentence)
        self.setAccessibleDescription(self.tr("Press Delete to remove this picture."))
        set_tip(self, sentence)
        self.close_button.set_name(self.tr("Remove {name}").format(name=draft.name))
        self.update()

    def _sentence(self) -> str:
        if self._draft.state == "checking":
            return self.tr("{name}: being opened")
        if self._draft.state == "reading":
            return self.tr("{name}: being read, so that the answer starts sooner")
        if self._draft.state == "read":
            return self.tr("{name}: already read; the answer will start at once")
        return self.tr("{name}: attached")

    # ---- painting --------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the picture, the badge and the outline of the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("bubble"))
        painter.drawRoundedRect(self.rect(), RADIUS, RADIUS)
        if self._image is not None and not self._image.isNull():
            place = QRect(QPoint(0, 0), self._image.deviceIndependentSize().toSize())
            place.moveCenter(self.rect().center())
            painter.drawPixmap(place, self._image)
            paint_edge(painter, QRectF(place), RADIUS_SMALL)
        else:
            self._paint_placeholder(painter)
        if self._draft.state == "reading":  # afterwards nothing covers the picture
            self._paint_ring(painter)
        if self.hasFocus():
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS - 1, RADIUS - 1)

    def _paint_placeholder(self, painter: QPainter) -> None:
        place = QRectF(0, 0, icons.side(24), icons.side(24))
        named = self.rect().adjusted(GRID // 2, 0, -GRID // 2, -GRID // 2)
        painter.setFont(theme.font("tiny"))
        metrics = painter.fontMetrics()
        place.moveCenter(QRectF(self.rect()).center() - QPointF(0, metrics.height() / 2))
        icons.paint(painter, "picture", theme.colour("muted"), place)
        name = metrics.elidedText(self._draft.name, Qt.TextElideMode.ElideMiddle, named.width())
        painter.setPen(theme.colour("muted"))
        painter.drawText(named, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom), name)

    def _paint_ring(self, painter: QPainter) -> None:
        unit = self._badge() / _BADGE
        disc = QRectF(0, 0, self._badge(), self._badge())
        disc.moveBottomRight(QPointF(self.width() - 4, self.height() - 4))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("scrim"))
        painter.drawEllipse(disc)
        ring = _inside(disc, 4.5 * unit)
        faint = theme.colour("on_scrim")
        faint.setAlphaF(0.3)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(faint, _RING * unit))
        painter.drawEllipse(ring)
        pen = QPen(theme.colour("eye"), _RING * unit)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawArc(ring, _TOP, -round(max(self._shown, 0.04) * _FULL_TURN))

    def _move_ring(self, value: object) -> None:
        if isinstance(value, float):
            self._shown = value
            self.update()

    # ---- keys and pointer ------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes it, Enter and Space open it, the arrow keys move on."""
        key = event.key()
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._remove()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open()
        elif key == Qt.Key.Key_Left:
            self.focusPreviousChild()
        elif key == Qt.Key.Key_Right:
            self.focusNextChild()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open picture."""
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self._open()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Offer to remove it."""
        super().enterEvent(event)
        self.close_button.show()

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the button again."""
        super().leaveEvent(event)
        self.close_button.setVisible(self.hasFocus())

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Offer to remove it."""
        super().focusInEvent(event)
        self.close_button.show()
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the button again."""
        super().focusOutEvent(event)
        self.close_button.setVisible(self.underMouse())
        self.update()

    def _remove(self) -> None:
        self.removed.emit(self._draft.key)

    def _open(self) -> None:
        if self._draft.picture is not None:
            self.opened.emit(self._draft.picture.sha256)


def _inside(rect: QRectF, by: float) -> QRectF:
    return rect.adjusted(by, by, -by, -by)


class _RemoveButton(IconButton):
    """The remove button in the upper right corner."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("close", "", parent, "on_scrim")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Delete does the same by keyboard
        self.setCursor(Qt.CursorShape.ArrowCursor)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the disc and the cross."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("accent" if self.underMouse() else "scrim"))
        painter.drawEllipse(self.rect())
        colour = theme.colour("on_accent" if self.underMouse() else "on_scrim")
        icons.paint(painter, "close", colour, _inside(QRectF(self.rect()), self.width() * 0.23))


class ThumbnailStrip(QScrollArea):
    """The thumbnails side by side, scrollable; hidden when there are none. Of many, the rest follow a moment later.

    `picture_opened(sha256)`: a picture is to be shown large. `left`: the last picture was removed while focused.
    """

    picture_opened = Signal(str)
    left = Signal()

    def __init__(self, draft: PictureList, previews: Previews, parent: QWidget) -> None:
        super().__init__(parent)
        self._draft = draft
        self._previews = previews
        self._thumbnails: dict[int, Thumbnail] = {}
        self._later: dict[int, DraftPicture] = {}  # whose thumbnails are still to be built
        self._room = _MOST_AT_ONCE
        self._next_turn = QTimer(self)
        self._next_turn.setSingleShot(True)
        self._next_turn.setInterval(0)
        self._next_turn.timeout.connect(self._go_on)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self._fit)
        self._fit()
        self.setAccessibleName(self.tr("Pictures of this message"))
        self._inner = QWidget(self)
        self._row = QHBoxLayout(self._inner)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GRID)
        self._row.addStretch(1)
        self.setWidget(self._inner)
        # The card shows through. (Not told to the viewport itself: see the invitation of message_edit.py.)
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, Qt.GlobalColor.transparent)
        self.setPalette(palette)
        self._inner.setAutoFillBackground(False)
        draft.added.connect(self._add)
        draft.changed.connect(self._change)
        draft.removed.connect(self._remove)
        draft.cleared.connect(self._clear)
        previews.ready.connect(self._preview_ready)
        for picture in draft.pictures():
            self._add(picture)
        self.setVisible(bool(self._thumbnails))

    def _fit(self) -> None:
        """Let the pictures grow with the text, but give way in a low window."""
        self.setMinimumHeight(self.least_height())
        self.setMaximumHeight(self.wanted_height())
        self.updateGeometry()
        self._fit_thumbnails()

    def _fit_thumbnails(self) -> None:
        for thumbnail in self._thumbnails.values():
            thumbnail.fit(self.height())
        if self._thumbnails:  # other widths: the newest would be out of sight
            self._show_whole(self.thumbnails()[-1])

    def _show_whole(self, thumbnail: Thumbnail) -> None:
        self._inner.adjustSize()
        self.ensureWidgetVisible(thumbnail, 0, 0)

    def wanted_height(self) -> int:
        """Return the height that suits the text size, in px."""
        return icons.side(THUMBNAIL)

    def least_height(self) -> int:
        """Return how small the pictures can be, in px."""
        return icons.side(_LEAST)

    def room(self) -> int:
        """Return the height that it takes, in px."""
        return self.maximumHeight()

    def set_room(self, height: int) -> None:
        """Show the pictures so high."""
        self.setFixedHeight(height)

    def sizeHint(self) -> QSize:
        """Ask for the height that suits the text size."""
        return QSize(super().sizeHint().width(), icons.side(THUMBNAIL))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the pictures as high as there is room."""
        super().resizeEvent(event)
        if event.size().height() != event.oldSize().height():
            self._fit_thumbnails()

    def thumbnails(self) -> list[Thumbnail]:
        """Return the thumbnails from left to right."""
        return list(self._thumbnails.values())

    def _add(self, picture: DraftPicture) -> None:
        if picture.key in self._thumbnails:
            return  # the row was built while its pictures were announced
        self._later[picture.key] = picture
        self._build()

    def _go_on(self) -> None:
        self._room = _MOST_AT_ONCE
        self._build()

    def _build(self) -> None:
        """Build as many of the missing thumbnails as there is time for now."""
        now = list(self._later.values())[: self._room]
        if not now:
            return
        self._room -= len(now)
        for picture in now:
            del self._later[picture.key]
            thumbnail = self._thumbnails[picture.key] = Thumbnail(picture, self._previews, self.height(), self._inner)
            thumbnail.removed.connect(self._draft.remove)
            thumbnail.opened.connect(self.picture_opened)
            self._row.insertWidget(self._row.count() - 1, thumbnail)
            thumbnail.show()
        self.setVisible(True)
        self._show_whole(self.thumbnails()[-1])
        self._next_turn.start()

    def _change(self, picture: DraftPicture) -> None:
        if picture.key in self._later:
            self._later[picture.key] = picture
        thumbnail = self._thumbnails.get(picture.key)
        if thumbnail is not None:
            thumbnail.show_draft(picture)

    def _remove(self, key: int) -> None:
        self._later.pop(key, None)
        thumbnail = self._thumbnails.pop(key, None)
        if thumbnail is None:
            return
        had_focus = thumbnail.hasFocus()
        self._row.removeWidget(thumbnail)
        thumbnail.hide()
        thumbnail.deleteLater()
        if had_focus and self._thumbnails:
            self.thumbnails()[-1].setFocus(Qt.FocusReason.OtherFocusReason)
        elif had_focus:
            self.left.emit()
        self.setVisible(bool(self._thumbnails))

    def _clear(self) -> None:
        self._later.clear()
        for key in list(self._thumbnails):
            self._remove(key)

    def _preview_ready(self, sha256: str) -> None:
        for thumbnail in self._thumbnails.values():
            shown = thumbnail.draft()
            if shown.picture is not None and shown.picture.sha256 == sha256:
                thumbnail.show_draft(shown)
