"""What can be done with a download: the same buttons on a card and on the start page."""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.ui.models.confirm import confirm_cancel
from desktop_app.ui.protocols.models import Models
from desktop_app.ui.sentences import translate
from model_store.jobs import DownloadJob, JobState


class JobAction(Enum):
    """What can be done with a download."""

    PAUSE = auto()
    RESUME = auto()
    RETRY = auto()  # without waiting for the time of the next try
    CANCEL = auto()


def actions_of(job: DownloadJob) -> dict[JobAction, str]:
    """Return what can be done with a download now, each with the words on its button."""
    actions = {JobAction.CANCEL: translate("Models", "Cancel")}
    if job.state is JobState.WAITING:
        actions[JobAction.RETRY] = translate("Models", "Try again now")
    if job.state in (JobState.PAUSED, JobState.FAILED):
        actions[JobAction.RESUME] = translate("Models", "Resume")
    else:
        actions[JobAction.PAUSE] = translate("Models", "Pause")
    return actions


def keep_width(button: QPushButton, action: JobAction) -> None:
    """Give "Pause" and "Resume", which take each other's place, one width."""
    if action in (JobAction.PAUSE, JobAction.RESUME):
        own, widths = button.text(), []
        button.ensurePolished()  # before that its words are measured in another size
        for text in (translate("Models", "Pause"), translate("Models", "Resume")):
            button.setText(text)
            widths.append(button.sizeHint().width())
        button.setText(own)
        button.setMinimumWidth(max(widths))


def control(models: Models, action: JobAction, job: DownloadJob, parent: QWidget) -> None:
    """Do what was chosen; what would take long to repeat is cancelled only after a question."""
    match action:
        case JobAction.PAUSE:
            models.pause(job)
        case JobAction.RESUME:
            models.resume(job)
        case JobAction.RETRY:
            models.retry(job)
        case JobAction.CANCEL:
            if confirm_cancel(job, parent):
                models.cancel(job)
