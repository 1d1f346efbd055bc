"""The page and, to its right, the picture pane; the person divides the width between them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

SHARE = 0.38  # of the width that the pane takes, until the person drags


class PageSplitter(QSplitter):
    """Keeps the share of the pane while the window changes its size."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setChildrenCollapsible(False)
        self._share = SHARE
        self.splitterMoved.connect(self._moved)

    def share(self) -> float:
        """Return the share of the width that the pane takes, 0 to 1."""
        return self._share

    def set_share(self, share: float) -> None:
        """Give the pane a share of the width; both keep what they need."""
        self._share = share if 0.0 < share < 1.0 else SHARE
        self.divide()

    def divide(self) -> None:
        """Give the pane its share of the present width, where it is shown."""
        beside = self.widget(1)
        if beside is not None and not beside.isHidden():
            pane = round(self.width() * self._share)
            self.setSizes([self.width() - pane, pane])

    def _moved(self, _position: int, _index: int) -> None:
        if self.width() > 0:
            self._share = self.sizes()[1] / self.width()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Divide the new width."""
        super().resizeEvent(event)
        self.divide()

    def changeEvent(self, event: QEvent) -> None:
        """Divide the width again when the text has another size."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.divide()
