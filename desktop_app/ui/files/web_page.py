"""Opens web pages in the browser and folders in the file manager; shows their address if there is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from desktop_app.ui.sentences import translate
from desktop_app.ui.widgets.plain_text import breakable, shortened

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_LONGEST = 600  # characters of an address that are shown


def open_page(address: str, parent: QWidget) -> None:
    """Open a page in the browser, or show its address to be copied."""
    if not QDesktopServices.openUrl(QUrl(address)):
        title, hint = (
            translate("Browser", "The browser could not be opened"),
            translate("Browser", "You can copy the address:"),
        )
        _show_address(title, hint, address, parent)


def open_folder_of(file: str, parent: QWidget) -> None:
    """Open the folder of a file, or show the folder's name to be copied."""
    folder = str(Path(file).parent)
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(folder)):
        title, hint = (
            translate("Browser", "The folder could not be opened"),
            translate("Browser", "You can copy its name:"),
        )
        _show_address(title, hint, folder, parent)


def _show_address(title: str, hint: str, address: str, parent: QWidget) -> None:
    from desktop_app.ui.widgets.question import Question  # rare, and the window starts sooner

    text = f"{hint}\n\n{breakable(shortened(address, _LONGEST))}"
    told = Question(title, text, translate("Browser", "Copy"), translate("Browser", "Close"), parent)
    told.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    told.accepted.connect(lambda: QGuiApplication.clipboard().setText(address))
    told.open()
