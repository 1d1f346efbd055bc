"""The offer on the start page of a model that suits this computer, while the model in use sees no photographs."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from desktop_app.services.models.manager import Offer
from desktop_app.ui.models import phrases as words
from desktop_app.ui.models.job_control import JobAction, actions_of, control, keep_width
from desktop_app.ui.models.parts import ProgressLine, ProgressWords
from desktop_app.ui.models.suggestion import Suggestion
from desktop_app.ui.protocols.models import Models
from desktop_app.ui.widgets.controls import ButtonKind, Label, push_button
from desktop_app.ui.widgets.fitting import BesideOrBelow, WrappingRow
from desktop_app.ui.widgets.theme import GRID
from model_store.jobs import DownloadJob, JobState


class ModelOffer(QFrame):
    """Shows what is suggested while the built-in model is in use, or one that sees no pictures, and does it.

    `more_wanted()`: open the model manager.
    """

    more_wanted = Signal()

    def __init__(self, suggestion: Suggestion, models: Models, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("model_card")
        self._models = models
        self._suggestion = suggestion
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2 * GRID, GRID + 4, GRID + 4, GRID + 4)
        outer.setSpacing(GRID - 2)
        row = BesideOrBelow()
        row.setSpacing(2 * GRID)
        self._words = QVBoxLayout()
        self._words.setSpacing(2)
        self.title = Label("", "strong", parent=self, wrap=True)
        self.good_for = Label("", "small", parent=self, wrap=True)
        self.facts = ProgressWords(self)
        self._words.addWidget(self.title)
        self._words.addWidget(self.good_for)
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
        suggestion.changed.connect(self.refresh)
        models.job_changed.connect(self._job_changed)
        self.refresh()

    def refresh(self) -> None:
        """Show what is suggested now; or hide."""
        suggestion = self._suggestion
        title = suggestion.title()
        self.title.setText(title)
        self.good_for.setText(suggestion.good_for())
        self.good_for.setVisible(bool(suggestion.good_for()))
        self.bar.setVisible(suggestion.job is not None)
        self.reason.hide()
        self._clear()
        if suggestion.job is not None:
            self._show_download(suggestion.job)
        elif suggestion.installed is not None:
            self.facts.say(self.tr("It is installed on this computer."))
            self._button(self.tr("Use it now"), "primary").clicked.connect(suggestion.accept)
        elif suggestion.offer is not None:
            self._show_offer(suggestion.offer)
        self.setVisible(bool(title))

    def _show_download(self, job: DownloadJob) -> None:
        self._show_job(job)
        for action, text in actions_of(job).items():
            button = self._button(text, "plain")
            keep_width(button, action)
            button.clicked.connect(partial(self._control, action))
        self._button(self.tr("Show"), "link").clicked.connect(self.more_wanted)

    def _show_offer(self, offer: Offer) -> None:
        facts = " · ".join([*self._suggestion.costs(), words.fit_text(offer.fit)])
        self.facts.say(facts, words.fit_reason(offer.fit))
        fetch = self._button(self.tr("Download"), "primary")
        fetch.setAccessibleDescription(", ".join([self._suggestion.title(), *self._suggestion.costs()]))
        fetch.clicked.connect(self._suggestion.accept)

    def _show_job(self, job: DownloadJob) -> None:
        self.facts.show_job(job)
        self.bar.set_share(job.done / job.total if job.total else 0.0)
        problem = words.job_problem(job)
        self.reason.setText(problem)
        self.reason.setVisible(bool(problem))

    def _job_changed(self, job: DownloadJob) -> None:
        shown = self._suggestion.job
        if shown is not None and shown.id == job.id and job.state is not JobState.DONE:
            self._show_job(job)

    def _control(self, action: JobAction) -> None:
        if self._suggestion.job is not None:
            control(self._models, action, self._suggestion.job, self)

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
