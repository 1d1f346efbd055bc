"""F6 goes through the areas of the window: the conversations, the open one, its picture, and the question."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QWidget

Area = Callable[[], QWidget | None]


class Areas(QObject):
    """Moves the keyboard to the next area that is shown by F6, and to the one before by Shift+F6."""

    def __init__(self, window: QWidget, areas: Sequence[Area]) -> None:
        """`areas`: functions that return what takes the keyboard in an area, or None while it does not exist."""
        super().__init__(window)
        self._areas = areas
        QShortcut(QKeySequence(Qt.Key.Key_F6), window, self._go_on)
        QShortcut(QKeySequence("Shift+F6"), window, self._go_back)

    def _go_on(self) -> None:
        self._go(1)

    def _go_back(self) -> None:
        self._go(-1)

    def _go(self, step: int) -> None:
        shown = [area for area in (find() for find in self._areas) if area is not None and area.isVisible()]
        if not shown:
            return
        focused = QApplication.focusWidget()
        here = next((i for i, area in enumerate(shown) if focused is not None and _holds(area, focused)), None)
        target = (here + step) % len(shown) if here is not None else (0 if step > 0 else -1)
        shown[target].setFocus(Qt.FocusReason.TabFocusReason)


def _holds(area: QWidget, focused: QWidget) -> bool:
    """Whether the keyboard is in an area, be it on a button beside what takes it first."""
    around = area.parentWidget() or area
    return around.isAncestorOf(focused)
