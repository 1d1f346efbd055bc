"""Web pages open in the person's own browser; where there is none, their address is told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import QDesktopServices

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_tr = partial(QCoreApplication.translate, "Browser")


def open_page(address: str, parent: QWidget) -> None:
    """Open a page in the browser, or show its address to be copied."""
    if QDesktopServices.openUrl(QUrl(address)):
        return
    from PySide6.QtWidgets import QMessageBox  # rare, and the window starts sooner

    box = QMessageBox(
        QMessageBox.Icon.Information,
        "Eyebright",
        _tr("No browser could be opened."),
        QMessageBox.StandardButton.Close,
        parent,
    )
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(address)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
