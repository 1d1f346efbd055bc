"""F6 goes through the areas of the window: the conversations, the open one, its picture, and the question."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QWidget


@runtime_checkable
class _HasFirst(Protocol):
    def first_focus(self) -> QWidget: ...


class Areas(QObject):
    """Moves the keyboard to the next area that is shown by F6, and to the one before by Shift+F6.

    In an area the keyboard goes to its `first_focus`, or else to what Tab comes to first.
    """

    def __init__(self, window: QWidget, *areas: QWidget) -> None:
        super().__init__(window)
        self._areas = list(areas)
        QShortcut(QKeySequence(Qt.Key.Key_F6), window, self._go_on)
        QShortcut(QKeySequence("Shift+F6"), window, self._go_back)

    def add(self, area: QWidget) -> None:
        """Add an area before the last one, the question."""
        self._areas.insert(-1, area)

    def _go_on(self) -> None:
        self._go(1)

    def _go_back(self) -> None:
        self._go(-1)

    def _go(self, step: int) -> None:
        shown = [area for area in self._areas if area.isVisible() and _target(area) is not None]
        focused = QApplication.focusWidget()
        if not shown:
            return
        here = (i for i, area in enumerate(shown) if focused is not None and area.isAncestorOf(focused))
        target = _target(shown[(next(here, -1 if step > 0 else 0) + step) % len(shown)])
        if target is not None:
            target.setFocus(Qt.FocusReason.TabFocusReason)


def _target(area: QWidget) -> QWidget | None:
    if isinstance(area, _HasFirst):
        return area.first_focus()
    for part in area.findChildren(QWidget):
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.isVisible() and part.isEnabled():
            return part
    return None
