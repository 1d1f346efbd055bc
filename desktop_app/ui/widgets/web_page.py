"""Opens web pages in the browser; shows their address if there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices

from desktop_app.ui.sentences import translate

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


def open_page(address: str, parent: QWidget) -> None:
    """Open a page in the browser, or show its address to be copied."""
    if QDesktopServices.openUrl(QUrl(address)):
        return
    from PySide6.QtWidgets import QMessageBox  # rare, and the window starts sooner

    box = QMessageBox(
        QMessageBox.Icon.Information,
        "Eyebright",
        translate("Browser", "The browser could not be opened. You can copy the address:"),
        QMessageBox.StandardButton.Close,
        parent,
    )
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(address)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
