"""What stands below the page: the notices and the composer, which leave the page its share of the height."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from desktop_app.ui.widgets.fitting import lay_out_now

_SHARE = 0.6  # of the height that both take at most
_OF_COMPOSER = 0.5  # of the height that the composer takes at most
_OF_NOTICES = 0.2  # of the height that notices get at least, where there is not enough for both


class GivesWay(Protocol):
    """A widget that can be lower than it wants to be."""

    def heights(self, width: int) -> tuple[int, int]:
        """Return how high it wants to be in a width, and how low it can be, in px."""

    def take(self, width: int, height: int) -> None:
        """Do with such a height, which is no less than the lowest."""

    def widget(self) -> QWidget:
        """Return itself."""


class Foot(QWidget):
    """Shows notices above the composer. Each gives way in a low window, and scrolls where that is not enough.

    The composer scrolls from its end, where one writes and sends; notices from their beginning.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._page = parent
        self._is_fitting = False
        self.notices, self.composer = _Part(self), _Part(self, from_end=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notices)
        column.addWidget(self.composer)

    def show_parts(self, notices: GivesWay, composer: GivesWay) -> None:
        """Show these two, which were made in the `place` of each."""
        self.notices.take(notices)
        self.composer.take(composer)
        self._page.installEventFilter(self)
        for part in (self.notices, self.composer):
            part.changed.connect(self._fit)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Divide the height of the page anew when it is another."""
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        """Divide the height of the page; not once more while that lays out the parts, which may ask for it."""
        if self._is_fitting:
            return
        self._is_fitting = True
        try:
            self._divide()
        finally:
            self._is_fitting = False

    def _divide(self) -> None:
        page = self._page.size()
        room = int(page.height() * _SHARE)
        above, _least = self.notices.part.heights(page.width())
        below, least = self.composer.part.heights(page.width())
        below = min(below, max(least, int(page.height() * _OF_COMPOSER)))
        notices = min(above, max(room - below, room - least, int(page.height() * _OF_NOTICES)))
        composer = min(below, room - notices)
        self.notices.give(page.width(), notices)
        self.composer.give(page.width(), composer)
        self.setFixedHeight(notices + composer)
        lay_out_now(self._page, self)


class _Part(QScrollArea):
    """A part of the foot, scrolled where it is given less than it needs at least.

    `changed`: it may want another height.
    """

    changed = Signal()
    part: GivesWay

    def __init__(self, parent: QWidget, *, from_end: bool = False) -> None:
        super().__init__(parent)
        self.place = QWidget()  # where the part is to be made: it would be styled again if it came from elsewhere
        self.setViewport(self.place)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if from_end:
            self.verticalScrollBar().rangeChanged.connect(self._show_end)

    def take(self, part: GivesWay) -> None:
        """Show this part."""
        self.part = part
        is_hidden = part.widget().isHidden()
        self.setWidget(part.widget())  # which shows it
        part.widget().setHidden(is_hidden)

    def _show_end(self, _least: int, most: int) -> None:
        self.verticalScrollBar().setValue(most)

    def give(self, width: int, height: int) -> None:
        """Take a size."""
        self.setFixedHeight(height)
        _wanted, least = self.part.heights(width)
        if least > height:
            width -= self.verticalScrollBar().sizeHint().width()
            _wanted, least = self.part.heights(width)
        self._show_cut(least > height)
        height = max(height, least)
        self.part.take(width, height)
        self.part.widget().resize(width, height)

    def _show_cut(self, is_cut: bool) -> None:
        """Draw a line where what is above is out of sight."""
        if is_cut != bool(self.property("cut")):
            self.setProperty("cut", is_cut)
            self.style().polish(self)

    def minimumSizeHint(self) -> QSize:
        """Be no narrower than the part can be."""
        return QSize(self.part.widget().minimumSizeHint().width(), 0)

    def event(self, event: QEvent) -> bool:
        """Tell when the part wants another height: it has no layout around it that would."""
        is_handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self.changed.emit()
        return is_handled

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the keys to the window: they turn the pages of the conversation."""
        event.ignore()
