"""The offer on the start page of a LLaVA that suits this computer, while the model in use sees no photographs."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from desktop_app.services.models.manager import Offer
from desktop_app.ui.models import phrases as words
from desktop_app.ui.models.confirm import accept_licence
from desktop_app.ui.models.job_control import JobAction, actions_of, control
from desktop_app.ui.models.parts import ProgressLine
from desktop_app.ui.protocols.models import Models
from desktop_app.ui.widgets.controls import ButtonKind, Label, push_button
from desktop_app.ui.widgets.fitting import BesideOrBelow, WrappingRow
from desktop_app.ui.widgets.plain_text import one_line, set_tip
from desktop_app.ui.widgets.theme import GRID
from model_store.jobs import DownloadJob, JobState
from model_store.library.installed import InstalledModel


class ModelOffer(QFrame):
    """Offers a better model while the built-in one is in use, or one that sees no pictures: to download, or to use.

    `more_wanted()`: open the model manager.
    """

    more_wanted = Signal()

    def __init__(self, models: Models, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("model_card")
        self._models = models
        self._offer: Offer | None = None
        self._job: DownloadJob | None = None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2 * GRID, GRID + 4, GRID + 4, GRID + 4)
        outer.setSpacing(GRID - 2)
        row = BesideOrBelow()
        row.setSpacing(2 * GRID)
        self._words = QVBoxLayout()
        self._words.setSpacing(2)
        self.title = Label("", "body", parent=self, wrap=True)
        self.facts = Label("", "small", "muted", self, wrap=True)
        self._words.addWidget(self.title)
        self._words.addWidget(self.facts)
        row.add_layout(self._words)
        self._buttons = WrappingRow()
        self._buttons.setSpacing(GRID // 2)
        row.add_layout(self._buttons)
        outer.addLayout(row)
        self.bar = ProgressLine(self)
        outer.addWidget(self.bar)
        self.reason = Label("", "small", parent=self, wrap=True)
        outer.addWidget(self.reason)
        models.changed.connect(self.refresh)
        models.job_changed.connect(self._job_changed)
        self.refresh()  # the models may have been listed before, and need not change again

    def refresh(self) -> None:
        """Show the running download, else an installed model, else the best offer; or hide."""
        self._job = self._offer = None
        if not (self._models.uses_built_in() or self._models.is_blind()):
            self.hide()
            return
        here = [model for model in self._models.installed() if model.projector is not None and not model.wrong_files]
        under_way = [job for job in self._models.jobs() if not job.is_repair]
        best = self._models.best_offer()
        if under_way:
            self._show_download(under_way[0])
        elif here:
            self._show_installed(here[0])
        elif best is not None:
            self._show(best)
        self.setVisible(bool(under_way or here or best is not None))

    def _begin(self, title: str, *, with_bar: bool) -> None:
        self.title.setText(self.tr("{model} can talk about photographs.").format(model=one_line(title)))
        self.bar.setVisible(with_bar)
        self.reason.hide()
        self._clear()

    def _show_installed(self, model: InstalledModel) -> None:
        self._begin(model.title, with_bar=False)
        self.facts.setText(self.tr("It is installed on this computer."))
        self._button(self.tr("Use it now"), "plain").clicked.connect(partial(self._models.use, model))

    def _show_download(self, job: DownloadJob) -> None:
        self._job = job
        entry = self._models.catalogue().get(job.request.model_id)
        self._begin(entry.title if entry is not None else job.request.title, with_bar=True)
        self._show_job(job)
        for action, text in actions_of(job).items():
            self._button(text, "plain").clicked.connect(partial(self._control, action))
        self._button(self.tr("Show"), "link").clicked.connect(self.more_wanted)

    def _show(self, offer: Offer) -> None:
        self._offer = offer
        self._begin(offer.entry.title, with_bar=False)
        size = offer.variant.size
        facts = [
            words.fit_text(offer.fit),
            words.file_size(size),
            words.download_time(size, self._models.speed),
        ]
        self.facts.setText(" · ".join(facts))
        set_tip(self.facts, words.fit_reason(offer.fit))
        self._button(self.tr("Download"), "plain").clicked.connect(self._fetch)

    def _show_job(self, job: DownloadJob) -> None:
        self.facts.setText(words.job_text(job))
        set_tip(self.facts, words.job_details(job))
        self.bar.set_share(job.done / job.total if job.total else 0.0)
        problem = words.job_problem(job)
        self.reason.setText(problem)
        self.reason.setVisible(bool(problem))

    def _job_changed(self, job: DownloadJob) -> None:
        if self._job is not None and self._job.id == job.id and job.state is not JobState.DONE:
            self._job = job
            self._show_job(job)

    def _control(self, action: JobAction) -> None:
        if self._job is not None:
            control(self._models, action, self._job, self)

    def _fetch(self) -> None:
        if self._offer is not None and accept_licence(self._offer.entry, self):
            self._models.download(self._offer.entry, self._offer.variant)

    def _button(self, text: str, kind: ButtonKind) -> QPushButton:
        button = push_button(text, kind, self)
        self._buttons.addWidget(button)
        return button

    def _clear(self) -> None:
        while (item := self._buttons.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
