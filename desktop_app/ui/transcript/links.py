"""Links in answers: only web addresses are ever opened."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtWidgets import QWidget

from desktop_app.ui.files.web_page import open_page


def is_web(address: str) -> bool:
    """Return whether an address may be opened: a well-formed one of a web page."""
    url = QUrl(address, QUrl.ParsingMode.StrictMode)
    return url.isValid() and url.scheme().lower() in ("http", "https") and bool(url.host())


def open_link(address: str, parent: QWidget) -> None:
    """Open a web address in the browser, and ignore any other. `parent`: the widget that owns a failure's dialog."""
    if is_web(address):
        open_page(address, parent)
