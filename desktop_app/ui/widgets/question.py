"""A question before an action that cannot be undone."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QWidget

from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.fitting import FittedDialog
from desktop_app.ui.widgets.plain_text import one_line, window_title
from desktop_app.ui.widgets.theme import GRID


class Question(FittedDialog):
    """A dialog with a title, a text and two buttons or, with `other`, three; Esc and closing mean no.

    `exec` returns `QDialog.DialogCode.Accepted` for yes, `Question.OTHER` for the other way, and 0 for no.
    """

    OTHER = 2

    def __init__(self, title: str, text: str, yes: str, no: str, parent: QWidget, other: str = "") -> None:
        super().__init__(window_title(title), 58 * GRID, parent)
        self.column.addWidget(Label(one_line(title), "title", parent=self, wrap=True))
        self.text = Label(text, "body", parent=self, wrap=True)
        self.column.addWidget(self.text)
        self.column.addStretch(1)
        self.no = push_button(no, "plain", self)
        self.no.clicked.connect(self.reject)
        self.yes = push_button(yes, "primary", self)
        self.yes.clicked.connect(self.accept)
        self.row.addWidget(self.no)
        if other:
            self.other = push_button(other, "plain", self)
            self.other.clicked.connect(partial(self.done, self.OTHER))
            self.row.addWidget(self.other)
            self.setTabOrder(self.no, self.other)
            self.setTabOrder(self.other, self.yes)
        self.row.addWidget(self.yes)
        self.yes.setFocus()
