"""A question before an action that cannot be undone."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.plain_text import window_title
from desktop_app.ui.widgets.theme import GRID


class Question(QDialog):
    """A dialog with a title, a text and two buttons; Esc and closing mean no."""

    def __init__(self, title: str, text: str, yes: str, no: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(window_title(title))
        self.setFixedWidth(58 * GRID)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
        self.column.setSpacing(2 * GRID - 4)
        self.column.addWidget(Label(title, "title", parent=self, wrap=True))
        self.column.addWidget(Label(text, "body", parent=self, wrap=True))
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addStretch(1)
        self.no = push_button(no, "plain", self)
        self.no.clicked.connect(self.reject)
        self.yes = push_button(yes, "primary", self)
        self.yes.clicked.connect(self.accept)
        row.addWidget(self.no)
        row.addWidget(self.yes)
        self.column.addLayout(row)
