"""The menu of a large picture: copy it, save it, zoom."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu

from desktop_app.ui.files.picture_copies import copy_picture, save_picture

if TYPE_CHECKING:
    from desktop_app.chat.conversation import Picture
    from desktop_app.ui.pictures.picture_view import PictureView
    from desktop_app.ui.protocols.conversation import Previews

Key = QKeySequence.StandardKey


class PictureMenu(QMenu):
    """The menu of `picture`, which `view` shows; it deletes itself when it is closed."""

    def __init__(
        self,
        view: PictureView,
        picture: Picture,
        previews: Previews,
        open_large: Callable[[], object] | None = None,
    ) -> None:
        """`open_large`: shows it in its own window, where it is not there yet."""
        super().__init__(view)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._view = view
        self._picture = picture
        self._previews = previews
        if open_large is not None:
            self._add(self.tr("Open picture"), open_large, QKeySequence(Qt.Key.Key_Return))
        self._add(self.tr("Copy picture"), self._copy, QKeySequence(Key.Copy))
        self._add(self.tr("Save picture…"), self._save, QKeySequence(Key.Save))
        self.addSeparator()
        self._add(self.tr("Zoom in"), view.zoom_in, QKeySequence(Qt.Key.Key_Plus))
        self._add(self.tr("Zoom out"), view.zoom_out, QKeySequence(Qt.Key.Key_Minus))
        self._add(self.tr("Show all of it"), view.fit, QKeySequence(Qt.Key.Key_0))

    def _add(self, text: str, slot: Callable[[], object], keys: QKeySequence) -> None:
        action = self.addAction(text)
        action.triggered.connect(slot)
        action.setShortcut(keys)
        action.setShortcutVisibleInContextMenu(True)

    def _copy(self) -> None:
        copy_picture(self._previews, self._picture)

    def _save(self) -> None:
        save_picture(self._previews, self._picture, self._view)
