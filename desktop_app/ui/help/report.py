"""The dialog with a problem report to copy. Nothing is ever sent."""

from __future__ import annotations

import platform

from PySide6.QtCore import QSize, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app import __version__
from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.dialog import Dialog
from desktop_app.ui.widgets.fitting import fitted
from desktop_app.ui.widgets.theme import GRID, theme


def system_details(model: str = "") -> str:
    """Return what a developer needs to know about this computer; nothing about the person or the conversation."""
    lines = [
        f"Eyebright {__version__}",
        f"Python {platform.python_version()}, Qt {qVersion()} ({QGuiApplication.platformName()})",
        f"{platform.system()} {platform.release()}, {platform.machine()}",
    ]
    return "\n".join([*lines, f"Model: {model}"] if model else lines)


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
        column.addWidget(
            Label(
                self.tr("Nothing is sent. Copy this text if you want to report the problem."),
                "small",
                "muted",
                self,
                wrap=True,
            )
        )
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
