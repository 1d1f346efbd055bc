"""Puts a picture of the conversation into the clipboard, or saves its original where the person wants it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QWidget

from desktop_app.chat.conversation import Picture
from desktop_app.services.conversation.picture_files import PICTURE_SUFFIXES
from desktop_app.ui.files.chosen_folders import folder_for, remember
from desktop_app.ui.protocols.conversation import Previews


def copy_picture(previews: Previews, picture: Picture) -> bool:
    """Copy a picture as it is shown, at most 2048 px a side; return whether it could be had.

    The original is not copied: it would have to be decoded here, and programs that paste want pixels.
    """
    data, image = previews.preview(picture.sha256), QImage()
    if data is None or not image.loadFromData(data):
        previews.request(picture.sha256)
        return False
    QGuiApplication.clipboard().setImage(image)
    return True


def save_picture(previews: Previews, picture: Picture, parent: QWidget) -> None:
    """Let the person choose where the original is saved."""
    from PySide6.QtWidgets import QFileDialog  # takes long to import for a window where nobody saves

    name = Path(picture.name).name
    if Path(name).suffix.lower() not in PICTURE_SUFFIXES:  # a pasted one has a name without an ending
        name += previews.ending(picture.sha256)
    title = QCoreApplication.translate("PictureViewer", "Save the original")
    suggested = str(Path(folder_for("pictures")) / name)
    target, _ = QFileDialog.getSaveFileName(parent, title, suggested)
    if target:
        remember("pictures", target)
        previews.save_original(picture.sha256, target)
