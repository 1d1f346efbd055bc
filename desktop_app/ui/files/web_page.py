"""Opens web pages in the browser and folders in the file manager; shows their address if there is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices

from desktop_app.ui.sentences import translate

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


def open_page(address: str, parent: QWidget) -> None:
    """Open a page in the browser, or show its address to be copied."""
    if not QDesktopServices.openUrl(QUrl(address)):
        _show_address(
            translate("Browser", "The browser could not be opened. You can copy the address:"), address, parent
        )


def open_folder_of(file: str, parent: QWidget) -> None:
    """Open the folder of a file, or show the folder's name to be copied."""
    folder = str(Path(file).parent)
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(folder)):
        sentence = translate("Browser", "The folder could not be opened. You can copy its name:")
        _show_address(sentence, folder, parent)


def _show_address(sentence: str, address: str, parent: QWidget) -> None:
    from PySide6.QtWidgets import QMessageBox  # rare, and the window starts sooner

    box = QMessageBox(
        QMessageBox.Icon.Information,
        "Eyebright",
        sentence,
        QMessageBox.StandardButton.Close,
        parent,
    )
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(address)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
