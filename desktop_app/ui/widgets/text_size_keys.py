"""The keys that change the text size, in every window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from desktop_app.ui.widgets.theme import theme

Key = QKeySequence.StandardKey


def larger_keys() -> list[QKeySequence]:
    """Return the keys for larger text. On most keyboards "+" is above "=" and would need Shift."""
    return _distinct(Key.ZoomIn, "Ctrl+=")


def smaller_keys() -> list[QKeySequence]:
    """Return the keys for smaller text."""
    return _distinct(Key.ZoomOut)


def normal_keys() -> list[QKeySequence]:
    """Return the keys for the usual text size."""
    return [QKeySequence("Ctrl+0")]


def _distinct(standard: Key, *more: str) -> list[QKeySequence]:
    found: list[QKeySequence] = []
    for keys in (*QKeySequence.keyBindings(standard), *map(QKeySequence, more)):
        if keys not in found:
            found.append(keys)
    return found


def add_text_size_keys(window: QWidget) -> None:
    """Let the keys of the View menu change the text size in `window` too: a shortcut ends at its own window."""
    changes: list[tuple[list[QKeySequence], Callable[[], None]]] = [
        (larger_keys(), partial(theme.zoom_by, 1)),
        (smaller_keys(), partial(theme.zoom_by, -1)),
        (normal_keys(), partial(theme.set_zoom, 100)),
    ]
    for keys, change in changes:
        shortcut = QShortcut(window)
        shortcut.setKeys(keys)
        shortcut.activated.connect(change)
