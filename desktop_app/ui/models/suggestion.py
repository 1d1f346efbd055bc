"""What to do next where the model in use cannot talk about photos: get one that suits this computer, or use it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop_app.services.models.manager import Offer
from desktop_app.services.notices import Notices
from desktop_app.ui.models import phrases as words
from desktop_app.ui.models.confirm import accept_licence
from desktop_app.ui.protocols.models import Models
from desktop_app.ui.sentences import data_size, translate
from desktop_app.ui.widgets.plain_text import one_line
from model_store.jobs import DownloadJob, JobState
from model_store.library.installed import InstalledModel


class Suggestion(QObject):
    """The download that is under way, else an installed model, else the best one to download; or none of them.

    It is also the action "get-model" of notices and answers. `changed()`: it is another one.
    `download_opened(DownloadJob)`: show where that download is.
    """

    changed = Signal()
    download_opened = Signal(object)

    def __init__(self, models: Models, notices: Notices, parent: QWidget) -> None:
        """`parent`: what asks for the licence to be accepted."""
        super().__init__(parent)
        self._models = models
        self._widget = parent
        self._notices = notices
        self.job: DownloadJob | None = None
        self.installed: InstalledModel | None = None
        self.offer: Offer | None = None
        self._said = ("", "")
        models.changed.connect(self._look)
        models.job_changed.connect(self._job_changed)
        self._look()  # the models may have been listed before, and need not change again
        notices.register("get-model", self.accept, self.label, self.details)

    def title(self) -> str:
        """Return what it is for, and its name; "" where nothing is suggested."""
        name = self._name()
        return self.tr("Talk about photos: {model}").format(model=name) if name else ""

    def _name(self) -> str:
        name = ""
        if self.job is not None:
            entry = self._models.catalogue().get(self.job.request.model_id)
            name = entry.title if entry is not None else self.job.request.title
        elif self.installed is not None:
            name = self.installed.title
        elif self.offer is not None:
            name = self.offer.entry.title
        return one_line(name)

    def costs(self) -> list[str]:
        """Return the size of a download, and how long it takes; nothing where none is needed."""
        if self.offer is None:
            return []
        size = self.offer.variant.size
        return [data_size(size), words.download_time(size, self._models.speed)]

    def good_for(self) -> str:
        """Return what the model to download is good at, in a sentence or two; "" where none is offered."""
        return translate("catalogue", self.offer.entry.sentence) if self.offer is not None else ""

    def label(self) -> str:
        """Return the words of a button that does it, or leads to it; "" where nothing is suggested."""
        if self.job is not None:
            return self.tr("Show download")
        name = self._name()
        what = self.tr("Use {model}") if self.installed is not None else self.tr("Download {model}")
        return what.format(model=name) if name else ""

    def details(self) -> str:
        """Return what a download costs, or how it gets on and why it waits, to be said below that button."""
        if self.job is None:
            return "\n".join(filter(None, (self.good_for(), " · ".join(self.costs()))))
        problem = words.job_problem(self.job)
        if problem:
            return problem
        is_paused = self.job.state is JobState.PAUSED
        said = self.tr("The download of {model} is paused.") if is_paused else self.tr("{model} is being downloaded.")
        return said.format(model=self._name())

    def accept(self) -> None:
        """Download what is suggested, after its licence was accepted; or use what is here; or show the download."""
        if self.job is not None:
            self.download_opened.emit(self.job)
        elif self.installed is not None:
            self._models.use_now(self.installed)
        elif self.offer is not None and accept_licence(self.offer.entry, self._widget):
            self._models.download(self.offer.entry, self.offer.variant)

    def _look(self) -> None:
        models = self._models
        self.job = self.installed = self.offer = None
        if models.uses_built_in() or models.is_blind():
            self.job = next((job for job in models.jobs() if not job.is_repair), None)
            if self.job is None:
                see = (model for model in models.installed() if model.projector is not None and not model.wrong_files)
                self.installed = next(see, None)
                self.offer = models.best_offer() if self.installed is None else None
        self.changed.emit()
        self._relabel()

    def _job_changed(self, job: DownloadJob) -> None:
        if self.job is not None and self.job.id == job.id:
            self.job = job
            self._relabel()

    def _relabel(self) -> None:
        said = (self.label(), self.details())
        if said != self._said:  # a download tells many times a second how far it is
            self._said = said
            self._notices.relabelled.emit()
