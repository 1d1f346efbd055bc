"""The model manager: models to discover, installed models, and whether they fit this computer."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QDir, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop_app.engine.messages import gb_down
from desktop_app.file_addresses import is_local, local_path
from desktop_app.services.models.tasks import ImportPlans, Task
from desktop_app.ui.files.chosen_folders import folder_for, remember
from desktop_app.ui.files.file_kinds import file_kind
from desktop_app.ui.files.mime import MODEL_SUFFIXES, urls_of
from desktop_app.ui.models import phrases as words
from desktop_app.ui.models.add_dialogs import AddModelDialog, OtherFoldersDialog, confirm_import
from desktop_app.ui.models.card import (
    CatalogueCard,
    DownloadCard,
    InstalledCard,
    JobCard,
    ModelAction,
    ModelCard,
)
from desktop_app.ui.models.confirm import accept_licence, confirm_removal
from desktop_app.ui.models.job_control import JobAction, control
from desktop_app.ui.models.parts import ProgressLine
from desktop_app.ui.models.projector_choice import choose_projector
from desktop_app.ui.models.sources_dialog import SourcesDialog
from desktop_app.ui.protocols.engine import Engine
from desktop_app.ui.protocols.models import Models, ModelTasks
from desktop_app.ui.protocols.program import Preferences
from desktop_app.ui.sentences import data_size
from desktop_app.ui.widgets.controls import ElidedLabel, Label, push_button
from desktop_app.ui.widgets.dialog import Dialog, tab_after
from desktop_app.ui.widgets.fitting import WrappingRow, fitted
from desktop_app.ui.widgets.search_field import SearchField
from desktop_app.ui.widgets.segmented_control import SegmentedControl
from desktop_app.ui.widgets.setting_controls import Switch
from desktop_app.ui.widgets.theme import COLUMN, GRID, theme
from model_store.catalogue import ModelEntry, Variant
from model_store.jobs import DownloadJob
from model_store.library.installed import InstalledModel, distinct_titles

_SETTLE_MS = 60  # changes within this time are shown together


class ModelsDialog(Dialog):
    """Two lists of models, a search field, and the progress of tasks; not modal. `shown(bool)`: it opens or closes."""

    shown = Signal(bool)

    def __init__(
        self,
        models: Models,
        tasks: ModelTasks,
        preferences: Preferences,
        engine: Engine,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._models = models
        self._engine = engine
        self._preferences = preferences
        self._tasks = tasks
        self._cards: list[ModelCard] = []
        self._is_opening = False  # nobody has chosen, searched or downloaded anything since it was opened
        self._plan = 0  # the request for models in files whose answer is awaited
        self.setWindowTitle(self.tr("Models"))
        self.setAcceptDrops(True)
        self.resize(fitted(self, QSize(theme.px(COLUMN + 8 * GRID), theme.px(88 * GRID))))
        self._rebuild = QTimer(self)
        self._rebuild.setSingleShot(True)
        self._rebuild.setInterval(_SETTLE_MS)
        self._rebuild.timeout.connect(self.show_list)
        self._build()
        models.changed.connect(self._models_changed)
        engine.state_changed.connect(self._show_soon)
        models.job_changed.connect(self._job_changed)
        tasks.changed.connect(self._task_changed)
        tasks.planned.connect(self._planned)
        self._task_changed(tasks.now())

    def show_part(self, part: str) -> None:
        """Show "catalogue" or "installed"."""
        self._is_opening = False
        self.parts.set_value(part)
        self.show_list()

    def plan(self, paths: list[str]) -> None:
        """Look for models in files and folders, and then ask how to add them."""
        self._plan = self._tasks.plan(paths)

    def place_notices(self, notices: QWidget) -> None:
        """Show what is said about models here too: the window is behind this dialog."""
        self._column.insertWidget(self._column.count() - 1, notices)

    # ---- building --------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID - 4)
        column.addLayout(self._top())
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # What it is sorted for scrolls with the list: on a small screen it would take the room of the models.
        everything = QWidget(self._scroll)
        self._listed = QVBoxLayout(everything)
        self._listed.setContentsMargins(0, 0, GRID, 0)
        self._listed.setSpacing(GRID)
        self._listed.addWidget(self._wishes(everything))
        self._page = QWidget(everything)
        self._listed.addWidget(self._page, 1)
        self._scroll.setWidget(everything)
        column.addWidget(self._scroll, 1)
        column.addWidget(self._task_row())
        self._column = column
        column.addLayout(self._bottom())

    def _top(self) -> QVBoxLayout:
        top = QVBoxLayout()
        top.setSpacing(GRID)
        row = WrappingRow()
        row.setSpacing(2 * GRID)
        names = {"catalogue": self.tr("Discover"), "installed": self.tr("Installed")}
        self.parts = SegmentedControl(self.tr("Which models"), names, self)
        self.parts.set_value("catalogue")
        self.parts.chosen.connect(self._list_changed)
        row.addWidget(self.parts)
        self.search = SearchField(self.tr("Search models"), self.tr("Search models"), self)
        self.search.textChanged.connect(self._searched)
        self.search.setMinimumWidth(26 * GRID)
        row.addWidget(self.search)
        self.first = self.search
        self.only_fitting = Switch(self.tr("Show only models that fit this computer"), self)
        self.only_fitting.toggled.connect(self._list_changed)
        self._fitting = Label(self.tr("Only models that fit"), "small", parent=self)
        self._fitting.setBuddy(self.only_fitting)
        self.filter = QWidget(self)
        fitting = QHBoxLayout(self.filter)
        fitting.setContentsMargins(0, 0, 0, 0)
        fitting.addWidget(self._fitting)
        fitting.addWidget(self.only_fitting)
        row.addWidget(self.filter)
        top.addLayout(row)
        return top

    def _wishes(self, parent: QWidget) -> QWidget:
        self.wishes = QWidget(parent)
        row = WrappingRow()
        self.wishes.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        says = self.tr("Best for")
        row.addWidget(Label(says, "small", "muted", self.wishes))
        names = {
            "": self.tr("Everything"),
            "photos": self.tr("Photos"),
            "documents": self.tr("Documents and text"),
            "languages": self.tr("Many languages"),
            "speed": self.tr("Speed"),
        }
        self.wish = SegmentedControl(says, names, self.wishes)
        self.wish.set_value(self._preferences.value("model_wish"))
        self.wish.chosen.connect(self._wish_chosen)
        row.addWidget(self.wish)
        return self.wishes

    def _task_row(self) -> QWidget:
        self.task = QWidget(self)
        row = QHBoxLayout(self.task)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        self._task_words = ElidedLabel("", "small", "muted", self.task)
        row.addWidget(self._task_words, 2)
        self._task_bar = ProgressLine(self.task)
        row.addWidget(self._task_bar, 1)
        stop = push_button(self.tr("Stop"), "link", self.task)
        stop.clicked.connect(self._tasks.stop)
        row.addWidget(stop)
        return self.task

    def _bottom(self) -> WrappingRow:
        row = WrappingRow()
        for text, slot in (
            (self.tr("Add from Hugging Face…"), self._add),
            (self.tr("Add files…"), self._choose_files),
            (self.tr("From other programs…"), self._look_elsewhere),
            (self.tr("Sources…"), self.show_sources),
        ):
            button = push_button(text, "quiet", self)
            button.clicked.connect(slot)
            row.addWidget(button)
        return row

    # ---- the lists -------------------------------------------------------------------------

    def show_list(self, _what: object = None) -> None:
        """Rebuild the cards; the scroll position stays."""
        place = self._scroll.verticalScrollBar().value()
        usable, free = self._models.usable_memory(), self._models.free_space()
        page = QWidget(self._scroll.widget())
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        self.room = ElidedLabel("", "small", "muted", page)
        column.addWidget(self.room)
        self.room.set_whole_text(
            self.tr("{memory} GB of memory can be used · {disk} free in {folder}").format(
                memory=gb_down(usable),
                disk=data_size(free),
                folder=QDir.toNativeSeparators(str(self._models.folder())),
            )
        )
        is_catalogue = self.parts.buttons["catalogue"].isChecked()
        self.filter.setVisible(is_catalogue)
        self.wishes.setVisible(is_catalogue)
        suits = not is_catalogue or self._models.best_offer() is not None
        why = "" if suits else words.why_nothing_fits(self._models.offers(), free)
        self.says = Label(why, "small", parent=page, wrap=True)
        self.says.setVisible(bool(why))
        column.addWidget(self.says)
        self._cards = self._offers(page) if is_catalogue else self._installed(page)
        for card in self._cards:
            column.addWidget(card)
        if not self._cards:
            column.addWidget(Label(self.tr("No models match your search."), "body", "muted", page))
        column.addStretch(1)
        self._show_page(page)
        self._scroll.verticalScrollBar().setValue(place)

    def _show_page(self, page: QWidget) -> None:
        old, self._page = self._page, page
        self._listed.replaceWidget(old, page)
        old.hide()
        old.deleteLater()
        page.show()
        self._listed.activate()
        tab_after(self.only_fitting, self.wishes)
        tab_after(self.wish.buttons["speed"], page)

    def show_downloads(self) -> None:
        """Scroll to the running download."""
        job = next((job for job in self._models.jobs() if not job.is_repair), None)
        if job is not None:
            self.show_job(job)

    def show_job(self, job: DownloadJob) -> None:
        """Scroll to a download, or to the repair of an installed model."""
        self._is_opening = False
        self.search.clear()
        self.show_part("installed" if job.is_repair else "catalogue")
        # A page that was just built has no places yet.
        QTimer.singleShot(0, self, partial(self._scroll_to, job.id))

    def _scroll_to(self, job_id: str) -> None:
        for card in self._cards:
            if isinstance(card, DownloadCard) and card.job is not None and card.job.id == job_id:
                self._scroll.ensureWidgetVisible(card, 0, GRID)
                return

    def cards(self) -> list[ModelCard]:
        """Return the cards of the list, from the top."""
        return list(self._cards)

    def _offers(self, page: QWidget) -> list[ModelCard]:
        best = self._models.best_offer()
        wanted = {entry.id for entry in self._models.catalogue().search(self.search.text())}
        in_use = self._models.in_use() if self._is_loaded() else None
        cards = self._unlisted(page)
        # What suits this computer comes first: on a weak one it would be far below what does not fit.
        offers = self._models.ordered_offers(self._preferences.value("model_wish"))
        for offer in offers:
            fits = offer.fit.verdict != "too-large"
            if offer.entry.id not in wanted or (self.only_fitting.isChecked() and not fits and offer.job is None):
                continue
            recommended = best is not None and offer is offers[0]
            known, speed = self._models.weights, self._models.speed
            card = CatalogueCard(offer, speed, in_use, page, weights=known, recommended=recommended)
            card.fetch_wanted.connect(self._fetch)
            card.job_wanted.connect(self._control)
            card.use_wanted.connect(self._use)
            cards.append(card)
        return cards

    def _unlisted(self, page: QWidget) -> list[ModelCard]:
        """Return cards for downloads of models outside the catalogue; repairs are shown with the installed model."""
        listed = {entry.id for entry in self._models.catalogue()}
        looked_for = self.search.text().casefold().split()
        cards: list[ModelCard] = []
        for job in self._models.jobs():
            said = f"{job.request.title} {job.request.repository}".casefold()
            is_listed = job.is_repair or job.request.model_id in listed
            if not is_listed and all(word in said for word in looked_for):
                card = JobCard(job, page)
                card.job_wanted.connect(self._control)
                cards.append(card)
        return cards

    def _installed(self, page: QWidget) -> list[ModelCard]:
        repairs = {job.request.folder: job for job in self._models.jobs() if job.is_repair}
        looked_for = self.search.text().casefold().split()
        cards: list[ModelCard] = []
        titles = distinct_titles(self._models.installed())
        for model in (None, *self._models.installed()):
            title = titles[model.id].casefold() if model is not None else ""
            if not all(word in title for word in looked_for):
                continue
            is_used, is_loaded = self._models.is_chosen(model), self._is_loaded()
            fit = self._models.fit(model) if model is not None else None
            repair = repairs.get(model.id) if model is not None else None
            called = titles[model.id] if model is not None else ""
            card = InstalledCard(model, page, called, in_use=is_used, loaded=is_loaded, fit=fit, repair=repair)
            card.use_wanted.connect(self._use)
            card.job_wanted.connect(self._control)
            card.wanted.connect(self._act)
            cards.append(card)
        return cards

    # ---- what the buttons do ---------------------------------------------------------------

    def _open_part(self) -> None:
        """Begin with what is installed, if anything is; the keyboard is where the choice is."""
        part = "installed" if self._models.installed() else "catalogue"
        had_focus = any(button.hasFocus() for button in self.parts.buttons.values())
        self.show_part(part)
        if had_focus or self.focusWidget() is None or self.focusWidget() in self.parts.buttons.values():
            self.parts.buttons[part].setFocus()

    def _models_changed(self) -> None:
        if self._is_opening and self._models.installed():  # what is installed is read meanwhile, or just arrived
            self._is_opening = False
            self._open_part()
        self._show_soon()

    def _show_soon(self, _what: object = None) -> None:
        self._rebuild.start()

    def _list_changed(self, _value: object = None) -> None:
        self._is_opening = False
        self.show_list()

    def _searched(self, _words: str) -> None:
        self._is_opening = False
        self._show_soon()

    def _wish_chosen(self, wish: str) -> None:
        self._preferences.set("model_wish", wish)
        self._scroll.verticalScrollBar().setValue(0)
        self._list_changed()

    def _fetch(self, entry: ModelEntry, variant: Variant) -> bool:
        self._is_opening = False
        accepted = accept_licence(entry, self)
        if accepted:
            self._models.download(entry, variant)
        return accepted

    def _fetch_added(self, entry: ModelEntry, variant: Variant) -> None:
        dialog = self.sender()
        if self._fetch(entry, variant) and isinstance(dialog, AddModelDialog):
            dialog.close()
            self.show_part("catalogue")  # where the download will be, at the top
            self._scroll.verticalScrollBar().setValue(0)

    def _control(self, action: JobAction, job: DownloadJob) -> None:
        control(self._models, action, job, self)

    def _is_loaded(self) -> bool:
        """Return whether the chosen model is in use: loaded, or about to be."""
        return self._engine.state() not in ("failed", "dead")

    def _use(self, model: InstalledModel | None) -> None:
        if self._models.is_chosen(model):  # and not loaded
            self._engine.load_again()
        if model is None:
            self._models.use_built_in()
        else:
            self._models.use(model)

    def _act(self, action: ModelAction, model: InstalledModel) -> None:
        match action:
            case ModelAction.VERIFY:
                self._tasks.verify(model)
            case ModelAction.REPAIR:
                self._models.repair(model)
            case ModelAction.ADD_PROJECTOR:
                self._choose_projector(model)
            case ModelAction.EXPORT:
                folder = QFileDialog.getExistingDirectory(self, self.tr("Copy the model to"), folder_for("models"))
                if folder:
                    remember("models", folder)
                    self._tasks.export(model, folder)
            case ModelAction.REMOVE:
                if confirm_removal(model, self):
                    self._models.remove(model)

    def _add(self) -> None:
        dialog = AddModelDialog(self._tasks, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fetch_wanted.connect(self._fetch_added)
        dialog.show()

    def _look_elsewhere(self) -> None:
        dialog = OtherFoldersDialog(self._tasks, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def show_sources(self) -> None:
        """Open the settings of downloads."""
        dialog = SourcesDialog(self._preferences, self._models, self._tasks, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _choose_files(self) -> None:
        kind = file_kind(self.tr("Model files"), MODEL_SUFFIXES)
        files, _ = QFileDialog.getOpenFileNames(self, self.tr("Add files"), folder_for("models"), kind)
        if files:
            remember("models", files[0])
            self.plan(files)

    def _choose_projector(self, model: InstalledModel) -> None:
        file = choose_projector(model.title, model.model, model.in_place, self)
        if file:
            self._tasks.add_projector(model, file)

    # ---- what happens ----------------------------------------------------------------------

    def _planned(self, request: int, plans: ImportPlans) -> None:
        if request == self._plan and self.isVisible():
            confirm_import(plans, self._models.folder(), self._tasks, self)

    def _job_changed(self, job: DownloadJob) -> None:
        for card in self._cards:
            if isinstance(card, DownloadCard) and card.job is not None and card.job.id == job.id:
                card.show_job(job)

    def _task_changed(self, task: Task | None) -> None:
        self.task.setVisible(task is not None)
        if task is not None:
            self._task_words.set_whole_text(words.task_text(task))
            self._task_bar.set_share(task.done / task.total if task.total else 0.0)

    def hideEvent(self, event: QHideEvent) -> None:
        """Await nothing more: what is opened next is about something else."""
        super().hideEvent(event)
        self._plan = 0
        self.shown.emit(False)

    def showEvent(self, event: QShowEvent) -> None:
        """Read the model folder again: it may have changed."""
        super().showEvent(event)
        self.shown.emit(True)
        self._open_part()
        self._is_opening = True
        self._models.show_fits()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders."""
        if any(is_local(url) for url in urls_of(event.mimeData())):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        """Read the dropped files; then ask how to add them."""
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        paths = [path for path in map(local_path, filter(is_local, urls_of(event.mimeData()))) if path]
        QTimer.singleShot(0, self, partial(self.plan, paths))
