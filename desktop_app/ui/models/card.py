"""The card of one model in the model manager: facts, whether it fits, and buttons."""

from __future__ import annotations

from enum import Enum, auto
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from desktop_app.engine.messages import WeightSpeed
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit, fit_of
from desktop_app.services.models.manager import Offer
from desktop_app.ui.files.web_page import open_page
from desktop_app.ui.models import phrases as words
from desktop_app.ui.models.job_control import actions_of, keep_width
from desktop_app.ui.models.parts import FitRow, ProgressLine, ProgressWords
from desktop_app.ui.sentences import built_in_name, data_size, error_text, translate
from desktop_app.ui.widgets.controls import ButtonKind, IconButton, Label, push_button
from desktop_app.ui.widgets.fitting import BesideOrBelow, WrappingRow
from desktop_app.ui.widgets.plain_text import button_text, one_line, set_tip
from desktop_app.ui.widgets.theme import GRID
from desktop_app.weight_choice import weight_facts
from model_store.catalogue import Variant
from model_store.jobs import DownloadJob, JobState
from model_store.library.installed import InstalledModel, State


class ModelAction(Enum):
    """What can be done with an installed model."""

    VERIFY = auto()
    REPAIR = auto()
    ADD_PROJECTOR = auto()
    EXPORT = auto()
    REMOVE = auto()


class ModelCard(QFrame):
    """A card with a title, lines of text and buttons."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("model_card")
        title = one_line(title)
        self.setAccessibleName(title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(2 * GRID, 2 * GRID - 4, 2 * GRID, 2 * GRID - 4)
        self.column.setSpacing(GRID // 2)
        self.head = QHBoxLayout()
        self.head.setSpacing(GRID)
        self.head.addWidget(Label(title, "strong", parent=self, wrap=True), 1)
        self.column.addLayout(self.head)
        self._title = title
        self.begin_row()

    def begin_row(self) -> None:
        """Begin a new row: text on the left, buttons on the right."""
        row = BesideOrBelow()
        row.setSpacing(2 * GRID)
        self._words = QVBoxLayout()
        self._words.setSpacing(GRID // 2)
        row.add_layout(self._words)
        self._buttons = WrappingRow()
        row.add_layout(self._buttons)
        self.column.addLayout(row)

    def say(self, text: str, *, danger: bool = False) -> Label:
        """Add a line of text."""
        label = Label(text, "small", "danger" if danger else "muted", self, wrap=True)
        self._words.addWidget(label)
        return label

    def button(self, text: str, kind: ButtonKind = "plain") -> QPushButton:
        """Add a button to the row."""
        button = push_button(text, kind, self)
        button.setAccessibleName(f"{text}: {self._title}")
        self._buttons.addWidget(button)
        return button


class DownloadCard(ModelCard):
    """A card that can show a download. `job_wanted(JobAction, DownloadJob)`: a button was pressed."""

    job_wanted = Signal(object, object)

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(title, parent)
        self.job: DownloadJob | None = None
        self._job_words: ProgressWords | None = None
        self._job_notes: Label | None = None
        self._bar: ProgressLine | None = None

    def follow(self, job: DownloadJob) -> None:
        """Show a download and its buttons."""
        self.job = job
        self.column.addSpacing(GRID // 2)
        self._bar = ProgressLine(self)
        self.column.addWidget(self._bar)
        self.begin_row()
        self._job_words = ProgressWords(self)
        self._words.addWidget(self._job_words)
        self._job_notes = self.say("")
        self.show_job(job)
        reason = words.job_problem(job)
        if reason:
            self.say(reason, danger=job.state is JobState.FAILED)
        for action, text in actions_of(job).items():
            button = self.button(text)
            keep_width(button, action)
            button.clicked.connect(partial(self.job_wanted.emit, action, job))

    def show_job(self, job: DownloadJob) -> None:
        """Show the progress of a download."""
        if self._job_words is not None and self._job_notes is not None and self._bar is not None:
            self._job_words.show_job(job)
            self._job_notes.setText(words.job_notes(job))
            self._job_notes.setVisible(bool(job.notes))
            self._bar.set_share(job.done / job.total if job.total else 0.0)


class JobCard(DownloadCard):
    """A download of a model that the catalogue does not know."""

    def __init__(self, job: DownloadJob, parent: QWidget) -> None:
        super().__init__(job.request.title, parent)
        facts = (job.request.repository, job.request.licence)
        self.say(" · ".join(fact for fact in facts if fact))
        self.follow(job)


class CatalogueCard(DownloadCard):
    """A model of the catalogue. `fetch_wanted(ModelEntry, Variant)`, `use_wanted(InstalledModel)`."""

    fetch_wanted = Signal(object, object)
    use_wanted = Signal(object)

    def __init__(
        self,
        offer: Offer,
        speed: float,
        in_use: InstalledModel | None,
        parent: QWidget,
        *,
        weights: tuple[WeightSpeed, ...] = (),
        recommended: bool = False,
    ) -> None:
        super().__init__(offer.entry.title, parent)
        self.offer = offer
        self._facts = dict(zip(offer.entry.variants, weight_facts(offer.entry, weights), strict=True))
        self.head.addWidget(FitRow(offer.fit, self))
        self.say(translate("catalogue", offer.entry.sentence))
        variant = offer.variant
        facts = [data_size(variant.size), variant.quantisation, offer.entry.licence]
        facts.append(words.languages(offer.entry))
        self.say(" · ".join(fact for fact in facts if fact))
        for told in words.weight_facts_lines(self._facts):
            set_tip(self.say(told), words.weight_facts_tip())
        if offer.fit.verdict != "fits" and offer.job is None:
            self.say(words.fit_reason(offer.fit))
        if offer.job is not None:
            self.follow(offer.job)
        elif offer.installed:
            self._build_installed(offer.installed[0], in_use)
        else:
            self._build_offer(speed, recommended=recommended)
        if offer.entry.published.points:
            self._say_results(offer.entry.published.source)

    def _build_offer(self, speed: float, *, recommended: bool) -> None:
        entry, variant = self.offer.entry, self.offer.variant
        if len(entry.variants) > 1:
            self.others = self.button(self.tr("Other sizes…"), "link")
            self.others.clicked.connect(self._show_sizes)
        fits = self.offer.fit.verdict != "too-large"
        self.fetch = self.button(self.tr("Download"), "primary" if recommended and fits else "plain")
        set_tip(self.fetch, words.download_time(variant.size, speed))
        self.fetch.clicked.connect(partial(self.fetch_wanted.emit, entry, variant))

    def _build_installed(self, model: InstalledModel, in_use: InstalledModel | None) -> None:
        if in_use is not None and in_use.id == model.id:
            self.say(self.tr("In use"))
            return
        self.say(self.tr("Installed"))
        self.use = self.button(self.tr("Use"))
        self.use.setEnabled(model.state in (State.OK, State.UNVERIFIED))
        self.use.clicked.connect(partial(self.use_wanted.emit, model))

    def _say_results(self, source: str) -> None:
        self.begin_row()
        self.say(words.published(self.offer.entry))
        link = self.button(self.tr("Source"), "link")
        set_tip(link, source)
        link.clicked.connect(partial(self._show_source, source))

    def _show_source(self, address: str, _checked: bool = False) -> None:
        open_page(address, self)

    def _show_sizes(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for variant in self.offer.entry.variants:
            fit = fit_of(variant, self.offer.fit.usable)
            size = data_size(variant.size)
            marks = words.weight_marks(self._facts[variant])
            text = " · ".join((button_text(variant.quantisation), size, words.fit_text(fit), *marks))
            menu.addAction(text).triggered.connect(partial(self._fetch, variant))
        menu.popup(self.others.mapToGlobal(self.others.rect().bottomLeft()))

    def _fetch(self, variant: Variant, _checked: bool = False) -> None:
        self.fetch_wanted.emit(self.offer.entry, variant)


class InstalledCard(DownloadCard):
    """A model on this computer, or (None) the built-in one.

    `use_wanted(InstalledModel | None)`, `wanted(ModelAction, InstalledModel)`.
    """

    use_wanted = Signal(object)
    wanted = Signal(object, object)

    def __init__(
        self,
        model: InstalledModel | None,
        parent: QWidget,
        title: str = "",
        *,
        in_use: bool,
        loaded: bool = True,
        fit: MemoryFit | UserError | None = None,
        repair: DownloadJob | None = None,
    ) -> None:
        """`title`: what tells it from the others; `loaded`: whether the one in use could be loaded.

        `fit`: whether it fits, or why it cannot be loaded, if known.
        """
        super().__init__((title or model.title) if model is not None else built_in_name(), parent)
        self.model = model
        if isinstance(fit, MemoryFit):
            self.head.addWidget(FitRow(fit, self))
            self.head.addSpacing(GRID)
        if in_use:
            state = self.tr("In use") if loaded else self.tr("Not loaded")
            self.head.addWidget(Label(state, "small", "muted", self))
        if model is None:
            self.say(
                self.tr(
                    "A demonstration model that understands simple drawings, not photographs. It is part of Eyebright."
                )
            )
        else:
            self.more = IconButton("more", self.tr("More actions for {title}").format(title=model.title), self, "muted")
            self.more.clicked.connect(self._show_more)
            self.head.addWidget(self.more)
            self.say(words.installed_facts(model))
            if repair is not None:
                self.say(self.tr("Being repaired: only the damaged or missing parts are downloaded."))
                self.follow(repair)
                return
            self._say_state(model, fit)
        if not (in_use and loaded):
            self.use = self.button(self.tr("Use"))
            self.use.setEnabled(model is None or not model.wrong_files)
            self.use.clicked.connect(partial(self.use_wanted.emit, model))

    def _say_state(self, model: InstalledModel, fit: MemoryFit | UserError | None) -> None:
        wrong = words.state_text(model)
        if wrong:
            self.say(wrong, danger=bool(model.wrong_files))
        if isinstance(fit, UserError):
            self.say(error_text(fit), danger=True)
        elif fit is not None and fit.verdict != "fits":
            self.say(words.fit_reason(fit))
        if isinstance(fit, MemoryFit) and fit.wording is not None:
            self.say(error_text(fit.wording))
        if model.projector is None:
            self.say(words.blind())
            add = self.button(self.tr("Add its projector…"))
            add.clicked.connect(partial(self.wanted.emit, ModelAction.ADD_PROJECTOR, model))
        if model.repairable:
            self.button(self.tr("Repair")).clicked.connect(partial(self.wanted.emit, ModelAction.REPAIR, model))

    def _show_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action, text in (
            (ModelAction.VERIFY, self.tr("Check the files")),
            (ModelAction.EXPORT, self.tr("Copy to a USB stick or folder…")),
            (
                ModelAction.REMOVE,
                self.tr("Delete…") if self.model is None or self.model.frees else self.tr("Remove from list…"),
            ),
        ):
            menu.addAction(text).triggered.connect(partial(self._want, action))
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _want(self, action: ModelAction, _checked: bool = False) -> None:
        self.wanted.emit(action, self.model)
