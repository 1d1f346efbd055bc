"""Links in answers: their address is shown, and the browser or mail program is opened only after a question."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from desktop_app.ui.files.web_page import open_page
from desktop_app.ui.sentences import translate
from desktop_app.ui.widgets.controls import Label
from desktop_app.ui.widgets.plain_text import breakable, shortened
from desktop_app.ui.widgets.theme import GRID

_LONGEST = 600  # characters of an address in the question


def may_open(address: str) -> bool:
    """Return whether an address may be opened: a well-formed one of a web page or of a mail."""
    url = QUrl(address, QUrl.ParsingMode.StrictMode)
    scheme = url.scheme().lower()
    return url.isValid() and (
        (scheme in ("http", "https") and bool(url.host())) or (scheme == "mailto" and bool(url.path()))
    )


def open_link(address: str, parent: QWidget) -> None:
    """Ask whether to open an address, and ignore one that may not be. `parent`: the widget that owns the dialogs."""
    if not may_open(address):
        return
    from desktop_app.ui.widgets.question import Question  # rare, and the window starts sooner

    shown = breakable(shortened(address, _LONGEST))
    question = Question(
        translate("Links", "Open this address?"),
        shown,
        translate("Links", "Open"),
        translate("Links", "Cancel"),
        parent,
        translate("Links", "Copy address"),
    )
    question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    question.accepted.connect(lambda: open_page(address, parent))
    question.other.clicked.connect(lambda: QGuiApplication.clipboard().setText(address))
    question.first = question.no  # an address is opened on purpose only
    question.open()


class LinkAddress(Label):
    """Shows in the lower left corner of the conversation where the link under the pointer leads, as browsers do."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", "small", "muted", parent)
        self._page = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAutoFillBackground(True)
        self.setMargin(GRID // 2)
        self.hide()

    def show_for(self, address: str) -> None:
        """Show an address; nothing hides it."""
        longest = max(80, self._page.width() * 2 // 3)
        self.setText(self.fontMetrics().elidedText(address, Qt.TextElideMode.ElideMiddle, longest))
        self.setVisible(bool(address))
        self.place()

    def place(self) -> None:
        """Stand in the corner."""
        self.adjustSize()
        self.move(0, self._page.height() - self.height())
        self.raise_()
