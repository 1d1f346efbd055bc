"""Small widgets of the model manager: whether a model fits, and how far a download is."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from desktop_app.memory_fit import MemoryFit
from desktop_app.ui.models import phrases as words
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import Label
from desktop_app.ui.widgets.plain_text import set_tip
from desktop_app.ui.widgets.theme import GRID, theme
from model_store.jobs import DownloadJob

_DOT = 12  # px
_BAR = 6  # px


class FitDot(QWidget):
    """A dot that shows whether a model fits: full, half or empty, so that colour is not the only sign."""

    def __init__(self, fit: MemoryFit, parent: QWidget) -> None:
        super().__init__(parent)
        self._fit = fit
        theme.changed.connect(self._scale)
        self._scale()

    def _scale(self) -> None:
        self.setFixedSize(icons.square(_DOT))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = theme.colour(words.FIT_ROLES[self._fit.verdict])
        painter.setPen(QPen(colour, 2))
        inside = QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5)
        if self._fit.verdict == "fits":
            painter.setBrush(colour)
        painter.drawEllipse(inside)
        if self._fit.verdict == "reduced":
            painter.setBrush(colour)
            painter.drawPie(inside, 90 * 16, 180 * 16)


class FitRow(QWidget):
    """The dot and a short text; the tool tip says why."""

    def __init__(self, fit: MemoryFit, parent: QWidget) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID - 2)
        row.addWidget(FitDot(fit, self), 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(Label(words.fit_text(fit), "small", parent=self))
        set_tip(self, words.fit_reason(fit))
        self.setAccessibleName(f"{words.fit_text(fit)}. {words.fit_reason(fit)}")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)


class ProgressWords(Label):
    """How far a download is. It keeps the room of the longest that may be said, so that nothing around it jumps."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", "small", "muted", parent, wrap=True)
        self._longest = ""

    def show_job(self, job: DownloadJob) -> None:
        """Say how far a download is."""
        longest = "" if words.job_problem(job) else words.longest_job_text(job)  # else there is more below it
        self.say(words.job_text(job), words.job_details(job), longest)

    def say(self, text: str, tip: str = "", longest: str = "") -> None:
        """Say something, in the room of `longest`."""
        self.setText(text)
        set_tip(self, tip)
        if longest != self._longest:
            self._longest = longest
            self.updateGeometry()

    def heightForWidth(self, width: int) -> int:
        """Return the height of the longest text."""
        return max(super().heightForWidth(width), self._longest_height(width))

    def _longest_height(self, width: int) -> int:
        room = QRect(0, 0, width, 1 << 16)
        return QFontMetrics(self.font()).boundingRect(room, int(Qt.TextFlag.TextWordWrap), self._longest).height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stay in the first line where there may be a second one."""
        super().resizeEvent(event)
        may_wrap = self._longest_height(event.size().width()) > 1.5 * QFontMetrics(self.font()).height()
        place = Qt.AlignmentFlag.AlignTop if may_wrap else Qt.AlignmentFlag.AlignVCenter
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | place)


class ProgressLine(QWidget):
    """A thin progress bar, from 0 to 1."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._share = 0.0
        theme.changed.connect(self._fit)
        self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(icons.side(_BAR))
        self.update()

    def set_share(self, share: float) -> None:
        """Set the progress."""
        share = min(1.0, max(0.0, share))
        if share != self._share:
            self._share = share
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the groove and what is done of it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        groove = QRectF(self.rect())
        radius = groove.height() / 2
        painter.setBrush(theme.colour("line"))
        painter.drawRoundedRect(groove, radius, radius)
        if self._share > 0:
            done = QRectF(QPointF(0, 0), groove.bottomRight())
            done.setWidth(max(groove.height(), groove.width() * self._share))
            painter.setBrush(theme.colour("accent"))
            painter.drawRoundedRect(done, radius, radius)
