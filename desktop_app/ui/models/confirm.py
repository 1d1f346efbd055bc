"""Questions before something that cannot be undone by a click: terms to accept, files to delete."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.ui.models import phrases as words
from desktop_app.ui.sentences import translate
from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.theme import GRID
from desktop_app.ui.widgets.web_page import open_page
from model_store.catalogue import ModelEntry
from model_store.jobs import DownloadJob
from model_store.library.installed import InstalledModel

_WORTH_ASKING = 100_000_000  # bytes: some seconds of a home connection


class Question(QDialog):
    """A title, words, and two answers; Esc and closing mean no."""

    def __init__(self, title: str, text: str, yes: str, no: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
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


def licence_question(entry: ModelEntry, parent: QWidget) -> Question:
    """Return the question whether the terms of a model are accepted."""
    text = translate(
        "Models",
        "{title} may be used under its own terms: {licence}. Read them before you fetch it; "
        "they say what you may do with the model and what it writes.",
    ).format(title=entry.title, licence=entry.licence)
    if entry.gated:
        text += " " + translate(
            "Models", "The server lets only those fetch it who accepted them on its page; that needs an access token."
        )
    question = Question(
        translate("Models", "The terms of this model"),
        text,
        translate("Models", "Accept and download"),
        translate("Models", "Cancel"),
        parent,
    )
    if entry.licence_url:
        read = push_button(translate("Models", "Read the terms in the browser"), "link", question)
        read.setToolTip(entry.licence_url)
        read.clicked.connect(lambda: open_page(entry.licence_url, question))
        question.column.insertWidget(2, read, 0, Qt.AlignmentFlag.AlignLeft)
    return question


def accept_licence(entry: ModelEntry, parent: QWidget) -> bool:
    """Show terms that ask for more than to be passed on; return whether the model may be fetched."""
    if not (entry.terms or entry.gated):
        return True
    return licence_question(entry, parent).exec() == QDialog.DialogCode.Accepted


def removal_question(model: InstalledModel, parent: QWidget) -> Question:
    """Return the question whether a model is to be deleted."""
    if model.frees:
        title, yes = translate("Models", "Delete {title}?"), translate("Models", "Delete")
        text = translate("Models", "That frees {size} on the disk. To use it again it has to be fetched again.")
    else:
        title, yes = translate("Models", "Forget {title}?"), translate("Models", "Forget")
        text = translate("Models", "Its files stay where they are; Eyebright does not list them any more.")
    question = Question(
        title.format(title=model.title),
        text.format(size=words.file_size(model.frees)),
        yes,
        translate("Models", "Keep"),
        parent,
    )
    question.no.setFocus()
    return question


def confirm_removal(model: InstalledModel, parent: QWidget) -> bool:
    """Ask before a model is deleted."""
    return removal_question(model, parent).exec() == QDialog.DialogCode.Accepted


def giving_up_question(job: DownloadJob, parent: QWidget) -> Question:
    """Return the question whether a download is to be given up."""
    text = translate("Models", "The {size} that were fetched so far are deleted. A download that is paused keeps them.")
    title = translate("Models", "Give up {title}?").format(title=job.request.title)
    question = Question(
        title,
        text.format(size=words.file_size(job.done)),
        translate("Models", "Give up"),
        translate("Models", "Keep"),
        parent,
    )
    question.no.setFocus()
    return question


def confirm_giving_up(job: DownloadJob, parent: QWidget) -> bool:
    """Ask before more is lost than comes back in a moment."""
    costs_little = job.is_repair or job.done < _WORTH_ASKING
    return costs_little or giving_up_question(job, parent).exec() == QDialog.DialogCode.Accepted
