"""On the empty screen of the built-in model: the LLaVA that suits this computer, one click away."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_app.services.models import Models, Offer
from desktop_app.ui import model_words as words
from desktop_app.ui.controls import ButtonKind, Label, push_button
from desktop_app.ui.model_ask import accept_licence
from desktop_app.ui.model_card import ProgressLine
from desktop_app.ui.theme import GRID
from model_store.jobs import DownloadJob, JobState


class ModelOffer(QFrame):
    """Shown while the built-in model answers and nothing better is here. `more_wanted()`: the model manager."""

    more_wanted = Signal()

    def __init__(self, models: Models, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("model_card")
        self._models = models
        self._offer: Offer | None = None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2 * GRID, GRID + 4, GRID + 4, GRID + 4)
        outer.setSpacing(GRID - 2)
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        self._words = QVBoxLayout()
        self._words.setSpacing(2)
        self.title = Label("", "body", parent=self, wrap=True)
        self.facts = Label("", "small", "muted", self, wrap=True)
        self._words.addWidget(self.title)
        self._words.addWidget(self.facts)
        row.addLayout(self._words, 1)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(0)
        row.addLayout(self._buttons)
        outer.addLayout(row)
        self.bar = ProgressLine(self)
        outer.addWidget(self.bar)
        self.hide()
        models.changed.connect(self.refresh)
        models.job_changed.connect(self._job_changed)

    def refresh(self) -> None:
        """Show what there is to offer now, or nothing."""
        offer = self._models.best_offer() if self._models.uses_built_in() else None
        under_way = [one for one in self._models.offers() if one.job is not None] if offer is not None else []
        self._offer = under_way[0] if under_way else offer
        if self._offer is not None:
            self._show(self._offer)
        self.setVisible(self._offer is not None)

    def _show(self, offer: Offer) -> None:
        self.title.setText(self.tr("{model} can talk about photographs.").format(model=offer.entry.title))
        self.bar.setVisible(offer.job is not None)
        self._clear()
        if offer.job is not None:
            self._show_job(offer.job)
            self._button(self.tr("Show"), "link").clicked.connect(self.more_wanted)
            return
        if offer.installed:
            self.facts.setText(self.tr("It is on this computer."))
            self._button(self.tr("Use it now"), "plain").clicked.connect(partial(self._models.use, offer.installed[0]))
            return
        size = offer.variant.size
        facts = [
            words.light_text(offer.light),
            words.file_size(size),
            words.time_to_fetch(size, self._models.speed),
        ]
        self.facts.setText(" · ".join(facts))
        self.facts.setToolTip(words.light_reason(offer.light))
        self._button(self.tr("Download"), "plain").clicked.connect(self._fetch)

    def _show_job(self, job: DownloadJob) -> None:
        self.facts.setText(words.job_text(job))
        self.facts.setToolTip(words.job_details(job))
        self.bar.set_share(job.done / job.total if job.total else 0.0)

    def _job_changed(self, job: DownloadJob) -> None:
        shown = self._offer.job if self._offer is not None else None
        if shown is not None and shown.id == job.id and job.state is not JobState.DONE:
            self._show_job(job)

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
