"""Questions before an action that cannot be undone: accepting terms, deleting files."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QWidget

from desktop_app.ui.files.web_page import open_page
from desktop_app.ui.sentences import data_size, translate
from desktop_app.ui.widgets.controls import push_button
from desktop_app.ui.widgets.plain_text import set_tip
from desktop_app.ui.widgets.question import Question
from model_store.catalogue import ModelEntry
from model_store.jobs import DownloadJob
from model_store.library.installed import InstalledModel

_WORTH_ASKING = 100_000_000  # bytes; less is downloaded again in seconds


def licence_question(entry: ModelEntry, parent: QWidget) -> Question:
    """Return the question that shows the terms of a model."""
    text = translate(
        "Models",
        "{title} has its own terms of use: {licence}. Read them before you download it. They say what you may "
        "do with the model and with its answers.",
    ).format(title=entry.title, licence=entry.licence)
    if entry.gated:
        text += " " + translate(
            "Models",
            "You must also accept the terms on the model's web page, and enter an access token under Storage and "
            "downloads.",
        )
    question = Question(
        translate("Models", "Terms of use"),
        text,
        translate("Models", "Accept and download"),
        translate("Models", "Cancel"),
        parent,
    )
    if entry.licence_url:
        read = push_button(translate("Models", "Read the terms in the browser"), "link", question)
        set_tip(read, entry.licence_url)
        read.clicked.connect(lambda: open_page(entry.licence_url, question))
        question.column.insertWidget(2, read, 0, Qt.AlignmentFlag.AlignLeft)
    question.no.setFocus()  # Enter must not accept what was not read
    return question


def accept_licence(entry: ModelEntry, parent: QWidget) -> bool:
    """Show the terms if they must be accepted; return whether the model may be downloaded."""
    if not (entry.terms or entry.gated):
        return True
    return licence_question(entry, parent).exec() == QDialog.DialogCode.Accepted


def removal_question(model: InstalledModel, parent: QWidget) -> Question:
    """Return the question before a model is deleted."""
    if model.frees:
        title, yes = translate("Models", "Delete {title}?"), translate("Models", "Delete")
        text = translate(
            "Models", "This frees {size} of disk space. To use the model again, you must download it again."
        )
    else:
        title, yes = translate("Models", "Remove {title} from the list?"), translate("Models", "Remove")
        text = translate("Models", "Its files stay where they are. Eyebright no longer lists the model.")
    question = Question(
        title.format(title=model.title),
        text.format(size=data_size(model.frees)),
        yes,
        translate("Models", "Keep"),
        parent,
    )
    question.no.setFocus()
    return question


def confirm_removal(model: InstalledModel, parent: QWidget) -> bool:
    """Ask before a model is deleted."""
    return removal_question(model, parent).exec() == QDialog.DialogCode.Accepted


def cancel_question(job: DownloadJob, parent: QWidget) -> Question:
    """Return the question before a download is cancelled."""
    text = translate(
        "Models", "The {size} downloaded so far will be deleted. To keep them, pause the download instead."
    )
    title = translate("Models", "Cancel the download of {title}?").format(title=job.request.title)
    question = Question(
        title,
        text.format(size=data_size(job.done)),
        translate("Models", "Cancel download"),
        translate("Models", "Keep"),
        parent,
    )
    question.no.setFocus()
    return question


def confirm_cancel(job: DownloadJob, parent: QWidget) -> bool:
    """Ask before a download is cancelled that would take long to repeat."""
    costs_little = job.is_repair or job.done < _WORTH_ASKING
    return costs_little or cancel_question(job, parent).exec() == QDialog.DialogCode.Accepted
