"""Lets the person choose picture files."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from desktop_app.services.conversation.picture_files import PICTURE_SUFFIXES
from desktop_app.ui.files.chosen_folders import folder_for, remember
from desktop_app.ui.files.file_kinds import file_kind

translate = QCoreApplication.translate


def choose_pictures(parent: QWidget) -> list[str]:
    """Return the paths of chosen files, none if the person thinks better of it."""
    from PySide6.QtWidgets import QFileDialog  # takes long to import for a window where nobody chooses

    pictures, everything = translate("Files", "Pictures"), translate("Files", "All files")
    kinds = f"{file_kind(pictures, PICTURE_SUFFIXES)};;{everything} (*)"
    quiet = QFileDialog.Option.HideNameFilterDetails  # there are too many endings to read
    title = translate("Files", "Attach pictures")
    paths, _ = QFileDialog.getOpenFileNames(parent, title, folder_for("pictures"), kinds, options=quiet)
    for path in paths:
        remember("pictures", path)
    return list(paths)
