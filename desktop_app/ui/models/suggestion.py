"""What to do next where the model in use cannot talk about photos: get one that suits this computer, or use it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop_app.services.models.manager import Offer
from desktop_app.services.notices import Notices
from desktop_app.ui.models import phrases as words
from desktop_app.ui.models.confirm import accept_licence
from desktop_app.ui.protocols.models import Models
from desktop_app.ui.widgets.plain_text import one_line
from model_store.jobs import DownloadJob
from model_store.library.installed import InstalledModel


class Suggestion(QObject):
    """The download that is under way, else an installed model, else the best one to download; or none of them.

    It is also the action "get-model" of notices and answers. `changed()`: it is another one.
    """

    changed = Signal()

    def __init__(self, models: Models, notices: Notices, parent: QWidget) -> None:
        """`parent`: what asks for the licence to be accepted."""
        super().__init__(parent)
        self._models = models
        self._widget = parent
        self._notices = notices
        self.job: DownloadJob | None = None
        self.installed: InstalledModel | None = None
        self.offer: Offer | None = None
        models.changed.connect(self._look)
        self._look()  # the models may have been listed before, and need not change again
        notices.register("get-model", self.accept, self.label)

    def title(self) -> str:
        """Return what it is for, and its name; "" where nothing is suggested."""
        name = ""
        if self.job is not None:
            entry = self._models.catalogue().get(self.job.request.model_id)
            name = entry.title if entry is not None else self.job.request.title
        elif self.installed is not None:
            name = self.installed.title
        elif self.offer is not None:
            name = self.offer.entry.title
        return self.tr("Talk about photos: {model}").format(model=one_line(name)) if name else ""

    def costs(self) -> list[str]:
        """Return the size of a download, and how long it takes; nothing where none is needed."""
        if self.offer is None:
            return []
        size = self.offer.variant.size
        return [words.file_size(size), words.download_time(size, self._models.speed)]

    def label(self) -> str:
        """Return the words of a button that does it, "" where there is nothing to do."""
        return ", ".join([self.title(), *self.costs()]) if self.job is None else ""

    def accept(self) -> None:
        """Download what is suggested, after its licence was accepted; or use what is here."""
        if self.installed is not None:
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
        self._notices.relabelled.emit()
