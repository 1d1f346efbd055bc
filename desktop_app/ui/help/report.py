"""The dialog with a problem report to copy. Nothing is ever sent."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from urllib.parse import urlsplit

from PySide6.QtCore import QSize, Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app import __home__, __version__
from desktop_app.engine.messages import Died
from desktop_app.logs import without_home
from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.dialog import Dialog
from desktop_app.ui.widgets.fitting import fitted
from desktop_app.ui.widgets.theme import GRID, theme

_RESERVED = ".example"  # a top-level domain without servers (RFC 2606)


def report_place(home: str = __home__) -> str:
    """Return the address at which problems are reported, "" where this build knows none."""
    return "" if (urlsplit(home).hostname or "").endswith(_RESERVED) else f"{home.rstrip('/')}/issues"


def system_details(model: str = "", deaths: Sequence[Died] = ()) -> str:
    """Return what a developer needs to know about this computer; nothing about the person or the conversation.

    `deaths`: how the engine has ended, the last time last.
    """
    lines = [
        f"Eyebright {__version__}",
        f"Python {platform.python_version()}, Qt {qVersion()} ({QGuiApplication.platformName()})",
        f"{platform.system()} {platform.release()}, {platform.machine()}",
    ]
    if model:
        lines.append(f"Model: {model}")
    for died in deaths:
        lines += ["", f"The engine ended with exit code {died.exit_code}.", died.said]
    return without_home("\n".join(lines).rstrip())


class ReportDialog(Dialog):
    """Shows a report that can be copied."""

    def __init__(self, title: str, sentence: str, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(fitted(self, QSize(theme.px(80 * GRID), theme.px(52 * GRID))))
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        column.addWidget(Label(title, "title", parent=self, wrap=True))
        column.addWidget(Label(sentence, "body", parent=self, wrap=True))
        self.text = QPlainTextEdit(self)
        self.text.setPlainText(report)
        self.text.setReadOnly(True)
        self.text.setProperty("kind", "field")
        self.text.setFont(theme.font("mono"))
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(self.tr("Report"))
        column.addWidget(self.text, 1)
        where = self.tr("Nothing is sent by itself. It stays on this computer until you pass it on.")
        place = report_place()
        if place:
            where = self.tr("Nothing is sent by itself. To report the problem, copy this text to {place}.")
            where = where.format(place=place)
        says = Label(where, "small", "muted", self, wrap=True)
        says.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(says)
        row = QHBoxLayout()
        row.addStretch(1)
        self.copy = push_button(self.tr("Copy report"), "primary", self)
        self.copy.clicked.connect(self._copy)
        row.addWidget(self.copy)
        close = push_button(self.tr("Close"), "plain", self)
        close.clicked.connect(self.close)
        row.addWidget(close)
        column.addLayout(row)
        self.copy.setFocus()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.copy.setText(self.tr("Copied"))
