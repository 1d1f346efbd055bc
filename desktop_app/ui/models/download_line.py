"""What the status line says of a download while it is under way, wherever the window is."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from desktop_app.ui.models import phrases as words
from desktop_app.ui.protocols.models import Models
from desktop_app.ui.sentences import number, translate
from desktop_app.ui.widgets.plain_text import one_line
from desktop_app.ui.widgets.theme import ColourRole
from model_store.jobs import DownloadJob, JobState

#: Which of several downloads is told of: what is going on before what waits for the person.
_ORDER = (JobState.RUNNING, JobState.WAITING, JobState.FAILED, JobState.PAUSED, JobState.QUEUED)
_ROLES: dict[JobState, ColourRole] = {JobState.WAITING: "warning", JobState.FAILED: "danger", JobState.PAUSED: "muted"}


class DownloadLine(QObject):
    """Follows the downloads. `changed()`: there is another thing to say, or nothing any more."""

    changed = Signal()

    def __init__(self, models: Models, parent: QObject) -> None:
        super().__init__(parent)
        self._models = models
        self.job: DownloadJob | None = None
        models.changed.connect(self._look)
        models.job_changed.connect(self._job_changed)
        self._look()

    def share(self) -> float:
        """Return how much of it is here, from 0 to 1."""
        return self.job.done / self.job.total if self.job is not None and self.job.total else 0.0

    def role(self) -> ColourRole:
        """Return the colour for how it gets on."""
        return _ROLES.get(self.job.state, "accent") if self.job is not None else "muted"

    def has_failed(self) -> bool:
        """Return whether it goes on only when somebody does something about it."""
        return self.job is not None and self.job.state is JobState.FAILED

    def text(self) -> str:
        """Return all that the line says: how it gets on, and what it is."""
        if self.job is None:
            return ""
        return " · ".join((self.beginning(), one_line(self.job.request.title)))

    def beginning(self) -> str:
        """Return what matters most: how far it is, how long it takes or why it does not go on."""
        if self.job is None:
            return ""
        percent = translate("Models", "{percent}%").format(percent=number(self.share() * 100))
        state = words.job_problem(self.job) or words.job_state(self.job)
        return " · ".join(said for said in (percent, state) if said)

    def tip(self) -> str:
        """Return all of it."""
        if self.job is None:
            return ""
        problem = words.job_problem(self.job)
        lines = [one_line(self.job.request.title), words.job_text(self.job), *([problem] if problem else [])]
        return "\n".join(lines)

    def _look(self) -> None:
        jobs = sorted(self._models.jobs(), key=lambda job: _ORDER.index(job.state))
        self.job = jobs[0] if jobs else None
        self.changed.emit()

    def _job_changed(self, job: DownloadJob) -> None:
        if self.job is None or job.id != self.job.id or job.state is not self.job.state:
            self._look()
        else:
            self.job = job
            self.changed.emit()
