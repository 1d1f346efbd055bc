"""One model in the manager: what it is, whether it fits, and what can be done with it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop_app.fitting import Light, light_of
from desktop_app.services.models import Offer
from desktop_app.ui import model_words as words
from desktop_app.ui.controls import ButtonKind, IconButton, Label, push_button
from desktop_app.ui.sentences import translate
from desktop_app.ui.theme import GRID, theme
from model_store.catalogue import Variant
from model_store.installed import InstalledModel, State
from model_store.jobs import DownloadJob, JobState

_DOT = 12  # px
_BAR = 6  # px


class LightDot(QWidget):
    """The light: full, half or an empty ring, so that it does not speak by colour alone."""

    def __init__(self, light: Light, parent: QWidget) -> None:
        super().__init__(parent)
        self._light = light
        self.setFixedSize(QSize(_DOT, _DOT))
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = theme.colour(words.LIGHT_ROLES[self._light.verdict])
        painter.setPen(QPen(colour, 2))
        inside = QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5)
        if self._light.verdict == "fits":
            painter.setBrush(colour)
        painter.drawEllipse(inside)
        if self._light.verdict == "reduced":
            painter.setBrush(colour)
            painter.drawPie(inside, 90 * 16, 180 * 16)


class LightRow(QWidget):
    """The light and its words; the tip says why."""

    def __init__(self, light: Light, parent: QWidget) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID - 2)
        row.addWidget(LightDot(light, self), 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(Label(words.light_text(light), "small", parent=self))
        self.setToolTip(words.light_reason(light))
        self.setAccessibleName(f"{words.light_text(light)}. {words.light_reason(light)}")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)


class ProgressLine(QWidget):
    """How far something is; 0 to 1."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._share = 0.0
        self.setFixedHeight(_BAR)
        theme.changed.connect(self.update)

    def set_share(self, share: float) -> None:
        """Show how far it is."""
        share = min(1.0, max(0.0, share))
        if share != self._share:
            self._share = share
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the groove and what is done of it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        groove = QRectF(self.rect())
        painter.setBrush(theme.colour("line"))
        painter.drawRoundedRect(groove, _BAR / 2, _BAR / 2)
        if self._share > 0:
            done = QRectF(QPointF(0, 0), groove.bottomRight())
            done.setWidth(max(_BAR, groove.width() * self._share))
            painter.setBrush(theme.colour("accent"))
            painter.drawRoundedRect(done, _BAR / 2, _BAR / 2)


class ModelCard(QFrame):
    """A card: title and light, words, facts, buttons."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("model_card")
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
        """Begin a new row: words on its left, buttons at its right."""
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        self._words = QVBoxLayout()
        self._words.setSpacing(GRID // 2)
        row.addLayout(self._words, 1)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID)
        self._buttons.setAlignment(Qt.AlignmentFlag.AlignBottom)
        row.addLayout(self._buttons)
        self.column.addLayout(row)

    def say(self, text: str, *, danger: bool = False) -> Label:
        """Add a line of words."""
        label = Label(text, "small", "danger" if danger else "muted", self, wrap=True)
        self._words.addWidget(label)
        return label

    def button(self, text: str, kind: ButtonKind = "plain") -> QPushButton:
        """Add a button to the row."""
        button = push_button(text, kind, self)
        button.setAccessibleName(f"{text}: {self._title}")
        self._buttons.addWidget(button)
        return button


class OfferCard(ModelCard):
    """A model of the catalogue.

    `fetch_wanted(ModelEntry, Variant)`, `job_wanted(str, DownloadJob)` with "pause", "resume", "retry" or
    "cancel", `use_wanted(InstalledModel)`.
    """

    fetch_wanted = Signal(object, object)
    job_wanted = Signal(str, object)
    use_wanted = Signal(object)

    def __init__(
        self, offer: Offer, speed: float, in_use: InstalledModel | None, parent: QWidget, *, recommended: bool = False
    ) -> None:
        super().__init__(offer.entry.title, parent)
        self.offer = offer
        self.head.addWidget(LightRow(offer.light, self))
        self.say(translate("catalogue", offer.entry.sentence))
        variant = offer.variant
        facts = [words.file_size(variant.size), variant.quantisation, offer.entry.licence]
        facts.append(words.languages(offer.entry))
        self.say(" · ".join(fact for fact in facts if fact))
        if not offer.entry.sees:
            self.say(self.tr("Eyebright cannot show it pictures yet: it only reads and writes text here."))
        if offer.light.verdict != "fits" and offer.job is None:
            self.say(words.light_reason(offer.light))
        self._job_words: Label | None = None
        self._bar: ProgressLine | None = None
        if offer.job is not None:
            self._build_job(offer.job)
        elif offer.installed:
            self._build_installed(offer.installed[0], in_use)
        else:
            self._build_offer(speed, recommended=recommended)

    def show_job(self, job: DownloadJob) -> None:
        """Show how far a download is."""
        if self._job_words is not None and self._bar is not None:
            self._job_words.setText(words.job_text(job))
            self._job_words.setToolTip(words.job_details(job))
            self._bar.set_share(job.done / job.total if job.total else 0.0)

    def _build_offer(self, speed: float, *, recommended: bool) -> None:
        entry, variant = self.offer.entry, self.offer.variant
        if len(entry.variants) > 1:
            self.others = self.button(self.tr("Other sizes…"), "link")
            self.others.clicked.connect(self._show_sizes)
        fits = self.offer.light.verdict != "too-large"
        self.fetch = self.button(self.tr("Download"), "primary" if recommended and fits else "plain")
        self.fetch.setToolTip(words.time_to_fetch(variant.size, speed))
        self.fetch.clicked.connect(partial(self.fetch_wanted.emit, entry, variant))

    def _build_job(self, job: DownloadJob) -> None:
        self.column.addSpacing(GRID // 2)
        self._bar = ProgressLine(self)
        self.column.addWidget(self._bar)
        self.begin_row()
        self._job_words = self.say("")
        self.show_job(job)
        if job.error is not None and job.state in (JobState.FAILED, JobState.WAITING):
            self.say(words.expected_error(job.error), danger=job.state is JobState.FAILED)
        self._act(self.tr("Cancel"), "cancel", job)
        if job.state is JobState.WAITING:
            self._act(self.tr("Try again now"), "retry", job)
        if job.state in (JobState.PAUSED, JobState.FAILED):
            self._act(self.tr("Resume"), "resume", job)
        else:
            self._act(self.tr("Pause"), "pause", job)

    def _build_installed(self, model: InstalledModel, in_use: InstalledModel | None) -> None:
        if in_use is not None and in_use.id == model.id:
            self.say(self.tr("In use"))
            return
        self.say(self.tr("On this computer"))
        self.use = self.button(self.tr("Use"))
        self.use.setEnabled(model.state in (State.OK, State.UNVERIFIED))
        self.use.clicked.connect(partial(self.use_wanted.emit, model))

    def _act(self, text: str, what: str, job: DownloadJob) -> None:
        self.button(text).clicked.connect(partial(self.job_wanted.emit, what, job))

    def _show_sizes(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for variant in self.offer.entry.variants:
            light = light_of(variant, self.offer.light.usable)
            size = words.file_size(variant.size)
            text = f"{variant.quantisation} · {size} · {words.light_text(light)}"
            menu.addAction(text).triggered.connect(partial(self._fetch, variant))
        menu.popup(self.others.mapToGlobal(self.others.rect().bottomLeft()))

    def _fetch(self, variant: Variant, _checked: bool = False) -> None:
        self.fetch_wanted.emit(self.offer.entry, variant)


class InstalledCard(ModelCard):
    """A model on this computer, or (None) the built-in one.

    `use_wanted(InstalledModel | None)`, `wanted(str, InstalledModel)` with "verify", "repair", "export" or
    "remove".
    """

    use_wanted = Signal(object)
    wanted = Signal(str, object)

    def __init__(self, model: InstalledModel | None, parent: QWidget, *, in_use: bool) -> None:
        super().__init__(model.title if model is not None else self.tr("The built-in model"), parent)
        self.model = model
        if in_use:
            self.head.addWidget(Label(self.tr("In use"), "small", "muted", self))
        if model is None:
            self.say(self.tr("A demonstration: it knows simple drawings, not photographs. Always here."))
        else:
            self.more = IconButton("more", self.tr("More about {title}").format(title=model.title), self, "muted")
            self.more.clicked.connect(self._show_more)
            self.head.addWidget(self.more)
            self.say(words.installed_facts(model))
            wrong = words.state_text(model)
            if wrong:
                self.say(wrong, danger=bool(model.wrong_files))
            if model.repairable:
                self.button(self.tr("Repair")).clicked.connect(partial(self.wanted.emit, "repair", model))
        if not in_use:
            self.use = self.button(self.tr("Use"))
            self.use.setEnabled(model is None or not model.wrong_files)
            self.use.clicked.connect(partial(self.use_wanted.emit, model))

    def _show_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for what, text in (
            ("verify", self.tr("Verify")),
            ("export", self.tr("Copy to a USB stick or folder…")),
            ("remove", self.tr("Delete…") if self.model is None or self.model.frees else self.tr("Forget…")),
        ):
            menu.addAction(text).triggered.connect(partial(self._want, what))
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _want(self, what: str, _checked: bool = False) -> None:
        self.wanted.emit(what, self.model)
