"""The ways of the keyboard through the window: Tab from control to control, F6 from area to area.

The areas are the conversations, the open one, its picture, and the question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from PySide6.QtCore import QObject, QRect, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
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


def go_to_next_control(areas: Sequence[QWidget], step: int) -> bool:
    """Put the keyboard on the next control (1), or the one before (-1); after the last, on the first.

    Within each of the areas that is in reading order. Where things stand decides, not when they were made: much of the
    window is made only when it is needed.
    """
    controls = [each for area in areas if area.isVisible() for each in _in_reading_order(area)]
    focused = QApplication.focusWidget()
    if not controls:
        return False
    here = controls.index(focused) if focused in controls else _place_of(focused, controls, step)
    target = controls[(here + step) % len(controls)]
    target.setFocus(Qt.FocusReason.TabFocusReason if step > 0 else Qt.FocusReason.BacktabFocusReason)
    return True


def _place_of(focused: QWidget | None, controls: list[QWidget], step: int) -> int:
    """Return the place from which to go on where the keyboard is on nothing that Tab comes to."""
    inside = [place for place, each in enumerate(controls) if focused is not None and focused.isAncestorOf(each)]
    if inside:
        return inside[0] - 1 if step > 0 else inside[-1] + 1
    return -1 if step > 0 else 0


def _in_reading_order(part: QWidget) -> Iterator[QWidget]:
    if _takes_tab(part):
        yield part
    shown = [each for each in part.children() if isinstance(each, QWidget) and each.isVisible() and not each.isWindow()]
    for line in _lines(shown):
        for each in line:
            yield from _in_reading_order(each)


def _takes_tab(part: QWidget) -> bool:
    # On macOS Tab comes to buttons only if the person wants it; Qt tells.
    has_all = QGuiApplication.styleHints().tabFocusBehavior() is Qt.TabFocusBehavior.TabFocusAllControls
    wanted = Qt.FocusPolicy.TabFocus if has_all else Qt.FocusPolicy.StrongFocus
    return part.focusPolicy() & wanted == wanted and part.isEnabled() and part.focusProxy() is None


def _lines(parts: list[QWidget]) -> list[list[QWidget]]:
    """Return parts of the same whole in lines from top to bottom, each from left to right."""
    lines: list[list[QWidget]] = []
    for part in sorted(parts, key=lambda each: each.geometry().center().y()):
        if lines and _are_in_line(lines[-1][0].geometry(), part.geometry()):
            lines[-1].append(part)
        else:
            lines.append([part])
    return [sorted(line, key=lambda each: each.x()) for line in lines]


def _are_in_line(one: QRect, other: QRect) -> bool:
    overlap = min(one.bottom(), other.bottom()) - max(one.top(), other.top())
    return 2 * overlap > min(one.height(), other.height())
